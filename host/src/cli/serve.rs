//! `chronus serve`: runs the host until it receives SIGTERM or SIGINT.
//!
//! Problem: the supervisor must know when the host answers, and must not cut off requests when it stops the host.
//! Decision: the host prints one line with its address when it listens. On SIGTERM it is not ready any more, and goes on for
//! `notice-seconds`, so that load balancers send nothing new; a person at a terminal (SIGINT) does not wait for that. Then
//! it accepts nothing new and finishes running requests and jobs within `drain-seconds`; then it ends anyway, because
//! another host takes over jobs that it left. Rejected: a process that puts itself into the background, which is the
//! supervisor's task.

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
    let (listen, notice, drain) = (config.listen, config.notice, config.drain);
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
    let mut stop = stop()?;
    let (drain_now, mut drained) = watch::channel(false);
    let drains = async move {
        // The sender lives until the host has drained.
        let _ = drained.wait_for(|drains| *drains).await;
    };
    let db = app.db.clone();
    let runner = app::work::start(&app).await.map_err(|error| CliError::machine("database", error.to_string()))?;
    let watch = app::watch::start(&app);
    let readiness = app.readiness.clone();
    let mut serving = tokio::spawn(http::serve(app, listener, drains));
    let url = format!("http://{address}");
    if as_json {
        output::json(&BTreeMap::from([("listening", &url)]))?;
    } else {
        output::text(&format!("chronus listens on {url}"))?;
    }
    let mut served = tokio::select! {
        served = &mut serving => Some(served),
        _ = stop.wait_for(Option::is_some) => None,
    };
    if served.is_none() {
        readiness.stop();
        if *stop.borrow() == Some(Signal::Terminate) {
            tracing::info!(seconds = notice.as_secs(), "stopping: no longer ready");
            served = timeout(notice, &mut serving).await.ok();
        }
    }
    let served = match served {
        Some(served) => served,
        None => {
            tracing::info!("stopping: accepting nothing new");
            drain_now.send_replace(true);
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
    drop(watch);
    db.close().await;
    Ok(Exit::Done)
}

/// A signal to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    /// SIGTERM: a supervisor stops the host.
    Terminate,
    /// SIGINT: a person at a terminal does.
    Interrupt,
}

/// Holds the signal to stop that the process has received.
fn stop() -> Result<watch::Receiver<Option<Signal>>, CliError> {
    let (tell, told) = watch::channel(None);
    let signals =
        signals().map_err(|error| CliError::machine("signal", format!("cannot listen for signals: {error}")))?;
    tokio::spawn(async move {
        let signal = signals.await;
        // Receivers may ask for the value as long as they exist.
        tell.send_replace(Some(signal));
        tell.closed().await;
    });
    Ok(told)
}

#[cfg(unix)]
fn signals() -> std::io::Result<impl Future<Output = Signal> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => Signal::Terminate,
            _ = interrupt.recv() => Signal::Interrupt,
        }
    })
}

#[cfg(not(unix))]
fn signals() -> std::io::Result<impl Future<Output = Signal> + Send> {
    Ok(async {
        // If the handler cannot be installed, the process can only be killed.
        let _ = tokio::signal::ctrl_c().await;
        Signal::Interrupt
    })
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        let message = error.to_string();
        match error {
            OpenError::Config(error) => error.into(),
            OpenError::Keys(error) => error.into(),
            OpenError::Database(error) => error.into(),
            OpenError::Cache(_) => Self::machine("cache", message),
            OpenError::Mail(_) => Self::machine("mail", message),
            OpenError::Tls(_) => Self::machine("tls", super::machine::tls_advice(&message)),
            OpenError::Sandbox(error) => error.into(),
        }
    }
}
