//! `/v1/people/{person}/connection`: a person's connected calendar, and what they may connect.

use super::lookup::find_person;
use crate::{
    app::App,
    auth::Actor,
    connections::{
        self, Connection, FormSignIn,
        oauth::{code_grant, level_name},
    },
    http::{
        input::{Body, PathIds},
        problem::{Code, Problem},
    },
    ids::{ConnectionId, PersonId},
    organisations::offers,
    plugins::contract::{Abilities, Calendar, FieldKind, Form, Method, SignIn},
};
use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A person's connected calendar. The credential is never given out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Connection)]
pub(in crate::http) struct ConnectionOut {
    id: ConnectionId,
    person: PersonId,
    provider: String,
    sign_in: String,
    server: Option<String>,
    /// The account's mail address; the person's own, if the service tells none.
    address: Option<String>,
    zone: String,
    /// `connected`, or `reconnect` if the service has refused the sign-in.
    state: &'static str,
    /// Whether it is the organisation that connected it, by an account of its own. The person may disconnect it.
    by_organisation: bool,
    /// What access was given at the service's page: `read` for availability, `write` for meetings as well.
    level: Option<&'static str>,
    calendars: Vec<CalendarOut>,
    abilities: AbilitiesOut,
    /// When the account was last opened.
    #[schema(value_type = String, format = DateTime)]
    opened_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    connected_at: Timestamp,
}

/// A calendar of the account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Calendar)]
pub(in crate::http) struct CalendarOut {
    id: String,
    name: String,
    can_write: bool,
    /// Whether meetings go here.
    is_home: bool,
}

/// What this connection can do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Abilities)]
#[expect(clippy::struct_excessive_bools, reason = "a set of independent abilities, as the contract lists them")]
pub(in crate::http) struct AbilitiesOut {
    read_busy: bool,
    write: bool,
    report_changes: bool,
    push: bool,
    sends_invitations: bool,
}

impl CalendarOut {
    /// A calendar, and whether it is this one to which meetings go.
    pub(in crate::http) fn of(calendar: &Calendar, home: Option<&str>) -> Self {
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
            calendars: calendars.map(|calendar| CalendarOut::of(calendar, home.as_deref())).collect(),
            abilities: connection.account.abilities.into(),
            by_organisation: connection.service_account.is_some(),
            id: connection.id,
            person: connection.person,
            provider: connection.provider,
            sign_in: connection.sign_in,
            server: connection.server,
            address: connection.address,
            zone: connection.zone,
            state: connection.state.name(),
            level: connection.token.map(|token| level_name(token.level)),
            opened_at: connection.opened_at,
            connected_at: connection.connected_at,
        }
    }
}

/// What a person filled in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewConnection {
    /// Of those that are offered.
    provider: String,
    /// Which of its sign-ins.
    sign_in: String,
    /// The server's origin, where the form asks for one.
    server: Option<String>,
    /// By the names of the form.
    #[serde(default)]
    fields: BTreeMap<String, String>,
    /// By the names of the form; stored sealed, and never given out again.
    #[serde(default)]
    secrets: BTreeMap<String, String>,
}

/// A provider that a person may connect.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Offer)]
pub(in crate::http) struct OfferOut {
    provider: String,
    name: String,
    sign_ins: Vec<SignInOut>,
}

/// A way to sign in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignIn)]
struct SignInOut {
    id: String,
    label: String,
    /// `form`: fill in `fields`, and connect by PUT. `browser`: the person connects it in Settings, with their browser.
    method: &'static str,
    /// Where the service explains its passwords.
    help_link: Option<String>,
    fields: Vec<FieldOut>,
}

/// A field of a form.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FormField)]
struct FieldOut {
    name: String,
    label: String,
    /// `text` goes into `fields`, `secret` into `secrets`, `server` is the server.
    kind: &'static str,
    help: String,
    /// What is taken if nothing is given.
    preset: Option<String>,
    /// A regular expression of HTML's kind that the whole value matches.
    pattern: Option<String>,
}

/// What the person may connect.
#[utoipa::path(get, path = "/v1/people/{person}/offers", tag = "connections", operation_id = "listOffers",
    params(("person" = PersonId, Path)), responses((status = 200, body = Vec<OfferOut>)))]
pub(in crate::http) async fn list_offers(
    State(app): State<App>,
    actor: Actor,
    PathIds(person): PathIds<PersonId>,
) -> Result<Json<Vec<OfferOut>>, Problem> {
    let person = find_person(&app, &actor, person).await?;
    let mut tx = app.calendars.db.begin_read().await?;
    let offered = offers::to_person(&mut tx, person.organisation, person.id).await?;
    tx.commit().await?;
    let mut offers = Vec::with_capacity(offered.len());
    for id in offered {
        // What is offered and not granted at the moment cannot be connected at the moment.
        let Ok(provider) = app.calendars.registry.provider(&id).await else { continue };
        let sign_ins = provider.sign_ins().filter_map(sign_in_out).collect();
        offers.push(OfferOut { provider: id, name: provider.plugin.description().name.clone(), sign_ins });
    }
    Ok(Json(offers))
}

fn sign_in_out(sign_in: &SignIn) -> Option<SignInOut> {
    let (id, label) = (sign_in.id.clone(), sign_in.label.clone());
    if code_grant(sign_in).is_some() {
        return Some(SignInOut { id, label, method: "browser", help_link: None, fields: vec![] });
    }
    let Method::Form(Form { fields, help_link }) = &sign_in.method else { return None };
    let field = |field: &crate::plugins::contract::FormField| FieldOut {
        name: field.name.clone(),
        label: field.label.clone(),
        kind: match field.kind {
            FieldKind::Text => "text",
            FieldKind::Secret => "secret",
            FieldKind::ServerUrl => "server",
        },
        help: field.help.clone(),
        preset: field.preset.clone(),
        pattern: field.pattern.clone(),
    };
    Some(SignInOut {
        id,
        label,
        method: "form",
        help_link: help_link.clone(),
        fields: fields.iter().map(field).collect(),
    })
}

/// The person's connected calendar.
#[utoipa::path(get, path = "/v1/people/{person}/connection", tag = "connections", operation_id = "getConnection",
    params(("person" = PersonId, Path)), responses((status = 200, body = ConnectionOut)))]
pub(in crate::http) async fn get_connection(
    State(app): State<App>,
    actor: Actor,
    PathIds(person): PathIds<PersonId>,
) -> Result<Json<ConnectionOut>, Problem> {
    let person = find_person(&app, &actor, person).await?;
    let mut tx = app.calendars.db.begin_read().await?;
    let kept = connections::store::of_person(&mut tx, person.organisation, person.id).await?;
    Ok(Json(kept.ok_or(Problem::new(Code::NotConnected))?.connection.into()))
}

/// Connects the person's calendar: checked, verified by opening the account, sealed, stored. Only the person
/// themself can. To sign in again to the same account is the same request; the connection and its meetings stay.
#[utoipa::path(put, path = "/v1/people/{person}/connection", tag = "connections", operation_id = "connect",
    params(("person" = PersonId, Path)), request_body = NewConnection,
    responses((status = 200, body = ConnectionOut)))]
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

/// Disconnects it, and forgets the credential. Events that are in the calendar stay there.
#[utoipa::path(delete, path = "/v1/people/{person}/connection", tag = "connections", operation_id = "disconnect",
    params(("person" = PersonId, Path)), responses((status = 204)))]
pub(in crate::http) async fn disconnect_calendar(
    State(app): State<App>,
    actor: Actor,
    PathIds(person): PathIds<PersonId>,
) -> Result<StatusCode, Problem> {
    let person = find_person(&app, &actor, person).await?;
    connections::disconnect(&app.calendars, &actor, person.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
