//! Connecting a calendar with a form that was filled in on the page.

use super::super::{error::PageError, form::Form, layout::Layout, paths};
use super::{
    page::show,
    submission::{ParsedFields, SignInForm, Submission, parse_submission},
};
use crate::{
    app::App,
    auth::{Actor, sessions::Session},
    connections::{self, ConnectError, FormSignIn},
};
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};

/// Connects the calendar, or shows the page again with what is wrong.
pub(in crate::http::pages) async fn submit(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    layout: Layout,
    Form(form): Form<SignInForm>,
) -> Result<Response, PageError> {
    let provider = app.calendars.registry.provider(&form.provider).await.ok();
    let described = provider.as_ref().and_then(|provider| provider.granted.sign_in(&form.sign_in));
    let ParsedFields { server, server_field, fields, secrets } = parse_submission(described, &form);
    let SignInForm { provider, sign_in, .. } = form;
    let submission = Submission::new(provider.clone(), sign_in.clone(), server.clone(), fields.clone());
    let request = FormSignIn { provider, sign_in, server, fields, secrets };
    match connections::connect(&app.calendars, &actor, session.person, request).await {
        Ok(_) => Ok(Redirect::to(paths::CALENDAR).into_response()),
        Err(error @ (ConnectError::Database(_) | ConnectError::TooOften(_))) => Err(error.into()),
        Err(error) => {
            tracing::info!(%error, "a calendar was not connected");
            let submission = submission.failed(&error, described, server_field.as_deref());
            Ok(show(&app, &session, layout, Some(submission), None).await?.into_response())
        }
    }
}
