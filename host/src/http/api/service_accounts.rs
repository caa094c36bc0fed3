//! `/v1/organisations/{organisation}/account`: the accounts by which an organisation connects its people (M17).
//!
//! A global administrator's, with a token of their own: no key of the organisation's, and no operator, can answer for
//! mailboxes. What was sent as a secret is sealed, and never given out again.

use super::connections::{AbilitiesOut, CalendarOut};
use crate::{
    app::App,
    auth::Actor,
    connections::service_accounts::{self, Inviting, NewAccount, Overview, Probed, Secret, ServiceAccount},
    http::{
        input::{Body, PathIds, QueryParams, queries::AccountQuery},
        problem::{Code, Problem},
    },
    ids::{OrganisationId, PersonId, ServiceAccountId},
    organisations::domains,
};
use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an organisation connects its people by.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrganisationAccounts)]
pub(in crate::http) struct AccountsOut {
    /// Its mail domains, as the operator says: whoever has an address in one is connected.
    domains: Vec<String>,
    /// At most one for each provider.
    items: Vec<AccountOut>,
}

/// An organisation's account. Its secret is never given out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrganisationAccount)]
struct AccountOut {
    id: ServiceAccountId,
    provider: String,
    sign_in: String,
    /// `delegated`: a key that acts for each person; `shared`: a mailbox that people share their free/busy with.
    kind: &'static str,
    /// The mailbox that it was tried with; of a shared account, its own.
    mailbox: String,
    /// The name of the service account or the application.
    client: Option<String>,
    /// `connected`, or `reconnect` if the service has taken a shared account's access back.
    state: &'static str,
    /// How many people are connected by it.
    people: i64,
    saved_by: PersonId,
    #[schema(value_type = String, format = DateTime)]
    saved_at: Timestamp,
}

/// An account that works.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SavedAccount)]
pub(in crate::http) struct SavedOut {
    id: ServiceAccountId,
    probe: ProbeOut,
}

/// What an account can do with the mailbox that it was tried with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Probe)]
pub(in crate::http) struct ProbeOut {
    /// `delegated` or `shared`.
    kind: &'static str,
    client: Option<String>,
    mailbox: String,
    calendars: Vec<CalendarOut>,
    abilities: AbilitiesOut,
    /// Whether an event with guests can be written: `works`, `not-tried` where nothing can be written, or `refused`.
    inviting: &'static str,
    /// Why it was refused: the remedy, and a sentence for the IT administrator.
    inviting_detail: Option<String>,
}

/// An account to be tried or saved.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewAccountIn {
    /// Of those that are offered in all of the organisation.
    provider: String,
    /// Which of its sign-ins.
    sign_in: String,
    /// The mailbox to try it with, in a domain of the organisation's.
    mailbox: String,
    /// The whole content of a service account's key file, where the sign-in takes one.
    key: Option<String>,
    /// An application's id, where the sign-in takes one.
    client_id: Option<String>,
    /// And its secret.
    client_secret: Option<String>,
}

impl From<Overview> for AccountOut {
    fn from(Overview { account, people }: Overview) -> Self {
        let ServiceAccount { id, provider, sign_in, kind, mailbox, client, state, saved_by, saved_at, .. } = account;
        let (kind, state) = (kind.name(), state.name());
        Self { id, provider, sign_in, kind, mailbox, client, state, people, saved_by, saved_at }
    }
}

impl From<Probed> for ProbeOut {
    fn from(Probed { kind, client, mailbox, account, inviting }: Probed) -> Self {
        let (inviting, inviting_detail) = match inviting {
            Inviting::Works => ("works", None),
            Inviting::NotTried => ("not-tried", None),
            Inviting::Refused(failure) => ("refused", Some(failure.to_string())),
        };
        let home = account.calendars.iter().find(|calendar| calendar.is_default).map(|calendar| calendar.id.clone());
        let calendars = account.calendars.iter().map(|calendar| CalendarOut::of(calendar, home.as_deref())).collect();
        let (kind, abilities) = (kind.name(), account.abilities.into());
        Self { kind, client, mailbox, calendars, abilities, inviting, inviting_detail }
    }
}

impl NewAccountIn {
    fn account(self) -> Result<NewAccount, Problem> {
        let Self { provider, sign_in, mailbox, key, client_id, client_secret } = self;
        let secret = match (key, client_id, client_secret) {
            (Some(key), None, None) => Secret::Key(key.into()),
            (None, Some(id), Some(secret)) => Secret::Client { id, secret: secret.into() },
            _ => {
                let detail = "give either `key`, or `client_id` and `client_secret`";
                return Err(Problem::detailed(Code::InvalidSignIn, detail));
            }
        };
        Ok(NewAccount { provider, sign_in, secret, mailbox })
    }
}

/// The organisation's accounts, and its mail domains.
#[utoipa::path(get, path = "/v1/organisations/{organisation}/account", tag = "organisations",
    operation_id = "getOrganisationAccounts", params(("organisation" = OrganisationId, Path)),
    responses((status = 200, body = AccountsOut)))]
pub(in crate::http) async fn list_service_accounts(
    State(app): State<App>,
    actor: Actor,
    PathIds(organisation): PathIds<OrganisationId>,
) -> Result<Json<AccountsOut>, Problem> {
    let accounts = service_accounts::accounts(&app.calendars, &actor, organisation).await?;
    let domains = domains::list(&mut app.db.begin_read().await?, organisation).await?;
    Ok(Json(AccountsOut { domains, items: accounts.into_iter().map(AccountOut::from).collect() }))
}

/// Tries an account with one mailbox, and stores nothing. Where the mailbox can be written, an event with a guest is made
/// in the past, of which nobody is told, and taken away again.
#[utoipa::path(post, path = "/v1/organisations/{organisation}/account/probe", tag = "organisations",
    operation_id = "probeOrganisationAccount", params(("organisation" = OrganisationId, Path)),
    request_body = NewAccountIn, responses((status = 200, body = ProbeOut)))]
pub(in crate::http) async fn probe_service_account(
    State(app): State<App>,
    actor: Actor,
    PathIds(organisation): PathIds<OrganisationId>,
    Body(new): Body<NewAccountIn>,
) -> Result<Json<ProbeOut>, Problem> {
    // Nobody else is told what is missing.
    service_accounts::administers(&actor, organisation)?;
    Ok(Json(service_accounts::probe(&app.calendars, &actor, organisation, &new.account()?).await?.into()))
}

/// Tries an account, saves it in the place of the one at the same provider, and connects everybody who has an address in a
/// domain of the organisation's, no calendar of their own, and has not disconnected it before.
#[utoipa::path(put, path = "/v1/organisations/{organisation}/account", tag = "organisations",
    operation_id = "saveOrganisationAccount", params(("organisation" = OrganisationId, Path)),
    request_body = NewAccountIn, responses((status = 200, body = SavedOut)))]
pub(in crate::http) async fn save_service_account(
    State(app): State<App>,
    actor: Actor,
    PathIds(organisation): PathIds<OrganisationId>,
    Body(new): Body<NewAccountIn>,
) -> Result<Json<SavedOut>, Problem> {
    service_accounts::administers(&actor, organisation)?;
    let (account, probed) = service_accounts::save(&app.calendars, &actor, organisation, &new.account()?).await?;
    Ok(Json(SavedOut { id: account.id, probe: probed.into() }))
}

/// Removes an account, and disconnects those whom it connected; what people connected themselves stays.
#[utoipa::path(delete, path = "/v1/organisations/{organisation}/account", tag = "organisations",
    operation_id = "removeOrganisationAccount", params(("organisation" = OrganisationId, Path), AccountQuery),
    responses((status = 204)))]
pub(in crate::http) async fn delete_service_account(
    State(app): State<App>,
    actor: Actor,
    PathIds(organisation): PathIds<OrganisationId>,
    QueryParams(AccountQuery { provider }): QueryParams<AccountQuery>,
) -> Result<StatusCode, Problem> {
    service_accounts::remove(&app.calendars, &actor, organisation, &provider).await?;
    Ok(StatusCode::NO_CONTENT)
}
