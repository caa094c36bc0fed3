//! Every setting, in one table: its key in the file and in the environment, its default, its purpose, and its parser.
//!
//! `chronus config --reference`, the list of known variables and the parsing are all made from these rows, so none of
//! them can know a key that the others do not. Error messages never contain the value, which may be a database URL with
//! its password.

use super::{Config, raw_value::RawValue};
use crate::{
    db::DatabaseUrl,
    mail::Server,
    plugins::{Budget, egress::EgressMap},
    rate_limits::Rate,
};
use jiff::SignedDuration;
use std::time::Duration;

/// The prefix of all environment variables.
pub const PREFIX: &str = "CHRONUS_";

/// A setting.
pub struct Key {
    /// The name in the file; a dot separates a table from its key.
    pub name: &'static str,
    default: DefaultValue,
    /// The purpose, as printed in the reference.
    pub what: &'static str,
    pub(super) set: fn(&mut Config, &RawValue<'_>) -> Result<(), String>,
}

/// Where the default of a key is declared.
enum DefaultValue {
    /// Here, as TOML.
    Toml(&'static str),
    /// In [`Budget::default`].
    Budget(fn(&Budget) -> String),
    /// In the table of rate limits.
    Limit(Rate),
}

impl Key {
    /// The name of the environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_uppercase().replace(['.', '-'], "_"))
    }

    /// The default value, as TOML.
    #[must_use]
    pub fn default(&self) -> String {
        match self.default {
            DefaultValue::Toml(text) => text.to_owned(),
            DefaultValue::Budget(field) => field(&Budget::default()),
            DefaultValue::Limit(rate) => rate.default_most().to_string(),
        }
    }
}

/// Environment variables that are not settings, and their purpose.
pub const VARIABLES: &[(&str, &str)] = &[
    ("CHRONUS_CONFIG", "the path of the configuration file, unless --config is given"),
    ("CHRONUS_KILLS", "for tests: how often the tests kill this program; the program itself ignores it"),
    ("CHRONUS_STOP_AT", "for tests: the point at which this process stops; refused in production"),
    ("CHRONUS_TEST_DB", "for tests: the database that the tests use; the program itself ignores it"),
    ("CHRONUS_WITHOUT", "for tests: the test peers that are not installed; the program itself ignores it"),
];

const fn key(
    name: &'static str,
    default: &'static str,
    what: &'static str,
    set: fn(&mut Config, &RawValue<'_>) -> Result<(), String>,
) -> Key {
    Key { name, default: DefaultValue::Toml(default), what, set }
}

const PRODUCTION: &str = "Refuse settings that are meant for tests and demonstrations, and require public-url, mail.smtp and \
                          mail.from.";

macro_rules! budget {
    ($name:literal, $field:ident, $what:literal) => {
        Key {
            name: concat!("budget.", $name),
            default: DefaultValue::Budget(|budget| budget.$field.to_string()),
            what: $what,
            set: |config, raw| {
                config.budget.$field = raw.integer(1, u32::MAX.into())?;
                Ok(())
            },
        }
    };
}

macro_rules! limit {
    ($name:literal, $rate:ident) => {
        Key {
            name: concat!("limits.", $name),
            default: DefaultValue::Limit(Rate::$rate),
            what: Rate::$rate.what(),
            set: |config, raw| {
                config.limits.set(Rate::$rate, raw.integer(1, 1_000_000)?);
                Ok(())
            },
        }
    };
}

/// All settings.
pub static KEYS: &[Key] = &[
    key(
        "listen",
        "\"127.0.0.1:8080\"",
        "The address and port that the server listens on. With port 0, the system chooses a free port.",
        |config, raw| {
            let address = raw.text()?.parse();
            config.listen = address.map_err(|_| "write an address and a port, such as 127.0.0.1:8080".to_owned())?;
            Ok(())
        },
    ),
    key(
        "database",
        "\"chronus.db\"",
        "The database: the path of a file (SQLite), or postgres://user:password@host/database, which several hosts can share. \
         Another machine is reached with TLS: sslmode=require, or in production verify-full, unless the address says more. A \
         certificate of your own authority needs sslrootcert=FILE in the address.",
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
        "The file with the keys that seal credentials. The first host of a database creates it; all hosts need the same file. Keep a \
         copy apart from the database.",
        |config, raw| {
            config.keys = raw.path()?;
            Ok(())
        },
    ),
    key(
        "public-url",
        "\"\"",
        "The URL at which browsers reach this host: https://chronus.example.org. If empty, the address in `listen`.",
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
        "The networks of trusted reverse proxies. Their `x-forwarded-for` header is believed for the client's address. Without \
         the header, all clients behind a proxy count as one in `limits`.",
        |config, raw| {
            config.proxies = raw.networks()?;
            Ok(())
        },
    ),
    key(
        "mail.smtp",
        "\"\"",
        "The SMTP server: smtps://user:password@mail.example.org, or smtp:// for STARTTLS. If empty, no mail is sent.",
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
        "The sender of all mail: a name and an address.",
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
        "If no SMTP server is set, print mail to standard output. Refused in production.",
        |config, raw| {
            config.mail.print = raw.flag()?;
            Ok(())
        },
    ),
    key("production", "false", PRODUCTION, |config, raw| {
        config.production = raw.flag()?;
        Ok(())
    }),
    key(
        "egress.map",
        "{}",
        "Sends requests for a calendar service elsewhere: { \"https://service\" = \"http://127.0.0.1:1234\" }. Refused in production.",
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
        "Private networks that providers may connect to, such as \"10.20.0.0/16\".",
        |config, raw| {
            config.egress.networks = raw.networks()?;
            Ok(())
        },
    ),
    key(
        "egress.ca",
        "\"\"",
        "A PEM file with certificates to trust in addition to those of the system.",
        |config, raw| {
            config.egress.ca = raw.path_or_none()?;
            Ok(())
        },
    ),
    key(
        "sandbox.concurrent-calls",
        "100",
        "The maximum number of concurrent calls to providers, which organisations share fairly. Further calls wait for two \
         seconds and are then refused.",
        |config, raw| {
            config.sandbox.concurrent_calls = raw.integer(1, 10_000)?;
            Ok(())
        },
    ),
    key(
        "sandbox.cache",
        "\"\"",
        "The folder for compiled providers, which only this user may access. If empty, a folder in the user's cache folder.",
        |config, raw| {
            config.sandbox.cache = raw.path_or_none()?;
            Ok(())
        },
    ),
    key(
        "jobs.workers",
        "8",
        "The maximum number of jobs, apart from mail, that this host runs at once. Organisations share them fairly.",
        |config, raw| {
            config.jobs.workers = raw.integer(1, 256)?;
            Ok(())
        },
    ),
    key(
        "jobs.poll-ms",
        "500",
        "How often this host looks for jobs of other hosts and for jobs that have become due, in milliseconds.",
        |config, raw| {
            config.jobs.poll = Duration::from_millis(raw.integer(10, 60_000)?);
            Ok(())
        },
    ),
    key(
        "jobs.lease-seconds",
        "30",
        "After how many seconds another host takes over the jobs of a host that has died.",
        |config, raw| {
            config.jobs.lease = Duration::from_secs(raw.integer(1, 3600)?);
            Ok(())
        },
    ),
    key(
        "audit.keep-days",
        "400",
        "After how many days entries of the audit log are deleted. `chronus audit list` prints them.",
        |config, raw| {
            config.audit_keep = SignedDuration::from_hours(24 * raw.integer::<i64>(1, 36_500)?);
            Ok(())
        },
    ),
    budget!("cpu-ms", cpu_ms, "The processor time that one call to a provider may use, in milliseconds."),
    budget!("wall-ms", wall_ms, "The time that one call may take, waiting included, in milliseconds."),
    budget!(
        "background-wall-ms",
        background_wall_ms,
        "The time that one call of a job may take, waiting included, in milliseconds: at most budget.wall-ms."
    ),
    budget!("memory-bytes", memory_bytes, "The memory that one call may use."),
    budget!("requests", requests, "The number of HTTP requests that one call may send, refused ones included."),
    budget!("request-bytes", request_bytes, "The maximum size of a request body."),
    budget!(
        "held-bytes",
        held_bytes,
        "The maximum size of all request bodies that the host holds for one call at a time."
    ),
    budget!("header-bytes", header_bytes, "The maximum size of the headers of a request or of a response."),
    budget!("response-bytes", response_bytes, "The maximum size of all response bodies of a call together."),
    budget!("log-lines", log_lines, "The number of log lines that one call may write."),
    budget!("result-bytes", result_bytes, "The maximum size of the data that a call may pass to the host at once."),
    budget!(
        "records",
        records,
        "The maximum number of records (intervals, events, attendees, calendars) in the result of one call."
    ),
    budget!(
        "handles",
        handles,
        "The number of host resources (requests, responses, streams) that a call may hold at once."
    ),
    limit!("sign-ins-of-client", SignInsOfClient),
    limit!("sign-in-mails", SignInMails),
    limit!("notices", Notices),
    limit!("connecting-by-person", ConnectingByPerson),
    limit!("connecting-by-organisation", ConnectingByOrganisation),
    limit!("connecting-at-server", ConnectingAtServer),
    limit!("probing", Probing),
    limit!("bad-tokens", BadTokens),
    limit!("search", Search),
    limit!("write", Write),
    key(
        "log",
        "\"info\"",
        "The log filter for standard error: info, or for example warn,provider=debug.",
        |config, raw| {
            raw.text()?.clone_into(&mut config.log);
            Ok(())
        },
    ),
    key(
        "notice-seconds",
        "5",
        "How many seconds /health/ready says 503 before the host accepts no further requests, when SIGTERM tells it to stop.",
        |config, raw| {
            config.notice = Duration::from_secs(raw.integer(0, 3600)?);
            Ok(())
        },
    ),
    key(
        "drain-seconds",
        "30",
        "How many seconds running requests and jobs may take to finish when the host is told to stop.",
        |config, raw| {
            config.drain = Duration::from_secs(raw.integer(0, 3600)?);
            Ok(())
        },
    ),
];

/// A configuration file with every key, set to its default.
#[must_use]
pub fn reference() -> String {
    let head = format!(
        "# Every key, with its default. Environment variables take precedence over the file. In a variable, separate the\n\
         # items of a list by commas, write a table as from=to,from=to, and leave the text empty to unset it. Paths are\n\
         # relative to this file, or in a variable to the working directory.\n{}",
        VARIABLES.iter().map(|(name, what)| format!("#\n# {name}: {what}.\n")).collect::<String>()
    );
    let keys = KEYS.iter().map(|key| {
        let Key { name, what, .. } = key;
        format!("\n# {what}\n# {}\n{name} = {}\n", key.variable(), key.default())
    });
    head + &keys.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rate_limit_is_a_setting() {
        let settings: Vec<_> = KEYS.iter().filter_map(|key| key.name.strip_prefix("limits.")).collect();
        let limits: Vec<_> = Rate::ALL.iter().map(|rate| rate.name()).collect();
        assert_eq!(settings, limits);
    }
}
