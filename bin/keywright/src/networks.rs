//! Settings that are networks of addresses.

use keys_core::Network;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A network whose members are believed. All addresses are none: whoever believes everybody lets
/// each caller say where it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TrustedNetwork(pub(crate) Network);

impl<'de> Deserialize<'de> for TrustedNetwork {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let network: Network = text.parse().map_err(|invalid| {
            D::Error::custom(format!("server.trusted_proxies: {text:?} {invalid}"))
        })?;
        if network.to_string().ends_with("/0") {
            let what = "server.trusted_proxies: all addresses cannot be proxies of yours";
            return Err(D::Error::custom(what));
        }
        Ok(Self(network))
    }
}

impl Serialize for TrustedNetwork {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}
