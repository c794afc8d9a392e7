//! Which addresses belong to the public Internet. Pure; knows nothing of names or connections.
//!
//! The tables follow IANA's registries of special-purpose addresses for IPv4 and IPv6 (RFC 6890 and
//! its updates). The standard library's own rule is unstable, and differs where it errs on the side of
//! reaching more.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// What is not the public Internet in IPv4.
const SPECIAL_V4: [Ipv4Net; 17] = [
    v4([0, 0, 0, 0], 8),          // this network (RFC 791)
    v4([10, 0, 0, 0], 8),         // private (RFC 1918)
    v4([100, 64, 0, 0], 10),      // shared by carriers (RFC 6598)
    v4([127, 0, 0, 0], 8),        // loopback (RFC 1122)
    v4([168, 63, 129, 16], 32),   // looks public, but is what a machine at Azure finds its host at
    v4([169, 254, 0, 0], 16),     // link-local (RFC 3927): where clouds tell machines their secrets
    v4([172, 16, 0, 0], 12),      // private (RFC 1918)
    v4([192, 0, 0, 0], 24),       // protocol assignments (RFC 6890)
    v4([192, 0, 2, 0], 24),       // documentation (RFC 5737)
    v4([192, 88, 99, 0], 24),     // relays of 6to4 (RFC 7526)
    v4([192, 168, 0, 0], 16),     // private (RFC 1918)
    v4([198, 18, 0, 0], 15),      // benchmarks (RFC 2544)
    v4([198, 51, 100, 0], 24),    // documentation (RFC 5737)
    v4([203, 0, 113, 0], 24),     // documentation (RFC 5737)
    v4([224, 0, 0, 0], 4),        // multicast (RFC 5771)
    v4([240, 0, 0, 0], 4),        // reserved (RFC 1112)
    v4([255, 255, 255, 255], 32), // everybody here (RFC 919)
];

/// All that IPv6 gives out to the public Internet (RFC 4291, 2.4) …
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
/// … and what is special within.
const SPECIAL_V6: [Ipv6Net; 4] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // protocol assignments, Teredo among them (RFC 2928)
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation (RFC 3849)
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), // 6to4 leads into networks of IPv4 (RFC 3056)
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation (RFC 9637)
];
/// Where a network without IPv4 finds it (RFC 6052): the last 32 bits are the address that is meant.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

const fn v4([a, b, c, d]: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}

/// The address that is reached by way of this one: of an address of IPv6 that carries one of IPv4,
/// the latter.
pub(crate) fn meant(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if NAT64.contains(&v6) => {
            let [.., a, b, c, d] = v6.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        canonical @ (IpAddr::V4(_) | IpAddr::V6(_)) => canonical,
    }
}

/// Whether the address belongs to the public Internet, where nobody is trusted for being there.
pub(crate) fn is_global(address: IpAddr) -> bool {
    match meant(address) {
        IpAddr::V4(v4) => !SPECIAL_V4.iter().any(|special| special.contains(&v4)),
        IpAddr::V6(v6) => {
            GLOBAL_V6.contains(&v6) && !SPECIAL_V6.iter().any(|special| special.contains(&v6))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(expected: bool, addresses: &[&str]) {
        for address in addresses {
            assert_eq!(is_global(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn the_public_internet_may_be_called() {
        check(true, &["1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255"]);
        check(true, &["100.128.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.1.1"]);
        check(true, &["198.17.255.255", "198.20.0.0", "223.255.255.255", "168.63.129.15"]);
        check(true, &["2606:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888"]);
        check(true, &["64:ff9b::8.8.8.8", "::ffff:8.8.8.8"]);
    }

    #[test]
    fn what_is_special_may_not() {
        check(false, &["0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.9.9.9"]);
        check(false, &["168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255"]);
        check(false, &["192.0.0.8", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1"]);
        check(false, &["198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9"]);
        check(false, &["224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"]);
        check(false, &["::", "::1", "::127.0.0.1", "fe80::1", "fec0::1", "fc00::1"]);
        check(false, &["fd00:ec2::254", "ff02::1", "100::1", "2001:db8::1", "3fff::1"]);
        check(false, &["2001::1", "2001:2::1", "2001:10::1", "2001:20::1", "5f00::1"]);
    }

    #[test]
    fn what_carries_a_special_address_may_not() {
        check(false, &["::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1"]);
        check(false, &["64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8"]);
        check(false, &["2002:7f00:1::1", "2002:a9fe:a9fe::", "2002:808:808::1", "::8.8.8.8"]);
    }

    proptest! {
        /// Whatever way it is written, an address of IPv4 is judged as itself, or refused.
        #[test]
        fn carrying_an_address_never_opens_it(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let [a, b, c, d] = v4.octets().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            let carried = is_global(v4.into());
            prop_assert_eq!(is_global(v4.to_ipv6_mapped().into()), carried);
            let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low);
            prop_assert_eq!(is_global(nat64.into()), carried);
            prop_assert!(!is_global(v4.to_ipv6_compatible().into()) || v4.is_unspecified());
            for hidden in [
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, !high, !low),
            ] {
                prop_assert!(!is_global(hidden.into()), "{}", hidden);
            }
        }

        /// The standard library's predicates are the second opinion.
        #[test]
        fn what_the_standard_library_knows_as_special_is_never_called(v4: u32, v6: u128) {
            let address = Ipv4Addr::from_bits(v4);
            let special = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_broadcast() || address.is_documentation() || address.is_multicast()
                || address.is_unspecified();
            prop_assert!(!(special && is_global(address.into())), "{}", address);
            let address = Ipv6Addr::from_bits(v6);
            let special = address.is_loopback() || address.is_multicast() || address.is_unspecified()
                || address.is_unique_local() || address.is_unicast_link_local();
            prop_assert!(!(special && is_global(address.into())), "{}", address);
        }

        #[test]
        fn nothing_within_a_special_network_is_called(which in 0..SPECIAL_V4.len(), bits: u32) {
            let network = SPECIAL_V4[which];
            let host = bits & network.hostmask().to_bits();
            let address = Ipv4Addr::from_bits(network.network().to_bits() | host);
            prop_assert!(!is_global(address.into()), "{}", address);
        }
    }
}
