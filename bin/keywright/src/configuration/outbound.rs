//! The section `[outbound]`: where what callers wrote may lead, beside the public Internet.

use keys_core::Network;
use outbound::NetworkPolicy;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::list::List;

/// Where workflows may call.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Outbound {
    /// Networks that are not globally routable, and may be called all the same.
    pub(crate) allowed_networks: List<AllowedNetwork>,
}

/// A network that may be called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AllowedNetwork(pub(crate) Network);

impl Outbound {
    /// For addresses that callers choose.
    pub(crate) fn policy(&self) -> NetworkPolicy {
        NetworkPolicy::guarded(self.allowed_networks.0.iter().map(|allowed| allowed.0).collect())
    }
}

impl<'de> Deserialize<'de> for AllowedNetwork {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let network = text.parse().map_err(|invalid| {
            D::Error::custom(format!("outbound.allowed_networks: {text:?} {invalid}"))
        })?;
        Ok(Self(network))
    }
}

impl Serialize for AllowedNetwork {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}
