//! Edit Profile → Settings → Calendar Settings: a person's connected calendar, or the ways to connect one.
//!
//! What can be connected, and how, is what providers describe and operators grant; this page knows none of them. A
//! sign-in that is a form becomes one here ([`form`]); every other sign-in is a button that leads to the service, and
//! sends its provider and its sign-in to [`CONNECT`] ([`ways`] has a function for each method). Nobody else's calendar
//! can be meant: the person is the session's, and no address and no field names one (M12).

mod form;
mod options;

pub(super) use form::fill_in;
pub(super) use options::form_action_origins;

use super::{
    super::{
        input::QueryParams,
        problem::{Code, Problem},
    },
    FormData, Layout, View,
};
use crate::{
    app::App,
    auth::{Actor, sessions::Session},
    connections::{
        self, Connection, State as Standing,
        oauth::approvals::{self, Needed},
        store,
    },
    organisations::{offers, programs},
    people,
    plugins::{
        contract::{ScopeLevel, SignIn},
        egress::Origin,
        registry::Provider,
    },
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect},
};
use form::Tried;
use options::ConnectOption;

/// This page.
pub(super) const PATH: &str = "/settings/calendar";
/// Where forms of sign-ins are sent.
const FORM: &str = "/settings/calendar/form";
/// Where the buttons of all other sign-ins are.
pub(in crate::http) const CONNECT: &str = "/settings/calendar/connect";

#[derive(Template)]
#[template(path = "calendar.html")]
struct CalendarPage {
    layout: Layout,
    connected: Option<Connected>,
    offered: Vec<Offered>,
}

/// What is connected.
struct Connected {
    provider: String,
    address: Option<String>,
    calendar: Option<String>,
    reads: bool,
    reconnect: bool,
    by_organisation: bool,
    /// How to sign in again, if that is needed.
    again: Option<ConnectOption>,
    /// How to let meetings be put into it, if a program of theirs does that and they have not let it yet.
    more: Option<ConnectOption>,
}

/// A provider that the person may connect by.
struct Offered {
    name: String,
    /// Their organisation's own administrator must approve first, as somebody of it has met.
    approval: Option<Needed>,
    ways: Vec<ConnectOption>,
}

#[derive(Template)]
#[template(path = "disconnect.html")]
struct DisconnectPage {
    layout: Layout,
    provider: String,
    address: Option<String>,
    another: bool,
}

/// The page.
pub(super) async fn page(
    State(app): State<App>,
    session: Session,
    layout: Layout,
) -> Result<impl IntoResponse, Problem> {
    show(&app, &session, layout, None).await
}

/// The page, with what somebody has just tried in vain.
async fn show(
    app: &App,
    session: &Session,
    layout: Layout,
    tried: Option<Tried>,
) -> Result<View<CalendarPage>, Problem> {
    let mut tx = app.db.begin_read().await?;
    let kept = store::of_person(&mut tx, session.organisation, session.person).await?;
    let two_way = programs::any_two_way(&mut tx, session.organisation, session.person).await?;
    let mut offered = Vec::new();
    if kept.is_none() {
        let person = people::person(&mut tx, session.organisation, session.person).await?;
        let address = person.map(|person| person.email).unwrap_or_default();
        for id in offers::to_person(&mut tx, session.organisation, session.person).await? {
            let approval = approvals::needed(&mut tx, session.organisation, &id, &address).await?;
            offered.push((id, approval));
        }
    }
    tx.commit().await?;
    let mut form_action_origins = Vec::new();
    let mut way = |provider: &Provider, sign_in: &SignIn, tried: Option<&Tried>| {
        form_action_origins.extend(options::form_action_origins(app, sign_in));
        ConnectOption::new(provider, sign_in, tried)
    };
    let connected = match kept.map(|kept| kept.connection) {
        Some(connection) => Some(standing(app, &connection, two_way, tried.as_ref(), &mut way).await),
        None => None,
    };
    let mut shown = Vec::with_capacity(offered.len());
    for (id, approval) in offered {
        // What is offered and not granted at the moment cannot be connected at the moment.
        let Ok(provider) = app.calendars.registry.provider(&id).await else { continue };
        let ways = provider.sign_ins().filter(|sign_in| options::is_personal(sign_in));
        let ways = ways.map(|sign_in| way(&provider, sign_in, tried.as_ref())).collect();
        shown.push(Offered { name: provider.plugin.description().name.clone(), approval, ways });
    }
    let mut status = StatusCode::OK;
    if let Some(tried) = tried {
        let again = connected.as_ref().and_then(|connected| connected.again.as_ref());
        let is_shown = shown.iter().flat_map(|offered| &offered.ways).chain(again).any(|way| way.tried);
        status = tried.status();
        // There is no form here that it could stand at: it was taken away meanwhile, or something else is connected.
        if let Some(problem) = tried.problem.filter(|_| !is_shown) {
            return Err(problem);
        }
    }
    Ok(View::new(CalendarPage { layout, connected, offered: shown })
        .status(status)
        .form_action_origins(distinct(form_action_origins)))
}

/// A connection, for its person.
async fn standing(
    app: &App,
    connection: &Connection,
    two_way: bool,
    tried: Option<&Tried>,
    way: &mut impl FnMut(&Provider, &SignIn, Option<&Tried>) -> ConnectOption,
) -> Connected {
    let provider = app.calendars.registry.provider(&connection.provider).await.ok();
    let reconnect = connection.state == Standing::Reconnect;
    let before = Tried::before(connection);
    let by_organisation = connection.service_account.is_some();
    let again = provider.as_ref().filter(|_| reconnect && !by_organisation).and_then(|provider| {
        let sign_in = provider.granted.sign_in(&connection.sign_in)?;
        Some(way(provider, sign_in, tried.or(Some(&before))))
    });
    let reads_only = connection.token.as_ref().is_some_and(|token| token.level == ScopeLevel::Read);
    let wants_more = two_way && reads_only && !reconnect && !by_organisation;
    let more = provider.as_ref().filter(|_| wants_more).and_then(|provider| {
        let sign_in = provider.granted.sign_in(&connection.sign_in)?;
        Some(ConnectOption { button: "Let meetings be put into it".to_owned(), ..way(provider, sign_in, None) })
    });
    Connected {
        provider: name(provider.as_ref(), connection),
        address: connection.address.clone(),
        calendar: connection.home().map(|home| home.name.clone()),
        reads: connection.account.abilities.read_busy,
        reconnect,
        by_organisation,
        again,
        more,
    }
}

/// What people call the provider; its id, where it is not there any more.
fn name(provider: Option<&Provider>, connection: &Connection) -> String {
    provider.map_or_else(|| connection.provider.clone(), |provider| provider.plugin.description().name.clone())
}

fn distinct(mut origins: Vec<Origin>) -> Vec<Origin> {
    origins.sort();
    origins.dedup();
    origins
}

/// Says what disconnecting does, and asks.
pub(super) async fn confirm(
    State(app): State<App>,
    session: Session,
    layout: Layout,
    QueryParams(Then { another }): QueryParams<Then>,
) -> Result<impl IntoResponse, Problem> {
    let mut tx = app.db.begin_read().await?;
    let kept = store::of_person(&mut tx, session.organisation, session.person).await?;
    tx.commit().await?;
    let connection = kept.ok_or(Problem::new(Code::NotConnected))?.connection;
    let provider = app.calendars.registry.provider(&connection.provider).await.ok();
    let provider = name(provider.as_ref(), &connection);
    Ok(View::new(DisconnectPage { layout, provider, address: connection.address, another: another.is_some() }))
}

/// Whether another calendar is to be connected afterwards.
#[derive(serde::Deserialize)]
pub(super) struct Then {
    another: Option<String>,
}

/// Disconnects.
pub(super) async fn disconnect(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    _: FormData,
) -> Result<Redirect, Problem> {
    connections::disconnect(&app.calendars, &actor, session.person).await?;
    Ok(Redirect::to(PATH))
}
