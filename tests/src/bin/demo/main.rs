//! `cargo demo`: everything there is to see, on this machine, without any account.
//!
//! It does what people would: an operator makes the components, a database, an organisation and tokens, and starts the
//! service; a person connects a calendar on a server by somebody else; another client puts an event there; the service
//! is asked when the person is busy, and puts a meeting there, which the other client finds. Each step is a line that
//! can be typed again, and is printed as such; the demo itself has no other door into the host than these commands and
//! requests. It stays until Ctrl-C, so that there is something to try them on; `cargo demo --once` ends instead. All
//! that it makes is in `target/demo`, which is created again each time.

mod desk;

use anyhow::{Context, bail};
use chronus_host::clock::Clock;
use chronus_tests::{
    google::{Google, Strictness},
    host::{Host, PATIENCE},
    peers::{CaldavClient, NewEvent, Radicale},
    visitor::Visitor,
};
use desk::{Desk, Request, command, show};
use jiff::{Span, Timestamp, ToSpan, Zoned, civil::Weekday};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    fs::{self, File, TryLockError},
    net::TcpListener,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use tokio::time;

/// The calendar server as people know it; the host's map leads to where it is.
const SERVER: &str = "https://dav.example.org";
const ZONE: &str = "Europe/Rome";
const USERS: [(&str, &str); 2] = [("ann", "app-password-of-ann"), ("ben", "app-password-of-ben")];
const COMPONENT: &str = "plugins-build/out/ical.wasm";
/// What the operator has registered at the stand-in for Google.
const CLIENT: (&str, &str) = ("chronus-demo", "secret-of-the-demo");
const PROVIDERS: [&str; 2] = ["ical", "google"];
const FOLDER: &str = "target/demo";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let once = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--once" => true,
        _ => bail!("usage: cargo demo [--once]"),
    };
    // So that the commands work as they are printed.
    std::env::set_current_dir(chronus_tests::repo_root())?;
    let _alone = alone()?;
    let mut told = std::pin::pin!(told_to_end());
    // Whatever was started ends with what is dropped here.
    let demo = tokio::select! {
        demo = Demo::run() => demo?,
        told = &mut told => return told,
    };
    demo.tell_what_is_next()?;
    if !once {
        println!("All this runs until you press Ctrl-C.");
        tokio::select! {
            told = &mut told => told?,
            () = demo.print_links() => {}
        }
    }
    demo.host.stop().await?;
    Ok(())
}

/// What runs, and what is known of it.
struct Demo {
    desk: Desk,
    host: Host,
    calendars: Radicale,
    _google: Google,
    client: CaldavClient,
    calendar: String,
    monday: Zoned,
}

impl Demo {
    async fn run() -> anyhow::Result<Self> {
        let monday = next_monday()?;
        let mut desk = Desk::default();

        step("Make the providers' components, and the host");
        desk.cargo(&["plugins"]).await?;
        desk.cargo(&["build", "--bin", "chronus"]).await?;

        step("Start a calendar server: Radicale, from PyPI, into the user's cache");
        let calendars = Radicale::start(&USERS).await?;
        let calendar = calendars.put_calendar("ann", "work").await?;
        calendars.put_calendar("ben", "work").await?;
        let client = CaldavClient::new(&calendars.account("ann")?).await?;
        println!("  {} with a calendar each of ann and ben; {SERVER} stands for it", calendars.origin());

        step("Start a stand-in for Google, in which ann and ben have accounts");
        let google = Google::start(Clock::System, Strictness::Alone).await?;
        for name in ["Ann", "Ben"] {
            google.add_user(&format!("{}@example.org", name.to_lowercase()), name, ZONE);
        }
        println!("  {} stands for its addresses", google.origin());

        step(&format!("Be the operator: a deployment in {FOLDER}, with its settings, provider, people and tokens"));
        let config = write_settings(calendars.origin(), &google)?;
        println!("  $ export CHRONUS_CONFIG={}", config.display());
        desk.set("CHRONUS_CONFIG", config.display().to_string());
        populate(&mut desk).await?;

        step("Start the service");
        println!("  $ {}", command(&["chronus", "serve"]));
        let host = Host::start(&config, &[]).await?;
        println!("    chronus listens on {}", host.origin());
        desk.set("API", host.origin());
        let back = format!("{}/connect/callback/google", host.origin());
        google.add_client(CLIENT.0, CLIENT.1, "Chronus (demo)", &[&back]);

        let mut demo = Self { desk, host, calendars, _google: google, client, calendar, monday };
        demo.do_the_main_job().await?;
        demo.be_in_a_browser().await?;
        Ok(demo)
    }

    /// Asks for a link by which ann signs in, as her browser does; the host prints its mail.
    async fn be_in_a_browser(&self) -> anyhow::Result<()> {
        step("Be ann in a browser: ask for a link to sign in, which is mailed; this host prints its mail");
        let visitor = Visitor::new(self.host.origin())?;
        let page = visitor.get("/sign-in").await?;
        let fields = [("email", "ann@example.org"), ("return-to", "/settings/calendar")];
        visitor.post(&page, "/sign-in", &fields).await?.leads_to("/sign-in/sent")?;
        show(self.host.says(&[&self.link()]).await?.trim());
        Ok(())
    }

    /// What every link to sign in begins with; the log tells addresses without the host.
    fn link(&self) -> String {
        format!("{}/sign-in/", self.host.origin())
    }

    /// Prints every further link, for as long as there are any.
    async fn print_links(&self) {
        let (link, mut told) = (self.link(), 1);
        loop {
            for line in self.host.goes_on(&link, told).await {
                println!("A link to sign in was mailed: {}", line.trim());
                told += 1;
            }
        }
    }

    /// Connect, busy, meet.
    async fn do_the_main_job(&mut self) -> anyhow::Result<()> {
        let desk = &mut self.desk;
        step("Be ann: connect her calendar, which is opened before anything is stored");
        desk.ask(&connect("ANN_TOKEN", "$ANN", USERS[0])).await?;

        step("Let an independent client (python-caldav) put a weekly event there");
        let review = NewEvent {
            uid: "weekly-review".into(),
            title: "Weekly review".into(),
            start: self.monday.strftime("%Y-%m-%dT09:00:00").to_string(),
            end: self.monday.strftime("%Y-%m-%dT10:30:00").to_string(),
            zone: ZONE.into(),
            rule: Some("FREQ=WEEKLY;COUNT=10".into()),
        };
        println!("    {}", self.client.create(&self.calendar, &review).await?);

        let (from, to) = (text(self.monday.timestamp()), text(plus(&self.monday, 14.days())?));
        step("Be a program of the organisation: when is ann busy in the coming two weeks?");
        desk.ask(&busy("$ANN", &from, &to)).await?;

        step("Be ann: book a meeting with ben");
        let made = desk.ask(&book(&self.monday, 14)?).await?;
        desk.set("MEETING", made["id"].as_str().context("a meeting without an id")?);
        desk.save(&Path::new(FOLDER).join("env.sh"))?;

        step("See it on its way: the service tells when her calendar shows it");
        let meeting = Request::new("ANN_TOKEN", Method::GET, "/v1/meetings/$MEETING");
        present(desk, &meeting).await?;
        desk.ask(&meeting).await?;

        step("Look at her calendar with the other client");
        for seen in self.client.occurrences(&self.calendar, &from, &to).await? {
            show(&format!("{}  {}  {}  ({})", seen.start, seen.end, seen.title, seen.uid));
        }
        Ok(())
    }

    fn tell_what_is_next(&self) -> anyhow::Result<()> {
        let Self { desk, monday, .. } = self;
        let (from, to) = (text(monday.timestamp()), text(plus(monday, 14.days())?));
        let file = format!("{FOLDER}/calendar.json");
        let (look, input) = self.client.occurrences_by_hand(&self.calendar, &from, &to, &file);
        fs::write(&file, input.to_string()).context(file)?;
        let (start, end) = (text(plus(monday, 39.hours())?), text(plus(monday, 40.hours())?));
        let meeting = |method| Request::new("ANN_TOKEN", method, "/v1/meetings/$MEETING");
        let move_it = meeting(Method::PATCH).body(json!({ "start": start, "end": end }));
        println!("\n── Next, in another terminal, in this folder:\n\nsource {FOLDER}/env.sh\n");
        for (what, line) in [
            ("connect ben's calendar; with a wrong password first, if you like", {
                desk.curl(&connect("BEN_TOKEN", "$BEN", USERS[1]))
            }),
            ("when is ben busy?", desk.curl(&busy("$BEN", &from, &to))),
            ("book another meeting", desk.curl(&book(monday, 17)?)),
            ("move the first one to the next day", desk.curl(&move_it)),
            ("look at ann's calendar with the other client", look.clone()),
            ("cancel it", desk.curl(&meeting(Method::DELETE))),
            ("look again", look),
            ("ann's meetings", desk.curl(&Request::new("ANN_TOKEN", Method::GET, "/v1/meetings"))),
            ("what else the API can do, and what it says when it cannot", {
                "curl -sSw '\\n' \"$API/v1/openapi.json\"\ncurl -sSw '\\n' \"$API/v1/problems\"".to_owned()
            }),
            ("the providers of this deployment", command(&["chronus", "plugin", "list"])),
            ("every promise of the contract, kept against this server", {
                command(&["chronus", "plugin", "conformance", COMPONENT, "--target", &format!("{FOLDER}/target.toml")])
            }),
        ] {
            println!("# {what}\n{line}\n");
        }
        println!(
            "In a browser: the link above signs ann in, once, within 15 minutes, and shows her Calendar Settings. For\n\
             another, and for ben@example.org, who has connected nothing yet: {}/sign-in\n\
             He may connect the calendar above by its form, or one at the stand-in for Google by consenting there.\n",
            self.host.origin()
        );
        println!(
            "Any calendar app finds the calendars at {}: user ann with the password {}, or ben with {}.",
            self.calendars.origin(),
            USERS[0].1,
            USERS[1].1
        );
        Ok(())
    }
}

/// Providers, an organisation with two programs, its people, and tokens.
async fn populate(desk: &mut Desk) -> anyhow::Result<()> {
    for id in PROVIDERS {
        let component = format!("plugins-build/out/{id}.wasm");
        desk.cargo(&["chronus", "plugin", "add", &component, "--trusted", "plugins-build/out/trusted.pub"]).await?;
        desk.cargo(&["chronus", "provider", "grant", id, "--yes"]).await?;
    }
    let secret = format!("{FOLDER}/client-secret");
    let client = ["provider", "client", "google", "--sign-in", "google", "--client-id", CLIENT.0];
    desk.cargo(&[&["chronus"], &client[..], &["--secret-file", &secret]].concat()).await?;
    desk.cargo(&["chronus", "organisation", "add", "Example"]).await?;
    for (variable, program) in [("MENTORING", "Mentoring"), ("ONBOARDING", "Onboarding")] {
        let made = desk.cargo(&["chronus", "program", "add", program, "--organisation", "Example"]).await?;
        desk.set(variable, first_word(&made)?);
        for id in PROVIDERS {
            let enable = ["provider", "enable", id, "--organisation", "Example", "--program", program];
            desk.cargo(&[&["chronus"], &enable[..]].concat()).await?;
        }
    }
    let members = ["--program", "Mentoring", "--program", "Onboarding"];
    for (variable, name, more) in
        [("ANN", "Ann", &members[..]), ("BEN", "Ben", &members[..2]), ("GIL", "Gil", &["--role", "global-admin"])]
    {
        let email = format!("{}@example.org", name.to_lowercase());
        let add = ["person", "add", "--organisation", "Example", "--email", &email, "--name", name, "--zone", ZONE];
        let made = desk.cargo(&[&["chronus"], &add[..], more].concat()).await?;
        desk.set(variable, first_word(&made)?);
    }
    for (variable, holder) in [
        ("OPERATOR_TOKEN", &["--operator"][..]),
        ("INTEGRATION_TOKEN", &["--organisation", "Example"]),
        ("ANN_TOKEN", &["--organisation", "Example", "--person", "ann@example.org"]),
        ("BEN_TOKEN", &["--organisation", "Example", "--person", "ben@example.org"]),
        ("GIL_TOKEN", &["--organisation", "Example", "--person", "gil@example.org"]),
    ] {
        let made = desk.cargo(&[&["chronus", "token", "create"], holder].concat()).await?;
        desk.set(variable, first_word(&made)?);
    }
    Ok(())
}

fn connect(token: &'static str, person: &str, (user, password): (&str, &str)) -> Request {
    let form = json!({ "provider": "ical", "sign_in": "caldav", "server": SERVER,
                       "fields": { "username": user }, "secrets": { "password": password } });
    Request::new(token, Method::PUT, format!("/v1/people/{person}/connection")).body(form)
}

fn busy(person: &str, from: &str, to: &str) -> Request {
    let path = format!("/v1/people/{person}/busy?from={from}&to={to}");
    Request::new("INTEGRATION_TOKEN", Method::GET, path)
}

/// A meeting of ann's and ben's, of one hour, on that Monday.
fn book(monday: &Zoned, hour: i64) -> anyhow::Result<Request> {
    let (start, end) = (text(plus(monday, hour.hours())?), text(plus(monday, (hour + 1).hours())?));
    let meeting = json!({ "program": "$MENTORING", "owner": "$ANN", "attendees": ["$BEN"], "title": "Mentoring",
                          "start": start, "end": end, "zone": ZONE });
    Ok(Request::new("ANN_TOKEN", Method::POST, "/v1/meetings").body(meeting))
}

/// Asks until the meeting is in its owner's calendar.
async fn present(desk: &Desk, meeting: &Request) -> anyhow::Result<()> {
    let mut again = time::interval(Duration::from_millis(100));
    let asked = async {
        loop {
            again.tick().await;
            let now: Value = desk.send(meeting).await?;
            if now["calendar"]["state"] == "present" {
                return Ok(());
            }
        }
    };
    time::timeout(PATIENCE, asked).await.context("the meeting does not get into the calendar")?
}

/// The host's settings, and the target of the commands that try a provider without a host; the file of the former.
fn write_settings(origin: &str, google: &Google) -> anyhow::Result<PathBuf> {
    let folder = std::env::current_dir()?.join(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("removing the last demo's {FOLDER}"))?;
    }
    fs::create_dir_all(&folder).context(FOLDER)?;
    let stand_ins: String = google.map().iter().map(|(from, to)| format!("\"{from}\" = \"{to}\"\n")).collect();
    let port = if TcpListener::bind("127.0.0.1:8080").is_ok() { 8080 } else { 0 };
    let settings = format!(
        "# Made by `cargo demo`. `cargo chronus config --reference` tells what else can be set.\n\
         listen = \"127.0.0.1:{port}\"\ndatabase = \"chronus.db\"\nkeys = \"chronus.keys\"\n\n\
         # There is no mail server here.\nmail.print = true\n\n\
         # Compiled components, kept from one demo to the next.\n[sandbox]\ncache = \"../code-of-hosts\"\n\n\
         # Providers believe that they talk to the left ones.\n[egress.map]\n\"{SERVER}\" = \"{origin}\"\n{stand_ins}"
    );
    fs::write(folder.join("client-secret"), CLIENT.1).context("client-secret")?;
    let config = folder.join("chronus.toml");
    fs::write(&config, settings).context("chronus.toml")?;
    let (user, password) = USERS[1];
    let target = format!(
        "# Whose calendar, with which password, and where the server really is. Made by `cargo demo`.\n\
         sign-in = \"caldav\"\nserver = \"{SERVER}\"\nzone = \"{ZONE}\"\n\n[fields]\nusername = \"{user}\"\n\n\
         [secrets]\npassword = \"{password}\"\n\n[egress.map]\n\"{SERVER}\" = \"{origin}\"\n"
    );
    fs::write(folder.join("target.toml"), target).context("target.toml")?;
    Ok(config)
}

/// Locks a file, so that only one demo runs: a second one would delete the first one's folder.
fn alone() -> anyhow::Result<File> {
    fs::create_dir_all("target")?;
    let file = File::create("target/demo.lock").context("target/demo.lock")?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("another `cargo demo` runs in this checkout; end it by Ctrl-C first"),
        Err(TryLockError::Error(error)) => Err(error).context("locking target/demo.lock"),
    }
}

/// Ctrl-C, or the signal that `kill` sends.
async fn told_to_end() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("listening for signals")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("waiting for Ctrl-C"),
        _ = terminate.recv() => Ok(()),
    }
}

fn step(what: &str) {
    println!("\n── {what}");
}

fn first_word(said: &str) -> anyhow::Result<&str> {
    said.split_whitespace().next().context("the command printed nothing")
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
