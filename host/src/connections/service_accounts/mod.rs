//! The account by which an organisation connects its people (M17).
//!
//! Threat: one credential that opens every calendar of an organisation, in the wrong hands; and a way around the rule that
//! nobody connects a calendar for somebody else (M12). Decision: it is the organisation's IT that gives access to the
//! organisation's own mailboxes, and that is checked at every step: only an administrator of the organisation, a person,
//! saves it; only people with an address in a domain that the operator says is the organisation's are touched, each under
//! their own address, which no request names; whoever has connected a calendar themself keeps it, and whoever disconnects
//! is not connected again. An account is tried before it is kept ([`probe`]).
//!
//! Two kinds, by what the granted sign-in says: *delegated*, a key that gets a token for each mailbox (RFC 7523, RFC 6749
//! §4.4), and *shared*, one mailbox that people let see when they are free, of which there is one token for all. A shared
//! one never writes, whatever its token could do.
//!
//! Where to look: [`probe`] trying, [`save`] keeping and removing, [`shared`] a mailbox at its service's own page,
//! [`members`] connecting people by a job each, [`token`] their tokens, [`key`] the key of a service account. Rejected: one
//! token of the organisation's in the calls of everybody, with the mailbox as an argument: a mistake in a provider would
//! show one person another's calendar.

pub mod key;
mod members;
pub mod probe;
pub mod save;
mod shared;
pub mod store;
pub(super) mod token;

pub use members::{connect_all, connect_person};
pub use probe::{AccountError, Inviting, NewAccount, Probed, Secret, administers, probe};
pub use save::{Overview, accounts, kind_of, remove, save};
pub use shared::begin;
pub(super) use shared::finished;
pub(super) use store::{may_connect, refuse, shares};

use super::{State, oauth::Token};
use crate::{
    ids::{OrganisationId, PersonId, ServiceAccountId},
    plugins::contract::{Method, Oauth2ClientCredentials, Oauth2Code, Oauth2JwtBearer, SignIn},
};
use jiff::Timestamp;

/// An organisation's account at a service. The secret is not in it.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    /// Stays when another key is saved.
    pub id: ServiceAccountId,
    /// Whose.
    pub organisation: OrganisationId,
    /// Which provider.
    pub provider: String,
    /// Which of the provider's sign-ins.
    pub sign_in: String,
    /// Which of the two kinds.
    pub kind: Kind,
    /// The mailbox that it was tried with; of a shared account, its own.
    pub mailbox: String,
    /// The name of the service account or the application; none for a shared account.
    pub client: Option<String>,
    /// What the provider sees of the token's reply.
    pub fields: Vec<(String, String)>,
    /// Whether it works.
    pub state: State,
    /// Of a shared account: what is known of its token.
    pub token: Option<Token>,
    /// The administrator who saved it last.
    pub saved_by: PersonId,
    /// When that was.
    pub saved_at: Timestamp,
}

/// How people's calendars are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A key that acts for each person.
    Delegated,
    /// One mailbox that people share their free/busy with.
    Shared,
}

impl Kind {
    /// Its stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delegated => "delegated",
            Self::Shared => "shared",
        }
    }
}

/// How an organisation gets tokens by a sign-in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Grant<'a> {
    /// A signed assertion for each mailbox.
    Assertion(&'a Oauth2JwtBearer),
    /// The application's own id and secret.
    Client(&'a Oauth2ClientCredentials),
    /// The consent of whoever has the shared mailbox.
    Code(&'a Oauth2Code),
}

impl<'a> Grant<'a> {
    /// That of a sign-in, if there is one.
    pub(super) const fn of(sign_in: &'a SignIn) -> Option<Self> {
        match &sign_in.method {
            Method::Oauth2JwtBearer(grant) => Some(Self::Assertion(grant)),
            Method::Oauth2ClientCredentials(grant) => Some(Self::Client(grant)),
            Method::Oauth2Code(code) => Some(Self::Code(code)),
            Method::Form(_) | Method::SecretUrl(_) | Method::None => None,
        }
    }

    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Assertion(_) | Self::Client(_) => Kind::Delegated,
            Self::Code(_) => Kind::Shared,
        }
    }

    /// The address of the token endpoint.
    pub(super) fn endpoint(self) -> &'a str {
        match self {
            Self::Assertion(grant) => &grant.token,
            Self::Client(grant) => &grant.token,
            Self::Code(code) => &code.token,
        }
    }

    /// The fields of a reply that the provider sees.
    pub(super) fn kept(self) -> &'a [String] {
        match self {
            Self::Assertion(grant) => &grant.keep_from_token,
            Self::Client(grant) => &grant.keep_from_token,
            Self::Code(code) => &code.keep_from_token,
        }
    }

    /// What is asked for.
    pub(super) fn scopes(self) -> &'a [String] {
        match self {
            Self::Assertion(grant) => &grant.scopes,
            Self::Client(grant) => &grant.scopes,
            Self::Code(code) => super::oauth::scopes(code, crate::plugins::contract::ScopeLevel::Read).1,
        }
    }
}
