//! The target of a command: an account at a calendar service, with its server, sign-in and credential.
//!
//! Threat: a secret that appears in an error, in a list of processes or in the shell's history; a test that reaches more
//! hosts than it should. Decision: one file holds all settings, unknown keys are refused by name, secrets can be in
//! environment variables or files of their own, and no error repeats a value of `[secrets]`. The component can reach the
//! hosts that it requests, unless `[grant]` names others. Every key is optional if the component does not need it:
//!
//! ```toml
//! sign-in = "password"                # the id of a sign-in; default: the first one
//! server = "https://dav.example.org"  # if the sign-in has a server field
//! zone = "Europe/Rome"                # of the calendar's owner; default: UTC
//! address = "ann@example.org"         # the account's address, if the provider should know it
//! subject = "ann@example.org"         # the mailbox, if the credential has access to several
//!
//! [fields]                            # fields of the sign-in that are not secret
//! username = "ann"
//!
//! [secrets]                           # secret fields; `access-token` for OAuth, `url` for a secret address
//! password = { env = "ANN_PASSWORD" } # or { file = "password.txt" }, or the secret itself
//!
//! [grant]                             # exactly this is granted; default: what the component requests
//! hosts = ["https://*.example.org"]
//! read-only-posts = ["https://api.example.org/freeBusy"]
//!
//! [egress]
//! networks = ["10.20.0.0/16"]         # private networks that providers can reach
//! ca = "authority.pem"                # a certificate authority, besides the system's
//!
//! [egress.map]                        # send requests to other servers
//! "https://dav.example.org" = "http://127.0.0.1:5232"
//!
//! [expect]                            # for `chronus plugin conformance`: what the account holds
//! from = "2027-05-01T00:00:00Z"
//! to = "2027-05-15T00:00:00Z"
//! [[expect.intervals]]                # also calendar (in [expect]), all-day, kind, event
//! start = "2027-05-03T07:00:00Z"
//! end = "2027-05-03T09:00:00Z"
//!
//! [push]                              # where the service can call `chronus plugin conformance`
//! listen = "127.0.0.1:8099"           # on this machine; default: a free port
//! callback = "https://t.example.net"  # a tunnel that leads there, for services that call public addresses only
//!
//! [budget]                            # cpu-ms, wall-ms, memory-bytes, requests, request-bytes, held-bytes,
//! wall-ms = 60000                     # response-bytes, log-lines, result-bytes
//! ```
//!
//! Paths are relative to the target file.

use super::expect::ExpectTable;
use crate::cli::{
    input,
    output::{CliError, note},
};
use crate::{
    config,
    conformance::{CallbackTarget, Expectation},
    plugins::{
        Budget, CallTarget,
        contract::{Description, SignIn},
        egress::{AddressTemplate, Credential, EgressGrant, EgressMap, EgressPolicy, OriginPattern, TemplateError},
        sign_in::{self, SignInInput},
    },
};
use ipnet::IpNet;
use rustls::pki_types::CertificateDer;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use url::Url;

/// A target file that has been read, but not yet matched with a component.
#[derive(Debug)]
pub(super) struct Target {
    path: PathBuf,
    file: TargetFile,
    /// The egress policy of the sandbox.
    pub(super) egress: EgressPolicy,
    /// Trusted in addition to the system's authorities.
    pub(super) authorities: Vec<CertificateDer<'static>>,
    secrets: BTreeMap<String, SecretString>,
    expect: Option<Expectation>,
    callback: CallbackTarget,
}

/// A target that was matched with a component.
#[derive(Debug, Clone)]
pub(super) struct MatchedTarget {
    pub(super) connection: CallTarget,
    pub(super) credential: Credential,
    pub(super) grant: EgressGrant,
    pub(super) budget: Budget,
    pub(super) expect: Option<Expectation>,
    pub(super) callback: CallbackTarget,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TargetFile {
    sign_in: Option<String>,
    server: Option<String>,
    zone: Option<String>,
    address: Option<String>,
    subject: Option<String>,
    #[serde(default)]
    fields: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "secrets")]
    secrets: BTreeMap<String, Source>,
    grant: Option<GrantTable>,
    #[serde(default)]
    egress: EgressTable,
    #[serde(default)]
    budget: Budget,
    expect: Option<ExpectTable>,
    #[serde(default)]
    push: PushTable,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PushTable {
    listen: Option<String>,
    callback: Option<String>,
}

impl PushTable {
    /// Checks the values. The error is a sentence that begins with the field.
    fn check(&self) -> Result<CallbackTarget, String> {
        let mut target = CallbackTarget::default();
        if let Some(listen) = &self.listen {
            target.listen = listen.parse().map_err(|_| {
                format!("push.listen: `{listen}` is not an address and a port; use, for example, \"127.0.0.1:8099\"")
            })?;
        }
        if let Some(callback) = &self.callback {
            let is_address = Url::parse(callback).is_ok_and(|url| {
                ["http", "https"].contains(&url.scheme()) && url.query().is_none() && url.fragment().is_none()
            });
            if !is_address {
                return Err(format!(
                    "push.callback: `{callback}` is not an address; use, for example, \"https://tunnel.example.net\""
                ));
            }
            target.address = Some(callback.clone());
        }
        Ok(target)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct GrantTable {
    hosts: Vec<OriginPattern>,
    read_only_posts: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct EgressTable {
    networks: Vec<String>,
    ca: Option<PathBuf>,
    map: EgressMap,
}

/// Where a secret is stored.
#[derive(Debug)]
enum Source {
    Here(SecretString),
    Env(String),
    File(PathBuf),
}

impl Target {
    /// Reads a target file and the files and variables that it names.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let text = input::read_text(path, "the target", 1 << 20)?;
        let error = |what: String| CliError::input("target", format!("{}: {what}", path.display()));
        let mut file: TargetFile =
            toml::from_str(&text).map_err(|failed| error(config::redacted_toml_error(&failed, &text)))?;
        let networks =
            file.egress.networks.iter().map(|text| network(text)).collect::<Result<_, _>>().map_err(error)?;
        let mut egress = EgressPolicy { map: std::mem::take(&mut file.egress.map), ..EgressPolicy::default() };
        egress.addresses.networks = networks;
        let beside = path.parent().unwrap_or(Path::new(""));
        let authorities = file.egress.ca.as_ref().map(|ca| authorities(&beside.join(ca))).transpose()?;
        let found = std::mem::take(&mut file.secrets).into_iter();
        let secrets = found.map(|(name, source)| Ok((name.clone(), secret(&name, source, beside)?)));
        let secrets = secrets.collect::<Result<_, String>>().map_err(error)?;
        let expect = file.expect.as_ref().map(ExpectTable::check).transpose().map_err(error)?;
        let callback = file.push.check().map_err(error)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            expect,
            callback,
            egress,
            authorities: authorities.unwrap_or_default(),
            secrets,
        })
    }

    /// Matches the target with the description of the component.
    pub(super) fn connect(self, description: &Description) -> Result<MatchedTarget, CliError> {
        let error = |what: String| CliError::input("target", format!("{}: {what}", self.path.display()));
        let TargetFile { sign_in, server, zone, address, subject, fields, grant, budget, .. } = self.file;
        let sign_in = choose(&description.sign_ins, sign_in.as_deref()).map_err(error)?;
        let input = SignInInput { server, fields, secrets: self.secrets };
        let signed_in =
            sign_in::sign_in(sign_in, input).map_err(|failed| error(format!("sign-in `{}`: {failed}", sign_in.id)))?;
        let grant = match grant {
            Some(given) => EgressGrant {
                hosts: given.hosts,
                read_only_posts: templates(&given.read_only_posts).map_err(error)?,
                subject_paths: BTreeMap::from([(
                    sign_in.id.clone(),
                    templates(&sign_in.subject_paths).map_err(error)?,
                )]),
            },
            None => requested_grant(description, sign_in).map_err(error)?,
        };
        let connection = CallTarget {
            sign_in: sign_in.id.clone(),
            server: signed_in.server,
            subject,
            address,
            zone: zone.unwrap_or_else(|| "UTC".to_owned()),
            fields: signed_in.fields,
            memo: None,
        };
        Ok(MatchedTarget {
            connection,
            credential: signed_in.credential,
            grant,
            budget,
            expect: self.expect,
            callback: self.callback,
        })
    }
}

/// The grant of a target without `[grant]`: what the component requests. A note says so, because in a deployment the
/// operator decides this.
fn requested_grant(description: &Description, sign_in: &SignIn) -> Result<EgressGrant, String> {
    let hosts = description.hosts.iter().map(|host| host.parse().map_err(|e| format!("{e}")));
    let grant = EgressGrant {
        hosts: hosts.collect::<Result<_, _>>()?,
        read_only_posts: templates(&description.read_only_posts)?,
        subject_paths: BTreeMap::from([(sign_in.id.clone(), templates(&sign_in.subject_paths)?)]),
    };
    if !description.hosts.is_empty() {
        note(&format!(
            "note: granted access to the hosts that the component requests: {}",
            description.hosts.join(", ")
        ));
    }
    Ok(grant)
}

fn choose<'a>(sign_ins: &'a [SignIn], wanted: Option<&str>) -> Result<&'a SignIn, String> {
    let known = || sign_ins.iter().map(|one| format!("`{}` ({})", one.id, one.label)).collect::<Vec<_>>().join(", ");
    match (wanted, sign_ins) {
        (None, [first, others @ ..]) => {
            if !others.is_empty() {
                let others: Vec<_> = others.iter().map(|one| format!("`{}`", one.id)).collect();
                note(&format!(
                    "note: using the sign-in `{}`; set `sign-in` in the target to use {}",
                    first.id,
                    others.join(", ")
                ));
            }
            Ok(first)
        }
        (None, []) => Err("the component has no sign-in".to_owned()),
        (Some(id), _) => sign_ins
            .iter()
            .find(|one| one.id == id)
            .ok_or_else(|| format!("the component has no sign-in `{id}`; it has {}", known())),
    }
}

fn templates(addresses: &[String]) -> Result<Vec<AddressTemplate>, String> {
    addresses.iter().map(|text| text.parse().map_err(|error: TemplateError| error.to_string())).collect()
}

/// Parses a network or a single address.
fn network(text: &str) -> Result<IpNet, String> {
    let what =
        || format!("egress.networks: `{text}` is not a network; use, for example, `10.20.0.0/16` or `127.0.0.1`");
    config::network(text).ok_or_else(what)
}

fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, CliError> {
    let pem = input::read(path, "the authority of egress.ca", 1 << 20)?;
    let error = || CliError::input("target", format!("egress.ca: {} {}", path.display(), config::NO_CERTIFICATE));
    config::certificates(&pem).ok_or_else(error)
}

fn secret(name: &str, source: Source, beside: &Path) -> Result<SecretString, String> {
    match source {
        Source::Here(secret) => Ok(secret),
        Source::Env(variable) => std::env::var(&variable).map(SecretString::from).map_err(|_| {
            format!("[secrets] {name}: the environment variable `{variable}` is not set, or is not UTF-8; set it")
        }),
        Source::File(path) => {
            let path = beside.join(path);
            let bytes = std::fs::File::open(&path).and_then(|file| input::up_to(file, 64 << 10));
            let error = |why: String| format!("[secrets] {name}: {}: {why}", path.display());
            let text = String::from_utf8(bytes.map_err(|failed| error(failed.to_string()))?);
            let text = text.map_err(|_| error("it is not UTF-8 text".to_owned()))?;
            // Editors add a line end; secrets are one line.
            Ok(text.trim_end_matches(['\r', '\n']).into())
        }
    }
}

/// Secrets are deserialised by hand, because serde repeats invalid values in its errors.
fn secrets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Source>, D::Error> {
    use toml::Value;
    let wrong = |name: &str| {
        de::Error::custom(format!(
            "[secrets] {name}: invalid value; use a text in quotes, {{ env = \"NAME\" }}, or {{ file = \"path\" }}"
        ))
    };
    let Value::Table(table) = Value::deserialize(deserializer)? else {
        return Err(de::Error::custom("`secrets` is not a table; write [secrets], and then one line per secret"));
    };
    let mut sources = BTreeMap::new();
    for (name, value) in table {
        let source = match value {
            Value::String(secret) => Source::Here(secret.into()),
            Value::Table(place) => match (place.len(), place.get("env"), place.get("file")) {
                (1, Some(Value::String(variable)), None) => Source::Env(variable.clone()),
                (1, None, Some(Value::String(path))) => Source::File(path.into()),
                _ => return Err(wrong(&name)),
            },
            _ => return Err(wrong(&name)),
        };
        sources.insert(name, source);
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error of reading a target with this text.
    fn error(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("target.toml");
        std::fs::write(&path, text).unwrap();
        Target::read(&path).unwrap_err().message().to_owned()
    }

    #[test]
    fn no_error_repeats_a_secret() {
        for text in [
            "secrets = \"hunter22\"",
            "[secrets]\npassword = hunter22",
            "[secrets]\npassword = \"hunter22",
            "[secrets]\npassword = \"a\" hunter22",
            "[secrets]\npassword = [\"hunter22\"]",
            "[secrets]\npassword = { text = \"hunter22\" }",
            "[secrets]\npassword = { env = \"NO_SUCH\", more = \"hunter22\" }",
            "[secrets.password]\nhunter = \"hunter22\"",
            "[budget]\nwall-ms = \"hunter22\"",
            "[fields]\npassword = { env = \"hunter22\" }",
            "fields = \"hunter22\"",
            "server = [\"hunter22\"]",
            "password = \"hunter22\"",
            "[egress.map]\n\"https://a.example\" = \"http://ann:hunter22@b.example\"",
            "[grant]\nhosts = [\"https://ann:hunter22@b.example\"]",
        ] {
            let error = error(text);
            assert!(!error.contains("hunter22"), "{text}: {error}");
            assert!(error.contains("line "), "{text}: {error}");
        }
        assert!(!error("[secrets]\npin = 12345678").contains("12345678"));
    }

    #[test]
    fn an_error_names_the_invalid_key() {
        for (text, part) in [
            ("sever = \"https://a.example\"", "unknown field `sever`, expected one of `sign-in`, `server`"),
            ("\n[grant]\nhost = []", "line 3: unknown field `host`, expected `hosts` or `read-only-posts`"),
            ("[budget]\nseconds = 5", "expected one of `cpu-ms`, `wall-ms`"),
            ("[secrets]\npassword = { env = \"CHRONUS_TEST_NO_SUCH_VARIABLE\" }", "`CHRONUS_TEST_NO_SUCH_VARIABLE`"),
            ("[secrets]\npassword = { file = \"nowhere.txt\" }", "nowhere.txt"),
            ("[egress]\nnetworks = [\"everything\"]", "use, for example, `10.20.0.0/16`"),
            ("[egress]\nca = \"nowhere.pem\"", "nowhere.pem"),
            ("[egress]\nca = \"target.toml\"", "does not contain a certificate in PEM format"),
            ("[egress.map]\n\"https://a.example\" = \"http://b.example\"", "plain http to another machine"),
            ("[grant]\nhosts = [\"https://*.org\"]", "whole public suffix"),
            ("[push]\nlisten = \"8099\"", "push.listen: `8099` is not an address and a port"),
            ("[push]\ncallback = \"tunnel\"", "push.callback: `tunnel` is not an address"),
            ("[expect]\nfrom = \"soon\"\nto = \"later\"\nintervals = []", "expect.from: `soon` is not an instant"),
        ] {
            let error = error(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_secret_is_in_the_target_or_in_a_file_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("target.toml");
        std::fs::write(folder.path().join("secret.txt"), "from the file\n").unwrap();
        std::fs::write(&path, "[secrets]\na = \"here\"\nb = { file = \"secret.txt\" }").unwrap();
        let target = Target::read(&path).unwrap();
        let exposed = |name: &str| secrecy::ExposeSecret::expose_secret(&target.secrets[name]).to_owned();
        assert_eq!((exposed("a").as_str(), exposed("b").as_str()), ("here", "from the file"));
    }

    #[test]
    fn a_network_may_be_one_address() {
        for (text, network_is) in [("127.0.0.1", "127.0.0.1/32"), ("10.0.0.0/8", "10.0.0.0/8"), ("::1", "::1/128")] {
            assert_eq!(network(text).unwrap().to_string(), network_is);
        }
    }
}
