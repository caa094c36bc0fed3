//! Origins (scheme, host, port) and patterns of them.
//!
//! Threat: a policy that takes two spellings of one host for two hosts. Decision: every text is parsed once, by the parser
//! of the URL standard (lower case, IDNA, default ports, unusual forms of IPv4), and then compared as a value. Rejected:
//! matching globs against the text of a URL, which has been the way around most allow-lists.

use serde::{Deserialize, Serialize, de};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};
use url::{Host, Url};

/// A scheme, a host and a port, normalised.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    scheme: Scheme,
    host: Host<String>,
    port: u16,
}

/// The schemes that requests can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// With TLS.
    Https,
    /// Without TLS.
    Http,
}

/// Why a text is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an origin: {why}; write for example `https://calendar.example.org`")]
pub struct OriginError {
    text: String,
    why: &'static str,
}

impl Origin {
    /// The origin of a URL, if its scheme is https or http.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let scheme = match url.scheme() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return None,
        };
        Some(Self { scheme, host: url.host()?.to_owned(), port: url.port_or_known_default()? })
    }

    /// The origin of a plain-http server that listens at this address.
    #[must_use]
    pub fn listening(address: SocketAddr) -> Self {
        let host = match address.ip() {
            IpAddr::V4(ip) => Host::Ipv4(ip),
            IpAddr::V6(ip) => Host::Ipv6(ip),
        };
        Self { scheme: Scheme::Http, host, port: address.port() }
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host name or address.
    #[must_use]
    pub const fn host(&self) -> &Host<String> {
        &self.host
    }

    /// Whether both host names have the same registrable domain, by the public suffix list. Always false for IP addresses
    /// and for different schemes.
    #[must_use]
    pub fn same_registrant(&self, other: &Self) -> bool {
        let (Host::Domain(a), Host::Domain(b)) = (&self.host, &other.host) else { return false };
        let (Some(a), Some(b)) = (psl::domain_str(a), psl::domain_str(b)) else { return false };
        self.scheme == other.scheme && a == b
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default) = match self.scheme {
            Scheme::Https => ("https", 443),
            Scheme::Http => ("http", 80),
        };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == default { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let error = |why| OriginError { text: text.into(), why };
        let url = Url::parse(text).map_err(|_| error("it does not parse as a URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            // The text is not repeated, because it may hold a password.
            return Err(OriginError { text: "…@…".into(), why: "it holds a user name or password" });
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(error("it has a path, a query or a fragment"));
        }
        Self::of(&url).ok_or_else(|| error("its scheme is neither https nor http"))
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An origin, or all origins below a host name: `https://*.example.org`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OriginPattern {
    /// Exactly this origin.
    Exact(Origin),
    /// Every host name below this one at any depth, without this one.
    Below(Origin),
}

impl OriginPattern {
    /// Whether the pattern covers the origin.
    #[must_use]
    pub fn covers(&self, origin: &Origin) -> bool {
        match self {
            Self::Exact(exact) => exact == origin,
            Self::Below(parent) => {
                let (Host::Domain(name), Host::Domain(parent_name)) = (&origin.host, &parent.host) else {
                    return false;
                };
                let below = name.strip_suffix(parent_name.as_str()).and_then(|rest| rest.strip_suffix('.'));
                below.is_some_and(|labels| !labels.is_empty())
                    && (origin.scheme, origin.port) == (parent.scheme, parent.port)
            }
        }
    }

    /// Whether the pattern covers every origin that the other pattern covers.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        match other {
            Self::Exact(origin) => self.covers(origin),
            Self::Below(parent) => self == other || (matches!(self, Self::Below(_)) && self.covers(parent)),
        }
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(origin) => origin.fmt(f),
            Self::Below(parent) => f.write_str(&parent.to_string().replacen("://", "://*.", 1)),
        }
    }
}

impl FromStr for OriginPattern {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let Some((scheme, rest)) = text.split_once("://*.") else { return Ok(Self::Exact(text.parse()?)) };
        let error = |why| OriginError { text: text.into(), why };
        let parent: Origin = format!("{scheme}://{rest}").parse()?;
        match &parent.host {
            // `*.org` or `*.co.uk` would cover the hosts of many unrelated owners.
            Host::Domain(name) if psl::domain_str(name).is_some() => Ok(Self::Below(parent)),
            Host::Domain(_) => Err(error("the wildcard covers a whole public suffix")),
            _ => Err(error("a wildcard needs a host name")),
        }
    }
}

impl<'de> Deserialize<'de> for OriginPattern {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    #[test]
    fn one_origin_has_one_spelling() {
        for same in ["https://Example.org", "https://example.org:443/", "HTTPS://EXAMPLE.ORG"] {
            assert_eq!(origin(same).to_string(), "https://example.org");
        }
        assert_eq!(origin("http://2130706433:8080").to_string(), "http://127.0.0.1:8080");
        assert_eq!(origin("http://0x7f.1").to_string(), "http://127.0.0.1");
        assert_eq!(origin("https://[::FFFF:127.0.0.1]").to_string(), "https://[::ffff:7f00:1]");
    }

    #[test]
    fn what_is_no_origin_is_refused_and_no_password_repeated() {
        for text in ["example.org", "ftp://example.org", "https://", "https://example.org/path", "https://a.org?x", ""]
        {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
        let error = "https://ann:hunter22@example.org".parse::<Origin>().unwrap_err().to_string();
        assert!(!error.contains("hunter22"), "{error}");
    }

    #[test]
    fn a_wildcard_covers_names_below_and_nothing_else() {
        let pattern: OriginPattern = "https://*.dav.example.com".parse().unwrap();
        assert!(pattern.covers(&origin("https://p12-dav.dav.example.com")));
        assert!(pattern.covers(&origin("https://p12-dav.dav.example.com:443")));
        for other in [
            "https://dav.example.com",
            "https://evildav.example.com",
            "https://a.dav.example.com.evil.org",
            "http://a.dav.example.com",
            "https://a.dav.example.com:8443",
            "https://127.0.0.1",
        ] {
            assert!(!pattern.covers(&origin(other)), "{other}");
        }
        for wide in ["https://*.org", "https://*.co.uk", "https://*.127.0.0.1"] {
            assert!(wide.parse::<OriginPattern>().is_err(), "{wide}");
        }
    }

    #[test]
    fn a_pattern_includes_what_is_below_it() {
        let includes = |wide: &str, narrow: &str| {
            wide.parse::<OriginPattern>().unwrap().includes(&narrow.parse::<OriginPattern>().unwrap())
        };
        for narrow in ["https://*.example.org", "https://a.example.org", "https://*.a.example.org"] {
            assert!(includes("https://*.example.org", narrow), "{narrow}");
        }
        for other in ["https://example.org", "https://*.example.com", "https://*.a.example.org:8443"] {
            assert!(!includes("https://*.example.org", other), "{other}");
        }
        assert!(!includes("https://a.example.org", "https://*.a.example.org"));
        assert!(includes("https://a.example.org", "https://a.example.org:443"));
    }

    #[test]
    fn a_registrant_is_found_by_the_public_suffix_list() {
        assert!(origin("https://dav.example.co.uk").same_registrant(&origin("https://p1.example.co.uk")));
        assert!(!origin("https://a.co.uk").same_registrant(&origin("https://b.co.uk")));
        assert!(!origin("https://a.github.io").same_registrant(&origin("https://b.github.io")));
        assert!(!origin("https://dav.example.org").same_registrant(&origin("http://dav.example.org")));
        assert!(!origin("https://127.0.0.1").same_registrant(&origin("https://127.0.0.1:1")));
    }
}
