//! A service account as a value.

use crate::{
    audit::{Act, Author, Entry, Values},
    db::string_enum,
    ids::{OrganisationId, PersonId, ServiceAccountId},
    oauth::{SignInRef, State, Token},
    plugins::{contract::ScopeLevel, endpoints::VariableValues},
};
use jiff::Timestamp;

/// An organisation's account at a calendar service, without its credential.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    /// Does not change when another key is saved.
    pub id: ServiceAccountId,
    /// Owning organisation (tenant).
    pub organisation: OrganisationId,
    /// Id of the provider.
    pub provider: String,
    /// Id of the provider's sign-in.
    pub sign_in: String,
    /// How people's calendars are reached.
    pub kind: Kind,
    /// The mailbox that the account was probed with. For a shared account, its own mailbox.
    pub mailbox: String,
    /// Client id of the key or the application. `None` for a shared account.
    pub client: Option<String>,
    /// The fields of the token response that the provider may see.
    pub fields: Vec<(String, String)>,
    /// Whether the service accepts the credential.
    pub state: State,
    /// The endpoint that issues its tokens. An operator who accepts another endpoint in its place moves it.
    pub endpoint: String,
    /// The values of the variables in the sign-in's addresses.
    pub variables: VariableValues,
    /// When the token of a shared account expires, if the service said so.
    pub expires_at: Option<Timestamp>,
    /// The administrator who saved it last.
    pub saved_by: PersonId,
    /// When it was saved last.
    pub saved_at: Timestamp,
}

string_enum! {
    /// How people's calendars are reached.
    pub enum Kind {
        /// A key or an application that acts for each person.
        Delegated = "delegated",
        /// One mailbox that people share their free/busy times with.
        Shared = "shared",
    }
}

impl ServiceAccount {
    /// What somebody does to the account.
    pub(super) fn entry<'a>(&self, by: &'a Author, act: Act) -> Entry<'a> {
        Entry::new(by, act, self.id).organisation(self.organisation)
    }

    /// The values of the account that the audit log shows.
    pub(super) fn values(&self) -> Values {
        let values = Values::new().provider(&self.provider).sign_in(&self.sign_in).kind(self.kind.as_str());
        let values = values.optional(self.client.as_deref(), Values::client_id);
        values.optional(Some(&self.variables).filter(|variables| !variables.is_empty()), Values::variables)
    }

    /// Facts about the token of a shared account, which only reads.
    #[must_use]
    pub fn token(&self) -> Option<Token> {
        let Self { kind, endpoint, variables, expires_at, .. } = self;
        (*kind == Kind::Shared).then(|| Token {
            level: ScopeLevel::Read,
            endpoint: endpoint.clone(),
            variables: variables.clone(),
            expires_at: *expires_at,
        })
    }

    /// The sign-in.
    pub(super) fn sign_in_ref(&self) -> SignInRef<'_> {
        SignInRef { provider: &self.provider, sign_in: &self.sign_in }
    }
}
