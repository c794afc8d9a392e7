//! Where a key may be used from: networks of IPv4 and IPv6 addresses.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::{IpNet, Ipv4Net};

/// An address or a network in CIDR notation (RFC 4632; RFC 4291, 2.3). Bits beyond the prefix are
/// dropped, and a network of IPv4-mapped IPv6 addresses is the IPv4 network (RFC 4291, 2.5.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network(IpNet);

/// The text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an IP address or a network such as 192.0.2.0/24 or 2001:db8::/32")]
pub struct InvalidNetwork;

impl Network {
    /// Whether the address lies in it. An IPv4-mapped IPv6 address is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let network = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => text.parse::<IpNet>().map_err(|_| InvalidNetwork)?,
        };
        Ok(Self(unmapped(network).trunc()))
    }
}

fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    let v4 = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    v4.and_then(|(address, length)| Ipv4Net::new(address, length).ok()).map_or(network, IpNet::V4)
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The networks that a key may be used from; none: from anywhere. Invariant: at most
/// [`Allowlist::MAX`].
///
/// ```
/// use keys_core::Allowlist;
///
/// let allowlist = Allowlist::new(vec!["192.0.2.0/24".parse()?, "2001:db8::1".parse()?])?;
/// assert!(allowlist.admits(Some("192.0.2.7".parse()?)));
/// assert!(!allowlist.admits(None), "nobody knows where it comes from");
/// assert!(Allowlist::default().admits(None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowlist(Box<[Network]>);

/// There are more networks than an allowlist may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an allowlist has at most {} networks", Allowlist::MAX)]
pub struct TooManyNetworks;

impl Allowlist {
    /// How many networks an allowlist may have.
    pub const MAX: usize = 100;

    /// # Errors
    /// When there are more than [`Allowlist::MAX`].
    pub fn new(networks: Vec<Network>) -> Result<Self, TooManyNetworks> {
        if networks.len() > Self::MAX { Err(TooManyNetworks) } else { Ok(Self(networks.into())) }
    }

    /// Whether a caller at `address` may pass; one whose address is not known only if everybody may.
    pub fn admits(&self, address: Option<IpAddr>) -> bool {
        self.0.is_empty()
            || address.is_some_and(|address| self.0.iter().any(|net| net.contains(address)))
    }

    /// Each of them, as they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Network> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(network: &str, address: &str, expected: bool) {
        let list = Allowlist::new(vec![network.parse().unwrap()]).unwrap();
        assert_eq!(list.admits(Some(address.parse().unwrap())), expected, "{address} in {network}");
    }

    #[test]
    fn a_network_contains_its_addresses() {
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("10.1.2.3/8", "10.9.9.9", true);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.8", false);
        check("2001:db8::/32", "2001:db8:1::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
        check("0.0.0.0/0", "2001:db8::1", false);
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        check("10.0.0.0/8", "::ffff:10.0.0.1", true);
        check("::ffff:10.0.0.0/104", "10.0.0.1", true);
        check("::ffff:10.0.0.1", "10.0.0.1", true);
        check("::/0", "::1", true);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in
            ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/-1", "example.org", "10.0.0.0/8 "]
        {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork), "{text:?}");
        }
    }

    #[test]
    fn without_networks_everybody_may_pass_and_with_them_no_unknown_address() {
        assert!(Allowlist::default().admits(None));
        assert!(!Allowlist::new(vec!["::/0".parse().unwrap()]).unwrap().admits(None));
        let many = |n| Allowlist::new(vec!["::1".parse().unwrap(); n]);
        assert!(many(100).is_ok());
        assert_eq!(many(101), Err(TooManyNetworks));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_taken_reads_back(text in "[0-9a-f:./]{0,45}") {
            if let Ok(network) = text.parse::<Network>() {
                prop_assert_eq!(network.to_string().parse(), Ok(network));
            }
        }
    }
}
