//! What the sandbox costs a call: `cargo bench -p chronus-host --bench call`.
//!
//! Both sides run in this process, in turn, batch by batch, so that a machine that slows down slows both. The figure
//! is the median of the batches' ratios. The budget (1.3, design §9) is checked: beyond it the program fails. What is
//! checked before a call has lines of its own, with budgets in microseconds.

use chronus_host::{
    calendar::Window,
    offload::hand_over,
    plugins::{
        Access, Budget, CallTarget, Plugin, Sandbox, SandboxConfig,
        contract::BusyTargets,
        egress::{Credential, EgressGrant, EgressPolicy, NameResolver, TlsTrust},
    },
    rate_limits::{LimitReached, Limiter, Limits, Rate},
};
use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

/// The most that a call in a fresh sandbox may take, as a multiple of bare wasmtime.
const BUDGET: f64 = 1.3;
/// The most that fairness and breakers may take.
const GATE_MICROS: f64 = 10.0;
/// The most that a check of a rate limit may take.
const LIMIT_MICROS: f64 = 10.0;
const CALLS: u32 = 500;
const BATCHES: usize = 61;
/// The number of subjects whose rate limit is checked.
const SUBJECTS: u32 = 50_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = chronus_plugins_build::Options::this_checkout();
    options.only = vec!["idle".into()];
    let guests = chronus_plugins_build::examples(&options, "chronus-test-guests", &mut |line| eprintln!("{line}"))?;
    let idle = guests.first().ok_or("there is no test guest `idle`")?;
    let component = std::fs::read(&idle.path)?;
    // One thread, as one call has; more would measure the scheduler.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ratio = runtime.block_on(compare(&component))?;
    if ratio > BUDGET {
        return Err(format!(
            "a call in the sandbox takes {ratio:.2} times as long as in bare wasmtime; at most {BUDGET}"
        )
        .into());
    }
    measure_hand_over()?;
    let micros = check_rate_limit()?;
    if micros > LIMIT_MICROS {
        return Err(format!("a check of a rate limit takes {micros:.2} µs; at most {LIMIT_MICROS}").into());
    }
    Ok(())
}

/// What it costs each step of a call that computes for long that the other tasks of its thread are handed to another thread.
fn measure_hand_over() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let steps = |hands_over: bool| async move {
        let began = Instant::now();
        for _ in 0..CALLS {
            if hands_over {
                hand_over(|| ());
            }
            tokio::task::yield_now().await;
        }
        began.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
    };
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..BATCHES {
        with.push(runtime.block_on(runtime.spawn(steps(true)))?);
        without.push(runtime.block_on(runtime.spawn(steps(false)))?);
    }
    println!(
        "handing a thread over: {:.2} µs for each step of a call that computes for long",
        median(with) - median(without)
    );
    Ok(())
}

/// The time of a check of a rate limit in memory, in microseconds, while many subjects have a bucket.
fn check_rate_limit() -> Result<f64, LimitReached> {
    let limiter = Limiter::new(Limits::default());
    let subjects: Vec<_> = (0..SUBJECTS).map(|number| format!("0190f2a4-7c1b-7cc8-9e3b-{number:012}")).collect();
    let mut rounds = Vec::new();
    for round in 0..=BATCHES {
        let began = Instant::now();
        for subject in &subjects {
            limiter.take(Rate::Search, subject)?;
        }
        // The first round adds the buckets.
        if round > 0 {
            rounds.push(began.elapsed().as_secs_f64() * 1e6 / f64::from(SUBJECTS));
        }
    }
    let micros = median(rounds);
    println!(
        "check of a rate limit in memory, {SUBJECTS} subjects: {micros:.2} µs; ratio: {:.2} of {LIMIT_MICROS} µs (≤ 1)",
        micros / LIMIT_MICROS
    );
    Ok(micros)
}

async fn compare(component: &[u8]) -> Result<f64, Box<dyn Error>> {
    let config = SandboxConfig {
        concurrent_calls: 100,
        cache: None,
        egress: EgressPolicy::default(),
        tls: TlsTrust::new(vec![])?,
        names: NameResolver::System,
    };
    let sandbox = Sandbox::new(config)?;
    let (plugin, bare) = (sandbox.admit(component).await?, sandbox.bare(component)?);
    let connection = CallTarget { sign_in: "none".into(), zone: "UTC".into(), ..CallTarget::default() };
    let access = Access::new("org", connection, Credential::None, EgressGrant::default(), Budget::default())?;
    let access = access.with_connection("connection");
    let window = Window { start: "1970-01-01T00:00:00Z".parse()?, end: "1970-01-02T00:00:00Z".parse()? };

    let mut rounds = Vec::new();
    for round in 0..=BATCHES {
        let began = Instant::now();
        for _ in 0..CALLS {
            bare.busy().await?;
        }
        let bare_time = began.elapsed();
        let began = Instant::now();
        for _ in 0..CALLS {
            plugin.busy(&access, BusyTargets::Calendars(vec!["work".into()]), window).await?;
        }
        // The first round warms up both.
        if round > 0 {
            rounds.push((bare_time, began.elapsed()));
        }
    }
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(CALLS);
    let bare = median(rounds.iter().map(|(bare, _)| micros(*bare)).collect());
    let sandboxed = median(rounds.iter().map(|(_, sandboxed)| micros(*sandboxed)).collect());
    let ratio = median(rounds.iter().map(|(bare, sandboxed)| sandboxed.as_secs_f64() / bare.as_secs_f64()).collect());
    gate(&plugin, &access).await?;
    println!(
        "call, fresh sandbox, no I/O: {sandboxed:.1} µs; bare wasmtime: {bare:.1} µs; ratio: {ratio:.2} (≤ {BUDGET})"
    );
    Ok(ratio)
}

/// What fairness and breakers cost a call of a connection, beside the call: entering and leaving, while nobody waits.
async fn gate(plugin: &Plugin, access: &Arc<Access>) -> Result<(), Box<dyn Error>> {
    let mut rounds = Vec::new();
    for _ in 0..BATCHES {
        let began = Instant::now();
        for _ in 0..CALLS {
            plugin.pass_gate(access).await?;
        }
        rounds.push(began.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS));
    }
    let micros = median(rounds);
    println!(
        "gate, fairness and breakers: {micros:.2} µs; ratio: {:.2} of {GATE_MICROS} µs (≤ 1)",
        micros / GATE_MICROS
    );
    if micros > GATE_MICROS {
        return Err(format!("the gate takes {micros:.1} µs; at most {GATE_MICROS}").into());
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
