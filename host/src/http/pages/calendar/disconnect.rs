//! Disconnecting a calendar: the question, and the act.

use super::{
    super::{error::PageError, layout::Layout, messages::Message, paths, view::View},
    page::{account_label, service_name},
};
use crate::{
    app::App,
    auth::{Actor, sessions::Session},
    connections::{self, Connection, DisconnectError, store},
};
use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Redirect},
};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

#[derive(Template)]
#[template(path = "disconnect.html")]
struct DisconnectPage {
    layout: Layout,
    service: String,
    account: Option<String>,
    /// The page where the person withdraws their consent at the service.
    withdraw: Option<String>,
    /// Whether the person wants to connect another calendar afterwards.
    another: bool,
}

/// The query of the page that asks.
#[derive(Deserialize)]
pub(in crate::http::pages) struct DisconnectQuery {
    another: Option<String>,
}

/// Says what disconnecting does, and asks.
pub(in crate::http::pages) async fn confirm(
    State(app): State<App>,
    session: Session,
    layout: Layout,
    query: Result<Query<DisconnectQuery>, QueryRejection>,
) -> Result<impl IntoResponse, PageError> {
    let Query(query) = query.map_err(|_| Message::InvalidAddress)?;
    let found = app.db.read(async |tx| store::of_person(tx, session.organisation, session.person).await).await?;
    let connection = found.ok_or(Message::NotConnected)?.connection;
    let provider = app.calendars.registry.provider(&connection.provider).await.ok();
    let service = service_name(provider.as_ref(), &connection);
    let account = account_label(provider.as_ref(), &connection);
    let withdraw = provider.and_then(|provider| connections::page_to_withdraw(&app.calendars, &provider, &connection));
    let withdraw = withdraw.map(Into::into);
    Ok(View::new(DisconnectPage { layout, service, account, withdraw, another: query.another.is_some() }))
}

/// Disconnects the calendar.
pub(in crate::http::pages) async fn disconnect(
    State(app): State<App>,
    actor: Actor,
    session: Session,
) -> Result<Redirect, PageError> {
    let found = app.db.read(async |tx| store::of_person(tx, session.organisation, session.person).await).await?;
    match connections::disconnect(&app.calendars, &actor, session.person).await {
        Ok(()) => Ok(Redirect::to(&after(found.map(|found| found.connection)))),
        Err(DisconnectError::NotAllowed) => Err(Message::NotAllowed.into()),
        Err(DisconnectError::NotConnected) => Err(Message::NotConnected.into()),
        Err(DisconnectError::Database(error)) => Err(error.into()),
    }
}

/// The page after disconnecting. It says where the person withdraws their consent, if it was they who gave it.
fn after(connection: Option<Connection>) -> String {
    let own = connection.filter(|connection| connection.token.is_some() && connection.service_account.is_none());
    match own {
        Some(Connection { provider, sign_in, .. }) => {
            let query = Serializer::new(String::new())
                .append_pair("disconnected", &provider)
                .append_pair("sign-in", &sign_in)
                .finish();
            format!("{}?{query}", paths::CALENDAR)
        }
        None => paths::CALENDAR.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::{golden::golden, layout},
        *,
    };

    #[test]
    fn golden_pages_that_ask_before_disconnecting() {
        let link = "https://account.example/applications";
        for (name, another, withdraw) in [
            ("page_disconnect", false, None),
            ("page_disconnect_another", true, None),
            ("page_disconnect_withdraw", false, Some(link.to_owned())),
        ] {
            let (service, account) = ("Example Calendar".to_owned(), Some("ann@example.org".to_owned()));
            golden(name, &DisconnectPage { layout: layout::testing::signed_in(), service, account, withdraw, another });
        }
    }
}
