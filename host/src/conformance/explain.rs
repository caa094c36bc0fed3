//! Cases of `account.explain-failure`: what a failed sign-in means.

use super::{
    bench::Bench,
    expect::{CaseResult, ensure, ok},
};
use crate::plugins::contract::SignInError;

super::list! {
    "explain-failure/offline" [] offline;
    "explain-failure/lost-grant" [] lost_grant;
}

fn error(status: Option<u16>, error: &str, description: &str) -> SignInError {
    let fields = vec![("error_uri".to_owned(), "https://example.com/errors".to_owned())];
    SignInError { status, error: error.into(), description: description.into(), fields }
}

/// The call may send no requests; one request would make it fail.
async fn offline(bench: &Bench) -> CaseResult {
    let long = "x".repeat(10_000);
    for (status, code, description) in [
        (None, "access_denied", "AADSTS65004: the person declined"),
        (Some(400), "invalid_grant", "Token has been expired or revoked."),
        (Some(400), "invalid_client", ""),
        (Some(503), "", ""),
        (Some(599), long.as_str(), "\u{0}\u{fffd}😀"),
        (None, "", ""),
    ] {
        let explained = bench.caller.explain_failure(error(status, code, description)).await;
        ok("`explain-failure` succeeds without a request", explained)?;
    }
    Ok(())
}

async fn lost_grant(bench: &Bench) -> CaseResult {
    let explain = async |status, code| {
        let explained = bench.caller.explain_failure(error(status, code, "")).await;
        Ok(ok("`explain-failure` succeeds", explained)?.remedy.code())
    };
    let lost = explain(Some(400), "invalid_grant").await?;
    ensure(lost == "reconnect", "`invalid_grant` is `reconnect`", || lost.into())?;
    for (status, code) in [(Some(500), "server_error"), (Some(503), ""), (Some(400), "never_heard_of"), (None, "")] {
        let actual = explain(status, code).await?;
        ensure(
            actual != "reconnect",
            &format!("{status:?} `{code}` does not ask the person to connect again"),
            || actual.into(),
        )?;
    }
    Ok(())
}
