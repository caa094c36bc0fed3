//! Which requests may leave the sandbox, and where they go.
//!
//! Threat: a provider that sends a person's data to a third party, or uses the host to reach private networks. Decision:
//! two layers. First the scheme, host name, port and method are compared with the operator's grant ([`decide`], a pure
//! function); then every address of the host name is checked, and only a checked address is connected to (`client`). The
//! credential is attached after both (`credential`). A denial names the line of configuration that would allow the
//! request. Rejected: trusting what a component says about itself; proxies from the environment, which would resolve
//! names without the second layer.

mod access;
mod address;
mod client;
mod credential;
mod denial;
mod guest_requests;
mod headers;
mod host_requests;
mod interceptor;
mod leak;
mod map;
mod meter;
mod origin;
mod template;
mod transport;

pub use access::{Access, AccessError, TokenRenewal};
pub use address::AddressPolicy;
pub(super) use client::Clients;
pub use client::{ClientError, NameResolver, RequestOwner, TlsTrust};
pub use credential::{Credential, NotSendable, SECRET_URL_HOST};
pub use denial::{Denial, EgressRule};
pub(super) use guest_requests::{CallerIds, Egress};
pub use host_requests::FetchError;
pub(super) use host_requests::fetch;
pub use interceptor::{Exchange, GuestRequest, Interceptor};
use leak::Secrets;
pub use map::{EgressMap, MapError};
pub use origin::{Origin, OriginError, OriginPattern, Scheme};
pub use template::{AddressTemplate, TemplateError};
pub use transport::{BodyStream, ServiceResponse, TransportError};

use http::Method;
use std::{collections::BTreeMap, net::IpAddr};
use url::{Host, Url};

/// The requests that an operator has granted to a provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EgressGrant {
    /// The origins that the provider may reach.
    pub hosts: Vec<OriginPattern>,
    /// Addresses where a POST request only reads.
    pub read_only_posts: Vec<AddressTemplate>,
    /// By the id of a sign-in whose credential opens many mailboxes: the addresses below which its calls stay.
    pub subject_paths: BTreeMap<String, Vec<AddressTemplate>>,
}

/// The egress policy for all providers of a host.
#[derive(Debug, Clone, Default)]
pub struct EgressPolicy {
    /// Sends requests to sandbox services in place of real ones.
    pub map: EgressMap,
    /// Which addresses may be connected to.
    pub addresses: AddressPolicy,
}

/// Which requests a call may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// No requests: the provider describes itself, explains an error, or parses a notification.
    Offline,
    /// Requests that cannot change anything at the service.
    Read,
    /// All requests.
    Write,
}

/// The destination of an allowed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The address that the provider asked for. The IP addresses of its host name are still to be checked.
    Direct(Url),
    /// The address that `egress.map` gives.
    Mapped(Url),
}

impl EgressGrant {
    /// Whether a connection may reach the origin. A connection without its own server reaches all granted hosts. A
    /// connection with its own server reaches that server, hosts of the same registrable domain, and, if the server itself
    /// is granted, the other granted hosts. So the secret for a person's own server never goes to another service that the
    /// provider also knows.
    #[must_use]
    pub fn reaches(&self, server: Option<&Origin>, origin: &Origin) -> bool {
        let granted = |origin: &Origin| self.hosts.iter().any(|pattern| pattern.covers(origin));
        match server {
            None => granted(origin),
            Some(server) => origin == server || origin.same_registrant(server) || (granted(server) && granted(origin)),
        }
    }
}

/// The connection for which a request is sent, as far as the policy needs to know it.
#[derive(Debug, Clone, Copy)]
pub struct EgressScope<'a> {
    /// The requests that the operator has granted.
    pub grant: &'a EgressGrant,
    /// The connection's own server.
    pub server: Option<&'a Origin>,
    /// The connection's secret address.
    pub secret_url: Option<&'a Url>,
    /// The mailbox that the call is for.
    pub subject: Option<&'a str>,
    /// Where a request must stay that carries a credential for many mailboxes. Empty if the credential opens one.
    pub subject_paths: &'a [AddressTemplate],
}

impl<'a> EgressScope<'a> {
    /// The scope of a connection without a server, a secret address or a mailbox of its own.
    #[must_use]
    pub const fn new(grant: &'a EgressGrant) -> Self {
        Self { grant, server: None, secret_url: None, subject: None, subject_paths: &[] }
    }
}

/// The first layer: decides whether a request may leave, and where it goes.
///
/// # Errors
/// Names the rule that refuses the request.
pub fn decide(
    method: &Method,
    url: &Url,
    purpose: Purpose,
    scope: EgressScope<'_>,
    policy: &EgressPolicy,
) -> Result<Route, Denial> {
    let EgressScope { grant, server, secret_url, subject, subject_paths } = scope;
    let denial = |rule, what: String, remedy| Denial { rule, what, remedy };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(denial(EgressRule::Uri, format!("{method} …@…"), None));
    }
    let Some(origin) = Origin::of(url) else {
        return Err(denial(EgressRule::Uri, format!("{method} {}:…", url.scheme()), None));
    };
    let what = format!("{method} {origin}");
    if !permits(purpose, method, url, scope) {
        let remedy = (purpose == Purpose::Read && method == Method::POST)
            .then(|| format!("grant.read-only-posts = [\"{origin}{}\"]", url.path()));
        return Err(denial(EgressRule::Method, what, remedy));
    }
    // The person entered the secret address: its host name is not compared with the grant, but its IP address is checked.
    let secret = secret_url.filter(|_| url.host_str() == Some(SECRET_URL_HOST));
    if secret.is_none() && !grant.reaches(server, &origin) {
        // A connection with its own server reaches the granted hosts only if that server is granted too.
        let origins = server.into_iter().chain([&origin]).map(|origin| format!("\"{origin}\"")).collect::<Vec<_>>();
        return Err(denial(EgressRule::Host, what, Some(format!("grant.hosts = [{}]", origins.join(", ")))));
    }
    if secret.is_none() && !subject_paths.is_empty() && !subject_paths.iter().any(|path| path.is_above(url, subject)) {
        return Err(denial(EgressRule::Mailbox, what, None));
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
        return Err(denial(EgressRule::Scheme, what, None));
    }
    match literal {
        // The client checks the addresses of a host name after resolving it.
        Some(literal) if !policy.addresses.allows(literal) => {
            Err(denial(EgressRule::Address, what, Some(address::opened(literal))))
        }
        _ => Ok(Route::Direct(url.clone())),
    }
}

fn permits(purpose: Purpose, method: &Method, url: &Url, scope: EgressScope<'_>) -> bool {
    // CONNECT opens a tunnel past every later check; the response to TRACE holds the request with its credential.
    if matches!(*method, Method::CONNECT | Method::TRACE) {
        return false;
    }
    match purpose {
        Purpose::Offline => false,
        Purpose::Write => true,
        Purpose::Read => {
            matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "PROPFIND" | "REPORT")
                || (method == Method::POST
                    && scope.grant.read_only_posts.iter().any(|post| post.is(url, scope.subject)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> EgressGrant {
        EgressGrant {
            hosts: vec!["https://api.example.com".parse().unwrap(), "https://*.dav.example.com".parse().unwrap()],
            read_only_posts: vec!["https://api.example.com/freeBusy".parse().unwrap()],
            ..EgressGrant::default()
        }
    }

    fn ask(
        method: &str,
        url: &str,
        purpose: Purpose,
        server: Option<&str>,
        policy: &EgressPolicy,
    ) -> Result<Route, EgressRule> {
        let server = server.map(|server| server.parse::<Origin>().unwrap());
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let grant = grant();
        let scope = EgressScope { server: server.as_ref(), ..EgressScope::new(&grant) };
        decide(&method, &url.parse().unwrap(), purpose, scope, policy).map_err(|denial| denial.rule)
    }

    fn read(url: &str, server: Option<&str>) -> Result<Route, EgressRule> {
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
            assert_eq!(read(url, None), Err(EgressRule::Host), "{url}");
        }
    }

    #[test]
    fn a_server_opens_itself_and_its_registrant_and_closes_the_rest() {
        let server = Some("https://dav.fast.example.net");
        assert!(read("https://dav.fast.example.net/", server).is_ok());
        assert!(read("https://p1.example.net/", server).is_ok());
        assert_eq!(read("https://api.example.com/", server), Err(EgressRule::Host));
        let granted = Some("https://p1.dav.example.com");
        assert!(read("https://api.example.com/", granted).is_ok());
        assert_eq!(read("https://dav.fast.example.net/", granted), Err(EgressRule::Host));
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
                Err(EgressRule::Method),
                "{method}"
            );
        }
        assert!(ask("POST", "https://api.example.com/freeBusy?a", Purpose::Read, None, &policy).is_ok());
        assert!(ask("PUT", "https://api.example.com/", Purpose::Write, None, &policy).is_ok());
        for method in ["TRACE", "CONNECT"] {
            assert_eq!(ask(method, "https://api.example.com/", Purpose::Write, None, &policy), Err(EgressRule::Method));
        }
        assert_eq!(ask("GET", "https://api.example.com/", Purpose::Offline, None, &policy), Err(EgressRule::Method));
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
            assert_eq!(read(server, Some(server)), Err(EgressRule::Address), "{server}");
        }
        let open = EgressPolicy {
            addresses: AddressPolicy { networks: vec!["127.0.0.1/32".parse().unwrap()] },
            ..EgressPolicy::default()
        };
        let local = Some("http://127.0.0.1:5232");
        assert!(ask("GET", "http://127.0.0.1:5232/", Purpose::Read, local, &open).is_ok());
        assert_eq!(
            ask("GET", "http://10.0.0.1/", Purpose::Read, Some("http://10.0.0.1"), &open),
            Err(EgressRule::Scheme)
        );
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        assert_eq!(read("http://dav.example.net/", Some("http://dav.example.net")), Err(EgressRule::Scheme));
    }

    #[test]
    fn a_user_name_in_the_address_is_refused_and_not_repeated() {
        let url = "https://ann:hunter22@api.example.com/".parse().unwrap();
        let denial = decide(&Method::GET, &url, Purpose::Read, EgressScope::new(&grant()), &EgressPolicy::default())
            .unwrap_err();
        assert_eq!(denial.rule, EgressRule::Uri);
        assert!(!denial.to_string().contains("hunter22"));
    }

    #[test]
    fn the_remedy_in_a_denial_allows_the_request() {
        let url: Url = "https://new.example.org:8443/x".parse().unwrap();
        let denied = decide(&Method::GET, &url, Purpose::Read, EgressScope::new(&grant()), &EgressPolicy::default())
            .unwrap_err();
        let remedy = denied.remedy.unwrap();
        let host = remedy.split('"').nth(1).unwrap();
        let wider = EgressGrant { hosts: vec![host.parse().unwrap()], ..grant() };
        assert!(decide(&Method::GET, &url, Purpose::Read, EgressScope::new(&wider), &EgressPolicy::default()).is_ok());
    }

    #[test]
    fn a_secret_address_takes_the_place_of_its_stand_in() {
        let secret: Url = "https://feeds.example.net/s3cret/basic.ics".parse().unwrap();
        let asked: Url = format!("https://{SECRET_URL_HOST}/").parse().unwrap();
        let route = decide(
            &Method::GET,
            &asked,
            Purpose::Read,
            EgressScope { secret_url: Some(&secret), ..EgressScope::new(&grant()) },
            &EgressPolicy::default(),
        );
        assert_eq!(route, Ok(Route::Direct(secret)));
        let inside: Url = "https://10.0.0.1/s3cret".parse().unwrap();
        let denial = decide(
            &Method::GET,
            &asked,
            Purpose::Read,
            EgressScope { secret_url: Some(&inside), ..EgressScope::new(&grant()) },
            &EgressPolicy::default(),
        );
        let denial = denial.unwrap_err();
        assert!(denial.rule == EgressRule::Address && !denial.what.contains("s3cret"));
    }

    #[test]
    fn a_credential_for_many_mailboxes_stays_in_one() {
        let grant = EgressGrant {
            read_only_posts: vec!["https://api.example.com/users/{subject}/getSchedule".parse().unwrap()],
            ..grant()
        };
        let paths = ["https://api.example.com/users/{subject}/".parse().unwrap()];
        let ask = |method: Method, url: &str, subject| {
            let scope = EgressScope { subject, subject_paths: &paths, ..EgressScope::new(&grant) };
            let route = decide(&method, &url.parse().unwrap(), Purpose::Read, scope, &EgressPolicy::default());
            route.map(drop).map_err(|denial| denial.rule)
        };
        let ann = Some("ann@example.com");
        assert_eq!(ask(Method::GET, "https://api.example.com/users/ann@example.com/events", ann), Ok(()));
        assert_eq!(ask(Method::POST, "https://api.example.com/users/ann@example.com/getSchedule", ann), Ok(()));
        for (method, url, subject, rule) in [
            (Method::GET, "https://api.example.com/users/bob@example.com/events", ann, EgressRule::Mailbox),
            (Method::GET, "https://api.example.com/users", ann, EgressRule::Mailbox),
            (Method::GET, "https://a.dav.example.com/users/ann@example.com/events", ann, EgressRule::Mailbox),
            (Method::GET, "https://api.example.com/users/ann@example.com/events", None, EgressRule::Mailbox),
            (Method::POST, "https://api.example.com/users/bob@example.com/getSchedule", ann, EgressRule::Method),
        ] {
            assert_eq!(ask(method, url, subject), Err(rule), "{url}");
        }
    }
}
