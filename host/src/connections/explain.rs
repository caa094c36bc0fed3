//! What a service's refusal means, as the provider explains it.

use super::access::CalendarAccess;
use crate::{
    ids::OrganisationId,
    oauth::{TokenError, code_grant::RefreshRequestError, token_lease::RefreshError},
    plugins::{CallError, CallTarget, Failure, Remedy, contract::SignInError, registry::Provider},
};

/// Asks the provider to explain a refusal.
pub(super) async fn explain(
    calendars: &CalendarAccess,
    provider: &Provider,
    organisation: OrganisationId,
    target: CallTarget,
    refusal: SignInError,
) -> Result<Failure, CallError> {
    let access = calendars.without_credential(provider, organisation, target);
    let access = access.map_err(|error| CallError::BadAnswer(error.to_string()))?;
    provider.plugin.explain_failure(&access, refusal).await
}

/// The error of a token request that failed. A refusal that the provider explains as a lost grant ends the access; after
/// every other error, another attempt may succeed.
pub(super) async fn token_error(
    calendars: &CalendarAccess,
    provider: &Provider,
    organisation: OrganisationId,
    target: CallTarget,
    error: TokenError,
) -> RefreshError {
    let TokenError::Refused(refusal) = error else { return RefreshError::Temporary(error.to_string()) };
    let code = refusal.error.clone();
    match explain(calendars, provider, organisation, target, refusal).await {
        Ok(failure) if failure.remedy == Remedy::Reconnect => RefreshError::Lost,
        Ok(failure) if failure.remedy.denies_access() => RefreshError::Denied(format!("{code}: {failure}")),
        Ok(failure) => RefreshError::Temporary(format!("{code}: {failure}")),
        Err(error) => RefreshError::Temporary(format!("{code}: {error}")),
    }
}

/// The error of a refresh that failed.
pub(super) async fn refresh_error(
    calendars: &CalendarAccess,
    provider: &str,
    organisation: OrganisationId,
    target: CallTarget,
    error: RefreshRequestError,
) -> RefreshError {
    match error {
        RefreshRequestError::NotGranted => RefreshError::NotGranted,
        RefreshRequestError::Unusable(why) => RefreshError::Unusable(why.to_owned()),
        RefreshRequestError::Database(error) => error.into(),
        RefreshRequestError::Token(error) => match calendars.registry.provider(provider).await {
            Ok(provider) => token_error(calendars, &provider, organisation, target, error).await,
            Err(error) => RefreshError::Temporary(error.to_string()),
        },
        error @ (RefreshRequestError::Provider(_) | RefreshRequestError::NoClient | RefreshRequestError::Client(_)) => {
            RefreshError::Temporary(error.to_string())
        }
    }
}
