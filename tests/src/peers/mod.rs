//! Software by other people, as the other end of our tests and of the demo.
//!
//! A fresh machine has none of it, and nothing may be installed by hand. So a peer is installed by the test that first needs
//! it: pinned packages from PyPI or npm into a folder of the user's cache, never into the system (`install`). Servers
//! listen on 127.0.0.1 at a port of the system's choice and end with their value or with the process (`server`).
//!
//! A peer that cannot be had fails its tests, with the command that failed: a test that quietly does nothing proves
//! nothing. Who must do without one says so, and is told what was left out: `CHRONUS_WITHOUT=xandikos,caldav`.
//!
//! PostgreSQL, Cyrus and libical are the exceptions: no such packages exist of them, so the system's are used. One
//! PostgreSQL does for all tests of a process, because a database of their own is all that keeps them apart.
//!
//! Rejected: containers (not on every machine), a package of the distribution (needs root, and another version
//! everywhere), starting one CalDAV server for all tests (they would see each other's events).

use anyhow::{Context, bail};

use crate::checkout::tell;

mod account;
mod browser;
mod caldav;
mod componentize;
mod conversation;
mod cyrus;
mod emulate;
mod google;
mod install;
mod libical;
mod mail;
mod node;
pub(crate) mod postgres;
mod python;
mod radicale;
mod script;
mod server;
mod vdirsyncer;
mod xandikos;

pub use account::Account;
pub use browser::{Browser, SeenPage};
pub use caldav::{CaldavClient, NewEvent, SeenEvent};
pub use componentize::{Language, language_component};
pub use cyrus::Cyrus;
pub use emulate::Emulate;
pub use google::GoogleClient;
pub(crate) use google::calendar_description;
pub use libical::Libical;
pub use mail::{MailServer, SeenMail};
pub use node::Node;
pub use python::Python;
pub use radicale::Radicale;
pub use vdirsyncer::Vdirsyncer;
pub use xandikos::Xandikos;

/// The environment variable that names the peers to do without, separated by commas.
pub const WITHOUT: &str = "CHRONUS_WITHOUT";

/// One piece of software that tests use and that is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A CalDAV server with users and passwords.
    Radicale,
    /// A CalDAV server for one user, which differs from Radicale wherever the RFCs let it.
    Xandikos,
    /// A CalDAV server that schedules: it invites, and brings back the answers.
    Cyrus,
    /// A CalDAV client, so that it is not only ours that reads what we wrote.
    Caldav,
    /// recurring-ical-events: which occurrences a calendar has.
    Reference,
    /// ical.js: which occurrences a calendar has, by somebody else again.
    IcalJs,
    /// libical: how fast that is in C.
    Libical,
    /// vdirsyncer: how fast another synchronises.
    Vdirsyncer,
    /// Google's client with its description of the API, and OAuth clients.
    Google,
    /// emulate's Google: OAuth as somebody else reads it.
    Emulate,
    /// The other database.
    Postgres,
    /// aiosmtpd: a mail server.
    Aiosmtpd,
    /// Chromium, driven by playwright-core.
    Browser,
    /// Readers of the API document in Python: openapi-spec-validator, openapi-python-client, schemathesis.
    ApiPython,
    /// Readers of the API document in JavaScript: Redocly, openapi-typescript, TypeScript.
    ApiNode,
    /// componentize-js: makes components of providers in JavaScript.
    ComponentizeJs,
    /// componentize-py: makes components of providers in Python.
    ComponentizePy,
}

impl Peer {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Radicale,
        Self::Xandikos,
        Self::Cyrus,
        Self::Caldav,
        Self::Reference,
        Self::IcalJs,
        Self::Libical,
        Self::Vdirsyncer,
        Self::Google,
        Self::Emulate,
        Self::Postgres,
        Self::Aiosmtpd,
        Self::Browser,
        Self::ApiPython,
        Self::ApiNode,
        Self::ComponentizeJs,
        Self::ComponentizePy,
    ];

    /// What `CHRONUS_WITHOUT`, its folder in the cache and the file below `tests/peers` call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Radicale => "radicale",
            Self::Xandikos => "xandikos",
            Self::Cyrus => "cyrus",
            Self::Caldav => "caldav",
            Self::Reference => "reference",
            Self::IcalJs => "icaljs",
            Self::Libical => "libical",
            Self::Vdirsyncer => "vdirsyncer",
            Self::Google => "google",
            Self::Emulate => "emulate",
            Self::Postgres => "postgres",
            Self::Aiosmtpd => "aiosmtpd",
            Self::Browser => "browser",
            Self::ApiPython => "api_python",
            Self::ApiNode => "api_node",
            Self::ComponentizeJs => "componentize_js",
            Self::ComponentizePy => "componentize_py",
        }
    }

    /// The package that matters among its requirements.
    fn package(self) -> &'static str {
        match self {
            Self::Reference => "recurring-ical-events",
            Self::IcalJs => "ical.js",
            Self::Google => "google-api-python-client",
            Self::Browser => "playwright-core",
            Self::ApiPython => "schemathesis",
            Self::ApiNode => "@redocly/cli",
            Self::ComponentizeJs => "@bytecodealliance/componentize-js",
            Self::ComponentizePy => "componentize-py",
            Self::Radicale
            | Self::Xandikos
            | Self::Cyrus
            | Self::Caldav
            | Self::Libical
            | Self::Vdirsyncer
            | Self::Emulate
            | Self::Postgres
            | Self::Aiosmtpd => self.name(),
        }
    }

    /// The pinned packages, a line for each: `name==version`; nothing of what the system must have.
    fn requirements(self) -> &'static str {
        match self {
            Self::Radicale => include_str!("../../peers/radicale.txt"),
            Self::Xandikos => include_str!("../../peers/xandikos.txt"),
            Self::Caldav => include_str!("../../peers/caldav.txt"),
            Self::Reference => include_str!("../../peers/reference.txt"),
            Self::IcalJs => include_str!("../../peers/icaljs.txt"),
            Self::Vdirsyncer => include_str!("../../peers/vdirsyncer.txt"),
            Self::Google => include_str!("../../peers/google.txt"),
            Self::Emulate => include_str!("../../peers/emulate.txt"),
            Self::Aiosmtpd => include_str!("../../peers/aiosmtpd.txt"),
            Self::Browser => include_str!("../../peers/browser.txt"),
            Self::ApiPython => include_str!("../../peers/api_python.txt"),
            Self::ApiNode => include_str!("../../peers/api_node.txt"),
            Self::ComponentizeJs => include_str!("../../peers/componentize_js.txt"),
            Self::ComponentizePy => include_str!("../../peers/componentize_py.txt"),
            Self::Cyrus | Self::Libical | Self::Postgres => "",
        }
    }

    /// The version that is pinned. The requirements are the one place that knows it.
    pub fn version(self) -> anyhow::Result<&'static str> {
        self.requirements()
            .lines()
            .find_map(|line| line.strip_prefix(self.package())?.strip_prefix("=="))
            .with_context(|| format!("tests/peers/{}.txt does not pin {}", self.name(), self.package()))
    }
}

/// Whether one of the peers that a test needs is to be left out; the reason is printed. A test begins with it:
///
/// ```no_run
/// # use chronus_tests::peers::{self, Peer};
/// # fn test() -> anyhow::Result<()> {
/// if peers::left_out(&[Peer::Radicale])? {
///     return Ok(());
/// }
/// # Ok(()) }
/// ```
pub fn left_out(needed: &[Peer]) -> anyhow::Result<bool> {
    let Some(peer) = without()?.into_iter().find(|peer| needed.contains(peer)) else { return Ok(false) };
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    tell(&format!("LEFT OUT {test}: {WITHOUT} names {}", peer.name()));
    Ok(true)
}

fn without() -> anyhow::Result<Vec<Peer>> {
    match std::env::var(WITHOUT) {
        Ok(names) => named(&names),
        Err(_) => Ok(Vec::new()),
    }
}

/// A name that nobody has is refused: it would leave in what was meant to be left out.
fn named(names: &str) -> anyhow::Result<Vec<Peer>> {
    let mut peers = Vec::new();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let Some(peer) = Peer::ALL.into_iter().find(|peer| peer.name() == name) else {
            bail!("{WITHOUT} names {name}; the peers are {}", Peer::ALL.map(Peer::name).join(", "));
        };
        peers.push(peer);
    }
    Ok(peers)
}

/// A client for talking to servers on this machine: a proxy of the environment must not see these requests.
fn http_client() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(server::PATIENCE)
        .build()
        .context("making an HTTP client for the peers")
}

#[cfg(test)]
mod tests {
    use super::{Peer, named};

    #[test]
    fn peers_are_named_by_commas() {
        assert_eq!(named("").unwrap(), []);
        assert_eq!(named("xandikos, caldav,").unwrap(), [Peer::Xandikos, Peer::Caldav]);
        let error = named("xandicos").unwrap_err().to_string();
        assert!(
            error.contains(
                "radicale, xandikos, cyrus, caldav, reference, icaljs, libical, vdirsyncer, google, emulate, postgres, \
                 aiosmtpd, browser"
            ),
            "{error}"
        );
    }

    #[test]
    fn every_peer_pins_its_own_package_and_nothing_loosely() {
        for peer in Peer::ALL.into_iter().filter(|peer| !peer.requirements().is_empty()) {
            assert!(peer.version().unwrap().starts_with(|first: char| first.is_ascii_digit()));
            for line in peer.requirements().lines().filter(|line| !line.starts_with('#')) {
                assert_eq!(line.matches("==").count(), 1, "{}: {line}", peer.name());
            }
        }
    }
}
