//! Addresses, as far as a provider needs them to resolve links.
//!
//! A link in an answer decides where the next request goes, so each part of it is checked: the scheme is http or https, the
//! host is plain ASCII, no part holds a user name, a space or a control character, and dot segments are removed. An address
//! that breaks a rule is refused and not repaired: the host would refuse it too, with a less helpful message.
//!
//! Rejected: the `url` crate. Its tables of international names weigh more than a provider, and the switch that leaves
//! them out (`idna_adapter` 1.0) would leave them out of the host as well, because a workspace has one lock file.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// An absolute `http` or `https` address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    https: bool,
    /// In lower case, without the scheme's own port.
    authority: String,
    /// Begins with a slash; without dot segments and fragment; characters outside of ASCII are percent-encoded.
    path: String,
    query: Option<String>,
}

/// Why an address was refused. It names the rule and the address up to its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadUrl {
    pub address: String,
    pub rule: &'static str,
}

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a usable address: {}", self.address, self.rule)
    }
}

impl std::error::Error for BadUrl {}

impl Url {
    /// # Errors
    /// If it is not absolute, not `http` or `https`, or has a user name, an empty or non-ASCII host, a bad port, or a
    /// space or control character anywhere.
    pub fn parse(text: &str) -> Result<Url, BadUrl> {
        let address = || text.split(['?', '#']).next().unwrap_or_default().to_owned();
        parse(text).map_err(|rule| BadUrl { address: address(), rule })
    }

    /// Resolves a link found in an answer from this address (RFC 3986 §5.2).
    ///
    /// # Errors
    /// As [`Url::parse`].
    pub fn join(&self, link: &str) -> Result<Url, BadUrl> {
        let scheme = if self.https { "https" } else { "http" };
        let origin = self.origin();
        let without_fragment = link.split('#').next().unwrap_or_default();
        let has_scheme = link.find("://").is_some_and(|at| !link[..at].contains(['/', '?']));
        if has_scheme {
            Url::parse(link)
        } else if link.starts_with("//") {
            Url::parse(&format!("{scheme}:{link}"))
        } else if link.starts_with('/') {
            Url::parse(&format!("{origin}{link}"))
        } else if without_fragment.is_empty() {
            Ok(self.clone())
        } else if link.starts_with('?') {
            Url::parse(&format!("{origin}{}{link}", self.path))
        } else {
            let folder = self.path.rfind('/').map_or("/", |at| &self.path[..=at]);
            Url::parse(&format!("{origin}{folder}{link}"))
        }
    }

    /// The address of a path on the same origin, if the path is in canonical form already: it begins with one slash, no
    /// segment begins with a dot, and it consists of slashes, unreserved characters (RFC 3986 §2.3), and escapes in upper
    /// case of other ASCII characters. A large answer has thousands of links, and bringing each to this form would cost more
    /// than reading the answer.
    pub fn with_canonical_path(&self, path: &str) -> Option<Url> {
        let is_canonical =
            path.starts_with('/') && !path.starts_with("//") && !path.contains("/.") && is_canonical(path);
        is_canonical.then(|| Url {
            https: self.https,
            authority: self.authority.clone(),
            path: path.to_owned(),
            query: None,
        })
    }

    /// Scheme, host and port: `https://dav.example.org`.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.https { "https" } else { "http" }, self.authority)
    }

    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Host and port, the scheme's own port left out.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The host without its port.
    pub fn host(&self) -> &str {
        match self.authority.rfind(':') {
            Some(at) if !self.authority[at..].contains(']') => &self.authority[..at],
            _ => &self.authority,
        }
    }

    /// Begins with a slash.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Without the question mark.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    pub fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.path_and_query())
    }
}

/// See [`Url::parse`]. The error is the broken rule.
fn parse(text: &str) -> Result<Url, &'static str> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("it holds a space or a control character");
    }
    let (scheme, rest) = text.split_once("://").ok_or("it does not begin with https://")?;
    let https = match scheme {
        scheme if scheme.eq_ignore_ascii_case("https") => true,
        scheme if scheme.eq_ignore_ascii_case("http") => false,
        _ => return Err("its scheme is not https or http"),
    };
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
    let authority = check_authority(authority, https)?;
    let rest = rest.split('#').next().unwrap_or_default();
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(ascii(query))),
        None => (rest, None),
    };
    if path.contains('\\') {
        return Err("its path holds a backslash");
    }
    Ok(Url { https, authority, path: without_dots(&ascii(path)), query })
}

/// What stays as it is in [`encode`] (RFC 3986 §2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes everything but letters, digits and `-._~`: fit for one segment of a path, and for a name or a value
/// in a query.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// Whether what [`encode`] leaves stands as it is, and every other character of ASCII but the slash is escaped.
fn is_canonical(path: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'%', [high @ b'0'..=b'7', low @ (b'0'..=b'9' | b'A'..=b'F'), after @ ..]) => {
                let low = if low.is_ascii_digit() { low - b'0' } else { low - b'A' + 10 };
                if is_unreserved((high - b'0') << 4 | low) {
                    return false;
                }
                after
            }
            (byte, after) if *byte == b'/' || is_unreserved(*byte) => after,
            _ => return false,
        };
    }
    true
}

/// Undoes percent-encoding. A percent sign without two hexadecimal digits behind it stands for itself.
pub fn decode(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

/// Percent-encodes characters outside of ASCII.
fn ascii(text: &str) -> String {
    utf8_percent_encode(text, &AsciiSet::EMPTY).to_string()
}

fn check_authority(authority: &str, https: bool) -> Result<String, &'static str> {
    let authority = authority.to_ascii_lowercase();
    if authority.contains('@') {
        return Err("it holds a user name");
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (inner, port) = rest.split_once(']').ok_or("its address in brackets does not end")?;
            if inner.is_empty() || !inner.bytes().all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.') {
                return Err("its address in brackets is not an IP address");
            }
            (&authority[..inner.len() + 2], port)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'[' | b']' | b':');
    if host.is_empty() || !host.bytes().all(plain) {
        return Err("its host is empty or not plain ASCII");
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        None => return Err("its host is followed by something other than a port"),
        Some("") => None,
        Some(digits) => Some(digits.parse::<u16>().map_err(|_| "its port is not a number up to 65535")?),
    };
    Ok(match port {
        Some(port) if port != if https { 443 } else { 80 } => format!("{host}:{port}"),
        _ => host.to_owned(),
    })
}

/// RFC 3986 §5.2.4. The result begins with a slash. Encoded dots count as dots, as they do for servers.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut ends_in_folder = true;
    for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
        let plain = segment.replace("%2e", ".").replace("%2E", ".");
        ends_in_folder = true;
        match plain.as_str() {
            "." => {}
            ".." => {
                kept.pop();
            }
            _ => {
                kept.push(segment);
                ends_in_folder = false;
            }
        }
    }
    let mut result = String::with_capacity(path.len() + 1);
    for segment in &kept {
        result.push('/');
        result.push_str(segment);
    }
    if ends_in_folder || result.is_empty() {
        result.push('/');
    }
    result
}
