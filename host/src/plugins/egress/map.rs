//! `egress.map`: sends requests to sandbox services in place of the real ones.
//!
//! Problem: the shipped components must be tested and demonstrated unchanged, without real accounts. Decision: a provider
//! asks for its service's real address, and the host connects to the address that the operator mapped it to. The operator
//! chose that destination, so the address policy does not apply to it; all other rules apply to the address that the
//! provider asked for. Rejected: telling providers another base address, which would test other components than the
//! shipped ones.

use serde::{Deserialize, de};
use std::collections::BTreeMap;
use url::Url;

/// Maps an origin and path prefix to another origin and path prefix. The longest prefix wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EgressMap {
    entries: Vec<(Url, Url)>,
}

/// Why a map is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// One side is not a base address.
    #[error("egress.map: `{0}` is not an http or https address without user name, query and fragment")]
    Address(String),
    /// The destination is plain http on another machine.
    #[error("egress.map: `{0}` is plain http to another machine; use https, or an address of this one")]
    NotLoopback(String),
}

impl EgressMap {
    /// Makes a map from pairs of addresses.
    ///
    /// # Errors
    /// If one side is not a base address, or a plain-http destination is on another machine.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, MapError> {
        let mut entries = Vec::new();
        for (from, to) in pairs {
            let to_url = base(to)?;
            if to_url.scheme() == "http" && !is_loopback(&to_url) {
                return Err(MapError::NotLoopback(to.into()));
            }
            entries.push((base(from)?, to_url));
        }
        entries.sort_by_key(|(from, _)| std::cmp::Reverse(from.path().len()));
        Ok(Self { entries })
    }

    /// Whether the map has no entries.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The destination of a request to this address, if the address is mapped.
    #[must_use]
    pub fn apply(&self, url: &Url) -> Option<Url> {
        self.entries.iter().find_map(|(from, to)| rebase(url, from, to))
    }

    /// The address that a provider knows, for an address that a mapped service returned (in `Location`).
    #[must_use]
    pub fn reverse(&self, url: &Url) -> Option<Url> {
        self.entries.iter().find_map(|(from, to)| rebase(url, to, from))
    }
}

fn rebase(url: &Url, from: &Url, to: &Url) -> Option<Url> {
    if url.origin() != from.origin() {
        return None;
    }
    let rest = url.path().strip_prefix(from.path().trim_end_matches('/'))?;
    if !rest.is_empty() && !rest.starts_with('/') {
        return None;
    }
    let mut result = to.clone();
    result.set_path(&format!("{}{rest}", to.path().trim_end_matches('/')));
    result.set_query(url.query());
    Some(result)
}

fn base(text: &str) -> Result<Url, MapError> {
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    // A text that may hold a password is not repeated.
    url.ok_or_else(|| MapError::Address(if text.contains('@') { "…@…".into() } else { text.into() }))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(v4)) => v4.is_loopback(),
        Some(url::Host::Ipv6(v6)) => super::address::is_loopback(v6.into()),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

impl<'de> Deserialize<'de> for EgressMap {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = BTreeMap::<String, String>::deserialize(deserializer)?;
        Self::new(pairs.iter().map(|(from, to)| (from.as_str(), to.as_str()))).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> EgressMap {
        EgressMap::new(pairs.iter().copied()).unwrap()
    }

    fn apply(map: &EgressMap, url: &str) -> Option<String> {
        map.apply(&url.parse().unwrap()).map(String::from)
    }

    #[test]
    fn the_longest_prefix_wins_and_the_rest_is_kept() {
        let map = map(&[("https://a.example", "http://127.0.0.1:1"), ("https://a.example/v3", "http://127.0.0.1:2/x")]);
        assert_eq!(apply(&map, "https://a.example/b?c=d").as_deref(), Some("http://127.0.0.1:1/b?c=d"));
        assert_eq!(apply(&map, "https://a.example/v3/e").as_deref(), Some("http://127.0.0.1:2/x/e"));
        assert_eq!(apply(&map, "https://a.example/v3").as_deref(), Some("http://127.0.0.1:2/x"));
        assert_eq!(apply(&map, "https://a.example/v33").as_deref(), Some("http://127.0.0.1:1/v33"));
        assert_eq!(apply(&map, "https://b.example/"), None);
        assert_eq!(apply(&map, "http://a.example/"), None);
    }

    #[test]
    fn a_location_is_mapped_back() {
        let map = map(&[("https://a.example/v3", "http://127.0.0.1:2/x")]);
        let back = map.reverse(&"http://127.0.0.1:2/x/e?f".parse().unwrap()).unwrap();
        assert_eq!(back.as_str(), "https://a.example/v3/e?f");
    }

    #[test]
    fn plain_http_leads_to_this_machine_only() {
        for to in ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "https://other.example"] {
            assert!(EgressMap::new([("https://a.example", to)]).is_ok(), "{to}");
        }
        for to in ["http://10.0.0.1", "http://a.example", "file:///etc", "x", "http://u:hunter22@127.0.0.1"] {
            let error = EgressMap::new([("https://a.example", to)]).unwrap_err();
            assert!(!error.to_string().contains("hunter22"));
        }
    }
}
