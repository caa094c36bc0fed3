//! `cargo demo`: everything there is to see, on this machine, without any account.
//!
//! It does what a person would: makes the components, starts a CalDAV server by somebody else, lets another client put
//! an event there, and asks the provider in its sandbox when the person is busy. Each step is a command that can be
//! typed again, and is printed as such; the demo itself has no other door into the host than those commands. It
//! stays until Ctrl-C, so that there is something to try them on. `cargo demo --once` ends instead.

use anyhow::{Context, bail};
use chronus_tests::peers::{CaldavClient, NewEvent, Radicale};
use jiff::{Span, Timestamp, ToSpan, Zoned, civil::Weekday};
use std::{path::Path, process::Stdio};
use tokio::process::Command;

const USER: &str = "ann";
const PASSWORD: &str = "demo-app-password";
const ZONE: &str = "Europe/Rome";
const COMPONENT: &str = "plugins-build/out/ical.wasm";
const TARGET: &str = "target/demo/target.toml";

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let once = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--once" => true,
        _ => bail!("usage: cargo demo [--once]"),
    };
    // So that the commands work as they are printed.
    std::env::set_current_dir(chronus_tests::repo_root())?;

    step("Make the providers' components, and the host");
    run(&["plugins"]).await?;
    cargo(&["build", "--bin", "chronus"]).await?;

    step("Start a calendar server: Radicale, from PyPI, into target/peers");
    let server = Radicale::start(&[(USER, PASSWORD)]).await?;
    let calendar = server.put_calendar(USER, "work").await?;
    println!("  {} with the calendar {calendar} of {USER}", server.origin());
    write_target(server.origin())?;

    step("Let an independent client (python-caldav) put a weekly event there");
    let monday = next_monday()?;
    let client = CaldavClient::new(&server.account(USER)?).await?;
    let review = NewEvent {
        uid: "weekly-review".into(),
        title: "Weekly review".into(),
        start: monday.strftime("%Y-%m-%dT09:00:00").to_string(),
        end: monday.strftime("%Y-%m-%dT10:30:00").to_string(),
        zone: ZONE.into(),
        rule: Some("FREQ=WEEKLY;COUNT=10".into()),
    };
    println!("  {}", client.create(&calendar, &review).await?);

    let from = monday.timestamp();
    let (from, to) = (text(from), text(plus(&monday, 14.days())?));
    let busy = ["chronus", "plugin", "call", COMPONENT, "busy", "--target", TARGET, "--from", &from, "--to", &to];
    step("Ask the provider, in its sandbox, when ann is busy in the coming two weeks");
    run(&busy).await?;

    step("Put a meeting on her calendar, through the sandbox");
    let (start, end) = (text(plus(&monday, 14.hours())?), text(plus(&monday, 15.hours())?));
    let create = [
        "chronus",
        "plugin",
        "call",
        COMPONENT,
        "events",
        "create",
        "--target",
        TARGET,
        "--key",
        "demo-1",
        "--uid",
        "demo-1@chronus",
        "--title",
        "Mentoring",
        "--start",
        &start,
        "--end",
        &end,
        "--zone",
        ZONE,
    ];
    run(&create).await?;

    step("Look at the calendar with the other client");
    for seen in client.occurrences(&calendar, &from, &to).await? {
        println!("  {}  {}  {}", seen.start, seen.end, seen.title);
    }

    println!("\nNext, from another terminal:\n");
    println!("  # what the account is and can do");
    println!("  cargo chronus plugin call {COMPONENT} account --target {TARGET}\n");
    println!("  # the same meeting again: no second one is made\n  {}\n", line(&create));
    println!("  # every promise of the contract, kept against this server");
    println!("  cargo chronus plugin conformance {COMPONENT} --target {TARGET}\n");
    if once {
        return Ok(());
    }
    println!("The server runs until you press Ctrl-C.");
    tokio::signal::ctrl_c().await.context("waiting for Ctrl-C")
}

fn step(what: &str) {
    println!("\n── {what}");
}

/// Runs a cargo alias, having said which.
async fn run(arguments: &[&str]) -> anyhow::Result<()> {
    println!("  $ {}", line(arguments));
    cargo(arguments).await
}

async fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(arguments).stdin(Stdio::null()).status().await.context("starting cargo")?;
    if !status.success() {
        bail!("`{}` failed ({status}); what it said is above", line(arguments));
    }
    Ok(())
}

fn line(arguments: &[&str]) -> String {
    let quoted = arguments.iter().map(|a| if a.contains(' ') { format!("'{a}'") } else { (*a).to_owned() });
    format!("cargo {}", quoted.collect::<Vec<_>>().join(" "))
}

/// The provider believes that it talks to `dav.example.org`; the map leads there.
fn write_target(origin: &str) -> anyhow::Result<()> {
    let text = format!(
        "# Whose calendar, with which password, and where the server really is. Made by `cargo demo`.\n\
         sign-in = \"app-password\"\nserver = \"https://dav.example.org\"\nzone = \"{ZONE}\"\n\n[fields]\nusername = \"{USER}\"\n\n\
         [secrets]\npassword = \"{PASSWORD}\"\n\n[egress.map]\n\"https://dav.example.org\" = \"{origin}\"\n"
    );
    let path = Path::new(TARGET);
    std::fs::create_dir_all(path.parent().unwrap_or(path)).and_then(|()| std::fs::write(path, text)).context(TARGET)
}

/// Midnight of the next Monday, in ann's zone.
#[expect(clippy::disallowed_methods, reason = "the demo is about the coming days, whatever day it is")]
fn next_monday() -> anyhow::Result<Zoned> {
    Ok(Zoned::now().in_tz(ZONE)?.nth_weekday(1, Weekday::Monday)?.start_of_day()?)
}

fn plus(time: &Zoned, span: Span) -> anyhow::Result<Timestamp> {
    Ok(time.checked_add(span)?.timestamp())
}

/// To the second, as RFC 3339 has it.
fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
