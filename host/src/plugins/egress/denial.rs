//! A request that the egress policy refused, and the configuration that would allow it.

use std::{collections::BTreeSet, fmt};

/// A request, a header or a response that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The rule that refused it.
    pub rule: EgressRule,
    /// The method and origin, or the name of the header; never a path, a query or a value.
    pub what: String,
    /// The line of configuration that would allow the request, if there is one.
    pub remedy: Option<String>,
}

impl Denial {
    /// What was refused and why, without the configuration that would allow it, which is for operators only.
    #[must_use]
    pub fn reason(&self) -> String {
        format!("{} ({})", self.what, self.rule.reason())
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason())?;
        match &self.remedy {
            Some(remedy) => write!(f, "; to allow it: {remedy}"),
            None => Ok(()),
        }
    }
}

/// The refusals of one call. A provider can cause them in a loop, so only the first one of each rule is logged in full.
#[derive(Debug, Default)]
pub(super) struct Denials {
    first: Option<Denial>,
    logged: BTreeSet<EgressRule>,
    not_logged: u64,
}

impl Denials {
    /// Whether this is the first refusal by a rule, which is logged.
    pub(super) fn is_new(&self, rule: EgressRule) -> bool {
        !self.logged.contains(&rule)
    }

    /// Counts a refusal.
    pub(super) fn add(&mut self, denial: Denial) {
        if !self.logged.insert(denial.rule) {
            self.not_logged += 1;
        }
        self.first.get_or_insert(denial);
    }

    /// The first refusal, which is the one that is reported.
    pub(super) fn first(&self) -> Option<&Denial> {
        self.first.as_ref()
    }

    /// The number of refusals that were not logged.
    pub(super) fn not_logged(&self) -> u64 {
        self.not_logged
    }
}

/// A rule of the egress policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EgressRule {
    /// Requests go to granted origins only.
    Host,
    /// Requests use HTTPS, except to this machine.
    Scheme,
    /// Requests do not go to private networks.
    Address,
    /// A call that reads sends no request that writes; some calls send no requests.
    Method,
    /// A request with a credential for many mailboxes stays in the one that the call is for.
    Mailbox,
    /// Only the host sets headers for credentials and routing.
    Header,
    /// The address of a request is well formed and holds no user name.
    Uri,
    /// A response does not repeat the credential. Trying again does not help: the service has to stop repeating it, or the
    /// person has to use another password.
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
            Self::Mailbox => "mailbox-denied",
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
            Self::Mailbox => "the address is outside of the mailbox that the call is for",
            Self::Header => "only the host sets this header",
            Self::Uri => "the address is malformed or holds a user name",
            Self::Leak => "it repeats the credential of the connection",
        }
    }
}
