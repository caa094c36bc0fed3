//! What an address tells about a machine.
//!
//! Whether a host is this machine decides if a password may cross the connection unencrypted, and which addresses count as
//! one client decides how often it may ask. Both are answered here only, so that no two parts of the host differ.

use std::net::{IpAddr, Ipv6Addr};

/// Whether a host name or a literal address is this machine.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || literal.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

/// The network that counts as one client: for IPv6, the network that a site gets (RFC 6177).
#[must_use]
pub fn client_network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_its_name_and_its_loopback_addresses() {
        for here in ["localhost", "LocalHost", "127.0.0.1", "127.1.2.3", "::1", "[::1]", "::ffff:127.0.0.1"] {
            assert!(is_this_machine(here), "{here}");
        }
        for elsewhere in ["", "localhost.example.org", "127.0.0.1.example.org", "0.0.0.0", "192.0.2.1", "[::2]", "[::1"]
        {
            assert!(!is_this_machine(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn a_client_is_one_however_it_counts_its_addresses() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            let network = |text: &str| client_network(text.parse().unwrap());
            assert_eq!(network(one) == network(other), same, "{one} {other}");
        }
    }
}
