//! Refresh of a connection's token.

use super::{
    access::CalendarAccess,
    connection::Connection,
    explain, service_accounts,
    store::{self, StoredConnection},
};
use crate::{
    audit::{self, Act, Author},
    db::Tx,
    jobs::{self, Effect, Owner},
    oauth::{
        self, SignInRef, TokenResponse, code_grant,
        token_lease::{self, LeaseSql, RefreshError, RefreshedToken, StoredToken, TokenOwner},
    },
    plugins::TokenRenewal,
};
use secrecy::SecretString;

/// A connection as the owner of its token.
#[derive(Clone)]
struct ConnectionToken {
    calendars: CalendarAccess,
    connection: Connection,
}

impl TokenOwner for ConnectionToken {
    type Row = StoredConnection;

    fn context(&self) -> oauth::Context<'_> {
        self.calendars.oauth()
    }

    fn id(&self) -> String {
        self.connection.id.to_string()
    }

    fn lease_sql(&self) -> &'static LeaseSql {
        &store::LEASE
    }

    async fn load(&self, tx: &mut Tx) -> sqlx::Result<Option<StoredToken<StoredConnection>>> {
        let Connection { id, organisation, person, .. } = self.connection;
        let stored = store::of_person(tx, organisation, person).await?;
        Ok(stored.filter(|stored| stored.connection.id == id).map(|row| StoredToken {
            state: row.connection.state,
            place: store::SEALED.place(organisation, id),
            sealed: row.sealed.clone(),
            expires_at: row.connection.token.as_ref().and_then(|token| token.expires_at),
            row,
        }))
    }

    /// The person's own token is refreshed at the service; the organisation's service account issues the others.
    async fn request(
        &self,
        row: &StoredConnection,
        refresh_token: Option<&SecretString>,
        refused: Option<&SecretString>,
    ) -> Result<TokenResponse, RefreshError> {
        let connection = &row.connection;
        if let Some(account) = connection.service_account {
            return service_accounts::token::for_connection(&self.calendars, connection, account, refused).await;
        }
        let Connection { organisation, provider, sign_in, token, .. } = connection;
        let sign_in = SignInRef { provider, sign_in };
        let outcome = code_grant::refresh(self.context(), *organisation, sign_in, token.as_ref(), refresh_token).await;
        match outcome {
            Ok(response) => Ok(response),
            Err(error) => {
                let target = connection.call_target();
                Err(explain::refresh_error(&self.calendars, provider, *organisation, target, error).await)
            }
        }
    }

    async fn token_stored(
        &self,
        tx: &mut Tx,
        row: &mut StoredConnection,
        response: &TokenResponse,
    ) -> sqlx::Result<()> {
        match response.refreshed_fields(&row.connection.fields) {
            Some(fields) => {
                row.connection.fields = fields;
                store::save_fields(tx, &row.connection).await
            }
            None => Ok(()),
        }
    }

    async fn access_lost(&self, tx: &mut Tx) -> sqlx::Result<()> {
        let mail = Effect::MailReconnect { connection: self.connection.id };
        jobs::enqueue_for(tx, &mail, &Owner::organisation(self.connection.organisation)).await?;
        audit::record(tx, self.connection.entry(&Author::Host, Act::CredentialLost)).await
    }
}

/// Returns the connection with a usable token, which is not the refused one.
pub async fn refresh(
    calendars: &CalendarAccess,
    connection: &Connection,
    refused: Option<SecretString>,
) -> Result<StoredConnection, RefreshError> {
    refreshed(calendars, connection, refused).await.map(|refreshed| {
        let RefreshedToken { mut row, expires_at, sealed, .. } = refreshed;
        row.sealed = sealed;
        if let Some(token) = &mut row.connection.token {
            token.expires_at = expires_at;
        }
        row
    })
}

/// How a call gets another token when the service refuses the present one.
pub(super) fn renewal(calendars: &CalendarAccess, connection: &Connection) -> TokenRenewal {
    let (calendars, connection) = (calendars.clone(), connection.clone());
    TokenRenewal::new(move |refused| {
        let (calendars, connection) = (calendars.clone(), connection.clone());
        Box::pin(async move {
            refreshed(&calendars, &connection, Some(refused)).await.ok().map(|refreshed| refreshed.access)
        })
    })
}

async fn refreshed(
    calendars: &CalendarAccess,
    connection: &Connection,
    refused: Option<SecretString>,
) -> Result<RefreshedToken<StoredConnection>, RefreshError> {
    let owner = ConnectionToken { calendars: calendars.clone(), connection: connection.clone() };
    token_lease::refresh(&owner, refused).await
}
