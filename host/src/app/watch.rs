//! What operators change while this host runs: the providers and the key file.
//!
//! Problem: a command changes the database or the key file and signals nobody. A host that notices only when a call needs
//! the change compiles a new provider while a person waits, and leaves behind what the old state had stopped. Decision: every
//! host looks once a second. It loads a new version at once; then it enqueues [`Effect::ReleaseStuck`], each host after its
//! own loading, so that the last release comes when no host uses the old version. With other keys, it also tries revocations
//! again. The start of a host counts as a change
//! of everything, because settings are read then. Rejected: notifications of one database, as in `jobs`.

use super::App;
use crate::{
    connections::revoke,
    jobs::{self, Effect},
    meetings::stuck,
    plugins::registry::{self, ProviderStamp},
};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

const INTERVAL: Duration = Duration::from_secs(1);

/// What was seen last.
#[derive(Default)]
struct Seen {
    providers: HashMap<String, ProviderStamp>,
    keys: Vec<String>,
}

/// Starts to watch, until the returned value is dropped.
pub fn start(app: &App) -> JoinSet<()> {
    let mut task = JoinSet::new();
    let app = app.clone();
    task.spawn(async move { watch(&app).await });
    task
}

async fn watch(app: &App) {
    let mut seen = Seen::default();
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reachable = true;
    loop {
        ticks.tick().await;
        match look(app, &mut seen).await {
            Ok(()) => reachable = true,
            // Logged once, not every second until the database is back.
            Err(error) => {
                if std::mem::take(&mut reachable) {
                    tracing::error!(%error, "changes of providers and keys are not noticed, because the database fails");
                }
            }
        }
    }
}

/// Acts on what has changed since the last look.
async fn look(app: &App, seen: &mut Seen) -> sqlx::Result<()> {
    let keys = app.calendars.keyring.ids();
    let mut changed = registry::in_use(&app.db).await?;
    changed.retain(|(id, stamp)| seen.providers.get(id) != Some(stamp));
    for (id, _) in &changed {
        load(app, id).await;
    }
    // At the start the keys are new, too.
    if seen.keys == keys {
        for (id, _) in &changed {
            release(app, Some(id.clone())).await?;
        }
    } else {
        release(app, None).await?;
        revoke::retry_all(&app.db).await?;
    }
    seen.providers.extend(changed);
    seen.keys = keys;
    Ok(())
}

/// Tries again what is stuck, if anything is.
async fn release(app: &App, provider: Option<String>) -> sqlx::Result<()> {
    let mut tx = app.db.begin().await?;
    if stuck::is_any(&mut tx, provider.as_deref()).await? {
        jobs::enqueue(&mut tx, &Effect::ReleaseStuck { provider }).await?;
    }
    tx.commit().await
}

/// Loads the version of a provider that is in use, so that no call waits for its compilation.
async fn load(app: &App, id: &str) {
    let begun = Instant::now();
    match app.calendars.registry.load_provider(id).await {
        Ok(provider) => {
            let (version, ms) = (&provider.plugin.description().version, begun.elapsed().as_millis());
            tracing::info!(provider = id, version, ms, "the provider is loaded");
        }
        Err(error) => tracing::error!(provider = id, %error, "the provider cannot be loaded"),
    }
}
