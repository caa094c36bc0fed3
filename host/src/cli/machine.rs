//! What the sandbox of a command needs of this machine.

use super::output::{CliError, note};
pub(super) use crate::app::code::cache_folder;
use crate::plugins::{
    Sandbox, SandboxConfig,
    egress::{EgressPolicy, Names, Tls},
};
use rustls::pki_types::CertificateDer;

/// The most calls at once: a command makes one after the other, and admission makes one of its own.
pub(super) const CALLS: u32 = 4;

/// A sandbox for this command.
pub(super) fn sandbox(egress: EgressPolicy, authorities: Vec<CertificateDer<'static>>) -> Result<Sandbox, CliError> {
    let cache = match cache_folder() {
        Ok(folder) => Some(folder),
        Err(why) => {
            note(&format!("note: compiled components are not kept, so each command compiles anew: {why}"));
            None
        }
    };
    let tls = Tls::new(authorities).map_err(|error| CliError::machine("tls", tls_advice(&error.to_string())))?;
    Ok(Sandbox::new(SandboxConfig { concurrent_calls: CALLS, cache, egress, tls, names: Names::System })?)
}

/// What to do about trust anchors that cannot be used.
pub(super) fn tls_advice(error: &str) -> String {
    format!("{error}; install the system's certificates (the package `ca-certificates`), or set SSL_CERT_FILE")
}
