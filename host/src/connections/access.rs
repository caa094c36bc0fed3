//! How a provider is called for a person.
//!
//! Everybody who needs something of a person's calendar begins here: the connection is read, the credential opened,
//! the provider taken as it is at this moment, and after the call its notes are kept and a refused credential is
//! remembered. No transaction is open meanwhile. What the provider may reach and how the credential is attached come
//! from the operator's grant, never from what the component says of itself today.

use super::{
    Connection, State, at_level,
    oauth::{
        REFRESH_TOKEN,
        refresh::{self, Attempts, RefreshError},
    },
    store,
};
use crate::{
    clock::Clock,
    db::Db,
    ids::{OrganisationId, PersonId},
    jobs::{self, Effect},
    plugins::{
        Access, AccessError, Budget, CallError, CallTarget, Failure, Plugin, Remedy, TokenRenewal,
        contract::Reply,
        egress::Credential,
        registry::{Provider, Registry, RegistryError},
        sign_in::{self, SignInInput},
    },
    secrets::{Keyring, Sealed},
};
use jiff::Timestamp;
use std::{collections::BTreeMap, sync::Arc};

/// What is needed to call people's calendars. Cheap to clone.
#[derive(Clone)]
pub struct CalendarAccess {
    /// Where connections are.
    pub db: Db,
    /// Where providers are.
    pub registry: Registry,
    /// What opens credentials.
    pub keyring: Arc<Keyring>,
    /// What time it is.
    pub clock: Clock,
    /// What one call may use.
    pub budget: Budget,
    /// Which tokens are being renewed in this process.
    pub attempts: Attempts,
}

/// A person's calendar cannot be called at all.
#[derive(Debug, thiserror::Error)]
pub enum NotCallable {
    /// They have not connected one.
    #[error("no calendar is connected")]
    NotConnected,
    /// The service has refused the credential.
    #[error("the calendar's service no longer accepts the sign-in; connect the calendar again")]
    Reconnect,
    /// The provider is not there, or not granted.
    #[error(transparent)]
    Provider(#[from] RegistryError),
    /// The stored credential cannot be used: the key is missing, or the grant has changed since.
    #[error("the stored sign-in cannot be used: {0}; connect the calendar again")]
    Credential(String),
    /// The token has ended, and no other is to be had at the moment.
    #[error(transparent)]
    Token(RefreshError),
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<RefreshError> for NotCallable {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Lost => Self::Reconnect,
            RefreshError::Gone => Self::NotConnected,
            error => Self::Token(error),
        }
    }
}

impl NotCallable {
    /// A stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotConnected => "not-connected",
            Self::Reconnect => "reconnect",
            Self::Provider(_) => "provider-unavailable",
            Self::Credential(_) => "credential-unusable",
            Self::Token(_) => "token-not-renewed",
            Self::Database(_) => "database",
        }
    }
}

/// A person's calendar, ready to be called.
pub struct CalendarSession {
    /// As it was when the call began.
    pub connection: Connection,
    /// Goes with every call.
    pub access: Arc<Access>,
    provider: Provider,
    sealed: Sealed,
}

impl CalendarAccess {
    /// Gets everything ready to call a person's calendar.
    ///
    /// # Errors
    /// If it cannot be called.
    pub async fn open_session(
        &self,
        organisation: OrganisationId,
        person: PersonId,
    ) -> Result<CalendarSession, NotCallable> {
        let mut tx = self.db.begin_read().await?;
        let kept = store::of_person(&mut tx, organisation, person).await?;
        tx.commit().await?;
        let mut kept = kept.ok_or(NotCallable::NotConnected)?;
        if kept.connection.state == State::Reconnect {
            return Err(NotCallable::Reconnect);
        }
        if refresh::is_due(&kept.connection, self.now()) {
            kept = refresh::renew(self, &kept.connection, None).await?;
        }
        let provider = self.registry.provider(&kept.connection.provider).await?;
        let access = self.access(&kept, &provider)?;
        Ok(CalendarSession { connection: kept.connection, access, provider, sealed: kept.sealed })
    }

    fn access(&self, kept: &store::StoredConnection, provider: &Provider) -> Result<Arc<Access>, NotCallable> {
        let connection = &kept.connection;
        let unusable = |what: String| NotCallable::Credential(what);
        let place = store::SEALED.place(connection.organisation, connection.id);
        let secrets = self.keyring.open_map(&place, &kept.sealed.bytes);
        let mut secrets = secrets.map_err(|error| unusable(error.to_string()))?;
        secrets.remove(REFRESH_TOKEN);
        let granted = provider.granted.sign_in(&connection.sign_in);
        let granted = granted.ok_or_else(|| unusable(format!("`{}` is no longer granted", connection.sign_in)))?;
        let fields: BTreeMap<_, _> = connection.fields.iter().cloned().collect();
        let input = SignInInput { server: connection.server.clone(), fields, secrets };
        let signed_in = sign_in::sign_in(granted, input).map_err(|error| unusable(error.to_string()))?;
        // Notes in a layout that this version of the provider does not know are no notes.
        let readable =
            kept.memo_state_format.is_some_and(|format| format <= provider.plugin.description().state_format);
        let address = CallTarget {
            sign_in: connection.sign_in.clone(),
            server: signed_in.server,
            subject: connection.subject.clone(),
            address: connection.address.clone(),
            zone: connection.zone.clone(),
            fields: signed_in.fields,
            memo: connection.memo.clone().filter(|_| readable),
        };
        let organisation = connection.organisation.to_string();
        let (grant, budget) = (provider.granted.egress(), self.budget.clone());
        let access = Access::new(organisation, address, signed_in.credential, grant, budget);
        let access = access.map_err(|error| unusable(error.to_string()))?;
        Ok(if connection.token.is_some() { access.with_renewal(self.renewal(connection)) } else { access })
    }

    /// For a call that sends nothing: a provider explains what a service said.
    ///
    /// # Errors
    /// If the zone is none.
    pub(super) fn without_credential(
        &self,
        provider: &Provider,
        organisation: OrganisationId,
        address: CallTarget,
    ) -> Result<Arc<Access>, AccessError> {
        let (grant, budget) = (provider.granted.egress(), self.budget.clone());
        Access::new(organisation.to_string(), address, Credential::None, grant, budget)
    }

    /// How a call gets another token when the service refuses the one that it has.
    fn renewal(&self, connection: &Connection) -> TokenRenewal {
        let (calendars, connection) = (self.clone(), connection.clone());
        TokenRenewal::new(move |refused| {
            let (calendars, connection) = (calendars.clone(), connection.clone());
            Box::pin(async move {
                let kept = refresh::renew(&calendars, &connection, Some(refused)).await.ok()?;
                refresh::access_token(&calendars, &kept)
            })
        })
    }

    /// What a call gave, after its traces are kept: the provider's notes, and that the credential was refused.
    ///
    /// # Errors
    /// The call's own, or that of the database.
    pub async fn record_outcome<T>(
        &self,
        calling: &mut CalendarSession,
        outcome: Result<Reply<T>, CallError>,
    ) -> Result<Result<T, CallError>, sqlx::Error> {
        let connection = &calling.connection;
        match outcome {
            Ok(Reply { value, memo: None }) => Ok(Ok(value)),
            Ok(Reply { value, memo: Some(memo) }) => {
                let format = calling.plugin().description().state_format;
                let mut tx = self.db.begin().await?;
                let kept = store::keep_memo(&mut tx, connection.id, connection.memo_revision, &memo, format).await?;
                tx.commit().await?;
                if kept {
                    calling.connection.memo_revision += 1;
                }
                Ok(Ok(value))
            }
            Err(CallError::Failure(failure)) if failure.remedy == Remedy::Reconnect => {
                self.refused(calling, failure).await.map(Err)
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// The provider says that the credential is not accepted. Of a password that is so; of a token only the service's word
    /// when it was to be renewed counts, and a refusal after that is taken for a disturbance (R23).
    async fn refused(&self, calling: &CalendarSession, failure: Failure) -> sqlx::Result<CallError> {
        let connection = &calling.connection;
        let mut tx = self.db.begin().await?;
        let is_lost = if connection.token.is_some() {
            let kept = store::of_person(&mut tx, connection.organisation, connection.person).await?;
            kept.is_none_or(|kept| kept.connection.state == State::Reconnect)
        } else {
            if store::refuse(&mut tx, connection.id, &calling.sealed).await? {
                jobs::enqueue(&mut tx, &Effect::MailReconnect { connection: connection.id }).await?;
                tracing::warn!(connection = %connection.id, %failure, "the service refuses the sign-in");
            }
            true
        };
        tx.commit().await?;
        Ok(CallError::Failure(if is_lost { failure } else { Failure { remedy: Remedy::Temporary, ..failure } }))
    }

    /// Opens the account again, and keeps what it says now.
    ///
    /// # Errors
    /// Of the database. An account that does not open now stays as it is known.
    pub async fn reopen(&self, calling: &mut CalendarSession) -> sqlx::Result<()> {
        let outcome = calling.plugin().open(&calling.access).await;
        match self.record_outcome(calling, outcome).await? {
            Ok(account) => {
                let account = at_level(account, calling.connection.token.as_ref());
                let mut tx = self.db.begin().await?;
                let now = self.now().as_microsecond();
                store::keep_account(&mut tx, calling.connection.id, &account, now).await?;
                tx.commit().await?;
                calling.connection.account = account;
            }
            Err(error) => tracing::info!(connection = %calling.connection.id, %error, "the account does not open now"),
        }
        Ok(())
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl CalendarSession {
    /// The provider.
    #[must_use]
    pub const fn plugin(&self) -> &Plugin {
        &self.provider.plugin
    }
}
