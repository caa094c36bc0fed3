//! A person's calendar, ready to be called.
//!
//! All other modules start here: the connection is read, its credential opened, and the provider taken in its active
//! version. After a call, the provider's notes are stored, and a refused credential is recorded. No transaction is open
//! during a call.

use super::{
    access::{BusyQuestion, BusyReply, CalendarAccess, GrantIdentity, NotCallable},
    connection::{Connection, State, limit_to_level, without_write},
    store::{self, StoredConnection},
    tokens::{self, renewal},
};
use crate::{
    audit::{self, Act, Author},
    calendar::Window,
    db::Tx,
    ids::{OrganisationId, PersonId},
    jobs::{self, Effect, Outcome, Owner},
    oauth::token_lease::is_due,
    plugins::{
        Access, CallError, Failure, Plugin, Remedy,
        contract::{BusyTargets, Reply, ScopeLevel},
        registry::Provider,
    },
    secrets::SealedValue,
};
use std::sync::Arc;

/// A person's calendar, ready to be called.
pub struct CalendarSession {
    /// The connection as it was when the session was opened.
    pub connection: Connection,
    /// The access for each call.
    pub access: Arc<Access>,
    provider: Provider,
    sealed: SealedValue,
}

impl CalendarSession {
    /// The provider's component.
    #[must_use]
    pub const fn plugin(&self) -> &Plugin {
        &self.provider.plugin
    }
}

impl CalendarAccess {
    /// Prepares calls of a person's calendar.
    pub async fn open_session(
        &self,
        organisation: OrganisationId,
        person: PersonId,
    ) -> Result<CalendarSession, NotCallable> {
        let stored = self.db.read(async |tx| store::of_person(tx, organisation, person).await).await?;
        let mut stored = stored.ok_or(NotCallable::NotConnected)?;
        if stored.connection.state == State::Reconnect {
            return Err(NotCallable::Reconnect);
        }
        if is_due(stored.connection.token.as_ref().and_then(|token| token.expires_at), self.now()) {
            stored = tokens::refresh(self, &stored.connection, None).await?;
        }
        let provider = self.registry.provider(&stored.connection.provider).await?;
        let access = self.with_stored_credential(&stored, &provider)?;
        let access = match stored.connection.token {
            Some(_) => access.with_renewal(renewal(self, &stored.connection)),
            None => access,
        };
        Ok(CalendarSession { connection: stored.connection, access, provider, sealed: stored.sealed })
    }

    /// Asks for busy times. Equal questions of the same moment are one call.
    pub async fn busy(&self, session: &CalendarSession, targets: BusyTargets, window: Window) -> BusyReply {
        let question = BusyQuestion {
            connection: session.connection.id,
            revision: session.connection.memo_revision,
            sha256: session.plugin().inspection().sha256.clone(),
            grant: GrantIdentity::new(session.provider.granted.clone()),
            targets: targets.clone(),
            window: (window.start, window.end),
        };
        let (plugin, access) = (session.plugin().clone(), session.access.clone());
        self.questions.ask(question, async move { plugin.busy(&access, targets, window).await }).await
    }

    /// Stores the effects of a call: the provider's notes, and whether the service refused the credential.
    pub async fn record_outcome<T>(
        &self,
        session: &mut CalendarSession,
        outcome: Result<Reply<T>, CallError>,
    ) -> Result<Result<T, CallError>, sqlx::Error> {
        let connection = &session.connection;
        match outcome {
            Ok(Reply { value, memo: None }) => Ok(Ok(value)),
            Ok(Reply { value, memo: Some(memo) }) => {
                let format = session.plugin().description().state_format;
                let mut tx = self.db.begin().await?;
                let saved = store::save_memo(&mut tx, connection.id, connection.memo_revision, &memo, format).await?;
                tx.commit().await?;
                if saved {
                    session.connection.memo_revision += 1;
                }
                Ok(Ok(value))
            }
            Err(CallError::Failure(failure)) if failure.remedy == Remedy::Reconnect => {
                self.record_refusal(session, failure).await.map(Err)
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// Handles a provider's report that the service refused the credential. For a password, the report is final. For a
    /// token, only a refused refresh is; any other refusal counts as temporary (R23).
    async fn record_refusal(&self, session: &CalendarSession, failure: Failure) -> sqlx::Result<CallError> {
        let connection = &session.connection;
        let mut tx = self.db.begin().await?;
        let is_lost = if connection.token.is_some() {
            let stored = store::of_person(&mut tx, connection.organisation, connection.person).await?;
            stored.is_none_or(|stored| stored.connection.state == State::Reconnect)
        } else {
            if store::mark_refused(&mut tx, connection.id, &session.sealed).await? {
                let mail = Effect::MailReconnect { connection: connection.id };
                jobs::enqueue_for(&mut tx, &mail, &Owner::organisation(connection.organisation)).await?;
                audit::record(&mut tx, connection.entry(&Author::Host, Act::CredentialLost)).await?;
                tracing::warn!(connection = %connection.id, %failure, "the service refused the sign-in");
            }
            true
        };
        tx.commit().await?;
        Ok(CallError::Failure(if is_lost { failure } else { Failure { remedy: Remedy::Temporary, ..failure } }))
    }

    /// Opens the account again and stores what it says. An account that cannot be opened now keeps its stored values; if
    /// the service denies the access, it loses the abilities to write. The result is not empty if the call did not begin.
    pub async fn reopen(&self, session: &mut CalendarSession) -> sqlx::Result<Option<Outcome>> {
        let outcome = session.plugin().open(&session.access).await;
        match self.record_outcome(session, outcome).await? {
            Ok(account) => {
                let account = limit_to_level(account, session.connection.token.as_ref());
                session.connection.account = account;
                self.store_account(&session.connection).await?;
            }
            Err(error) => {
                let connection = &mut session.connection;
                tracing::info!(connection = %connection.id, %error, "the account could not be reopened");
                if let Some(after) = error.pause() {
                    return Ok(Some(Outcome::PutOff { reason: error.to_string(), after }));
                }
                let CallError::Failure(Failure { remedy, .. }) = error else { return Ok(None) };
                if remedy == Remedy::NeedsScope
                    && connection.service_account.is_none()
                    && let Some(token) = &mut connection.token
                {
                    token.level = ScopeLevel::Read;
                }
                if remedy.denies_access() {
                    self.record_lost_write(connection).await?;
                }
            }
        }
        Ok(None)
    }

    /// Records that the account cannot be written now. When it can be again, the next opening delivers the meetings that
    /// waited for it. If the person has signed in again meanwhile, nothing changes.
    pub(super) async fn record_lost_write(&self, connection: &mut Connection) -> sqlx::Result<()> {
        if !connection.account.abilities.write {
            return Ok(());
        }
        connection.account = without_write(connection.account.clone());
        let mut tx = self.db.begin().await?;
        let before = store::lock(&mut tx, connection.id).await?;
        if store::save_lost_write(&mut tx, connection).await? {
            record_access(&mut tx, before.as_ref(), connection).await?;
        }
        tx.commit().await
    }

    /// Stores what the account said when it was opened now.
    async fn store_account(&self, connection: &Connection) -> sqlx::Result<()> {
        let mut tx = self.db.begin().await?;
        let before = store::lock(&mut tx, connection.id).await?;
        store::save_account(&mut tx, connection.id, &connection.account, self.now().as_microsecond()).await?;
        record_access(&mut tx, before.as_ref(), connection).await?;
        tx.commit().await
    }
}

/// Records that a calendar can be read or written from now on, or no longer can be.
async fn record_access(tx: &mut Tx, before: Option<&StoredConnection>, connection: &Connection) -> sqlx::Result<()> {
    let Some(StoredConnection { connection: before, .. }) = before else { return Ok(()) };
    let (was, is) = (before.access_values(), connection.access_values());
    if was == is {
        return Ok(());
    }
    audit::record(tx, connection.entry(&Author::Host, Act::AccessChanged).before(was).after(is)).await
}
