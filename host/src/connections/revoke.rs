//! The job that revokes tokens at their service (RFC 7009).
//!
//! Problem: a person disconnects while the service is down, and a token that opens their calendar stays valid. Decision:
//! the connection is deleted at once, and its credential waits in `revocations` for a job that tries for a day, and again
//! when a host starts or its keys change. Services revoke everything that an account gave to this host with any one of its
//! tokens; a token is therefore dropped without a request if another connection or service account, here or in another
//! organisation, depends on the same consent.

use super::{
    access::CalendarAccess,
    revocations::{self, Revocation},
    service_accounts, store,
};
use crate::{
    audit::{self, Act, Author, Entry, Values},
    db::Db,
    ids::RevocationId,
    jobs::{self, Lease, LeaseError, Outcome},
    oauth::{ClientError, TokenEndpoint, clients, code_grant::revocation_endpoint},
    plugins::endpoints::{ResolvedSignIn, resolve},
};

/// The kind of the jobs that revoke a token.
const REVOKE: &str = "revoke-token";

/// Tries again all revocations that failed or were given up: the key of their credentials may be back.
pub async fn retry_all(db: &Db) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    jobs::retry_all(&mut tx, &Author::Host, Some(REVOKE)).await?;
    tx.commit().await
}

/// Revokes a token.
pub async fn revoke(calendars: &CalendarAccess, lease: &Lease, id: RevocationId) -> Result<Outcome, LeaseError> {
    let revoked = match attempt(calendars, lease, id).await? {
        Ok(revoked) => revoked,
        Err(error) => return Ok(Outcome::Retry { error, after: None }),
    };
    let mut tx = calendars.db.begin().await?;
    revocations::store::delete(&mut tx, id).await?;
    if let Some(Revocation { organisation, person, provider, .. }) = revoked {
        let by = lease.author();
        let entry = Entry::new(&by, Act::CredentialRevoked, id).organisation(organisation);
        audit::record(&mut tx, entry.before(Values::new().person(person).provider(&provider))).await?;
    }
    jobs::complete_in(tx, lease).await
}

/// Revokes the token and returns the revocation, or `None` if there is nothing to revoke. The inner error is a reason to
/// retry.
async fn attempt(
    calendars: &CalendarAccess,
    lease: &Lease,
    id: RevocationId,
) -> Result<Result<Option<Revocation>, String>, LeaseError> {
    let mut tx = calendars.db.begin_read().await?;
    let Some((revocation, credential)) = revocations::store::find(&mut tx, id).await? else { return Ok(Ok(None)) };
    let (sign_in, address) = (revocation.sign_in_ref(), revocation.address.as_deref());
    let is_needed = store::depends_on_consent(&mut tx, sign_in, address, revocation.person).await?
        || service_accounts::store::depends_on_consent(&mut tx, revocation.organisation, sign_in, address).await?;
    let client = clients::find(&mut tx, &calendars.keyring, sign_in).await;
    tx.commit().await?;
    if is_needed {
        return Ok(Ok(None));
    }
    let client = match client {
        Ok(Some(client)) => client,
        Ok(None) => return Ok(Ok(None)),
        Err(ClientError::Database(error)) => return Err(error.into()),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let provider = match calendars.registry.provider(sign_in.provider).await {
        Ok(provider) => provider,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let granted = provider.granted.sign_in(sign_in.sign_in);
    let granted = granted.and_then(|granted| resolve(granted, &revocation.variables).ok());
    let code = granted.as_ref().and_then(ResolvedSignIn::code);
    let Some(revocation_url) = code.and_then(|code| revocation_endpoint(code, &revocation.endpoint)) else {
        return Ok(Ok(None));
    };
    let token = match credential.token(&calendars.keyring, revocation.organisation) {
        Ok(Some(token)) => token,
        Ok(None) => return Ok(Ok(None)),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let endpoint = TokenEndpoint {
        sandbox: calendars.registry.sandbox(),
        organisation: revocation.organisation.to_string(),
        provider: sign_in.provider,
        client: &client,
        url: &revocation.endpoint,
        keep_claims: &[],
    };
    let mut tx = calendars.db.begin().await?;
    jobs::begin_act(&mut tx, lease).await?;
    tx.commit().await?;
    if let Err(error) = endpoint.revoke(revocation_url, &token).await {
        return Ok(Err(error.to_string()));
    }
    tracing::info!(provider = sign_in.provider, person = %revocation.person, "token revoked");
    Ok(Ok(Some(revocation)))
}
