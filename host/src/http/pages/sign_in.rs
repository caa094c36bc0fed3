//! Signing in by a mailed link, and out.

use super::{
    super::{
        input::QueryParams,
        problem::{Code, Problem},
    },
    HOME, Somebody,
    client::Client,
    cookies::{self, SESSION},
    form_data::FormData,
    layout::Layout,
    local,
    view::View,
};
use crate::{
    app::App,
    auth::{
        sessions::{self, Session},
        sign_in::{self, Account, AskError, LIFETIME, MAILS_PER_ADDRESS},
    },
    people::PersonError,
};
use askama::Template;
use axum::{
    extract::{Path, State},
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
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_in_sent.html")]
struct SentPage {
    layout: Layout,
    minutes: i128,
    mails: i64,
}

#[derive(Template)]
#[template(path = "sign_in_link.html")]
struct LinkPage {
    layout: Layout,
    account: Account,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Wanted {
    return_to: Option<String>,
}

/// The field of the mail address.
pub(super) async fn page(
    State(app): State<App>,
    Somebody(somebody): Somebody,
    layout: Layout,
    QueryParams(wanted): QueryParams<Wanted>,
) -> Result<Response, Problem> {
    let return_to = local(wanted.return_to.as_deref().unwrap_or_default());
    if somebody.is_some() {
        return Ok(Redirect::to(return_to).into_response());
    }
    if !app.mailer.is_configured() {
        return Err(Problem::new(Code::NoMail));
    }
    Ok(View::new(SignInPage { layout, email: "", return_to, error: None }).into_response())
}

/// Has a mail sent to the address, if anybody has it. The answer is the same in any case.
pub(super) async fn ask(
    State(app): State<App>,
    Client(client): Client,
    layout: Layout,
    filled: FormData,
) -> Result<Response, Problem> {
    if !app.mailer.is_configured() {
        return Err(Problem::new(Code::NoMail));
    }
    let email = filled.text("email").unwrap_or_default().trim();
    let return_to = local(filled.text("return-to").unwrap_or_default());
    match sign_in::ask(&app.db, email, client, return_to).await {
        Ok(()) => Ok(Redirect::to("/sign-in/sent").into_response()),
        Err(AskError::Email(error @ PersonError::Email)) => {
            let status = Problem::new(Code::InvalidEmail).status();
            let page = SignInPage { layout, email, return_to, error: Some(error.to_string()) };
            Ok(View::new(page).status(status).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// That a mail is on its way, if anybody has the address.
pub(super) async fn sent(layout: Layout) -> impl IntoResponse {
    View::new(SentPage { layout, minutes: LIFETIME.as_mins().into(), mails: MAILS_PER_ADDRESS })
}

/// Whom a link is for. It uses nothing up, because programs that look through mail open links too.
pub(super) async fn look(
    State(app): State<App>,
    layout: Layout,
    Path(link): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let account = sign_in::look(&app.db, &link).await?.ok_or(Problem::new(Code::LinkUsedUp))?;
    Ok(View::new(LinkPage { layout, account }))
}

/// Uses the link up and signs in, whatever session this browser had.
pub(super) async fn use_up(
    State(app): State<App>,
    headers: HeaderMap,
    Path(link): Path<String>,
) -> Result<Response, Problem> {
    let here = app.config.public_origin();
    let before = cookies::find(&headers, &SESSION.name(&here));
    let signed_in = sign_in::use_up(&app.db, &link, before).await?.ok_or(Problem::new(Code::LinkUsedUp))?;
    let mut response = Redirect::to(local(&signed_in.return_to)).into_response();
    response.headers_mut().append(header::SET_COOKIE, SESSION.set_secret(&here, &signed_in.cookie));
    Ok(response)
}

/// Signs out.
pub(super) async fn out(State(app): State<App>, session: Session) -> Result<Response, Problem> {
    sessions::end(&app.db, &session).await?;
    tracing::info!(session = %session.id, "signed out");
    let mut response = Redirect::to(HOME).into_response();
    response.headers_mut().append(header::SET_COOKIE, SESSION.clear(&app.config.public_origin()));
    Ok(response)
}
