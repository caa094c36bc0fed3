//! What may leave the sandbox, and where to.
//!
//! Threat: a provider that sends a person's data, or the host's reach into private networks, to somebody else.
//! Decision: two layers. First scheme, name, port and method are compared with the operator's grant ([`decide`], pure);
//! then every address that the name resolves to is checked, and the checked address is the one that is dialled
//! ([`client`]). Only after both is the credential attached ([`credential`]). A denial says which line of
//! configuration would allow the request. Rejected: trusting what a component says of itself, and environment
//! proxies, which would resolve names behind the second layer's back.

mod access;
mod address;
mod client;
mod credential;
mod denial;
pub mod faults;
mod guest_requests;
mod host_requests;
mod leak;
mod map;
mod meter;
mod origin;

pub use access::{Access, AccessError, Renewal, Trial};
pub use address::AddressPolicy;
pub(super) use client::Clients;
pub use client::{ClientError, Names, Tls};
pub use credential::{Credential, NotSendable, SECRET_URL_HOST};
pub use denial::{Denial, Rule};
pub(super) use guest_requests::Egress;
pub(super) use host_requests::fetch;
pub use host_requests::{FetchError, RequestOwner};
use leak::Secrets;
pub use map::{EgressMap, MapError};
pub use origin::{Origin, OriginError, OriginPattern, Scheme};

use http::Method;
use std::net::IpAddr;
use url::{Host, Url};

/// What an operator accepted for a provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// Origins that it may talk to.
    pub hosts: Vec<OriginPattern>,
    /// Addresses of requests by POST that only read.
    pub read_posts: Vec<Url>,
}

/// What holds for all providers of a host.
#[derive(Debug, Clone, Default)]
pub struct EgressPolicy {
    /// Where sandbox services stand in for real ones.
    pub map: EgressMap,
    /// Which networks are open although they are not public.
    pub addresses: AddressPolicy,
}

/// What requests a call may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// None at all: it describes itself, explains an error, or reads what anybody may have sent.
    Offline,
    /// Those that cannot change anything at the service.
    Read,
    /// Any.
    Write,
}

/// Where an allowed request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To the address asked for, if the addresses behind its name pass.
    Direct(Url),
    /// To what the operator mapped it to.
    Mapped(Url),
}

impl Grant {
    /// Whether a connection may reach the origin. Without a server of its own: whatever is granted. With one: that
    /// server, what belongs to the same registrant, and, if the server itself is a granted host, the other granted
    /// hosts. So the secret of one person's server never goes to a service that the provider also knows.
    #[must_use]
    pub fn reaches(&self, server: Option<&Origin>, origin: &Origin) -> bool {
        let granted = |origin: &Origin| self.hosts.iter().any(|pattern| pattern.covers(origin));
        match server {
            None => granted(origin),
            Some(server) => origin == server || origin.same_registrant(server) || (granted(server) && granted(origin)),
        }
    }
}

/// The first layer: whether a request may leave, and where it goes.
///
/// # Errors
/// With the rule that refuses it.
pub fn decide(
    method: &Method,
    url: &Url,
    purpose: Purpose,
    (grant, server, secret_url): (&Grant, Option<&Origin>, Option<&Url>),
    policy: &EgressPolicy,
) -> Result<Route, Denial> {
    let denial = |rule, what: String, remedy| Denial { rule, what, remedy };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(denial(Rule::Uri, format!("{method} …@…"), None));
    }
    let Some(origin) = Origin::of(url) else {
        return Err(denial(Rule::Uri, format!("{method} {}:…", url.scheme()), None));
    };
    let what = format!("{method} {origin}");
    if !permits(purpose, method, url, grant) {
        let remedy = (purpose == Purpose::Read && method == Method::POST)
            .then(|| format!("grant.read-posts = [\"{origin}{}\"]", url.path()));
        return Err(denial(Rule::Method, what, remedy));
    }
    // A secret address is the person's own word, like a server: the name is not compared, the address is checked.
    let secret = secret_url.filter(|_| url.host_str() == Some(SECRET_URL_HOST));
    if secret.is_none() && !grant.reaches(server, &origin) {
        // A server of the person's own reaches granted hosts only if it is one of them.
        let origins = server.into_iter().chain([&origin]).map(|origin| format!("\"{origin}\"")).collect::<Vec<_>>();
        return Err(denial(Rule::Host, what, Some(format!("grant.hosts = [{}]", origins.join(", ")))));
    }
    let url = secret.unwrap_or(url);
    if let Some(mapped) = policy.map.apply(url) {
        return Ok(Route::Mapped(mapped));
    }
    let literal = match url.host() {
        Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
        Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
        _ => None,
    };
    let what = if secret.is_some() { format!("{method} the connection's secret address") } else { what };
    if url.scheme() == "http" && !(literal.is_some_and(address::is_loopback) || url.host_str() == Some("localhost")) {
        return Err(denial(Rule::Scheme, what, None));
    }
    match literal {
        // A name's addresses are checked by the client when it has resolved it.
        Some(literal) if !policy.addresses.allows(literal) => {
            Err(denial(Rule::Address, what, Some(address::opened(literal))))
        }
        _ => Ok(Route::Direct(url.clone())),
    }
}

fn permits(purpose: Purpose, method: &Method, url: &Url, grant: &Grant) -> bool {
    // CONNECT opens a tunnel past every later check; TRACE answers with the request, credential included.
    if matches!(*method, Method::CONNECT | Method::TRACE) {
        return false;
    }
    match purpose {
        Purpose::Offline => false,
        Purpose::Write => true,
        Purpose::Read => {
            matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "PROPFIND" | "REPORT")
                || (method == Method::POST && grant.read_posts.iter().any(|post| same_address(post, url)))
        }
    }
}

fn same_address(post: &Url, url: &Url) -> bool {
    post.origin() == url.origin() && post.path() == url.path()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        Grant {
            hosts: vec!["https://api.example.com".parse().unwrap(), "https://*.dav.example.com".parse().unwrap()],
            read_posts: vec!["https://api.example.com/freeBusy".parse().unwrap()],
        }
    }

    fn ask(
        method: &str,
        url: &str,
        purpose: Purpose,
        server: Option<&str>,
        policy: &EgressPolicy,
    ) -> Result<Route, Rule> {
        let server = server.map(|server| server.parse::<Origin>().unwrap());
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        decide(&method, &url.parse().unwrap(), purpose, (&grant(), server.as_ref(), None), policy)
            .map_err(|denial| denial.rule)
    }

    fn read(url: &str, server: Option<&str>) -> Result<Route, Rule> {
        ask("GET", url, Purpose::Read, server, &EgressPolicy::default())
    }

    #[test]
    fn only_granted_origins() {
        assert!(read("https://api.example.com/x", None).is_ok());
        assert!(read("https://a.dav.example.com/x", None).is_ok());
        for url in [
            "https://evil.example.org",
            "https://api.example.com:444/",
            "https://dav.example.com/",
            "http://api.example.com/",
        ] {
            assert_eq!(read(url, None), Err(Rule::Host), "{url}");
        }
    }

    #[test]
    fn a_server_opens_itself_and_its_registrant_and_closes_the_rest() {
        let server = Some("https://dav.fast.example.net");
        assert!(read("https://dav.fast.example.net/", server).is_ok());
        assert!(read("https://p1.example.net/", server).is_ok());
        assert_eq!(read("https://api.example.com/", server), Err(Rule::Host));
        let granted = Some("https://p1.dav.example.com");
        assert!(read("https://api.example.com/", granted).is_ok());
        assert_eq!(read("https://dav.fast.example.net/", granted), Err(Rule::Host));
    }

    #[test]
    fn reading_cannot_write() {
        let policy = EgressPolicy::default();
        for method in ["GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT"] {
            assert!(ask(method, "https://api.example.com/", Purpose::Read, None, &policy).is_ok(), "{method}");
        }
        for method in
            ["PUT", "DELETE", "POST", "PATCH", "MKCOL", "PROPPATCH", "MOVE", "LOCK", "get", "TRACE", "CONNECT"]
        {
            assert_eq!(
                ask(method, "https://api.example.com/", Purpose::Read, None, &policy),
                Err(Rule::Method),
                "{method}"
            );
        }
        assert!(ask("POST", "https://api.example.com/freeBusy?a", Purpose::Read, None, &policy).is_ok());
        assert!(ask("PUT", "https://api.example.com/", Purpose::Write, None, &policy).is_ok());
        for method in ["TRACE", "CONNECT"] {
            assert_eq!(ask(method, "https://api.example.com/", Purpose::Write, None, &policy), Err(Rule::Method));
        }
        assert_eq!(ask("GET", "https://api.example.com/", Purpose::Offline, None, &policy), Err(Rule::Method));
    }

    #[test]
    fn literals_are_checked_in_every_spelling() {
        for server in [
            "https://127.0.0.1",
            "https://2130706433",
            "https://[::1]",
            "https://[::ffff:10.0.0.1]",
            "https://169.254.169.254",
        ] {
            assert_eq!(read(server, Some(server)), Err(Rule::Address), "{server}");
        }
        let open = EgressPolicy {
            addresses: AddressPolicy { networks: vec!["127.0.0.1/32".parse().unwrap()] },
            ..EgressPolicy::default()
        };
        let local = Some("http://127.0.0.1:5232");
        assert!(ask("GET", "http://127.0.0.1:5232/", Purpose::Read, local, &open).is_ok());
        assert_eq!(ask("GET", "http://10.0.0.1/", Purpose::Read, Some("http://10.0.0.1"), &open), Err(Rule::Scheme));
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        assert_eq!(read("http://dav.example.net/", Some("http://dav.example.net")), Err(Rule::Scheme));
    }

    #[test]
    fn a_user_name_in_the_address_is_refused_and_not_repeated() {
        let url = "https://ann:hunter22@api.example.com/".parse().unwrap();
        let denial =
            decide(&Method::GET, &url, Purpose::Read, (&grant(), None, None), &EgressPolicy::default()).unwrap_err();
        assert_eq!(denial.rule, Rule::Uri);
        assert!(!denial.to_string().contains("hunter22"));
    }

    #[test]
    fn the_remedy_in_a_denial_allows_the_request() {
        let url: Url = "https://new.example.org:8443/x".parse().unwrap();
        let denied =
            decide(&Method::GET, &url, Purpose::Read, (&grant(), None, None), &EgressPolicy::default()).unwrap_err();
        let remedy = denied.remedy.unwrap();
        let host = remedy.split('"').nth(1).unwrap();
        let wider = Grant { hosts: vec![host.parse().unwrap()], ..grant() };
        assert!(decide(&Method::GET, &url, Purpose::Read, (&wider, None, None), &EgressPolicy::default()).is_ok());
    }

    #[test]
    fn a_secret_address_takes_the_place_of_its_stand_in() {
        let secret: Url = "https://feeds.example.net/s3cret/basic.ics".parse().unwrap();
        let asked: Url = format!("https://{SECRET_URL_HOST}/").parse().unwrap();
        let route =
            decide(&Method::GET, &asked, Purpose::Read, (&grant(), None, Some(&secret)), &EgressPolicy::default());
        assert_eq!(route, Ok(Route::Direct(secret)));
        let inside: Url = "https://10.0.0.1/s3cret".parse().unwrap();
        let denial =
            decide(&Method::GET, &asked, Purpose::Read, (&grant(), None, Some(&inside)), &EgressPolicy::default());
        let denial = denial.unwrap_err();
        assert!(denial.rule == Rule::Address && !denial.what.contains("s3cret"));
    }
}
