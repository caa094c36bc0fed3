//! `/v1/organisations/{organisation}/service-accounts`: accounts with which an organisation connects the calendars of its
//! people (M17).
//!
//! Only a global administrator with a token of their own may use them: no integration and no operator can answer for
//! people's mailboxes. Secrets are stored encrypted and never shown.

use super::connections::{AbilitiesOut, CalendarOut};
use crate::{
    app::App,
    auth::Actor,
    connections::service_accounts::{
        self, AccountCredential, InvitationTest, Kind, NewAccount, Overview, ProbeReport, ServiceAccount,
    },
    http::{
        input::{Body, PathIds},
        problem::{Code, Problem},
        schema::closed_set,
    },
    ids::{OrganisationId, PersonId, ServiceAccountId},
    organisations::domains,
};
use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The service accounts and email domains of an organisation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "domains": ["example.org"],
    "items": [{
        "id": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e64", "provider": "example", "sign_in": "service-account",
        "kind": "delegated", "mailbox": "ann@example.org", "client": "chronus@example.org",
        "variables": {}, "state": "connected", "people": 12, "saved_by": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e66",
        "saved_at": "2026-11-23T09:00:00Z"
    }]
}))]
pub(in crate::http) struct ServiceAccountList {
    /// Email domains of the organisation, which an operator sets. People with an address in one of them are connected.
    domains: Vec<String>,
    /// At most one account for each provider.
    items: Vec<ServiceAccountOut>,
}

/// A service account. Its secret is never shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServiceAccount, example = json!({
    "id": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e64", "provider": "example", "sign_in": "service-account",
    "kind": "delegated", "mailbox": "ann@example.org", "client": "chronus@example.org",
    "variables": {}, "state": "connected", "people": 12, "saved_by": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e66",
    "saved_at": "2026-11-23T09:00:00Z"
}))]
pub(in crate::http) struct ServiceAccountOut {
    id: ServiceAccountId,
    provider: String,
    sign_in: String,
    kind: ServiceAccountKind,
    /// The mailbox with which the account was tested; for a shared mailbox, the mailbox itself.
    mailbox: String,
    /// Name of the service account or application; null for a shared mailbox.
    client: Option<String>,
    /// Values of the variables in the sign-in's addresses, such as a tenant.
    variables: BTreeMap<String, String>,
    state: ServiceAccountState,
    /// Number of people whose calendars the account connects.
    people: i64,
    saved_by: PersonId,
    #[schema(value_type = String, format = DateTime)]
    saved_at: Timestamp,
}

closed_set! {
    #[doc = "Kind of a service account: `delegated` for delegated access to each person's calendar, `shared` for a mailbox with which people share their busy times."]
    ServiceAccountKind from Kind {
        #[doc = "Delegated access to each person's calendar."]
        Delegated
        #[doc = "A mailbox with which people share their busy times."]
        Shared
    }

    #[doc = "Whether a service account works: `reconnect` means that the service revoked the access to a shared mailbox."]
    ServiceAccountState from crate::connections::State {
        #[doc = "The account works."]
        Connected
        #[doc = "The account must be connected again."]
        Reconnect
    }
}

/// A service account that was saved.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SavedServiceAccount {
    id: ServiceAccountId,
    probe: Probe,
}

/// The result of a test: what the account can do with the mailbox.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "kind": "delegated", "client": "chronus@example.org", "mailbox": "ann@example.org",
    "calendars": [{ "id": "ann@example.org", "name": "Ann", "can_write": true, "is_home": true }],
    "abilities": {
        "read_busy": true, "write": true, "report_changes": true, "push": true, "sends_invitations": true
    },
    "inviting": "works", "inviting_detail": null
}))]
pub(in crate::http) struct Probe {
    kind: ServiceAccountKind,
    client: Option<String>,
    mailbox: String,
    calendars: Vec<CalendarOut>,
    abilities: AbilitiesOut,
    inviting: InvitationTestResult,
    /// Why the service refused the event: the remedy, and a sentence for the IT administrator.
    inviting_detail: Option<String>,
}

/// Whether an event with attendees can be written: `not-tried` means that no calendar of the mailbox can be written.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum InvitationTestResult {
    /// An event was written and deleted.
    Works,
    /// No calendar of the mailbox can be written.
    NotTried,
    /// The service refused the event.
    Refused,
}

/// A service account to test or to save, with either `key`, or `client_id` and `client_secret`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "sign_in": "service-account", "mailbox": "ann@example.org", "key": "{ \"type\": \"service_account\", … }"
}))]
pub(in crate::http) struct NewServiceAccount {
    /// A sign-in of the provider.
    sign_in: String,
    /// The mailbox with which to test the account, in an email domain of the organisation.
    mailbox: String,
    /// Content of a service account's key file, if the sign-in takes one.
    key: Option<String>,
    /// Id of an application, if the sign-in takes one.
    client_id: Option<String>,
    /// Secret of the application.
    client_secret: Option<String>,
    /// Values of the variables in the sign-in's addresses, such as a tenant. A variable that is left out has its preset value.
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

impl From<Overview> for ServiceAccountOut {
    fn from(Overview { account, people }: Overview) -> Self {
        let ServiceAccount {
            id, provider, sign_in, kind, mailbox, client, variables, state, saved_by, saved_at, ..
        } = account;
        let (kind, state) = (kind.into(), state.into());
        Self { id, provider, sign_in, kind, mailbox, client, variables, state, people, saved_by, saved_at }
    }
}

impl From<ProbeReport> for Probe {
    fn from(ProbeReport { kind, client, mailbox, account, inviting }: ProbeReport) -> Self {
        let (inviting, inviting_detail) = match inviting {
            InvitationTest::Works => (InvitationTestResult::Works, None),
            InvitationTest::NotTried => (InvitationTestResult::NotTried, None),
            InvitationTest::Refused(failure) => (InvitationTestResult::Refused, Some(failure.to_string())),
        };
        let home = account.calendars.iter().find(|calendar| calendar.is_default).map(|calendar| calendar.id.clone());
        let calendars = account.calendars.iter().map(|calendar| CalendarOut::new(calendar, home.as_deref())).collect();
        let (kind, abilities) = (kind.into(), account.abilities.into());
        Self { kind, client, mailbox, calendars, abilities, inviting, inviting_detail }
    }
}

impl NewServiceAccount {
    fn at(self, provider: String) -> Result<NewAccount, Problem> {
        let Self { sign_in, mailbox, key, client_id, client_secret, variables } = self;
        let secret = match (key, client_id, client_secret) {
            (Some(key), None, None) => AccountCredential::Key(key.into()),
            (None, Some(id), Some(secret)) => AccountCredential::Client { id, secret: secret.into() },
            _ => {
                let detail = "send either `key`, or `client_id` and `client_secret`";
                return Err(Problem::detailed(Code::InvalidSignIn, detail));
            }
        };
        Ok(NewAccount { provider, sign_in, secret, mailbox, variables })
    }
}

/// Lists the service accounts of an organisation.
///
/// Allowed for: global administrators, with a token of their own.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/service-accounts", tag = "service-accounts",
    operation_id = "listServiceAccounts",
    params(("organisation" = OrganisationId, Path, description = "Id of the organisation.")),
    responses((status = 200, description = "The service accounts, and the email domains of the organisation.",
        body = ServiceAccountList)))]
pub(in crate::http) async fn list_service_accounts(
    State(app): State<App>,
    actor: Actor,
    PathIds(organisation): PathIds<OrganisationId>,
) -> Result<Json<ServiceAccountList>, Problem> {
    let accounts = service_accounts::accounts(&app.calendars, &actor, organisation).await?;
    let domains = app.db.read(async |tx| domains::list(tx, organisation).await).await?;
    Ok(Json(ServiceAccountList { domains, items: accounts.into_iter().map(ServiceAccountOut::from).collect() }))
}

/// Gets the service account at a provider.
///
/// Allowed for: global administrators, with a token of their own.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/service-accounts/{provider}", tag = "service-accounts",
    operation_id = "getServiceAccount",
    params(("organisation" = OrganisationId, Path, description = "Id of the organisation."),
        ("provider" = String, Path, description = "Id of the provider.")),
    responses((status = 200, description = "The service account.", body = ServiceAccountOut)))]
pub(in crate::http) async fn get_service_account(
    State(app): State<App>,
    actor: Actor,
    PathIds((organisation, provider)): PathIds<(OrganisationId, String)>,
) -> Result<Json<ServiceAccountOut>, Problem> {
    let accounts = service_accounts::accounts(&app.calendars, &actor, organisation).await?;
    let found = accounts.into_iter().find(|overview| overview.account.provider == provider);
    Ok(Json(found.ok_or(Problem::new(Code::NotFound))?.into()))
}

/// Tests a service account with one mailbox.
///
/// Nothing is stored. If a calendar of the mailbox can be written, an event with an attendee is created in the past,
/// without notifying the attendee, and deleted. The provider must be offered in the whole organisation, the mailbox
/// must be in an email domain of the organisation, and the secret must fit the sign-in.
///
/// Allowed for: global administrators, with a token of their own.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/service-accounts/{provider}/probe",
    tag = "service-accounts", operation_id = "probeServiceAccount",
    params(("organisation" = OrganisationId, Path, description = "Id of the organisation."),
        ("provider" = String, Path, description = "Id of the provider.")),
    request_body = NewServiceAccount,
    responses((status = 200, description = "What the account can do with the mailbox.", body = Probe)))]
pub(in crate::http) async fn probe_service_account(
    State(app): State<App>,
    actor: Actor,
    PathIds((organisation, provider)): PathIds<(OrganisationId, String)>,
    Body(new): Body<NewServiceAccount>,
) -> Result<Json<Probe>, Problem> {
    // First, so that only administrators learn what is missing.
    service_accounts::administers(&actor, organisation)?;
    Ok(Json(service_accounts::probe(&app.calendars, &actor, organisation, &new.at(provider)?).await?.into()))
}

/// Saves the service account at a provider.
///
/// The account is tested first, as with a probe, and replaces an earlier one at the same provider. It then connects
/// everybody with an address in an email domain of the organisation who has no calendar connected and has not disconnected
/// one of these accounts. The provider must be offered in the whole organisation, the mailbox must be in an email domain
/// of the organisation, and the secret must fit the sign-in.
///
/// Allowed for: global administrators, with a token of their own.
#[utoipa::path(put, path = "/v1/organisations/{organisation}/service-accounts/{provider}", tag = "service-accounts",
    operation_id = "saveServiceAccount",
    params(("organisation" = OrganisationId, Path, description = "Id of the organisation."),
        ("provider" = String, Path, description = "Id of the provider.")),
    request_body = NewServiceAccount,
    responses((status = 200, description = "The account was saved.", body = SavedServiceAccount)))]
pub(in crate::http) async fn save_service_account(
    State(app): State<App>,
    actor: Actor,
    PathIds((organisation, provider)): PathIds<(OrganisationId, String)>,
    Body(new): Body<NewServiceAccount>,
) -> Result<Json<SavedServiceAccount>, Problem> {
    service_accounts::administers(&actor, organisation)?;
    let (account, probed) = service_accounts::save(&app.calendars, &actor, organisation, &new.at(provider)?).await?;
    Ok(Json(SavedServiceAccount { id: account.id, probe: probed.into() }))
}

/// Deletes the service account at a provider.
///
/// The people whose calendars it connected are disconnected; connections that people made themselves stay.
///
/// Allowed for: global administrators, with a token of their own.
#[utoipa::path(delete, path = "/v1/organisations/{organisation}/service-accounts/{provider}",
    tag = "service-accounts", operation_id = "deleteServiceAccount",
    params(("organisation" = OrganisationId, Path, description = "Id of the organisation."),
        ("provider" = String, Path, description = "Id of the provider.")),
    responses((status = 204, description = "The account is deleted.")))]
pub(in crate::http) async fn delete_service_account(
    State(app): State<App>,
    actor: Actor,
    PathIds((organisation, provider)): PathIds<(OrganisationId, String)>,
) -> Result<StatusCode, Problem> {
    service_accounts::remove(&app.calendars, &actor, organisation, &provider).await?;
    Ok(StatusCode::NO_CONTENT)
}
