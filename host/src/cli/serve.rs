//! `chronus serve`: runs the host until it receives SIGTERM or SIGINT.
//!
//! Problem: the supervisor must know when the host answers, and must not cut off requests when it stops the host.
//! Decision: the host prints one line with its address when it listens. On a signal it accepts nothing new and
//! finishes running requests and jobs within `drain-seconds`; then it ends anyway, because another host takes over jobs
//! that it left. Rejected: a process that puts itself into the background, which is the supervisor's task.

use super::output::{self, CliError, Exit};
use crate::{
    app::{self, App, OpenError},
    clock::Clock,
    config::Config,
    http,
    jobs::fail_points,
};
use std::collections::BTreeMap;
use tokio::{net::TcpListener, sync::watch, time::timeout};

/// Runs the command.
pub(super) async fn run(mut config: Config, as_json: bool) -> Result<Exit, CliError> {
    if !config.egress.map.is_empty() {
        output::note("note: egress.map is in force: requests go to other servers in place of the calendar services");
    }
    if let Some(point) = fail_points::requested().map_err(|error| CliError::input("stop-at", error.to_string()))? {
        output::note(&format!("note: this host will stop at {point}, for a test"));
    }
    let (listen, drain) = (config.listen, config.drain);
    let cannot = |error| {
        CliError::machine(
            "listen",
            format!("cannot listen on {listen}: {error}; set `listen` in the configuration to a free address"),
        )
    };
    let listener = TcpListener::bind(listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    // Set before the app opens: links in mails lead to this address unless `public-url` is set.
    config.listen = address;
    let app = App::open(config, Clock::System).await?;
    let stop = stop()?;
    let told = |mut stop: watch::Receiver<bool>| async move {
        // The sender lives as long as the process.
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
            tracing::info!("stopping: accepting nothing new");
            let ended = async { tokio::join!(&mut serving, runner.shutdown()).0 };
            match timeout(drain, ended).await {
                Ok(served) => served,
                Err(_) => {
                    tracing::warn!("running requests took longer than drain-seconds and were cut off");
                    return Ok(Exit::Done);
                }
            }
        }
    };
    let failed = |error: String| CliError::machine("serve", format!("the host stopped unexpectedly: {error}"));
    served.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
    db.close().await;
    Ok(Exit::Done)
}

/// Becomes true when the process receives a signal to stop.
fn stop() -> Result<watch::Receiver<bool>, CliError> {
    let (tell, told) = watch::channel(false);
    let signals =
        signals().map_err(|error| CliError::machine("signal", format!("cannot listen for signals: {error}")))?;
    tokio::spawn(async move {
        signals.await;
        // Receivers may ask for the value as long as they exist.
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
        // If the handler cannot be installed, the process can only be killed.
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
