//! The IP addresses to which a provider's request may connect.
//!
//! Threat: a host name that resolves to an internal address: this machine, its network, or the cloud's metadata service;
//! also a name that changes between check and connect (DNS rebinding), and an IPv6 form that hides an IPv4 address.
//! Decision: every address of a host name is classified after it was resolved, and only the checked addresses are
//! connected to. An operator can open networks (`egress.networks`). Rejected: a list of forbidden *names*, which says
//! nothing about addresses.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Allows public addresses, and the networks that an operator opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    /// Networks that are open although they are not public, for example `10.20.0.0/16` with the organisation's own calendar
    /// server.
    pub networks: Vec<IpNet>,
}

impl AddressPolicy {
    /// Whether a request may connect to this address.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = embedded_v4(address).unwrap_or(address);
        is_public(address) || self.networks.iter().any(|network| network.contains(&address))
    }
}

/// The line of configuration that opens exactly this address.
#[must_use]
pub(super) fn opened(address: IpAddr) -> String {
    format!("egress.networks = [\"{}\"]", IpNet::from(embedded_v4(address).unwrap_or(address)))
}

/// Whether the address is this machine.
#[must_use]
pub(super) fn is_loopback(address: IpAddr) -> bool {
    embedded_v4(address).unwrap_or(address).is_loopback()
}

/// The IPv4 address that an IPv6 address contains: mapped, compatible, NAT64 (RFC 6052) and 6to4 (RFC 3056) addresses
/// reach an IPv4 host.
fn embedded_v4(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(v6) = address else { return None };
    let s = v6.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
    };
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] => v4(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if (high, low) != (0, 0) && (high, low) != (0, 1) => v4(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        _ => None,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// Addresses that the IANA IPv4 Special-Purpose Address Registry lists as not globally reachable are not public.
fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    !(v4.is_unspecified()
        || a == 0
        || v4.is_loopback()
        || v4.is_private()
        || v4.is_link_local()
        || v4.is_broadcast()
        || v4.is_documentation()
        || v4.is_multicast()
        || (a == 100 && (64..128).contains(&b)) // shared address space, RFC 6598
        || (a == 192 && b == 0 && c == 0) // IETF protocol assignments
        || (a == 192 && b == 88 && c == 99) // former 6to4 relays
        || (a == 198 && (b == 18 || b == 19)) // benchmarking
        || a >= 240)
}

/// By the IANA IPv6 registry: global unicast is `2000::/3` without the reserved ranges in it.
fn is_public_v6(v6: Ipv6Addr) -> bool {
    let s = v6.segments();
    (s[0] & 0xe000) == 0x2000
        && !(s[0] == 0x2001 && s[1] < 0x0200) // Teredo, benchmarking, ORCHID and other protocol assignments
        && !(s[0] == 0x2001 && s[1] == 0x0db8) // documentation
        && !(s[0] == 0x3fff && s[1] < 0x1000) // documentation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_is_refused_in_every_form() {
        let policy = AddressPolicy::default();
        for inside in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2001:0:1::",
            "2001:db8::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "100::1",
        ] {
            assert!(!policy.allows(inside.parse().unwrap()), "{inside}");
        }
    }

    #[test]
    fn outside_is_allowed() {
        let policy = AddressPolicy::default();
        for outside in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "17.0.0.1", "2606:4700::1111", "2a00:1450::1"] {
            assert!(policy.allows(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn the_line_that_opens_an_address_opens_it() {
        for (inside, network) in [
            ("10.1.2.3", "10.1.2.3/32"),
            ("::ffff:127.0.0.1", "127.0.0.1/32"),
            ("2002:a00:1::", "10.0.0.1/32"),
            ("fd00::1", "fd00::1/128"),
        ] {
            let address = inside.parse().unwrap();
            assert_eq!(opened(address), format!("egress.networks = [\"{network}\"]"));
            let policy = AddressPolicy { networks: vec![network.parse().unwrap()] };
            assert!(policy.allows(address), "{inside}");
        }
    }

    #[test]
    fn an_operator_opens_a_network_in_every_form_of_its_addresses() {
        let policy = AddressPolicy { networks: vec!["10.20.0.0/16".parse().unwrap()] };
        for (address, allowed) in [("10.20.1.1", true), ("::ffff:10.20.1.1", true), ("10.21.0.1", false)] {
            assert_eq!(policy.allows(address.parse().unwrap()), allowed, "{address}");
        }
    }
}
