//! `chronus serve`: the service, until it is told to end.
//!
//! Problem: whoever starts it must know when it answers, and whoever ends it must not cut off what is under way.
//! Decision: one line on standard output when it listens, with the address; on SIGTERM or SIGINT it takes nothing new
//! and ends what it began, for as long as `drain-seconds` says; then it ends all the same, because whatever it left is
//! taken up by the next one. Rejected: a process that puts itself into the background, which is the supervisor's work.

use super::output::{self, CliError, Exit};
use crate::{
    app::{self, App, OpenError},
    clock::Clock,
    config::Config,
    http,
    jobs::points,
};
use std::collections::BTreeMap;
use tokio::{net::TcpListener, sync::watch, time::timeout};

/// Runs the command.
pub(super) async fn run(mut config: Config, as_json: bool) -> Result<Exit, CliError> {
    if !config.egress.map.is_empty() {
        output::note("note: egress.map is in force: requests go to stand-ins, not to the services they name");
    }
    if let Some(point) = points::wanted().map_err(|error| CliError::input("stop-at", error.to_string()))? {
        output::note(&format!("note: for a test, this host stops at {point}"));
    }
    let (listen, drain) = (config.listen, config.drain);
    let cannot = |error| CliError::machine("listen", format!("{listen} cannot be listened on: {error}"));
    let listener = TcpListener::bind(listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    // Before anything is opened: links in mails lead where the host listens, unless the configuration says where to.
    config.listen = address;
    let app = App::open(config, Clock::System).await?;
    let stop = stop()?;
    let told = |mut stop: watch::Receiver<bool>| async move {
        // The sender goes only with the process.
        let _ = stop.wait_for(|told| *told).await;
    };
    let db = app.db.clone();
    let runner = app::work::start(&app).await.map_err(|error| CliError::machine("database", error.to_string()))?;
    tokio::spawn({
        let app = app.clone();
        async move { app::work::warm_up(&app).await }
    });
    let mut serving = tokio::spawn(http::serve(app, listener, told(stop.clone())));
    let url = format!("http://{address}");
    if as_json {
        output::json(&BTreeMap::from([("listening", &url)]))?;
    } else {
        output::text(&format!("chronus listens on {url}"))?;
    }
    let served = tokio::select! {
        served = &mut serving => served,
        () = told(stop) => {
            tracing::info!("told to end: nothing new is taken");
            let ended = async { tokio::join!(&mut serving, runner.shutdown()).0 };
            match timeout(drain, ended).await {
                Ok(served) => served,
                Err(_) => {
                    tracing::warn!("what is under way takes longer than drain-seconds and is cut off");
                    return Ok(Exit::Done);
                }
            }
        }
    };
    let failed = |error: String| CliError::machine("serve", format!("the service ended by itself: {error}"));
    served.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
    db.close().await;
    Ok(Exit::Done)
}

/// Turns true when the process is told to end.
fn stop() -> Result<watch::Receiver<bool>, CliError> {
    let (tell, told) = watch::channel(false);
    let signals =
        signals().map_err(|error| CliError::machine("signal", format!("signals cannot be heard: {error}")))?;
    tokio::spawn(async move {
        signals.await;
        // For as long as somebody may still ask.
        tell.send_replace(true);
        tell.closed().await;
    });
    Ok(told)
}

#[cfg(unix)]
fn signals() -> std::io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn signals() -> std::io::Result<impl Future<Output = ()> + Send> {
    Ok(async {
        // Without it there is no way to be told.
        let _ = tokio::signal::ctrl_c().await;
    })
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        let message = error.to_string();
        match error {
            OpenError::Config(error) => error.into(),
            OpenError::Keys(_) | OpenError::KeysGone(_) => Self::input("keys", message),
            OpenError::Database(error) => error.into(),
            OpenError::Cache(_) => Self::machine("cache", message),
            OpenError::Mail(_) => Self::machine("mail", message),
            OpenError::Tls(_) => Self::machine("tls", super::machine::tls_advice(&message)),
            OpenError::Sandbox(error) => error.into(),
        }
    }
}
