//! `chronus doctor`: whether this machine can run the host.
//!
//! Each check is one line: ok, warn (it works, but less well) or fail (it does not work), with the finding and what to do.

use super::{
    component::{LARGEST_COMPONENT, SignatureState, signature, trusted_keys},
    input, machine,
    output::{self, CliError, Exit},
};
use crate::plugins::{
    Sandbox, SandboxConfig,
    admission::{TrustedKey, inspect},
    egress::{EgressPolicy, NameResolver, TlsTrust},
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// How many concurrent calls a busy host is designed for.
const MANY_CALLS: u32 = 1000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder with the components
    #[arg(long, value_name = "FOLDER", default_value = "plugins-build/out")]
    components: PathBuf,
    /// A file with the public keys that you trust [default: `trusted.pub` in the folder of --components]
    #[arg(long, value_name = "FILE")]
    trusted: Option<PathBuf>,
}

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    name: String,
    standing: CheckStatus,
    /// The finding, and what to do about it.
    what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum CheckStatus {
    Ok,
    Warn,
    Fail,
}

/// Runs the command. The exit code is 1 if a check failed.
pub(super) fn run(args: &Args, as_json: bool) -> Result<Exit, CliError> {
    let mut checks = vec![sandbox(), cache(), tls()];
    checks.extend(components(&args.components, args.trusted.as_deref()));
    if as_json {
        output::json(&BTreeMap::from([("checks", &checks)]))?;
    } else {
        let line = |check: &Check| {
            let standing = match check.standing {
                CheckStatus::Ok => "ok",
                CheckStatus::Warn => "WARN",
                CheckStatus::Fail => "FAIL",
            };
            format!("{standing:<4}  {}: {}", output::line(&check.name), output::line(&check.what))
        };
        output::text(&checks.iter().map(line).collect::<Vec<_>>().join("\n"))?;
    }
    let failed = checks.iter().any(|check| check.standing == CheckStatus::Fail);
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn check(name: impl Into<String>, standing: CheckStatus, what: impl Into<String>) -> Check {
    Check { name: name.into(), standing, what: what.into() }
}

fn sandbox() -> Check {
    let name = "sandbox";
    let Ok(tls) = TlsTrust::new(Vec::new()) else {
        return check(
            name,
            CheckStatus::Warn,
            "not checked, because there are no certificates; see the line `certificates`",
        );
    };
    let set_up = |concurrent_calls| {
        let (egress, tls) = (EgressPolicy::default(), tls.clone());
        let config = SandboxConfig { concurrent_calls, cache: None, egress, tls, names: NameResolver::System };
        Sandbox::new(config).map(|_| ()).map_err(|error| error.to_string())
    };
    match (set_up(machine::CALLS), set_up(MANY_CALLS)) {
        (Err(why), _) => check(
            name,
            CheckStatus::Fail,
            format!("cannot be created: {why}; raise the limit of address space (`ulimit -v`)"),
        ),
        (Ok(()), Err(why)) => check(
            name,
            CheckStatus::Warn,
            format!(
                "works, but not for {MANY_CALLS} concurrent calls: {why}; raise the limit of address space (`ulimit -v`)"
            ),
        ),
        (Ok(()), Ok(())) => check(name, CheckStatus::Ok, format!("{MANY_CALLS} concurrent calls fit")),
    }
}

fn cache() -> Check {
    match machine::code_folder() {
        Ok(folder) => check(
            "compiled code",
            CheckStatus::Ok,
            format!("is cached in {}, which only you can read", folder.display()),
        ),
        Err(why) => check(
            "compiled code",
            CheckStatus::Warn,
            format!("is not cached, so every start compiles the components again: {why}"),
        ),
    }
}

fn tls() -> Check {
    match TlsTrust::new(Vec::new()) {
        Ok(_) => check("certificates", CheckStatus::Ok, "the system's certificate authorities were found"),
        Err(error) => check("certificates", CheckStatus::Fail, machine::tls_advice(&error.to_string())),
    }
}

fn components(folder: &Path, trusted: Option<&Path>) -> Vec<Check> {
    let usual = folder.join("trusted.pub");
    let keys = match trusted_keys(trusted.unwrap_or(&usual)) {
        Ok(keys) => keys,
        Err(_) if trusted.is_none() && !usual.exists() => Vec::new(),
        Err(error) => return vec![check("trusted keys", CheckStatus::Fail, error.message())],
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "wasm")).collect();
    files.sort();
    if files.is_empty() {
        let what = format!(
            "{} has no component; build them with `cargo plugins`, or name their folder with --components",
            folder.display()
        );
        return vec![check("components", CheckStatus::Warn, what)];
    }
    files.iter().map(|file| component(file, &keys)).collect()
}

fn component(file: &Path, keys: &[TrustedKey]) -> Check {
    let name = file.display().to_string();
    let inspection = input::read(file, "the component", LARGEST_COMPONENT).and_then(|bytes| Ok(inspect(&bytes)?));
    let inspection = match inspection {
        Ok(inspection) => inspection,
        Err(error) => return check(name, CheckStatus::Fail, error.message()),
    };
    let what = format!("contract {}, {}", inspection.contract, inspection.level.name());
    match signature(file, &inspection.sha256, keys).map(|signature| signature.state) {
        Ok(SignatureState::Trusted) => check(name, CheckStatus::Ok, format!("{what}, signed by a trusted key")),
        Ok(SignatureState::Valid) => check(
            name,
            CheckStatus::Warn,
            format!("{what}, signed by a key that you do not trust; name your keys with --trusted"),
        ),
        Ok(SignatureState::Unsigned) => check(
            name,
            CheckStatus::Warn,
            format!("{what}, not signed; `cargo plugins` signs the components that it builds"),
        ),
        Ok(SignatureState::Malformed | SignatureState::Invalid) => check(
            name,
            CheckStatus::Fail,
            format!("{what}, but the signature file does not match the component; build or download both again"),
        ),
        Err(error) => check(name, CheckStatus::Fail, error.message()),
    }
}
