//! Connecting by a form that was filled in on the page.
//!
//! What is wrong stands beside its field, and what was filled in is still there, except secrets. What the service itself
//! refuses stands above the form.

use super::{super::super::problem::Problem, Filled, Frame, PATH, show, ways::PREFIX};
use crate::{
    app::App,
    connections::{self, ConnectError, Connection, Request},
    people::{Actor, sessions::Session},
    plugins::{
        contract::{FieldKind, Method, SignIn},
        sign_in::{InputError, SECRET_URL},
    },
};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use std::collections::BTreeMap;

/// What somebody filled in, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) provider: String,
    pub(super) sign_in: String,
    /// By the names of the form; no secrets.
    values: BTreeMap<String, String>,
    /// Fields, and what is wrong with each.
    pub(super) errors: Vec<(String, String)>,
    /// What is wrong with all of it, and what to do.
    pub(super) problem: Option<(String, String)>,
    status: StatusCode,
}

impl Tried {
    pub(super) const fn new(provider: String, sign_in: String, values: BTreeMap<String, String>) -> Self {
        Self { provider, sign_in, values, errors: Vec::new(), problem: None, status: StatusCode::OK }
    }

    /// What was filled in when the calendar was connected.
    pub(super) fn before(connection: &Connection) -> Self {
        let mut values: BTreeMap<_, _> = connection.fields.iter().cloned().collect();
        values.extend(connection.server.clone().map(|server| (SERVER.to_owned(), server)));
        Self::new(connection.provider.clone(), connection.sign_in.clone(), values)
    }

    /// The value of a field.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// What is wrong with a field.
    pub(super) fn error(&self, name: &str) -> Option<&str> {
        self.errors.iter().find(|(other, _)| other == name).map(|(_, error)| &**error)
    }

    /// The status of the page that shows it.
    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    fn failed(mut self, error: ConnectError, server: Option<&str>) -> Self {
        if let ConnectError::Input(input) = &error
            && let Some((name, what)) = beside(input, server)
        {
            self.errors.push((name, what));
        }
        let problem = Problem::from(error);
        self.status = problem.status();
        if self.errors.is_empty() {
            let told = problem.detail().unwrap_or(problem.advice()).to_owned();
            self.problem = Some((problem.title().to_owned(), told));
        }
        self
    }
}

/// By this name the server of a connection stands among its values, whatever the form calls it.
pub(super) const SERVER: &str = "server";

/// Connects, or shows the page with what is wrong.
pub(in crate::http::pages) async fn fill_in(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    frame: Frame,
    filled: Filled,
) -> Result<Response, Problem> {
    let text = |name: &str| filled.text(name).unwrap_or_default().to_owned();
    let (provider, sign_in) = (text("provider"), text("sign-in"));
    let asked = app.calendars.registry.provider(&provider).await.ok();
    let asked = asked.as_ref().and_then(|provider| provider.granted.sign_in(&sign_in));
    let Sorted { server, server_field, fields, secrets } = sorted(asked, &filled);
    let mut values = fields.clone();
    values.extend(server_field.clone().zip(server.clone()));
    let tried = Tried::new(provider.clone(), sign_in.clone(), values);
    let request = Request { provider, sign_in, server, fields, secrets };
    match connections::connect(&app.calendars, &actor, session.person, request).await {
        Ok(_) => Ok(Redirect::to(PATH).into_response()),
        Err(ConnectError::Store(error)) => Err(error.into()),
        Err(error) => {
            let tried = tried.failed(error, server_field.as_deref());
            Ok(show(&app, &session, frame, Some(tried)).await?.into_response())
        }
    }
}

/// What was filled in, sorted as the sign-in asks for it.
#[derive(Default)]
struct Sorted {
    server: Option<String>,
    server_field: Option<String>,
    fields: BTreeMap<String, String>,
    secrets: BTreeMap<String, secrecy::SecretString>,
}

/// Of a sign-in that is not there nothing is read; connecting says so.
fn sorted(asked: Option<&SignIn>, filled: &Filled) -> Sorted {
    let mut sorted = Sorted::default();
    let given = |name: &str| filled.text(&format!("{PREFIX}{name}"));
    match asked.map(|asked| &asked.method) {
        Some(Method::Form(form)) => {
            for field in &form.fields {
                let Some(value) = given(&field.name) else { continue };
                match field.kind {
                    FieldKind::Text => {
                        sorted.fields.insert(field.name.clone(), value.trim().to_owned());
                    }
                    FieldKind::Secret => {
                        sorted.secrets.insert(field.name.clone(), value.to_owned().into());
                    }
                    FieldKind::ServerUrl => {
                        sorted.server = Some(value.trim().to_owned());
                        sorted.server_field = Some(field.name.clone());
                    }
                }
            }
        }
        Some(Method::SecretUrl(_)) => {
            if let Some(value) = given(SECRET_URL) {
                sorted.secrets.insert(SECRET_URL.to_owned(), value.trim().to_owned().into());
            }
        }
        _ => {}
    }
    sorted
}

/// The field that an error is about, and what a person reads beside it.
fn beside(error: &InputError, server: Option<&str>) -> Option<(String, String)> {
    let at_server = |what: &str| server.map(|name| (name.to_owned(), what.to_owned()));
    match error {
        InputError::Missing { name, label, .. } => Some((name.clone(), format!("Fill in: {label}."))),
        InputError::Pattern { name, .. } => {
            Some((name.clone(), "This does not have the form that is asked for.".into()))
        }
        InputError::ServerMissing(_) => at_server("Fill in the address of the server."),
        InputError::Server(_) => {
            at_server("This is no address of a server; write for instance https://dav.example.org.")
        }
        InputError::SecretUrl => Some((SECRET_URL.to_owned(), "This is no address that begins with https://.".into())),
        _ => None,
    }
}
