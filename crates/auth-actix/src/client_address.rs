//! Where a request comes from, seen through the proxies that the operator trusts. It decides which
//! keys an allowlist admits, whose budget a guess spends and what the audit names, so nobody may be
//! able to choose it: `X-Forwarded-For` is believed as far as trusted proxies have written it.
//!
//! RFC 7239's `Forwarded` is not read. Hardly a proxy writes it unasked, and one that does not
//! passes on what its client sent: whoever believes both headers believes the forged one.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::{IpAddr, SocketAddr},
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use keys_core::Network;

use crate::AccessContext;

const FORWARDED_FOR: &str = "x-forwarded-for";
/// Longer chains of proxies are not followed: what is left of this many entries is not read.
const MAX_PROXIES: usize = 32;
/// An IPv6 address in full, in brackets, with a port.
const MAX_ENTRY_BYTES: usize = 64;

/// The address that a request comes from; none where it did not come by IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

impl ClientAddress {
    /// The address that `request` comes from, under the `trusted_proxies` of its [`AccessContext`].
    pub fn of(request: &HttpRequest) -> Self {
        let context = request.app_data::<web::Data<AccessContext>>();
        let trusted = context.map_or(&[][..], |context| &context.trusted_proxies);
        let address = request.peer_addr().map(|peer| {
            let lines: Vec<_> = request.headers().get_all(FORWARDED_FOR).collect();
            client_address(peer.ip(), lines.iter().map(|line| line.as_bytes()), trusted)
        });
        Self(address)
    }
}

impl FromRequest for ClientAddress {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

/// The address of the client, of a request that `peer` has sent with these lines of
/// `X-Forwarded-For`, in their order.
///
/// A peer that is not trusted is the client. Otherwise the entries are read from the right, where
/// each proxy adds the one that it heard from, past those that are trusted as well: the first other
/// is the client. An entry that is no address ends the walk at the last good one, the trusted proxy
/// that wrote it. To skip it would be to read on in what a client may have written; to know no
/// address at all would leave its guesses in nobody's budget. Where all are trusted, the leftmost is
/// the client. An IPv4-mapped IPv6 address is the IPv4 address.
fn client_address<'a>(
    peer: IpAddr,
    lines: impl DoubleEndedIterator<Item = &'a [u8]>,
    trusted: &[Network],
) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut last_good = peer.to_canonical();
    let entries = lines.rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
    for entry in entries.take(MAX_PROXIES) {
        if !is_trusted(last_good) {
            break;
        }
        match read(entry) {
            Some(address) => last_good = address,
            None => break,
        }
    }
    last_good
}

/// An address, perhaps in brackets, perhaps with a port: some proxies write that too.
fn read(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry.trim_ascii()).ok()?;
    if text.len() > MAX_ENTRY_BYTES {
        return None;
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|with| with.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRUSTED: [&str; 3] = ["127.0.0.1", "10.0.0.0/8", "2001:db8:f::/48"];

    fn trusted() -> Vec<Network> {
        TRUSTED.iter().map(|network| network.parse().unwrap()).collect()
    }

    fn found(peer: &str, lines: &[&str]) -> String {
        let lines = lines.iter().map(|line| line.as_bytes());
        client_address(peer.parse().unwrap(), lines, &trusted()).to_string()
    }

    #[track_caller]
    fn check(peer: &str, lines: &[&str], expected: &str) {
        assert_eq!(found(peer, lines), expected, "{peer}, {lines:?}");
    }

    #[test]
    fn a_peer_that_is_not_trusted_is_the_client_whatever_it_sends() {
        check("203.0.113.9", &[], "203.0.113.9");
        check("203.0.113.9", &["10.0.0.1"], "203.0.113.9");
        check("203.0.113.9", &["198.51.100.1, 127.0.0.1"], "203.0.113.9");
        check("11.0.0.1", &["198.51.100.1"], "11.0.0.1");
    }

    #[test]
    fn nobody_is_trusted_by_default() {
        let line = b"198.51.100.1".as_slice();
        let peer = "127.0.0.1".parse().unwrap();
        assert_eq!(client_address(peer, std::iter::once(line), &[]), peer);
    }

    #[test]
    fn a_trusted_peer_tells_of_the_client() {
        check("127.0.0.1", &["198.51.100.1"], "198.51.100.1");
        check("127.0.0.1", &["  2001:DB8::1\t"], "2001:db8::1");
        check("2001:db8:f::7", &["198.51.100.1"], "198.51.100.1");
        check("127.0.0.1", &[], "127.0.0.1");
    }

    #[test]
    fn what_the_client_wrote_to_the_left_is_not_read() {
        check("127.0.0.1", &["192.0.2.66, 198.51.100.1"], "198.51.100.1");
        check("127.0.0.1", &["192.0.2.66", "198.51.100.1"], "198.51.100.1");
        check("127.0.0.1", &["10.0.0.1, 198.51.100.1, 10.0.0.2"], "198.51.100.1");
        check("127.0.0.1", &["192.0.2.66, 198.51.100.1, 10.1.1.1", "10.0.0.2"], "198.51.100.1");
    }

    #[test]
    fn where_all_are_trusted_the_leftmost_is_the_client() {
        check("127.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3");
    }

    #[test]
    fn an_entry_that_is_no_address_ends_the_walk_at_the_last_good_one() {
        for bad in
            ["unknown", "unix:", "", "_hidden", "1.2.3", "01.2.3.4", "fe80::1%eth0", "::1]", "1:2"]
        {
            check("127.0.0.1", &[&format!("192.0.2.66, {bad}, 10.0.0.2")], "10.0.0.2");
            check("127.0.0.1", &["192.0.2.66", bad], "127.0.0.1");
        }
        let long = format!("198.51.100.1{}", " ".repeat(MAX_ENTRY_BYTES));
        check("127.0.0.1", &[&long], "198.51.100.1");
        check("127.0.0.1", &[&format!("{}1", "0".repeat(MAX_ENTRY_BYTES))], "127.0.0.1");
    }

    #[test]
    fn ports_and_brackets_are_left_off() {
        check("127.0.0.1", &["198.51.100.1:4711"], "198.51.100.1");
        check("127.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1");
        check("127.0.0.1", &["[2001:db8::1]"], "2001:db8::1");
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        check("::ffff:203.0.113.9", &[], "203.0.113.9");
        check("::ffff:127.0.0.1", &["::ffff:198.51.100.1, ::ffff:10.0.0.2"], "198.51.100.1");
    }

    #[test]
    fn bytes_that_are_no_text_are_no_address() {
        let lines = [b"198.51.100.1, \xff\xfe".as_slice()];
        let found = client_address("127.0.0.1".parse().unwrap(), lines.into_iter(), &trusted());
        assert_eq!(found.to_string(), "127.0.0.1");
    }

    #[test]
    fn a_long_chain_is_followed_so_far_and_no_further() {
        let proxies = |n| vec!["10.0.0.2"; n].join(",");
        let line = format!("198.51.100.1,{}", proxies(MAX_PROXIES - 1));
        check("127.0.0.1", &[&line], "198.51.100.1");
        check("127.0.0.1", &[&format!("198.51.100.1,{}", proxies(MAX_PROXIES))], "10.0.0.2");
        check("127.0.0.1", &[&",".repeat(100_000)], "127.0.0.1");
    }

    fn entry() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<IpAddr>().prop_map(|address| address.to_string()),
            (0..=255u8).prop_map(|last| format!("10.0.0.{last}")),
            "[0-9a-f.:\\[\\], unkow]{0,30}",
        ]
    }

    proptest! {
        #[test]
        fn nothing_that_a_client_sends_changes_what_a_trusted_proxy_says_of_it(
            sent in prop::collection::vec(entry(), 0..8),
            client in any::<IpAddr>(),
        ) {
            prop_assume!(!trusted().iter().any(|network| network.contains(client)));
            let appended = format!("{}, {client}, 10.0.0.2", sent.join(","));
            let expected = client.to_canonical().to_string();
            prop_assert_eq!(found("127.0.0.1", &[&appended]), expected.clone());
            let line = client.to_string();
            let mut lines: Vec<&str> = sent.iter().map(String::as_str).collect();
            lines.push(&line);
            prop_assert_eq!(found("127.0.0.1", &lines), expected.clone());
            prop_assert_eq!(found(&line, &lines), expected);
        }

        #[test]
        fn no_bytes_make_it_panic(
            peer in any::<IpAddr>(),
            lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..5),
        ) {
            let everybody = ["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
            client_address(peer, lines.iter().map(Vec::as_slice), &everybody);
        }
    }
}
