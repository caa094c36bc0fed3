//! Tokens for people that a service account connects.
//!
//! Problem: a delegated account gets a token for each mailbox; a shared account has one token, and one refresh token, for
//! all people, and thousands of connections ask for it at once when it expires. Decision: each connection stores a token of
//! its own and refreshes it like every other connection ([`token_lease`]). Only the source of the new token differs: an
//! assertion for the mailbox, or the shared account, which refreshes its own token once for all by the same function.
//! Rejected: connections without a token that look up the account's token at each call, with which every caller would have
//! to know service accounts.

use super::{
    account::ServiceAccount,
    grant::Grant,
    mailbox::call_target,
    store::{self, StoredServiceAccount},
};
use crate::{
    audit::{self, Act, Author},
    connections::{access::CalendarAccess, connection::Connection, explain},
    db::Tx,
    ids::{OrganisationId, ServiceAccountId},
    oauth::{
        self, Client, TokenEndpoint, TokenError, TokenResponse,
        client_credentials::{self, CLIENT_SECRET},
        code_grant,
        jwt_bearer::{self, ServiceKey},
        token_lease::{self, LeaseSql, RefreshError, RefreshedToken, StoredToken, TokenOwner},
    },
    plugins::endpoints::{VariableValues, resolve},
};
use secrecy::SecretString;
use std::{collections::BTreeMap, time::Duration};

/// A request for a token with a delegated account's credential.
pub(super) struct DelegatedRequest<'a> {
    pub(super) organisation: OrganisationId,
    pub(super) provider: &'a str,
    pub(super) grant: Grant<'a>,
    pub(super) client: &'a str,
    pub(super) secrets: BTreeMap<String, SecretString>,
    pub(super) mailbox: &'a str,
}

/// A shared service account as the owner of its token.
#[derive(Clone)]
struct SharedToken {
    calendars: CalendarAccess,
    account: ServiceAccount,
}

impl TokenOwner for SharedToken {
    type Row = StoredServiceAccount;

    fn context(&self) -> oauth::Context<'_> {
        self.calendars.oauth()
    }

    fn id(&self) -> String {
        self.account.id.to_string()
    }

    fn lease_sql(&self) -> &'static LeaseSql {
        &store::LEASE
    }

    async fn load(&self, tx: &mut Tx) -> sqlx::Result<Option<StoredToken<StoredServiceAccount>>> {
        let ServiceAccount { id, organisation, .. } = self.account;
        let stored = store::find(tx, organisation, id).await?;
        Ok(stored.map(|row| StoredToken {
            state: row.account.state,
            place: store::SEALED.place(organisation, id),
            sealed: row.sealed.clone(),
            expires_at: row.account.expires_at,
            row,
        }))
    }

    async fn request(
        &self,
        row: &StoredServiceAccount,
        refresh_token: Option<&SecretString>,
        _refused: Option<&SecretString>,
    ) -> Result<TokenResponse, RefreshError> {
        let account = &row.account;
        let token = account.token();
        let outcome = code_grant::refresh(
            self.context(),
            account.organisation,
            account.sign_in_ref(),
            token.as_ref(),
            refresh_token,
        );
        match outcome.await {
            Ok(response) => Ok(response),
            Err(error) => {
                let target = call_target(&account.sign_in, Some(&account.mailbox));
                let provider = &account.provider;
                Err(explain::refresh_error(&self.calendars, provider, account.organisation, target, error).await)
            }
        }
    }

    async fn token_stored(
        &self,
        tx: &mut Tx,
        row: &mut StoredServiceAccount,
        response: &TokenResponse,
    ) -> sqlx::Result<()> {
        match response.refreshed_fields(&row.account.fields) {
            Some(fields) => {
                row.account.fields = fields;
                store::save_fields(tx, &row.account).await
            }
            None => Ok(()),
        }
    }

    /// The connections of the account find out one by one, and each one's owner is mailed then.
    async fn access_lost(&self, tx: &mut Tx) -> sqlx::Result<()> {
        audit::record(tx, self.account.entry(&Author::Host, Act::CredentialLost)).await
    }
}

/// Requests a token for a mailbox with a key or as an application.
pub(super) async fn request_delegated(
    calendars: &CalendarAccess,
    request: DelegatedRequest<'_>,
) -> Result<TokenResponse, TokenError> {
    const STORED_KEY: TokenError = TokenError::Unusable("stored key");
    let DelegatedRequest { organisation, provider, grant, client, mut secrets, mailbox } = request;
    let secret = secrets.remove(CLIENT_SECRET);
    let named = Client { id: client.to_owned(), secret, variables: VariableValues::new() };
    let endpoint = TokenEndpoint {
        sandbox: calendars.registry.sandbox(),
        organisation: organisation.to_string(),
        provider,
        client: &named,
        url: grant.endpoint(),
        keep_claims: &[],
    };
    match grant {
        Grant::Assertion(grant) => {
            let key = ServiceKey::from_secrets(client, secrets).map_err(|_| STORED_KEY)?;
            let assertion = key.assertion(grant, mailbox, calendars.now()).map_err(|_| STORED_KEY)?;
            jwt_bearer::request_token(&endpoint, &assertion).await
        }
        Grant::Client(grant) => client_credentials::request_token(&endpoint, &grant.scopes).await,
        Grant::Code(_) => Err(TokenError::Unusable("sign-in")),
    }
}

/// A new token for a connection that a service account made.
pub(in crate::connections) async fn for_connection(
    calendars: &CalendarAccess,
    connection: &Connection,
    id: ServiceAccountId,
    refused: Option<&SecretString>,
) -> Result<TokenResponse, RefreshError> {
    let unusable = |why: &str| RefreshError::Unusable(why.to_owned());
    let stored = calendars.db.read(async |tx| store::find(tx, connection.organisation, id).await).await?;
    let StoredServiceAccount { account, sealed } = stored.ok_or(RefreshError::Gone)?;
    let provider = calendars.registry.provider(&connection.provider).await;
    let provider = provider.map_err(|error| RefreshError::Temporary(error.to_string()))?;
    // If the account was saved again with another sign-in, a job will connect the person by that one.
    let is_same = account.sign_in == connection.sign_in;
    let granted = provider.granted.sign_in(&connection.sign_in).filter(|_| is_same);
    let granted = granted.and_then(|granted| resolve(granted, &account.variables).ok());
    let grant = granted.as_ref().and_then(Grant::of_sign_in);
    let grant = grant.ok_or_else(|| unusable("the sign-in is no longer granted"))?;
    if let Grant::Code(_) = grant {
        return shared(calendars, &account, refused).await;
    }
    if grant.endpoint() != account.endpoint {
        return Err(RefreshError::NotGranted);
    }
    let mailbox = connection.subject.as_deref().ok_or_else(|| unusable("the connection has no mailbox"))?;
    let secrets = calendars.keyring.open_map(&store::SEALED.place(account.organisation, id), &sealed.bytes);
    let secrets = secrets.map_err(RefreshError::Sealed)?;
    let request = DelegatedRequest {
        organisation: account.organisation,
        provider: &account.provider,
        grant,
        client: account.client.as_deref().unwrap_or_default(),
        secrets,
        mailbox,
    };
    match request_delegated(calendars, request).await {
        Ok(response) => Ok(response),
        Err(error) => {
            let target = connection.call_target();
            Err(explain::token_error(calendars, &provider, connection.organisation, target, error).await)
        }
    }
}

/// The token of a shared account, which is not the refused one. Connections never get the refresh token.
pub(super) async fn shared(
    calendars: &CalendarAccess,
    account: &ServiceAccount,
    refused: Option<&SecretString>,
) -> Result<TokenResponse, RefreshError> {
    let owner = SharedToken { calendars: calendars.clone(), account: account.clone() };
    let RefreshedToken { access, expires_at, .. } = token_lease::refresh(&owner, refused.cloned()).await?;
    let lifetime = expires_at.and_then(|at| Duration::try_from(at.duration_since(calendars.now())).ok());
    Ok(TokenResponse { access, refresh: None, lifetime, scopes: None, fields: BTreeMap::new(), claims: Ok(None) })
}
