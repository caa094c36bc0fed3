//! The page: what is connected, or what can be connected.

use super::{
    super::{
        error::PageError,
        layout::Layout,
        messages::{Message, Texts},
        view::View,
    },
    options::{self, ConnectOption, FieldLabel},
    submission::{FieldErrorKind, Submission},
};
use crate::{
    app::App,
    auth::sessions::Session,
    connections::{
        self, Connection, OfferedProvider, State as ConnectionState,
        approvals::{self, Applicant, ApprovalRequest},
        offered_providers, store,
    },
    oauth::SignInRef,
    organisations::{offers, programs},
    people,
    plugins::{
        contract::{FieldKind, Method, ScopeLevel},
        egress::Origin,
        registry::Provider,
    },
};
use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::IntoResponse,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use url::Url;

#[derive(Template)]
#[template(path = "calendar.html")]
struct CalendarPage {
    layout: Layout,
    /// What is wrong with the form that was sent, at the top of the page.
    summary: Option<Summary>,
    /// Where the person withdraws their consent, after they have disconnected a calendar.
    disconnected: Option<Withdrawal>,
    connected: Option<ConnectedCalendar>,
    offered: Vec<ProviderChoice>,
}

/// The page of a service where a person withdraws their consent.
pub(super) struct Withdrawal {
    service: String,
    link: String,
}

/// The query after a calendar was disconnected.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::http::pages) struct DisconnectedQuery {
    disconnected: Option<String>,
    sign_in: Option<String>,
}

/// An error summary.
struct Summary {
    texts: Texts,
    /// The id of the form on this page.
    form: String,
}

/// The connected calendar.
struct ConnectedCalendar {
    service: String,
    account: Option<String>,
    reads_busy: bool,
    meetings: Meetings,
    needs_sign_in: bool,
    by_organisation: bool,
    /// The page where the person withdraws their consent at the service.
    withdraw: Option<String>,
    /// The form or button to sign in again.
    sign_in_again: Option<ConnectOption>,
    /// The button that asks for permission to add meetings.
    allow_meetings: Option<ConnectOption>,
}

/// What happens to the meetings that the person schedules.
enum Meetings {
    /// They are added to this calendar.
    Added { calendar: String },
    /// The permission was never requested, because no program needs it.
    NotRequested,
    /// A program needs the permission, and the person has not given it.
    NotGranted,
    /// The account does not allow it.
    NotPermitted,
}

/// A provider that the person can connect.
struct ProviderChoice {
    service: String,
    /// An IT administrator must approve first, as somebody of the same email domain has experienced.
    approval: Option<ApprovalRequest>,
    options: Vec<ConnectOption>,
}

/// The page.
pub(in crate::http::pages) async fn page(
    State(app): State<App>,
    session: Session,
    layout: Layout,
    query: Result<Query<DisconnectedQuery>, QueryRejection>,
) -> Result<impl IntoResponse, PageError> {
    let Query(query) = query.map_err(|_| Message::InvalidAddress)?;
    let disconnected = withdrawal(&app, &query).await?;
    show(&app, &session, layout, None, disconnected).await
}

/// Where a person withdraws the consent that they gave with a sign-in. The query only selects what is granted.
async fn withdrawal(app: &App, query: &DisconnectedQuery) -> Result<Option<Withdrawal>, PageError> {
    let (Some(provider), Some(sign_in)) = (&query.disconnected, &query.sign_in) else { return Ok(None) };
    let link = connections::page_to_withdraw_later(&app.calendars, SignInRef { provider, sign_in }).await?;
    let (Some(link), Ok(provider)) = (link, app.calendars.registry.provider(provider).await) else { return Ok(None) };
    Ok(Some(Withdrawal { service: provider.plugin.description().name.clone(), link: link.into() }))
}

/// Shows the page, with a submission that failed.
pub(super) async fn show(
    app: &App,
    session: &Session,
    layout: Layout,
    submission: Option<Submission>,
    disconnected: Option<Withdrawal>,
) -> Result<impl IntoResponse + use<>, PageError> {
    let mut tx = app.db.begin_read().await?;
    let found = store::of_person(&mut tx, session.organisation, session.person).await?;
    let two_way = programs::any_two_way(&mut tx, session.organisation, session.person).await?;
    let mut available = BTreeMap::new();
    if found.is_none() {
        let person = people::person(&mut tx, session.organisation, session.person).await?;
        let address = person.map(|person| person.email).unwrap_or_default();
        for id in offers::to_person(&mut tx, session.organisation, session.person).await? {
            let Session { organisation, person, .. } = *session;
            let applicant = Applicant { organisation, person, address: &address, provider: &id };
            let approval = approvals::needed(&mut tx, applicant).await?;
            available.insert(id, approval);
        }
    }
    tx.commit().await?;
    let mut origins = Vec::new();
    let connected = match found.map(|found| found.connection) {
        Some(connection) => Some(connected_view(app, &connection, two_way, submission.as_ref(), &mut origins).await),
        None => None,
    };
    let mut offered = Vec::with_capacity(available.len());
    let ids: Vec<_> = available.keys().cloned().collect();
    for OfferedProvider { id, provider } in offered_providers(&app.calendars, ids).await {
        let approval = available.remove(&id).flatten();
        let mut options = Vec::new();
        for sign_in in provider.sign_ins().filter(|sign_in| options::is_personal(sign_in)) {
            origins.extend(options::form_action_origins(app, sign_in));
            options.push(ConnectOption::new(&provider, sign_in, submission.as_ref()));
        }
        offered.push(ProviderChoice { service: provider.plugin.description().name.clone(), approval, options });
    }
    let mut page = CalendarPage { layout, summary: None, disconnected, connected, offered };
    let mut status = StatusCode::OK;
    if let Some(Submission { message: Some(message), .. }) = submission {
        status = message.status();
        let again = page.connected.as_ref().and_then(|connected| connected.sign_in_again.as_ref());
        let mut shown = page.offered.iter().flat_map(|offered| &offered.options).chain(again);
        let failed = shown.find_map(|option| Some((option.id.clone(), option.problem.clone()?)));
        // The form is no longer on the page: it is not offered any more, or a calendar is connected now.
        let (form, texts) = failed.ok_or(message)?;
        page.summary = Some(Summary { texts, form });
    }
    Ok(View::new(page).status(status).form_action_origins(distinct(origins)))
}

/// What the page shows of a connection.
async fn connected_view(
    app: &App,
    connection: &Connection,
    two_way: bool,
    submission: Option<&Submission>,
    origins: &mut Vec<Origin>,
) -> ConnectedCalendar {
    let provider = app.calendars.registry.provider(&connection.provider).await.ok();
    let needs_sign_in = connection.state == ConnectionState::Reconnect;
    let by_organisation = connection.service_account.is_some();
    let reads_only = connection.token.as_ref().is_some_and(|token| token.level == ScopeLevel::Read);
    let meetings = match connection.home() {
        Some(home) => Meetings::Added { calendar: home.name.clone() },
        None if reads_only && two_way => Meetings::NotGranted,
        None if reads_only => Meetings::NotRequested,
        None => Meetings::NotPermitted,
    };
    let (mut sign_in_again, mut allow_meetings) = (None, None);
    if let Some(provider) = provider.as_ref().filter(|_| !by_organisation)
        && let Some(sign_in) = provider.granted.sign_in(&connection.sign_in)
    {
        if needs_sign_in {
            let before = Submission::of_connection(connection);
            origins.extend(options::form_action_origins(app, sign_in));
            sign_in_again = Some(ConnectOption::new(provider, sign_in, submission.or(Some(&before))));
        } else if matches!(meetings, Meetings::NotGranted) {
            origins.extend(options::form_action_origins(app, sign_in));
            allow_meetings = Some(ConnectOption::new(provider, sign_in, None));
        }
    }
    ConnectedCalendar {
        service: service_name(provider.as_ref(), connection),
        account: account_label(provider.as_ref(), connection),
        withdraw: provider
            .as_ref()
            .and_then(|provider| connections::page_to_withdraw(&app.calendars, provider, connection))
            .map(Into::into),
        reads_busy: connection.account.abilities.read_busy,
        meetings,
        needs_sign_in,
        by_organisation,
        sign_in_again,
        allow_meetings,
    }
}

/// The name of the provider for people, or its id if the provider was removed.
pub(super) fn service_name(provider: Option<&Provider>, connection: &Connection) -> String {
    provider.map_or_else(|| connection.provider.clone(), |provider| provider.plugin.description().name.clone())
}

/// The account as far as it is known: its address if the service tells it, else the user name and the server of the form.
/// The person's own address would only be a guess.
pub(super) fn account_label(provider: Option<&Provider>, connection: &Connection) -> Option<String> {
    let known = connection.account.address.clone().or_else(|| connection.subject.clone());
    known.or_else(|| {
        let sign_in = provider?.granted.sign_in(&connection.sign_in)?;
        let Method::Form(form) = &sign_in.method else { return None };
        let mut required = form.fields.iter().filter(|field| field.kind == FieldKind::Text && field.preset.is_none());
        let name = &required.next()?.name;
        let (_, user) = connection.fields.iter().find(|(field, _)| field == name)?;
        let server = connection.server.as_deref().and_then(|server| Url::parse(server).ok());
        let host = server.as_ref().and_then(Url::host_str);
        Some(host.map_or_else(|| user.clone(), |host| format!("{user} at {host}")))
    })
}

fn distinct(mut origins: Vec<Origin>) -> Vec<Origin> {
    origins.sort();
    origins.dedup();
    origins
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            super::{golden::golden, layout},
            options::testing::{button, form},
            submission::testing::failed,
        },
        *,
    };

    const SERVICE: &str = "Example Calendar";

    fn page(connected: Option<ConnectedCalendar>, offered: Vec<ProviderChoice>) -> CalendarPage {
        CalendarPage { layout: layout::testing::signed_in(), summary: None, disconnected: None, connected, offered }
    }

    fn offer(options: Vec<ConnectOption>) -> Vec<ProviderChoice> {
        vec![ProviderChoice { service: SERVICE.into(), approval: None, options }]
    }

    fn connected(meetings: Meetings) -> ConnectedCalendar {
        ConnectedCalendar {
            service: SERVICE.into(),
            account: Some("ann at dav.example.org".into()),
            reads_busy: true,
            meetings,
            needs_sign_in: false,
            by_organisation: false,
            withdraw: None,
            sign_in_again: None,
            allow_meetings: None,
        }
    }

    #[test]
    fn golden_pages_without_a_connected_calendar() {
        golden("page_calendar_offered", &page(None, offer(vec![form(SERVICE, None), button(SERVICE)])));
        let approval =
            ApprovalRequest { domain: "school.example".into(), link: Some("https://admin.example/approve".into()) };
        let needed =
            ProviderChoice { service: SERVICE.into(), approval: Some(approval), options: vec![button(SERVICE)] };
        golden("page_calendar_needs_approval", &page(None, vec![needed]));
        let kinds = [
            ("server", FieldErrorKind::ServerInvalid),
            ("path", FieldErrorKind::Pattern),
            ("username", FieldErrorKind::Missing { label: "User name".into() }),
        ];
        for (name, message, errors) in [
            ("page_calendar_refused", Message::SignInRefused, &[][..]),
            ("page_calendar_fields_invalid", Message::FieldsInvalid, &kinds[..]),
        ] {
            let option = form(SERVICE, Some(&failed(message, errors)));
            let summary = Summary { texts: message.fill_in(Some(SERVICE)), form: option.id.clone() };
            golden(name, &CalendarPage { summary: Some(summary), ..page(None, offer(vec![option])) });
        }
    }

    #[test]
    fn golden_pages_with_a_connected_calendar() {
        for (name, meetings) in [
            ("page_connected_added", Meetings::Added { calendar: "Work".into() }),
            ("page_connected_not_requested", Meetings::NotRequested),
            ("page_connected_not_permitted", Meetings::NotPermitted),
        ] {
            golden(name, &page(Some(connected(meetings)), vec![]));
        }
        let view = ConnectedCalendar { allow_meetings: Some(button(SERVICE)), ..connected(Meetings::NotGranted) };
        golden("page_connected_not_granted", &page(Some(view), vec![]));
        let work = || Meetings::Added { calendar: "Work".into() };
        let again = Some(form(SERVICE, None));
        let view = ConnectedCalendar { needs_sign_in: true, sign_in_again: again, ..connected(work()) };
        golden("page_connected_sign_in_again", &page(Some(view), vec![]));
        let link = || "https://account.example/applications".to_owned();
        let view = ConnectedCalendar { withdraw: Some(link()), ..connected(work()) };
        golden("page_connected_withdraw", &page(Some(view), vec![]));
        let withdrawal = Withdrawal { service: SERVICE.into(), link: link() };
        golden("page_calendar_disconnected", &CalendarPage { disconnected: Some(withdrawal), ..page(None, vec![]) });
        let view = ConnectedCalendar { by_organisation: true, ..connected(work()) };
        golden("page_connected_by_organisation", &page(Some(view), vec![]));
        let view = ConnectedCalendar { by_organisation: true, needs_sign_in: true, ..connected(work()) };
        golden("page_connected_by_organisation_renew", &page(Some(view), vec![]));
    }
}
