//! `chronus plugin call … watch`: subscribes to the changes of a calendar, waits for a notification, and ends the
//! subscription, whether one came or not.

use super::{
    draft,
    session::{Session, TargetArgs},
};
use crate::cli::output::{self, CliError, Exit, note};
use crate::{
    clock::Clock,
    conformance::Listener,
    plugins::contract::{Callback, Notice, Subscription},
};
use jiff::SignedDuration;
use serde::Serialize;
use std::{path::Path, time::Duration};

/// When the subscription ends by itself, if ending it fails.
const LIFE: SignedDuration = SignedDuration::from_hours(1);

#[derive(Debug, clap::Args)]
pub(super) struct Watch {
    #[command(flatten)]
    on: TargetArgs,
    /// The id of the calendar, as the operation `account` lists it [default: the account's default calendar]
    #[arg(long, value_name = "ID")]
    calendar: Option<String>,
    /// How long to wait for a notification
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
}

/// The output: the subscription, and the first notification about it.
#[derive(Debug, Serialize)]
struct WatchOut {
    callback: String,
    subscription: Subscription,
    notice: &'static str,
    secret: &'static str,
}

/// Runs the operation.
pub(super) async fn run(file: &Path, watch: Watch) -> Result<Exit, CliError> {
    let Watch { on, calendar, seconds } = watch;
    let mut session = Session::begin(file, on).await?;
    let target = &session.connected.callback;
    let listener = Listener::start(&session.plugin, target).await.map_err(|error| {
        CliError::machine("push", format!("cannot listen on {}: {error}; use another [push] listen", target.listen))
    })?;
    let calendar = session.calendar(calendar).await?;
    let secret = draft::unique()?;
    let callback = Callback {
        url: listener.url(&draft::unique()?),
        secret: secret.clone().into(),
        expires: Clock::System.now().saturating_add(LIFE).unwrap_or_default(),
    };
    let access = session.access()?;
    let reply = session.plugin.subscribe(&access, &calendar, &callback).await?;
    let subscription = session.keep(reply)?;
    note(&format!("note: waiting {seconds} s for a notification at {}; change an event of the calendar", callback.url));
    let hint = listener.hint(&subscription.id, 0, Duration::from_secs(seconds)).await;
    let access = session.access()?;
    let ended = session.plugin.unsubscribe(&access, &subscription).await?;
    session.keep(ended)?;
    let Some(hint) = hint else {
        let requests = listener.received().requests;
        let what = format!(
            "no notification about the subscription came within {seconds} s ({requests} requests came to the callback); \
             for a service that calls public addresses only, name a tunnel in [push] of the target"
        );
        return Err(CliError::failed("no-notification", what));
    };
    let is_right = hint.secret.as_deref() == Some(secret.as_str());
    let told = match hint.secret {
        Some(_) if is_right => "right",
        Some(_) => "wrong",
        None => "missing",
    };
    output::json(&WatchOut { callback: callback.url, subscription, notice: name(&hint.notice), secret: told })?;
    Ok(if is_right { Exit::Done } else { Exit::Failed })
}

const fn name(notice: &Notice) -> &'static str {
    match notice {
        Notice::Changed => "changed",
        Notice::Renew => "renew",
        Notice::Recreate => "recreate",
        Notice::Missed => "missed",
        Notice::Confirm(_) => "confirm",
        Notice::Ended => "ended",
    }
}
