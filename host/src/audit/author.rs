//! Who acts, and by which means.

use crate::{
    db::string_enum,
    ids::{JobId, PersonId, SessionId, TokenId},
};

string_enum! {
    /// The kind of author.
    pub enum AuthorKind {
        /// An operator of the deployment.
        Operator = "operator",
        /// Software of an organisation.
        Integration = "integration",
        /// A person of an organisation.
        Person = "person",
        /// A visitor who has not signed in.
        Visitor = "visitor",
        /// The host itself.
        Host = "host",
    }

    /// The means by which somebody acts.
    pub enum Means {
        /// The command line.
        CommandLine = "command-line",
        /// An API token.
        Api = "api",
        /// A browser.
        Browser = "browser",
        /// A background job.
        Job = "job",
        /// A call that the host made for itself while it answered or worked.
        Host = "host",
    }
}

/// Who acts, and by which means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// An operator on the command line, with the name of their account on the machine, if it is known.
    CommandLine(Option<String>),
    /// The holder of an API token.
    Token(TokenId, TokenHolder),
    /// A person with a browser session.
    Browser(PersonId, SessionId),
    /// A visitor who has not signed in.
    Visitor,
    /// The host, for a job.
    Job(JobId),
    /// The host, while it does something else for somebody.
    Host,
}

/// The holder of an API token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenHolder {
    /// An operator.
    Operator,
    /// Software of an organisation.
    Integration,
    /// A person.
    Person(PersonId),
}

impl Author {
    /// The kind of author.
    #[must_use]
    pub const fn kind(&self) -> AuthorKind {
        match self {
            Self::CommandLine(_) | Self::Token(_, TokenHolder::Operator) => AuthorKind::Operator,
            Self::Token(_, TokenHolder::Integration) => AuthorKind::Integration,
            Self::Token(_, TokenHolder::Person(_)) | Self::Browser(..) => AuthorKind::Person,
            Self::Visitor => AuthorKind::Visitor,
            Self::Job(_) | Self::Host => AuthorKind::Host,
        }
    }

    /// The means.
    #[must_use]
    pub const fn means(&self) -> Means {
        match self {
            Self::CommandLine(_) => Means::CommandLine,
            Self::Token(..) => Means::Api,
            Self::Browser(..) | Self::Visitor => Means::Browser,
            Self::Job(_) => Means::Job,
            Self::Host => Means::Host,
        }
    }

    /// The person, if it is one.
    #[must_use]
    pub const fn person(&self) -> Option<PersonId> {
        match self {
            Self::Token(_, TokenHolder::Person(person)) | Self::Browser(person, _) => Some(*person),
            Self::CommandLine(_) | Self::Token(..) | Self::Visitor | Self::Job(_) | Self::Host => None,
        }
    }

    /// The id of the token, the session or the job.
    pub(super) fn means_id(&self) -> Option<String> {
        match self {
            Self::Token(token, _) => Some(token.to_string()),
            Self::Browser(_, session) => Some(session.to_string()),
            Self::Job(job) => Some(job.to_string()),
            Self::CommandLine(_) | Self::Visitor | Self::Host => None,
        }
    }

    /// The name of an operator's account. The name of a token is looked up.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::CommandLine(account) => account.as_deref(),
            _ => None,
        }
    }
}
