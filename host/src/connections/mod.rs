//! People's connected calendars: connecting, disconnecting, and the access with which providers are called.
//!
//! Threat: a connection that does not work, belongs to somebody else, or gives its secret away. Decision: nothing is
//! stored before the provider has opened the account with exactly what would be stored; a person has one connection,
//! by index, and makes it themself; the credential is sealed for its row and opened only when an [`Access`] is made.
//! What a connection can do is what its account said when it was opened last. Rejected: storing first and checking
//! later, which leaves dead connections that look alive; several connections of one person, which no page explains.
//!
//! Where to look: [`connect()`], [`oauth`], [`disconnect()`], [`access`] for how everybody else calls a provider for a person.

pub mod access;
mod disconnect;
mod establish;
pub mod notice;
pub mod oauth;
pub mod reopen;
pub mod service_accounts;
pub mod store;

pub use access::{CalendarAccess, CalendarSession, NotCallable};
pub use disconnect::{DisconnectError, disconnect};
pub use establish::{ConnectError, FormSignIn, connect};

use crate::{
    ids::{ConnectionId, OrganisationId, PersonId, ServiceAccountId, digest},
    plugins::contract::{Abilities, Account, Calendar, Memo, ScopeLevel},
};
use jiff::Timestamp;

/// A person's connected calendar. The credential is not in it.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Stays when the person signs in again.
    pub id: ConnectionId,
    /// Whose data it is.
    pub organisation: OrganisationId,
    /// Whose calendar it is.
    pub person: PersonId,
    /// Which provider reads it.
    pub provider: String,
    /// Which of the provider's sign-ins made it.
    pub sign_in: String,
    /// The server that the person named.
    pub server: Option<String>,
    /// The mailbox to act for, where one credential opens many.
    pub subject: Option<String>,
    /// The account's mail address; the person's own, where the account does not tell one.
    pub address: Option<String>,
    /// The IANA zone of the calendar's owner.
    pub zone: String,
    /// Non-secret fields of the form.
    pub fields: Vec<(String, String)>,
    /// What the account said when it was opened last.
    pub account: Account,
    /// When that was.
    pub opened_at: Timestamp,
    /// Whether it works.
    pub state: State,
    /// The provider's notes.
    pub memo: Option<Memo>,
    /// Counts the changes of `memo`.
    pub memo_revision: i64,
    /// When it was made.
    pub connected_at: Timestamp,
    /// What is known of its token, if it is one.
    pub token: Option<oauth::Token>,
    /// By which account the organisation made it; none for the person's own.
    pub service_account: Option<ServiceAccountId>,
}

/// Whether a connection works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As far as we know.
    Connected,
    /// The service has refused the credential: the person must sign in again.
    Reconnect,
}

impl State {
    /// Its stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Reconnect => "reconnect",
        }
    }
}

/// What there is of an account at a level: for availability alone, nothing is written, whatever the token could do.
fn at_level(account: Account, token: Option<&oauth::Token>) -> Account {
    if token.is_none_or(|token| token.level == ScopeLevel::Write) {
        return account;
    }
    let nothing = |abilities: Abilities| Abilities {
        write: false,
        sends_invitations: false,
        can_withhold_invitations: false,
        recurring_writes: false,
        ..abilities
    };
    Account { abilities: nothing(account.abilities), ..account }
}

impl Connection {
    /// A digest of which account this is, of all that says so but the secret. Who disconnects and connects the same
    /// account again finds what was written there before.
    #[must_use]
    pub fn account_digest(&self) -> String {
        let Self { provider, sign_in, server, subject, fields, address, .. } = self;
        let account = match self.token {
            // The fields of a token change with what it is given for.
            Some(_) => serde_json::json!([provider, sign_in, server, subject, address]),
            None => serde_json::json!([provider, sign_in, server, subject, fields]),
        };
        digest(account.to_string())
    }

    /// The calendar that a new meeting goes to, if the account has one that can be written.
    #[must_use]
    pub fn home(&self) -> Option<&Calendar> {
        let calendars = &self.account.calendars;
        let writable = || calendars.iter().filter(|calendar| calendar.role.writes());
        let home = writable().find(|calendar| calendar.is_default).or_else(|| writable().next());
        home.filter(|_| self.account.abilities.write)
    }

    /// The calendars whose events take the person's time: those that are theirs to write. What others share with them
    /// for reading takes nobody's time. Where a token is for availability alone, nothing can be written, and what tells
    /// free/busy is the person's own if there is nothing else.
    #[must_use]
    pub fn own(&self) -> Vec<String> {
        let calendars = &self.account.calendars;
        let own = calendars.iter().filter(|calendar| calendar.is_default || calendar.role.writes());
        let own: Vec<_> = own.map(|calendar| calendar.id.clone()).collect();
        let reads = self.token.as_ref().is_some_and(|token| token.level == ScopeLevel::Read);
        match (calendars.as_slice(), own.is_empty() && reads) {
            ([only], true) => vec![only.id.clone()],
            _ => own,
        }
    }
}
