//! Creates the sandbox of a command on this machine.

use super::{
    database::ConfigArgs,
    output::{CliError, note},
};
use crate::{
    app::{self, code},
    config::Config,
    db::Db,
    plugins::{
        Sandbox, SandboxConfig,
        egress::{EgressPolicy, NameResolver, TlsTrust},
        registry::Registry,
    },
};
use rustls::pki_types::CertificateDer;
use std::{path::PathBuf, sync::Arc};

/// Concurrent calls: a command makes one after the other, and admission makes one of its own.
pub(super) const CALLS: u32 = 4;

/// The folder for compiled components: the one of the configuration, as for the host, if this machine has a configuration.
pub(super) fn code_folder() -> Result<PathBuf, String> {
    let configured = ConfigArgs::default().load().ok().and_then(|config| config.sandbox.cache);
    code::folder(configured.as_deref())
}

/// The providers of the database, in the configured sandbox, but with the calls of one command.
pub(super) fn registry(config: &Config, db: &Db) -> Result<Registry, CliError> {
    let mut config = config.clone();
    config.sandbox.concurrent_calls = CALLS;
    Ok(Registry::new(db.clone(), Arc::new(app::sandbox(&config)?)))
}

/// Creates a sandbox for one command.
pub(super) fn sandbox(egress: EgressPolicy, authorities: Vec<CertificateDer<'static>>) -> Result<Sandbox, CliError> {
    let cache = match code_folder() {
        Ok(folder) => Some(folder),
        Err(why) => {
            note(&format!(
                "note: compiled components are not cached, so each command compiles the component again: {why}"
            ));
            None
        }
    };
    let tls = TlsTrust::new(authorities).map_err(|error| CliError::machine("tls", tls_advice(&error.to_string())))?;
    Ok(Sandbox::new(SandboxConfig { concurrent_calls: CALLS, cache, egress, tls, names: NameResolver::System })?)
}

/// An error about trust anchors, with what to do about it.
pub(super) fn tls_advice(error: &str) -> String {
    format!("{error}; install the system's certificates (package `ca-certificates`), or set SSL_CERT_FILE")
}
