//! Creates the sandbox of a command on this machine.

use super::output::{CliError, note};
pub(super) use crate::app::code::cache_folder;
use crate::plugins::{
    Sandbox, SandboxConfig,
    egress::{EgressPolicy, NameResolver, TlsTrust},
};
use rustls::pki_types::CertificateDer;

/// Concurrent calls: a command makes one after the other, and admission makes one of its own.
pub(super) const CALLS: u32 = 4;

/// Creates a sandbox for one command.
pub(super) fn sandbox(egress: EgressPolicy, authorities: Vec<CertificateDer<'static>>) -> Result<Sandbox, CliError> {
    let cache = match cache_folder() {
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
