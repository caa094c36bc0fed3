//! A connection as a value.

use crate::{
    audit::{Act, Author, Entry, Values},
    ids::{ConnectionId, OrganisationId, PersonId, ServiceAccountId, digest},
    jobs::Owner,
    oauth::{Token, token::level_name},
    plugins::contract::{Abilities, Account, Calendar, Memo, ScopeLevel},
};
use jiff::Timestamp;

pub use crate::oauth::State;

/// A person's connected calendar, without its credential.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Does not change when the person signs in again.
    pub id: ConnectionId,
    /// Owning organisation (tenant).
    pub organisation: OrganisationId,
    /// Owner of the calendar.
    pub person: PersonId,
    /// Id of the provider.
    pub provider: String,
    /// Id of the provider's sign-in.
    pub sign_in: String,
    /// The server that the person entered, if the form asks for one.
    pub server: Option<String>,
    /// The mailbox to act for, if one credential opens many.
    pub subject: Option<String>,
    /// The account's e-mail address, or the person's own if the account has none.
    pub address: Option<String>,
    /// IANA time zone of the calendar's owner.
    pub zone: String,
    /// Non-secret fields of the sign-in.
    pub fields: Vec<(String, String)>,
    /// What the account said when it was opened last.
    pub account: Account,
    /// When the account was opened last.
    pub opened_at: Timestamp,
    /// Whether the service accepts the credential.
    pub state: State,
    /// The provider's notes.
    pub memo: Option<Memo>,
    /// Number of changes of `memo`.
    pub memo_revision: i64,
    /// When the connection was created.
    pub connected_at: Timestamp,
    /// Facts about the token, if the credential is one.
    pub token: Option<Token>,
    /// The organisation's service account that made the connection. `None` if the person did.
    pub service_account: Option<ServiceAccountId>,
}

impl Connection {
    /// On whose account work for the calendar runs.
    #[must_use]
    pub fn owner(&self) -> Owner {
        work_owner(self.organisation, &self.provider, self.server.as_deref())
    }

    /// What somebody does to the connection.
    pub(super) fn entry<'a>(&self, by: &'a Author, act: Act) -> Entry<'a> {
        Entry::new(by, act, self.id).organisation(self.organisation)
    }

    /// The values of the connection that the audit log shows.
    pub(super) fn values(&self) -> Values {
        let values = Values::new().owner(self.person).provider(&self.provider).sign_in(&self.sign_in);
        let level = self.token.as_ref().map(|token| level_name(token.level));
        values.optional(level, Values::level).optional(self.service_account, Values::service_account)
    }

    /// The access to the calendar that the audit log shows.
    pub(super) fn access_values(&self) -> Values {
        let level = self.token.as_ref().map(|token| level_name(token.level));
        let values = Values::new().optional(level, Values::level);
        values.readable(self.account.abilities.read_busy).writable(self.home().is_some())
    }

    /// A digest that identifies the account at the service. A person who disconnects and connects the same account again
    /// finds the events that were written there before.
    #[must_use]
    pub fn account_digest(&self) -> String {
        let Self { provider, sign_in, server, subject, fields, address, .. } = self;
        let account = match self.token {
            // The fields of a token change with its level.
            Some(_) => serde_json::json!([provider, sign_in, server, subject, address]),
            None => serde_json::json!([provider, sign_in, server, subject, fields]),
        };
        digest(account.to_string())
    }

    /// The calendar for new meetings. `None` if the account has no writable calendar.
    #[must_use]
    pub fn home(&self) -> Option<&Calendar> {
        let calendars = &self.account.calendars;
        let writable = || calendars.iter().filter(|calendar| calendar.role.writes());
        let home = writable().find(|calendar| calendar.is_default).or_else(|| writable().next());
        home.filter(|_| self.account.abilities.write)
    }

    /// Ids of the calendars whose events make the person busy: the default calendar and those that they can write.
    /// Calendars that others share with them for reading do not count. A token for availability cannot write any
    /// calendar; if the account then has a single calendar, that one counts.
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

/// On whose account work for a calendar runs: a connection without a server of its own shares the provider's service.
pub(super) fn work_owner(organisation: OrganisationId, provider: &str, server: Option<&str>) -> Owner {
    Owner::at(organisation, server.unwrap_or(provider).to_owned())
}

/// Removes the abilities to write from an account whose token is for availability only, even if the token could write.
pub(super) fn limit_to_level(account: Account, token: Option<&Token>) -> Account {
    if token.is_none_or(|token| token.level == ScopeLevel::Write) { account } else { without_write(account) }
}

/// Removes the abilities to write from an account.
pub(super) fn without_write(account: Account) -> Account {
    let read_only = |abilities: Abilities| Abilities {
        write: false,
        sends_invitations: false,
        can_withhold_invitations: false,
        recurring_writes: false,
        ..abilities
    };
    Account { abilities: read_only(account.abilities), ..account }
}
