//! Settings → Organisation Account: the account by which an organisation connects its people (M17).
//!
//! A global administrator's page. What is filled in can be tried first, by the same button row: trying stores nothing, and
//! saving tries once more. A key that was filled in is never shown again, not even to whoever filled it in. A shared
//! mailbox is connected at its service's own page, as a person's calendar is.

use super::{
    super::problem::Problem,
    FormData, Layout, View,
    calendar::form_action_origins,
    connect::{CALLBACK, browser},
};
use crate::{
    app::App,
    auth::{Actor, sessions::Session},
    connections::service_accounts::{self, Inviting, Kind, NewAccount, Overview, Probed, Secret},
    organisations::{domains, offers},
    plugins::contract::{Method, SignIn},
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use url::Url;

/// This page.
pub(super) const PATH: &str = "/settings/organisation";

#[derive(Template)]
#[template(path = "organisation.html")]
struct OrganisationPage {
    layout: Layout,
    domains: Vec<String>,
    accounts: Vec<Overview>,
    ways: Vec<AccountOption>,
}

/// A sign-in by which an account can be made.
struct AccountOption {
    id: String,
    provider: String,
    name: String,
    sign_in: String,
    label: String,
    fields: Fields,
    /// Kept from what was tried; no secret is.
    mailbox: String,
    client_id: String,
    /// What came of trying.
    outcome: Option<Outcome>,
}

/// What is to be filled in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fields {
    /// The file of a service account's key.
    Key,
    /// An application's id and secret.
    Client,
    /// Nothing: it is a button that leads to the service.
    Nothing,
}

/// What came of trying an account.
enum Outcome {
    /// It works, so far.
    Works(Vec<String>),
    /// It does not: what happened, and what to do about it.
    Fails(String, String),
}

/// What somebody has tried.
struct Tried {
    provider: String,
    sign_in: String,
    mailbox: String,
    client_id: String,
    outcome: Outcome,
    status: StatusCode,
}

/// The page.
pub(super) async fn page(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    layout: Layout,
) -> Result<Response, Problem> {
    show(&app, &actor, &session, layout, None).await
}

/// Tries an account, or saves it.
pub(super) async fn fill_in(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    layout: Layout,
    filled: FormData,
) -> Result<Response, Problem> {
    service_accounts::administers(&actor, session.organisation)?;
    let text = |name: &str| filled.text(name).unwrap_or_default().trim().to_owned();
    let (provider, sign_in, mailbox, client_id) =
        (text("provider"), text("sign-in"), text("mailbox"), text("client-id"));
    let secret = match filled.text("key") {
        Some(key) => Secret::Key(key.to_owned().into()),
        None => Secret::Client { id: client_id.clone(), secret: text("client-secret").into() },
    };
    let new = NewAccount { provider, sign_in, secret, mailbox };
    let outcome = if filled.text("do") == Some("save") {
        match service_accounts::save(&app.calendars, &actor, session.organisation, &new).await {
            Ok(_) => return Ok(Redirect::to(PATH).into_response()),
            Err(error) => Err(error),
        }
    } else {
        service_accounts::probe(&app.calendars, &actor, session.organisation, &new).await
    };
    let (outcome, status) = match outcome {
        Ok(probed) => (Outcome::Works(told(&probed)), StatusCode::OK),
        Err(error) => {
            let problem = Problem::from(error);
            let what = problem.detail().unwrap_or(problem.advice()).to_owned();
            (Outcome::Fails(problem.title().to_owned(), what), problem.status())
        }
    };
    let NewAccount { provider, sign_in, mailbox, .. } = new;
    let tried = Tried { provider, sign_in, mailbox, client_id, outcome, status };
    show(&app, &actor, &session, layout, Some(tried)).await
}

/// To the page of a service, to connect a shared mailbox.
pub(super) async fn share(State(app): State<App>, session: Session, filled: FormData) -> Result<Redirect, Problem> {
    let text = |name: &str| filled.text(name).unwrap_or_default();
    let redirect = Url::parse(&format!("{}{CALLBACK}{}", app.config.public_origin(), text("provider")));
    let redirect = redirect.map_err(|_| Problem::new(super::super::problem::Code::NotOffered))?;
    let way = (text("provider"), text("sign-in"));
    let page = service_accounts::begin(&app.calendars, &browser(&session), way, &redirect).await?;
    Ok(Redirect::to(page.as_str()))
}

/// Removes an account, and disconnects whom it connected.
pub(super) async fn remove(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    filled: FormData,
) -> Result<Redirect, Problem> {
    let provider = filled.text("provider").unwrap_or_default();
    service_accounts::remove(&app.calendars, &actor, session.organisation, provider).await?;
    Ok(Redirect::to(PATH))
}

async fn show(
    app: &App,
    actor: &Actor,
    session: &Session,
    layout: Layout,
    tried: Option<Tried>,
) -> Result<Response, Problem> {
    let accounts = service_accounts::accounts(&app.calendars, actor, session.organisation).await?;
    let domains = domains::list(&mut app.db.begin_read().await?, session.organisation).await?;
    let status = tried.as_ref().map_or(StatusCode::OK, |tried| tried.status);
    let (mut ways, mut led) = (Vec::new(), Vec::new());
    let mut tried = tried;
    for offered in offers::offered(&app.db, session.organisation, None).await? {
        // What is offered and not granted at the moment cannot be used at the moment.
        let Ok(provider) = app.calendars.registry.provider(&offered.provider).await else { continue };
        for sign_in in provider.sign_ins() {
            let Some(fields) = fields(sign_in) else { continue };
            led.extend(form_action_origins(app, sign_in));
            let is_it = |tried: &mut Tried| tried.provider == offered.provider && tried.sign_in == sign_in.id;
            let tried = tried.take_if(is_it);
            let (mailbox, client_id) =
                tried.as_ref().map(|tried| (tried.mailbox.clone(), tried.client_id.clone())).unwrap_or_default();
            ways.push(AccountOption {
                id: format!("{}-{}", offered.provider, sign_in.id),
                provider: offered.provider.clone(),
                name: offered.name.clone(),
                sign_in: sign_in.id.clone(),
                label: sign_in.label.clone(),
                fields,
                mailbox,
                client_id,
                outcome: tried.map(|tried| tried.outcome),
            });
        }
    }
    let page = OrganisationPage { layout, domains, accounts, ways };
    Ok(View::new(page).status(status).form_action_origins(led).into_response())
}

/// What a sign-in has to be filled in, if it makes an organisation's account.
const fn fields(sign_in: &SignIn) -> Option<Fields> {
    match &sign_in.method {
        Method::Oauth2JwtBearer(_) => Some(Fields::Key),
        Method::Oauth2ClientCredentials(_) => Some(Fields::Client),
        Method::Oauth2Code(_) => Some(Fields::Nothing),
        Method::Form(_) | Method::SecretUrl(_) | Method::None => None,
    }
}

/// What an account can do, in sentences.
fn told(probed: &Probed) -> Vec<String> {
    let abilities = probed.account.abilities;
    let mut told = vec![format!("The mailbox {} opens.", probed.mailbox)];
    if abilities.read_busy {
        told.push("When its owner is busy can be seen.".into());
    }
    told.push(match &probed.inviting {
        Inviting::Works => "Meetings can be put into its calendar, with guests.".into(),
        Inviting::NotTried => "Meetings cannot be put into its calendar: nothing there can be written.".into(),
        Inviting::Refused(failure) => format!("Meetings with guests cannot be put into its calendar: {failure}."),
    });
    told
}
