//! A request that the egress policy refused, and the configuration that would allow it.

use std::fmt;

/// A request that was refused before anything was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The rule that refused it.
    pub rule: EgressRule,
    /// The method and origin, or the name of the header; never a path, a query or a value.
    pub what: String,
    /// The line of configuration that would allow the request, if there is one.
    pub remedy: Option<String>,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.rule.reason())?;
        match &self.remedy {
            Some(remedy) => write!(f, "; to allow it: {remedy}"),
            None => Ok(()),
        }
    }
}

/// A rule of the egress policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EgressRule {
    /// Requests go to granted origins only.
    Host,
    /// Requests use HTTPS, except to this machine.
    Scheme,
    /// Requests do not go to private networks.
    Address,
    /// A call that reads sends no request that writes; some calls send no requests.
    Method,
    /// Only the host sets headers for credentials and routing.
    Header,
    /// The address of a request is well formed and holds no user name.
    Uri,
    /// A response does not repeat the credential.
    Leak,
}

impl EgressRule {
    /// A stable name, for logs, the API and statistics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Host => "host-denied",
            Self::Scheme => "scheme-denied",
            Self::Address => "address-denied",
            Self::Method => "method-denied",
            Self::Header => "header-denied",
            Self::Uri => "uri-denied",
            Self::Leak => "leak-denied",
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::Host => "the origin is not granted",
            Self::Scheme => "plain http is allowed to loopback only",
            Self::Address => "the host name resolves to a private, loopback, link-local or reserved address",
            Self::Method => "this call may not send such a request",
            Self::Header => "only the host sets this header",
            Self::Uri => "the address is malformed or holds a user name",
            Self::Leak => "the response repeats the credential",
        }
    }
}
