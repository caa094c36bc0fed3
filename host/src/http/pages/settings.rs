//! Edit Profile → Settings: the person's profile, the browsers in which they are signed in, and the way to Calendar
//! Settings.

use super::{browser::OptionalActor, error::PageError, layout::Layout, messages::Message, paths, view::View};
use crate::{
    app::App,
    auth::{
        Actor,
        sessions::{self, Session},
        sign_out,
    },
    people::{self, Person},
};
use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use jiff::{Timestamp, tz::TimeZone};

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    layout: Layout,
    person: Person,
    is_global_admin: bool,
    /// Whether the person administers the organisation or one of its programs.
    is_administrator: bool,
    sessions: Vec<SessionRow>,
}

/// A browser in which the person is signed in.
struct SessionRow {
    since: String,
    is_this_browser: bool,
}

/// Redirects to the first page.
pub(super) async fn home(OptionalActor(actor): OptionalActor) -> Redirect {
    Redirect::to(if actor.is_some() { paths::HOME } else { paths::SIGN_IN })
}

/// The settings.
pub(super) async fn page(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    layout: Layout,
) -> Result<impl IntoResponse, PageError> {
    let person = app.db.read(async |tx| people::person(tx, session.organisation, session.person).await).await?;
    let person = person.ok_or(Message::NotFound)?;
    let all = sessions::list(&app.db, &app.clock, person.id).await?;
    let row = |one: Session| SessionRow {
        since: format_local_time(one.created_at, &person.zone),
        is_this_browser: one.id == session.id,
    };
    let sessions = all.into_iter().map(row).collect();
    let (is_global_admin, is_administrator) = (actor.is_global_admin(), actor.is_administrator());
    Ok(View::new(SettingsPage { layout, person, is_global_admin, is_administrator, sessions }))
}

/// Ends all other sessions of the person.
pub(super) async fn sign_out_elsewhere(State(app): State<App>, session: Session) -> Result<Redirect, PageError> {
    let ended = sign_out::end_other_sessions(&app.db, &session).await?;
    tracing::info!(person = %session.person, ended, "signed out elsewhere");
    Ok(Redirect::to(paths::HOME))
}

/// A time on the person's clock: 24 November 2026, 16:43 (Europe/Rome).
fn format_local_time(at: Timestamp, zone: &str) -> String {
    let known = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let name = known.iana_name().unwrap_or("UTC").to_owned();
    format!("{} ({name})", at.to_zoned(known).strftime("%-d %B %Y, %H:%M"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_on_the_clock_of_the_person() {
        let at = "2026-11-24T15:43:59Z".parse().unwrap();
        assert_eq!(format_local_time(at, "Europe/Rome"), "24 November 2026, 16:43 (Europe/Rome)");
        assert_eq!(format_local_time(at, "Nowhere/Else"), "24 November 2026, 15:43 (UTC)");
    }
}
