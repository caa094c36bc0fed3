//! Connecting by a form that was filled in on the page.
//!
//! What is wrong stands beside its field, and what was filled in is still there, except secrets. What the service itself
//! refuses stands above the form.

use super::{super::super::problem::Problem, FormData, Layout, PATH, options::PREFIX, show};
use crate::{
    app::App,
    auth::{Actor, sessions::Session},
    connections::{self, ConnectError, Connection, FormSignIn},
    plugins::{
        contract::{FieldKind, FormField, Method, SignIn},
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
    server: Option<String>,
    /// By the names of the form; no secrets.
    values: BTreeMap<String, String>,
    /// Fields, and what is wrong with each.
    pub(super) errors: Vec<(String, String)>,
    /// What it came to.
    pub(super) problem: Option<Problem>,
}

impl Tried {
    pub(super) const fn new(
        provider: String,
        sign_in: String,
        server: Option<String>,
        values: BTreeMap<String, String>,
    ) -> Self {
        Self { provider, sign_in, server, values, errors: Vec::new(), problem: None }
    }

    /// What was filled in when the calendar was connected.
    pub(super) fn before(connection: &Connection) -> Self {
        let Connection { provider, sign_in, server, fields, .. } = connection;
        Self::new(provider.clone(), sign_in.clone(), server.clone(), fields.iter().cloned().collect())
    }

    /// What was filled in; never a secret.
    pub(super) fn value(&self, field: &FormField) -> Option<&str> {
        match field.kind {
            FieldKind::ServerUrl => self.server.as_deref(),
            FieldKind::Text => self.values.get(&field.name).map(String::as_str),
            FieldKind::Secret => None,
        }
    }

    /// What is wrong with a field.
    pub(super) fn error(&self, name: &str) -> Option<&str> {
        self.errors.iter().find(|(other, _)| other == name).map(|(_, error)| &**error)
    }

    /// What is wrong with all of it, and what to do; nothing if it stands beside a field.
    pub(super) fn told(&self) -> Option<(String, String)> {
        let problem = self.problem.as_ref().filter(|_| self.errors.is_empty())?;
        Some((problem.title().to_owned(), problem.detail().unwrap_or(problem.advice()).to_owned()))
    }

    /// The status of the page that shows it.
    pub(super) fn status(&self) -> StatusCode {
        self.problem.as_ref().map_or(StatusCode::OK, Problem::status)
    }

    fn failed(mut self, error: ConnectError, server: Option<&str>) -> Self {
        if let ConnectError::Input(input) = &error
            && let Some((name, what)) = beside(input, server)
        {
            self.errors.push((name, what));
        }
        self.problem = Some(error.into());
        self
    }
}

/// Connects, or shows the page with what is wrong.
pub(in crate::http::pages) async fn fill_in(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    layout: Layout,
    filled: FormData,
) -> Result<Response, Problem> {
    let text = |name: &str| filled.text(name).unwrap_or_default().to_owned();
    let (provider, sign_in) = (text("provider"), text("sign-in"));
    let asked = app.calendars.registry.provider(&provider).await.ok();
    let asked = asked.as_ref().and_then(|provider| provider.granted.sign_in(&sign_in));
    let Sorted { server, server_field, fields, secrets } = sorted(asked, &filled);
    let tried = Tried::new(provider.clone(), sign_in.clone(), server.clone(), fields.clone());
    let request = FormSignIn { provider, sign_in, server, fields, secrets };
    match connections::connect(&app.calendars, &actor, session.person, request).await {
        Ok(_) => Ok(Redirect::to(PATH).into_response()),
        Err(ConnectError::Database(error)) => Err(error.into()),
        Err(error) => {
            let tried = tried.failed(error, server_field.as_deref());
            Ok(show(&app, &session, layout, Some(tried)).await?.into_response())
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
fn sorted(asked: Option<&SignIn>, filled: &FormData) -> Sorted {
    let mut sorted = Sorted::default();
    let given = |name: &str| filled.text(&format!("{PREFIX}{name}"));
    match asked.map(|asked| &asked.method) {
        Some(Method::Form(form)) => {
            for field in &form.fields {
                if field.kind == FieldKind::ServerUrl {
                    sorted.server_field = Some(field.name.clone());
                }
                let Some(value) = given(&field.name) else { continue };
                match field.kind {
                    FieldKind::Text => {
                        sorted.fields.insert(field.name.clone(), value.trim().to_owned());
                    }
                    FieldKind::Secret => {
                        sorted.secrets.insert(field.name.clone(), value.to_owned().into());
                    }
                    FieldKind::ServerUrl => sorted.server = Some(value.trim().to_owned()),
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
