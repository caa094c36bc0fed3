//! `/v1/people/{person}/connection`: a person's connected calendar, and what they may connect.

use super::lookup::find_person;
use crate::{
    app::App,
    auth::Actor,
    connections::{self, Connection, FormSignIn, OfferedProvider},
    http::{
        input::{Body, PathIds},
        problem::{Code, Problem},
        schema::closed_set,
    },
    ids::{ConnectionId, PersonId},
    oauth::token::is_code_grant,
    organisations::offers,
    plugins::contract::{Abilities, Calendar, FieldKind, Form, Method, ScopeLevel, SignIn},
};
use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A person's connected calendar. The credential is never shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Connection, example = json!({
    "id": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e61", "person": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e66",
    "provider": "example", "sign_in": "app-password", "server": "https://calendar.example.org", "address": "ann@example.org",
    "zone": "Europe/Rome", "state": "connected", "by_organisation": false, "level": null,
    "calendars": [{ "id": "/ann/work/", "name": "Work", "can_write": true, "is_home": true }],
    "abilities": {
        "read_busy": true, "write": true, "report_changes": true, "push": false, "sends_invitations": false
    },
    "opened_at": "2026-11-23T09:00:00Z", "connected_at": "2026-11-23T09:00:00Z"
}))]
pub(in crate::http) struct ConnectionOut {
    id: ConnectionId,
    person: PersonId,
    provider: String,
    sign_in: String,
    /// Origin of the calendar server, if the person named one.
    server: Option<String>,
    /// Email address of the account; the person's own if the service does not return one.
    address: Option<String>,
    /// IANA time zone name.
    zone: String,
    state: ConnectionState,
    /// Whether the organisation connected the calendar with a service account. The person can disconnect it.
    by_organisation: bool,
    /// Access that the person granted on the service's page; null for sign-ins with a form.
    level: Option<AccessLevel>,
    calendars: Vec<CalendarOut>,
    abilities: AbilitiesOut,
    /// The time when the account was last opened.
    #[schema(value_type = String, format = DateTime)]
    opened_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    connected_at: Timestamp,
}

closed_set! {
    #[doc = "Whether a connection works: `reconnect` means that the service refused the credential."]
    ConnectionState from connections::State {
        #[doc = "The connection works."]
        Connected
        #[doc = "The person must sign in again."]
        Reconnect
    }

    #[doc = "Granted access: `read` for busy times, `write` for meetings as well."]
    AccessLevel from ScopeLevel {
        #[doc = "The host can read busy times."]
        Read
        #[doc = "The host can read busy times and write meetings."]
        Write
    }
}

/// A calendar of the account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Calendar)]
pub(in crate::http) struct CalendarOut {
    id: String,
    name: String,
    can_write: bool,
    /// Whether the host writes meetings into this calendar.
    is_home: bool,
}

/// What a connection can do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Abilities)]
#[expect(clippy::struct_excessive_bools, reason = "a set of independent abilities, as the contract lists them")]
pub(in crate::http) struct AbilitiesOut {
    read_busy: bool,
    write: bool,
    report_changes: bool,
    push: bool,
    /// Whether the service sends invitations to attendees itself.
    sends_invitations: bool,
}

impl CalendarOut {
    /// Shows a calendar; `home` is the id of the one into which meetings are written.
    pub(in crate::http) fn new(calendar: &Calendar, home: Option<&str>) -> Self {
        Self {
            id: calendar.id.clone(),
            name: calendar.name.clone(),
            can_write: calendar.role.writes(),
            is_home: home == Some(calendar.id.as_str()),
        }
    }
}

impl From<Abilities> for AbilitiesOut {
    fn from(abilities: Abilities) -> Self {
        let Abilities { read_busy, write, report_changes, push, sends_invitations, .. } = abilities;
        Self { read_busy, write, report_changes, push, sends_invitations }
    }
}

impl From<Connection> for ConnectionOut {
    fn from(connection: Connection) -> Self {
        let home = connection.home().map(|home| home.id.clone());
        let calendars = connection.account.calendars.iter();
        Self {
            calendars: calendars.map(|calendar| CalendarOut::new(calendar, home.as_deref())).collect(),
            abilities: connection.account.abilities.into(),
            by_organisation: connection.service_account.is_some(),
            id: connection.id,
            person: connection.person,
            provider: connection.provider,
            sign_in: connection.sign_in,
            server: connection.server,
            address: connection.address,
            zone: connection.zone,
            state: connection.state.into(),
            level: connection.token.map(|token| token.level.into()),
            opened_at: connection.opened_at,
            connected_at: connection.connected_at,
        }
    }
}

/// A sign-in by form.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "provider": "example", "sign_in": "app-password", "server": "https://calendar.example.org", "fields": { "username": "ann" },
    "secrets": { "password": "an app password" }
}))]
pub(in crate::http) struct NewConnection {
    /// A provider that is offered to the person.
    provider: String,
    /// A sign-in of the provider with the method `form`.
    sign_in: String,
    /// Origin of the calendar server, if the form asks for it.
    server: Option<String>,
    /// Values of the form's text fields, by name.
    #[serde(default)]
    fields: BTreeMap<String, String>,
    /// Values of the form's secret fields, by name. They are stored encrypted and never shown.
    #[serde(default)]
    secrets: BTreeMap<String, String>,
}

/// A provider that is offered to a person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Offer, example = json!({
    "provider": "example", "name": "Example Calendar",
    "sign_ins": [{
        "id": "app-password", "label": "App password", "method": "form", "help_link": null,
        "fields": [{
            "name": "username", "label": "User name", "kind": "text", "help": "", "preset": null, "pattern": null
        }]
    }]
}))]
pub(in crate::http) struct OfferOut {
    provider: String,
    name: String,
    sign_ins: Vec<SignInOut>,
}

/// A sign-in of a provider.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignIn)]
struct SignInOut {
    id: String,
    label: String,
    method: SignInMethod,
    /// Page of the service that explains its passwords.
    help_link: Option<String>,
    fields: Vec<FieldOut>,
}

/// How to sign in: `form`, with a PUT of the form's values, or `browser`, in the person's browser in Calendar Settings.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum SignInMethod {
    /// With the values of a form.
    Form,
    /// On the service's own page.
    Browser,
}

/// The place of a form field's value in the request: `text` into `fields`, `secret` into `secrets`, `server` into `server`.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum FormFieldKind {
    /// A text.
    Text,
    /// A secret.
    Secret,
    /// The origin of a server.
    Server,
}

impl From<FieldKind> for FormFieldKind {
    fn from(kind: FieldKind) -> Self {
        match kind {
            FieldKind::Text => Self::Text,
            FieldKind::Secret => Self::Secret,
            FieldKind::ServerUrl => Self::Server,
        }
    }
}

/// A field of a form.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FormField)]
struct FieldOut {
    name: String,
    label: String,
    kind: FormFieldKind,
    help: String,
    /// The default value.
    preset: Option<String>,
    /// Regular expression, as in HTML, that the whole value must match.
    pattern: Option<String>,
}

/// Lists the providers that a person can connect.
///
/// Allowed for: the person, integrations and global administrators.
#[utoipa::path(get, path = "/v1/people/{person}/offers", tag = "connections", operation_id = "listOffers",
    params(("person" = PersonId, Path, description = "Id of the person.")),
    responses((status = 200, description = "The offered providers, with their sign-ins.", body = Vec<OfferOut>)))]
pub(in crate::http) async fn list_offers(
    State(app): State<App>,
    actor: Actor,
    PathIds(person): PathIds<PersonId>,
) -> Result<Json<Vec<OfferOut>>, Problem> {
    let person = find_person(&app, &actor, person).await?;
    let db = &app.calendars.db;
    let offered = db.read(async |tx| offers::to_person(tx, person.organisation, person.id).await).await?;
    let offered = connections::offered_providers(&app.calendars, offered).await;
    let offers = offered.into_iter().map(|OfferedProvider { id, provider }| OfferOut {
        provider: id,
        name: provider.plugin.description().name.clone(),
        sign_ins: provider.sign_ins().filter_map(sign_in_out).collect(),
    });
    Ok(Json(offers.collect()))
}

fn sign_in_out(sign_in: &SignIn) -> Option<SignInOut> {
    let (id, label) = (sign_in.id.clone(), sign_in.label.clone());
    if is_code_grant(sign_in) {
        return Some(SignInOut { id, label, method: SignInMethod::Browser, help_link: None, fields: vec![] });
    }
    let Method::Form(Form { fields, help_link }) = &sign_in.method else { return None };
    let field = |field: &crate::plugins::contract::FormField| FieldOut {
        name: field.name.clone(),
        label: field.label.clone(),
        kind: field.kind.into(),
        help: field.help.clone(),
        preset: field.preset.clone(),
        pattern: field.pattern.clone(),
    };
    Some(SignInOut {
        id,
        label,
        method: SignInMethod::Form,
        help_link: help_link.clone(),
        fields: fields.iter().map(field).collect(),
    })
}

/// Gets the connected calendar of a person.
///
/// Allowed for: the person, integrations and global administrators.
#[utoipa::path(get, path = "/v1/people/{person}/connection", tag = "connections", operation_id = "getConnection",
    params(("person" = PersonId, Path, description = "Id of the person.")),
    responses((status = 200, description = "The connection.", body = ConnectionOut)))]
pub(in crate::http) async fn get_connection(
    State(app): State<App>,
    actor: Actor,
    PathIds(person): PathIds<PersonId>,
) -> Result<Json<ConnectionOut>, Problem> {
    let person = find_person(&app, &actor, person).await?;
    let db = &app.calendars.db;
    let stored = db.read(async |tx| connections::store::of_person(tx, person.organisation, person.id).await).await?;
    Ok(Json(stored.ok_or(Problem::new(Code::NotConnected))?.connection.into()))
}

/// Connects a person's calendar.
///
/// The host opens the account with the values of the form and stores nothing if that fails. The provider and the
/// sign-in must be offered to the person, and the values must fit the sign-in's form. Signing in again to the same
/// account keeps the connection and its meetings.
///
/// Allowed for: the person.
#[utoipa::path(put, path = "/v1/people/{person}/connection", tag = "connections", operation_id = "connectCalendar",
    params(("person" = PersonId, Path, description = "Id of the person.")), request_body = NewConnection,
    responses((status = 200, description = "The connection.", body = ConnectionOut)))]
pub(in crate::http) async fn connect_calendar(
    State(app): State<App>,
    actor: Actor,
    PathIds(person): PathIds<PersonId>,
    Body(new): Body<NewConnection>,
) -> Result<Json<ConnectionOut>, Problem> {
    let person = find_person(&app, &actor, person).await?;
    let NewConnection { provider, sign_in, server, fields, secrets } = new;
    let secrets = secrets.into_iter().map(|(name, secret)| (name, secret.into())).collect();
    let request = FormSignIn { provider, sign_in, server, fields, secrets };
    let connection = connections::connect(&app.calendars, &actor, person.id, request).await?;
    Ok(Json(connection.into()))
}

/// Disconnects a person's calendar.
///
/// The credential is deleted. Events that are in the calendar stay there.
///
/// Allowed for: the person and global administrators.
#[utoipa::path(delete, path = "/v1/people/{person}/connection", tag = "connections",
    operation_id = "disconnectCalendar", params(("person" = PersonId, Path, description = "Id of the person.")),
    responses((status = 204, description = "The calendar is disconnected.")))]
pub(in crate::http) async fn disconnect_calendar(
    State(app): State<App>,
    actor: Actor,
    PathIds(person): PathIds<PersonId>,
) -> Result<StatusCode, Problem> {
    let person = find_person(&app, &actor, person).await?;
    connections::disconnect(&app.calendars, &actor, person.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
