//! A sign-in at a service's page that has begun and not ended.

use super::context::SignInRef;
use crate::{
    audit::Author,
    ids::{OrganisationId, PersonId, SessionId},
    plugins::{contract::ScopeLevel, endpoints::VariableValues},
};
use jiff::Timestamp;

/// A browser in which a person is signed in here.
#[derive(Debug, Clone)]
pub struct Browser {
    /// Id of the session. Not a secret.
    pub session: SessionId,
    /// The person's organisation.
    pub organisation: OrganisationId,
    /// The person.
    pub person: PersonId,
}

impl Browser {
    /// The person in this browser, as the author of audit entries.
    #[must_use]
    pub const fn author(&self) -> Author {
        Author::Browser(self.person, self.session)
    }
}

/// A sign-in that a browser began.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// The browser.
    pub browser: Browser,
    /// The provider's id.
    pub provider: String,
    /// The id of the sign-in.
    pub sign_in: String,
    /// The level of access that was requested.
    pub level: ScopeLevel,
    /// The redirect address.
    pub redirect: String,
    /// Whether this is the second attempt, made because the first brought no refresh token.
    pub force_consent: bool,
    /// Whether the token is for the organisation's service account.
    pub for_organisation: bool,
    /// The values of the sign-in's variables with which it began, and with which it ends.
    pub variables: VariableValues,
    /// The sealed code verifier.
    pub sealed: Vec<u8>,
    /// When the sign-in can no longer be ended.
    pub expires_at: Timestamp,
}

impl Authorization {
    /// The sign-in.
    #[must_use]
    pub fn sign_in_ref(&self) -> SignInRef<'_> {
        SignInRef { provider: &self.provider, sign_in: &self.sign_in }
    }
}
