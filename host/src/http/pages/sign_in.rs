//! Signing in with a link that is sent by email, and signing out.

use super::{
    super::{
        client::ClientAddress,
        problem::{Code, Problem},
    },
    browser::OptionalActor,
    cookies::{self, SESSION},
    error::PageError,
    form::Form,
    layout::Layout,
    messages::Message,
    paths::{self, local_or_home},
    view::View,
};
use crate::{
    app::App,
    auth::{
        sessions::{self, Session},
        sign_in::{self, Account, LIFETIME, LinkRequestError},
    },
    people::PersonError,
    rate_limits::Rate,
};
use askama::Template;
use axum::{
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    layout: Layout,
    email: &'a str,
    return_to: &'a str,
    /// Whether the address was entered and is invalid.
    is_invalid: bool,
}

#[derive(Template)]
#[template(path = "sign_in_sent.html")]
struct SentPage {
    layout: Layout,
    minutes: i128,
    mails: u32,
}

#[derive(Template)]
#[template(path = "sign_in_link.html")]
struct LinkPage {
    layout: Layout,
    account: Account,
}

/// The query of the sign-in page.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct SignInQuery {
    return_to: Option<String>,
}

/// The form of the sign-in page.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct SignInForm {
    email: String,
    #[serde(default)]
    return_to: String,
}

/// Asks for an email address.
pub(super) async fn page(
    State(app): State<App>,
    OptionalActor(actor): OptionalActor,
    layout: Layout,
    query: Result<Query<SignInQuery>, QueryRejection>,
) -> Result<Response, PageError> {
    let Query(query) = query.map_err(|_| Message::InvalidAddress)?;
    let return_to = local_or_home(query.return_to.as_deref().unwrap_or_default());
    if actor.is_some() {
        return Ok(Redirect::to(return_to).into_response());
    }
    if !app.mailer.is_configured() {
        return Err(Message::NoMail.into());
    }
    Ok(View::new(SignInPage { layout, email: "", return_to, is_invalid: false }).into_response())
}

/// Requests a mail with a link. The answer is the same whether or not the address is known.
pub(super) async fn request_link(
    State(app): State<App>,
    ClientAddress(client): ClientAddress,
    layout: Layout,
    Form(form): Form<SignInForm>,
) -> Result<Response, PageError> {
    if !app.mailer.is_configured() {
        return Err(Message::NoMail.into());
    }
    let email = form.email.trim();
    let return_to = local_or_home(&form.return_to);
    match sign_in::ask(&app.db, &app.config.limits, email, client, return_to).await {
        Ok(()) => Ok(Redirect::to("/sign-in/sent").into_response()),
        Err(LinkRequestError::Email(PersonError::Email)) => {
            let status = Problem::new(Code::InvalidEmail).status();
            let page = SignInPage { layout, email, return_to, is_invalid: true };
            Ok(View::new(page).status(status).into_response())
        }
        Err(error) => Err(Problem::from(error).into()),
    }
}

/// Confirms the request; identical whether or not the address is known.
pub(super) async fn sent(State(app): State<App>, layout: Layout) -> impl IntoResponse {
    let mails = app.config.limits.most(Rate::SignInMails);
    View::new(SentPage { layout, minutes: LIFETIME.as_mins().into(), mails })
}

/// Shows the account of a link. This does not use the link up, because programs that scan mail open links, too.
pub(super) async fn show_link(
    State(app): State<App>,
    layout: Layout,
    Path(link): Path<String>,
) -> Result<impl IntoResponse, PageError> {
    let account = sign_in::look(&app.db, &link).await?.ok_or(Message::LinkUsedUp)?;
    Ok(View::new(LinkPage { layout, account }))
}

/// Uses the link up and signs in. An earlier session of this browser ends.
pub(super) async fn use_link(
    State(app): State<App>,
    headers: HeaderMap,
    Path(link): Path<String>,
) -> Result<Response, PageError> {
    let origin = app.config.public_origin();
    let earlier = cookies::find(&headers, &SESSION.name(&origin));
    let signed_in = sign_in::use_up(&app.db, &link, earlier).await?.ok_or(Message::LinkUsedUp)?;
    let mut response = Redirect::to(local_or_home(&signed_in.return_to)).into_response();
    response.headers_mut().append(header::SET_COOKIE, SESSION.set_secret(&origin, &signed_in.cookie));
    Ok(response)
}

/// Signs out.
pub(super) async fn sign_out(State(app): State<App>, session: Session) -> Result<Response, PageError> {
    sessions::end(&app.db, &session).await?;
    tracing::info!(session = %session.id, "signed out");
    let mut response = Redirect::to(paths::HOME).into_response();
    response.headers_mut().append(header::SET_COOKIE, SESSION.clear(&app.config.public_origin()));
    Ok(response)
}
