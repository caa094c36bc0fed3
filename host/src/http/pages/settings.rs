//! Edit Profile → Settings: who somebody is here, where they are signed in, and the way to their calendar.

use super::{
    super::problem::{Code, Problem},
    HOME, SIGN_IN, Somebody,
    layout::Layout,
    view::View,
};
use crate::{
    app::App,
    auth::{
        sessions::{self, Session},
        sign_out,
    },
    people::{self, Person, Role},
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
    administers: bool,
    signed_in: Vec<SignedIn>,
}

/// A browser in which the person is signed in.
struct SignedIn {
    since: String,
    is_this: bool,
}

/// To where somebody begins.
pub(super) async fn front(Somebody(somebody): Somebody) -> Redirect {
    Redirect::to(if somebody.is_some() { HOME } else { SIGN_IN })
}

/// The settings.
pub(super) async fn page(
    State(app): State<App>,
    session: Session,
    layout: Layout,
) -> Result<impl IntoResponse, Problem> {
    let person = person(&app, &session).await?;
    let all = sessions::list(&app.db, &app.clock, person.id).await?;
    let shown =
        |one: Session| SignedIn { since: local_time(one.created_at, &person.zone), is_this: one.id == session.id };
    let signed_in = all.into_iter().map(shown).collect();
    let administers = person.role == Role::GlobalAdmin;
    Ok(View::new(SettingsPage { layout, person, administers, signed_in }))
}

/// Ends all sessions of the person but this one.
pub(super) async fn sign_out_elsewhere(State(app): State<App>, session: Session) -> Result<Redirect, Problem> {
    let ended = sign_out::end_other_sessions(&app.db, &session).await?;
    tracing::info!(person = %session.person, ended, "signed out elsewhere");
    Ok(Redirect::to(HOME))
}

/// The person whose browser it is.
pub(super) async fn person(app: &App, session: &Session) -> Result<Person, Problem> {
    let mut tx = app.db.begin_read().await?;
    let person = people::person(&mut tx, session.organisation, session.person).await?;
    person.ok_or(Problem::new(Code::NotFound))
}

/// A time as the person's clock shows it: 24 November 2026, 16:43 (Europe/Rome).
fn local_time(at: Timestamp, zone: &str) -> String {
    let known = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let name = known.iana_name().unwrap_or("UTC").to_owned();
    format!("{} ({name})", at.to_zoned(known).strftime("%-d %B %Y, %H:%M"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_by_the_clock_of_the_person() {
        let at = "2026-11-24T15:43:59Z".parse().unwrap();
        assert_eq!(local_time(at, "Europe/Rome"), "24 November 2026, 16:43 (Europe/Rome)");
        assert_eq!(local_time(at, "Nowhere/Else"), "24 November 2026, 15:43 (UTC)");
    }
}
