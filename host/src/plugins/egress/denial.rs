//! A request that the egress policy refused.

use std::fmt;

/// A request that was refused before a packet left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The rule that refused it.
    pub rule: Rule,
    /// Method and origin, or the header: never a path, a query or a value.
    pub what: String,
    /// The line of configuration that would allow it, if an operator can.
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

/// A rule of egress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Only granted origins.
    Host,
    /// Only HTTPS, but for loopback.
    Scheme,
    /// No address inside private networks.
    Address,
    /// Calls that read send only requests that read; some calls send none.
    Method,
    /// Credentials and routing are the host's.
    Header,
    /// The address of the request makes no sense, or holds a user name.
    Uri,
    /// The answer repeats the credential.
    Leak,
}

impl Rule {
    /// A stable name.
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
            Self::Address => "the name leads to a private, loopback, link-local or reserved address",
            Self::Method => "this call may not send such a request",
            Self::Header => "the header is the host's to set",
            Self::Uri => "the address is malformed or holds a user name",
            Self::Leak => "the answer repeats the credential",
        }
    }
}
