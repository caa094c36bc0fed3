//! Every key of the configuration, in one place: what it is called in the file and in the environment, what it is if
//! nobody says, what it is for, and how it is read.
//!
//! The reference that `chronus config --reference` prints, the list of known variables and the reading itself are all
//! made from these rows, so that none can know a key that the others do not. What is set wrongly is said without the
//! value: it may be the address of the database, with its password.

use super::{Config, raw_value::RawValue};
use crate::{db::DatabaseUrl, mail::Server, plugins::egress::EgressMap};
use std::time::Duration;

/// What all variables begin with.
pub const PREFIX: &str = "CHRONUS_";

/// A key of the configuration.
pub struct Key {
    /// In the file; a dot is a table.
    pub name: &'static str,
    /// What it is if nobody says, as TOML.
    pub default: &'static str,
    /// The description in the reference.
    pub what: &'static str,
    pub(super) set: fn(&mut Config, &RawValue<'_>) -> Result<(), String>,
}

impl Key {
    /// Its name in the environment.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_uppercase().replace(['.', '-'], "_"))
    }
}

/// Variables that are no keys, and what they are for.
pub const VARIABLES: &[(&str, &str)] = &[
    ("CHRONUS_CONFIG", "the configuration file, where --config does not name it"),
    ("CHRONUS_KILLS", "for tests: how often they kill this program; it does not look at it itself"),
    ("CHRONUS_STOP_AT", "for tests: where this process ends itself; refused in production"),
    ("CHRONUS_TEST_DB", "for tests: the database that they run on; this program does not look at it"),
    ("CHRONUS_WITHOUT", "for tests: what they do without; this program does not look at it"),
];

const fn key(
    name: &'static str,
    default: &'static str,
    what: &'static str,
    set: fn(&mut Config, &RawValue<'_>) -> Result<(), String>,
) -> Key {
    Key { name, default, what, set }
}

macro_rules! budget {
    ($name:literal, $field:ident, $default:literal, $what:literal) => {
        key(concat!("budget.", $name), $default, $what, |config, raw| {
            config.budget.$field = raw.integer(1, u32::MAX.into())?;
            Ok(())
        })
    };
}

/// Every key there is.
pub static KEYS: &[Key] = &[
    key(
        "listen",
        "\"127.0.0.1:8080\"",
        "Address and port of the API. Port 0 lets the system choose.",
        |config, raw| {
            let address = raw.text()?.parse();
            config.listen = address.map_err(|_| "write an address and a port, such as 127.0.0.1:8080".to_owned())?;
            Ok(())
        },
    ),
    key(
        "database",
        "\"chronus.db\"",
        "Where everything is kept: a file (SQLite), or postgres://user:password@host/database for several hosts.",
        |config, raw| {
            let text = raw.text()?;
            config.database = match text.split_once("://") {
                None => DatabaseUrl::File(raw.path()?),
                Some(("postgres" | "postgresql", _)) => DatabaseUrl::Server(text.to_owned()),
                Some(_) => return Err("write the path of a file, or postgres://user:password@host/database".into()),
            };
            Ok(())
        },
    ),
    key(
        "keys",
        "\"chronus.keys\"",
        "The file with the keys that seal credentials; made when it is not there. Keep a copy apart from the database.",
        |config, raw| {
            config.keys = raw.path()?;
            Ok(())
        },
    ),
    key(
        "public-url",
        "\"\"",
        "Where browsers reach this host: https://chronus.example.org. Empty: where it listens.",
        |config, raw| {
            config.public_url =
                match raw.text()? {
                    "" => None,
                    text => Some(text.parse().map_err(|_| {
                        "write an address without a path, such as https://chronus.example.org".to_owned()
                    })?),
                };
            Ok(())
        },
    ),
    key(
        "proxies",
        "[\"127.0.0.1\", \"::1\"]",
        "Networks of the reverse proxies before this host, whose `x-forwarded-for` says who asks.",
        |config, raw| {
            config.proxies = raw.networks()?;
            Ok(())
        },
    ),
    key(
        "mail.smtp",
        "\"\"",
        "The server that mail leaves by: smtps://user:password@mail.example.org, or smtp:// for STARTTLS.",
        |config, raw| {
            config.mail.smtp = match raw.text()? {
                "" => None,
                text => Some(text.parse::<Server>().map_err(|error| error.to_string())?),
            };
            Ok(())
        },
    ),
    key(
        "mail.from",
        "\"Chronus <chronus@localhost>\"",
        "Whom all mail comes from, the assistant: name and address.",
        |config, raw| {
            let mailbox = raw.text()?.parse();
            config.mail.from =
                mailbox.map_err(|_| "write a name and an address: Chronus <assistant@example.org>".to_owned())?;
            Ok(())
        },
    ),
    key(
        "mail.print",
        "false",
        "Prints mail to standard output where no server is set. Refused in production.",
        |config, raw| {
            config.mail.print = raw.flag()?;
            Ok(())
        },
    ),
    key("production", "false", "Refuses what is for tests and demonstrations only.", |config, raw| {
        config.production = raw.flag()?;
        Ok(())
    }),
    key(
        "egress.map",
        "{}",
        "Stand-ins for calendar services: { \"https://service\" = \"http://127.0.0.1:1234\" }. Refused in production.",
        |config, raw| {
            let pairs = raw.table()?;
            let pairs = pairs.iter().map(|(from, to)| (from.as_str(), to.as_str()));
            config.egress.map = EgressMap::new(pairs).map_err(|_| {
                "each side is an http or https address without user name, query and fragment, and plain http leads to \
                 this machine only"
                    .to_owned()
            })?;
            Ok(())
        },
    ),
    key(
        "egress.networks",
        "[]",
        "Networks that providers may reach although they are not public, such as \"10.20.0.0/16\".",
        |config, raw| {
            config.egress.networks = raw.networks()?;
            Ok(())
        },
    ),
    key("egress.ca", "\"\"", "A PEM file of certificates that are trusted as well as the system's.", |config, raw| {
        config.egress.ca = raw.path_or_none()?;
        Ok(())
    }),
    key("sandbox.concurrent-calls", "100", "The most calls to providers at once; more wait.", |config, raw| {
        config.sandbox.concurrent_calls = raw.integer(1, 10_000)?;
        Ok(())
    }),
    key(
        "sandbox.cache",
        "\"\"",
        "The folder of compiled providers, this user's alone. Empty: below the user's own cache folder.",
        |config, raw| {
            config.sandbox.cache = raw.path_or_none()?;
            Ok(())
        },
    ),
    key("jobs.workers", "8", "How many jobs this host does at a time.", |config, raw| {
        config.jobs.workers = raw.integer(1, 256)?;
        Ok(())
    }),
    key("jobs.poll-ms", "500", "How often it looks for jobs of other hosts and of later.", |config, raw| {
        config.jobs.poll = Duration::from_millis(raw.integer(10, 60_000)?);
        Ok(())
    }),
    key(
        "jobs.lease-seconds",
        "30",
        "After how long without a sign of life another host takes a job over.",
        |config, raw| {
            config.jobs.lease = Duration::from_secs(raw.integer(1, 3600)?);
            Ok(())
        },
    ),
    budget!("cpu-ms", cpu_ms, "10000", "Time on the processor that one call to a provider may use."),
    budget!("wall-ms", wall_ms, "60000", "Time that it may take, waiting included."),
    budget!("memory-bytes", memory_bytes, "134217728", "Memory that it may use."),
    budget!("requests", requests, "500", "Requests that it may send."),
    budget!("request-bytes", request_bytes, "4194304", "The body of one request."),
    budget!("header-bytes", header_bytes, "65536", "The headers of one request or answer."),
    budget!("response-bytes", response_bytes, "67108864", "The bodies of all answers together."),
    budget!("log-lines", log_lines, "200", "Lines that it may log."),
    budget!("result-bytes", result_bytes, "33554432", "What it may hand over at once."),
    budget!("handles", handles, "4096", "Things of the host that it may hold at a time."),
    key("log", "\"info\"", "What is logged to standard error: info, or warn,provider=debug.", |config, raw| {
        raw.text()?.clone_into(&mut config.log);
        Ok(())
    }),
    key(
        "drain-seconds",
        "30",
        "How long requests and jobs under way may go on when the host is told to end.",
        |config, raw| {
            config.drain = Duration::from_secs(raw.integer(0, 3600)?);
            Ok(())
        },
    ),
];

/// Every key as a configuration file that says what would be so anyway.
#[must_use]
pub fn reference() -> String {
    let head = format!(
        "# Every key, with what it is if nobody says. A variable of the environment goes before the file; in one,\n\
         # lists are separated by commas, tables are from=to,from=to, and an empty text counts as none. Paths are\n\
         # relative to this file, or in a variable to the working directory.\n{}",
        VARIABLES.iter().map(|(name, what)| format!("#\n# {name}: {what}.\n")).collect::<String>()
    );
    let keys = KEYS.iter().map(|key| {
        let Key { name, default, what, .. } = key;
        format!("\n# {what}\n# {}\n{name} = {default}\n", key.variable())
    });
    head + &keys.collect::<String>()
}
