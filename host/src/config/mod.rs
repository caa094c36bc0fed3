//! The configuration, from a file and from environment variables.
//!
//! Threat: a misspelt key is ignored, and the host runs with other settings than the operator believes; a setting for
//! tests is in force in production; an error message shows the database URL with its password. Decision: one table
//! ([`keys`]) declares every key; an unknown key or `CHRONUS_` variable is refused, and the error names the most similar
//! known one; errors name the key and never the value. Rejected: a library that merges sources, because it does not
//! notice unknown variables, and repeats values that it cannot parse.

pub mod keys;
mod raw_value;

pub use keys::{KEYS, Key, PREFIX, VARIABLES, reference};

use crate::{
    audit,
    db::DatabaseUrl,
    jobs::{Settings, fail_points::STOP_AT},
    links::Links,
    mail::{self, Mailbox},
    network::is_this_machine,
    plugins::{
        Budget,
        egress::{AddressPolicy, EgressMap, EgressPolicy, Origin, Scheme},
    },
    rate_limits::Limits,
};
use ipnet::IpNet;
use jiff::SignedDuration;
use raw_value::{RawValue, Source};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use std::{
    io::Read as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};
use toml::{Table, Value};

/// The variable with the path of the configuration file.
pub const FILE: &str = "CHRONUS_CONFIG";

/// The maximum size of a configuration file, in bytes.
const LARGEST_FILE: u64 = 1 << 20;

/// All settings, as described in [`KEYS`]. There is no `Debug`, because settings may contain passwords.
#[derive(Clone, PartialEq)]
pub struct Config {
    /// `listen`
    pub listen: SocketAddr,
    /// `database`
    pub database: DatabaseUrl,
    /// `keys`
    pub keys: PathBuf,
    /// `public-url`; [`Config::public_origin`] includes the default.
    pub public_url: Option<Origin>,
    /// `proxies`
    pub proxies: Vec<IpNet>,
    /// `mail.*`
    pub mail: mail::Settings,
    /// `production`
    pub production: bool,
    /// `egress.*`
    pub egress: Egress,
    /// `sandbox.*`
    pub sandbox: SandboxSettings,
    /// `jobs.*`
    pub jobs: Settings,
    /// `audit.keep-days`
    pub audit_keep: SignedDuration,
    /// `budget.*`
    pub budget: Budget,
    /// `limits.*`
    pub limits: Limits,
    /// `log`
    pub log: String,
    /// `notice-seconds`
    pub notice: Duration,
    /// `drain-seconds`
    pub drain: Duration,
}

/// `egress.*`
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Egress {
    /// `egress.map`
    pub map: EgressMap,
    /// `egress.networks`
    pub networks: Vec<IpNet>,
    /// `egress.ca`
    pub ca: Option<PathBuf>,
}

/// `sandbox.*`
#[derive(Debug, Clone, PartialEq)]
pub struct SandboxSettings {
    /// `sandbox.concurrent-calls`
    pub concurrent_calls: u32,
    /// `sandbox.cache`
    pub cache: Option<PathBuf>,
}

/// The default name of the database file.
const DATABASE_FILE: &str = "chronus.db";

/// The default name of the key file.
const KEY_FILE: &str = "chronus.keys";

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            database: DatabaseUrl::File(DATABASE_FILE.into()),
            keys: KEY_FILE.into(),
            public_url: None,
            proxies: vec![IpAddr::from(Ipv4Addr::LOCALHOST).into(), IpAddr::from(Ipv6Addr::LOCALHOST).into()],
            mail: mail::Settings { smtp: None, from: assistant(), print: false },
            production: false,
            egress: Egress::default(),
            sandbox: SandboxSettings { concurrent_calls: 100, cache: None },
            jobs: Settings::default(),
            audit_keep: audit::DEFAULT_KEEP,
            budget: Budget::default(),
            limits: Limits::default(),
            log: "info".into(),
            notice: Duration::from_secs(5),
            drain: Duration::from_secs(30),
        }
    }
}

/// Why the configuration is invalid. Never contains a value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The configuration file, or a file that it names, cannot be read.
    #[error("{0} cannot be read: {1}")]
    File(String, String),
    /// The file is not TOML.
    #[error("{0}: {1}")]
    Syntax(String, String),
    /// The key or variable does not exist.
    #[error("{place}: unknown key `{name}`; did you mean `{nearest}`? `chronus config --reference` lists all keys")]
    Unknown {
        /// The path of the file, or "environment".
        place: String,
        /// The unknown name.
        name: String,
        /// The most similar known name.
        nearest: String,
    },
    /// The value of a key is invalid.
    #[error("`{0}`: {1}")]
    Value(String, String),
    /// A setting for tests is used in production.
    #[error(
        "`{0}` is for tests and demonstrations and cannot be used while `production` is true; remove one of the two"
    )]
    Production(&'static str),
}

impl Config {
    /// Reads the file, if one is given, and the environment variables, which take precedence.
    ///
    /// # Errors
    /// If a key or variable is unknown, a value is invalid, or two settings exclude each other.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        if let Some(path) = file {
            config.read(path)?;
        }
        let mut stops = false;
        for (variable, text) in environment {
            if !variable.starts_with(PREFIX) || text.is_empty() {
                continue;
            }
            stops |= variable == STOP_AT;
            match KEYS.iter().find(|key| key.variable() == variable) {
                Some(key) => {
                    let raw = RawValue { value: Source::Variable(&text), beside: Path::new("") };
                    (key.set)(&mut config, &raw).map_err(|what| ConfigError::Value(variable, what))?;
                }
                None if VARIABLES.iter().any(|(known, _)| *known == variable) => {}
                None => {
                    let known = VARIABLES.iter().map(|(known, _)| (*known).to_owned());
                    let nearest = nearest(&variable, KEYS.iter().map(Key::variable).chain(known));
                    return Err(ConfigError::Unknown { place: "environment".into(), name: variable, nearest });
                }
            }
        }
        if config.production {
            config.check_production(stops)?;
            config.database = config.database.in_production();
        }
        Ok(config)
    }

    /// The additional requirements of `production`.
    fn check_production(&self, stops: bool) -> Result<(), ConfigError> {
        for (is_set, name) in
            [(!self.egress.map.is_empty(), "egress.map"), (self.mail.print, "mail.print"), (stops, STOP_AT)]
        {
            if is_set {
                return Err(ConfigError::Production(name));
            }
        }
        let wrong = |name: &str, what: &str| Err(ConfigError::Value(name.into(), what.into()));
        // A missing value is refused like a wrong one: the defaults are for one person on their own machine.
        if !self
            .public_url
            .as_ref()
            .is_some_and(|here| here.scheme() == Scheme::Https || is_this_machine(&here.host().to_string()))
        {
            return wrong("public-url", "`production` is true: write the https URL at which browsers reach this host");
        }
        if self.mail.smtp.is_none() {
            return wrong(
                "mail.smtp",
                "`production` is true: write the URL of the SMTP server; nobody can sign in without email",
            );
        }
        if self.mail.from == assistant() {
            return wrong("mail.from", "`production` is true: write the name and address of the sender");
        }
        Ok(())
    }

    /// The origin at which browsers reach this host.
    #[must_use]
    pub fn public_origin(&self) -> Origin {
        self.public_url.clone().unwrap_or_else(|| Origin::listening(self.listen))
    }

    /// Whether browsers reach this host at another machine's address, so that requests come through a proxy.
    #[must_use]
    pub fn is_behind_proxy(&self) -> bool {
        self.public_url.as_ref().is_some_and(|here| !is_this_machine(&here.host().to_string()))
    }

    /// The URLs of this host for mails and services.
    #[must_use]
    pub fn links(&self) -> Links {
        Links::new(self.public_origin())
    }

    fn read(&mut self, path: &Path) -> Result<(), ConfigError> {
        let place = path.display().to_string();
        let bytes = read(path)?;
        let text =
            String::from_utf8(bytes).map_err(|_| ConfigError::File(place.clone(), "it is not UTF-8 text".into()))?;
        let table: Table = toml::from_str(&text)
            .map_err(|error| ConfigError::Syntax(place.clone(), redacted_toml_error(&error, &text)))?;
        let beside = path.parent().unwrap_or(Path::new(""));
        // A default path is beside the file too, like one that is written there.
        self.database = DatabaseUrl::File(beside.join(DATABASE_FILE));
        self.keys = beside.join(KEY_FILE);
        self.set(&place, beside, "", &table)
    }

    fn set(&mut self, place: &str, beside: &Path, within: &str, table: &Table) -> Result<(), ConfigError> {
        for (name, value) in table {
            let name = format!("{within}{name}");
            let inner = format!("{name}.");
            match (KEYS.iter().find(|key| key.name == name), value) {
                (Some(key), value) => {
                    let raw = RawValue { value: Source::File(value), beside };
                    (key.set)(self, &raw).map_err(|what| ConfigError::Value(name, what))?;
                }
                (None, Value::Table(table)) if KEYS.iter().any(|key| key.name.starts_with(&inner)) => {
                    self.set(place, beside, &inner, table)?;
                }
                (None, _) => {
                    let nearest = nearest(&name, KEYS.iter().map(|key| key.name.to_owned()));
                    return Err(ConfigError::Unknown { place: place.to_owned(), name, nearest });
                }
            }
        }
        Ok(())
    }
}

impl Egress {
    /// The egress policy for all providers.
    #[must_use]
    pub fn policy(&self) -> EgressPolicy {
        EgressPolicy { map: self.map.clone(), addresses: AddressPolicy { networks: self.networks.clone() } }
    }

    /// The certificates to trust in addition to those of the system.
    ///
    /// # Errors
    /// If the file cannot be read or contains no certificate.
    pub fn authorities(&self) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
        let Some(path) = &self.ca else { return Ok(Vec::new()) };
        let none = || ConfigError::Value("egress.ca".into(), format!("{} {NO_CERTIFICATE}", path.display()));
        certificates(&read(path)?).ok_or_else(none)
    }
}

fn assistant() -> Mailbox {
    mail::ASSISTANT.parse().expect("a constant")
}

/// The error for a file without certificates, to follow its name.
pub const NO_CERTIFICATE: &str = "does not contain a certificate in PEM format (-----BEGIN CERTIFICATE-----)";

/// The certificates in a PEM file; `None` if there is none or one is malformed.
#[must_use]
pub fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    if found.is_empty() { None } else { Some(found) }
}

/// Parses a network or a single address.
#[must_use]
pub fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// The message of the TOML parser with the line number, but without the text of the line, which may contain a secret.
#[must_use]
pub fn redacted_toml_error(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().map(|span| 1 + text.bytes().take(span.start).filter(|&byte| byte == b'\n').count());
    let mut message = error.message().replace('\n', "; ");
    if let (true, Some(from), Some(to)) = (message.starts_with("invalid "), message.find('"'), message.rfind('"'))
        && from < to
    {
        message.replace_range(from..=to, "…");
    }
    match line {
        Some(line) => format!("line {line}: {message}"),
        None => message,
    }
}

/// Reads a file, up to [`LARGEST_FILE`] bytes.
fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let error = |why: std::io::Error| ConfigError::File(path.display().to_string(), why.to_string());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(error)?;
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(error)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(error(std::io::Error::other(format!("it has more than {LARGEST_FILE} bytes"))));
    }
    Ok(bytes)
}

/// The known name that is most similar.
fn nearest(name: &str, known: impl Iterator<Item = String>) -> String {
    known.min_by_key(|other| strsim::levenshtein(name, other)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_file(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chronus.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path), [])
    }

    fn from_environment(variable: &str, text: &str) -> Result<Config, ConfigError> {
        Config::load(None, [(variable.to_owned(), text.to_owned())])
    }

    /// For each key: a value in a file that is not the default, the same in a variable, and one that is wrong.
    const VALUES: &[(&str, &str, &str, &str)] = &[
        ("listen", "\"[::1]:0\"", "[::1]:0", "\"hunter22\""),
        ("database", "\"postgres://a:b@c/d\"", "postgres://a:b@c/d", "\"mysql://a:hunter22@c/d\""),
        ("keys", "\"/etc/other.keys\"", "/etc/other.keys", "[\"hunter22\"]"),
        ("public-url", "\"https://a.example\"", "https://a.example", "\"https://ann:hunter22@a.example\""),
        ("proxies", "[\"10.0.0.0/8\"]", "10.0.0.0/8", "[\"hunter22\"]"),
        ("mail.smtp", "\"smtps://a:b@c.example\"", "smtps://a:b@c.example", "\"imap://a:hunter22@c.example\""),
        ("mail.from", "\"A <a@b.example>\"", "A <a@b.example>", "\"hunter22\""),
        ("mail.print", "true", "true", "\"hunter22\""),
        ("production", "true", "true", "\"hunter22\""),
        (
            "egress.map",
            "{ \"https://a.example\" = \"http://127.0.0.1:1\" }",
            "https://a.example=http://127.0.0.1:1",
            "{ \"https://a.example\" = \"http://ann:hunter22@b.example\" }",
        ),
        ("egress.networks", "[\"10.0.0.0/8\", \"127.0.0.1\"]", "10.0.0.0/8, 127.0.0.1", "[\"hunter22\"]"),
        ("egress.ca", "\"/etc/ca.pem\"", "/etc/ca.pem", "7"),
        ("sandbox.concurrent-calls", "7", "7", "0"),
        ("sandbox.cache", "\"/var/cache/c\"", "/var/cache/c", "{}"),
        ("jobs.workers", "7", "7", "-1"),
        ("jobs.poll-ms", "77", "77", "9"),
        ("jobs.lease-seconds", "77", "77", "\"hunter22\""),
        ("audit.keep-days", "7", "7", "0"),
        ("budget.cpu-ms", "7", "7", "0"),
        ("budget.wall-ms", "7", "7", "\"hunter22\""),
        ("budget.background-wall-ms", "7", "7", "0"),
        ("budget.memory-bytes", "7", "7", "1.5"),
        ("budget.requests", "7", "7", "99999999999"),
        ("budget.request-bytes", "7", "7", "0"),
        ("budget.held-bytes", "7", "7", "0"),
        ("budget.header-bytes", "7", "7", "0"),
        ("budget.response-bytes", "7", "7", "0"),
        ("budget.log-lines", "7", "7", "0"),
        ("budget.result-bytes", "7", "7", "0"),
        ("budget.records", "7", "7", "0"),
        ("budget.handles", "7", "7", "0"),
        ("limits.sign-ins-of-client", "7", "7", "0"),
        ("limits.sign-in-mails", "7", "7", "0"),
        ("limits.notices", "7", "7", "0"),
        ("limits.connecting-by-person", "7", "7", "0"),
        ("limits.connecting-by-organisation", "7", "7", "0"),
        ("limits.connecting-at-server", "7", "7", "0"),
        ("limits.probing", "7", "7", "0"),
        ("limits.bad-tokens", "7", "7", "0"),
        ("limits.search", "7", "7", "0"),
        ("limits.write", "7", "7", "0"),
        ("log", "\"debug\"", "debug", "[\"hunter22\"]"),
        ("notice-seconds", "7", "7", "-7"),
        ("drain-seconds", "7", "7", "-7"),
    ];

    #[test]
    fn every_key_is_set_by_a_file_and_by_a_variable() {
        let told: Vec<_> = VALUES.iter().map(|(name, ..)| *name).collect();
        assert_eq!(told, KEYS.iter().map(|key| key.name).collect::<Vec<_>>(), "a key without a value here");
        for ((name, in_file, in_variable, wrong), key) in VALUES.iter().zip(KEYS) {
            if *name == "production" {
                // It needs other keys: see `production_and_what_is_for_tests_are_not_together`.
                assert!(from_file("production = true").is_err() && from_environment(&key.variable(), "true").is_err());
                continue;
            }
            let file = from_file(&format!("{name} = {in_file}")).unwrap();
            assert!(file != Config::default(), "{name}: the file sets nothing");
            let variable = from_environment(&key.variable(), in_variable).unwrap();
            // Without a file, the default paths are those of the working directory.
            let default = Config::default();
            let database = if name == &"database" { file.database.clone() } else { default.database };
            let keys = if name == &"keys" { file.keys.clone() } else { default.keys };
            assert!(Config { database, keys, ..file } == variable, "{name}: file and variable differ");
            let error = from_file(&format!("{name} = {wrong}")).err().unwrap().to_string();
            assert!(error.contains(name) && error.contains("write ") || error.contains("each side"), "{name}: {error}");
            assert!(!error.contains("hunter22"), "{name}: {error}");
        }
    }

    #[test]
    fn the_reference_is_what_is_so_anyway() {
        let reference = reference();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chronus.toml");
        std::fs::write(&path, &reference).unwrap();
        let wanted = Config {
            database: DatabaseUrl::File(folder.path().join("chronus.db")),
            keys: folder.path().join("chronus.keys"),
            ..Config::default()
        };
        assert!(Config::load(Some(&path), []).unwrap() == wanted);
        for (name, _) in VARIABLES {
            assert!(reference.contains(name), "{name}");
        }
    }

    /// O5 of the operators' review: a file without these keys led to a new, empty database in the working directory.
    #[test]
    fn default_paths_are_beside_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chronus.toml");
        std::fs::write(&path, "log = \"debug\"\n").unwrap();
        let config = Config::load(Some(&path), []).unwrap();
        assert!(config.database == DatabaseUrl::File(folder.path().join("chronus.db")));
        assert_eq!(config.keys, folder.path().join("chronus.keys"));
        let variable = ("CHRONUS_DATABASE".to_owned(), "elsewhere.db".to_owned());
        assert!(Config::load(Some(&path), [variable]).unwrap().database == DatabaseUrl::File("elsewhere.db".into()));
    }

    #[test]
    fn what_is_unknown_is_refused_with_the_nearest() {
        for (text, name, nearest) in [
            ("lisen = \"a\"", "lisen", "listen"),
            ("[egress]\nnetwork = []", "egress.network", "egress.networks"),
            ("[job]\nworkers = 1", "job", "log"),
            ("jobs.worker = 1", "jobs.worker", "jobs.workers"),
            ("[budget]\nwall = 5", "budget.wall", "budget.wall-ms"),
        ] {
            match from_file(text).err().unwrap() {
                ConfigError::Unknown { name: told, nearest: near, .. } => assert_eq!((&*told, &*near), (name, nearest)),
                error => panic!("{text}: {error}"),
            }
        }
        let error = from_environment("CHRONUS_LISTENS", "a").err().unwrap().to_string();
        assert!(error.contains("CHRONUS_LISTENS") && error.contains("`CHRONUS_LISTEN`"), "{error}");
        assert!(from_environment("OTHER_LISTENS", "a").is_ok());
        assert!(from_environment("CHRONUS_LISTEN", "").is_ok());
        for (known, _) in VARIABLES {
            assert!(from_environment(known, "a").is_ok(), "{known}");
        }
    }

    #[test]
    fn a_variable_goes_before_the_file_and_paths_are_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chronus.toml");
        std::fs::write(&path, "database = \"a.db\"\nkeys = \"a.keys\"\n[jobs]\nworkers = 2\n").unwrap();
        let config = Config::load(Some(&path), [("CHRONUS_KEYS".into(), "b.keys".into())]).unwrap();
        assert!(config.database == DatabaseUrl::File(folder.path().join("a.db")));
        assert_eq!((config.keys, config.jobs.workers), (PathBuf::from("b.keys"), 2));
    }

    #[test]
    fn production_and_what_is_for_tests_are_not_together() {
        let map = "production = true\n[egress.map]\n\"https://a.example\" = \"http://127.0.0.1:1\"";
        assert_eq!(from_file(map).err(), Some(ConfigError::Production("egress.map")));
        let error = |more: &[(&str, &str)]| {
            let all = [&[("CHRONUS_PRODUCTION", "true")], more].concat();
            Config::load(None, all.iter().map(|(name, text)| (str::to_owned(name), str::to_owned(text)))).err()
        };
        assert_eq!(error(&[(STOP_AT, "anywhere")]), Some(ConfigError::Production(STOP_AT)));
        assert_eq!(error(&[("CHRONUS_MAIL_PRINT", "true")]), Some(ConfigError::Production("mail.print")));
        let smtp = ("CHRONUS_MAIL_SMTP", "smtps://mail.example.org");
        let from = ("CHRONUS_MAIL_FROM", "A <a@b.example>");
        let everywhere = ("CHRONUS_LISTEN", "0.0.0.0:80");
        let url = |text| ("CHRONUS_PUBLIC_URL", text);
        let here = url("https://a.example");
        for (more, wrong) in [
            (&[smtp, here][..], Some("mail.from")),
            (&[smtp, from, here], None),
            (&[smtp, from, everywhere], Some("public-url")),
            (&[smtp, from, everywhere, here], None),
            (&[smtp, from, url("http://a.example")], Some("public-url")),
            (&[smtp, from, url("http://[::1]:80")], None),
            // O6 of the operators' review: what was missing was not checked.
            (&[], Some("public-url")),
            (&[smtp, from], Some("public-url")),
            (&[from, here], Some("mail.smtp")),
        ] {
            let told = error(more).map(|error| error.to_string());
            assert_eq!(told.is_some(), wrong.is_some(), "{more:?}: {told:?}");
            assert!(wrong.is_none_or(|name| told.unwrap().starts_with(&format!("`{name}`"))), "{more:?}");
        }
    }

    #[test]
    fn what_is_no_toml_is_not_repeated() {
        for text in ["database = hunter22", "database = \"hunter22", "\u{0}hunter22", "listen = \"a\" hunter22"] {
            let error = from_file(text).err().unwrap().to_string();
            assert!(error.contains("line 1") && !error.contains("hunter22"), "{text}: {error}");
        }
        assert!(matches!(Config::load(Some(Path::new("nowhere.toml")), []), Err(ConfigError::File(..))));
    }
}
