//! Builds every provider into a signed component.
//!
//! The host runs components, and a fresh clone has neither the WebAssembly target nor the tools that make components. So
//! this crate does everything in one process: it finds a toolchain (or, as the last resort, fetches one into the user's cache,
//! never into the system), compiles, componentises, checks the component against the features that the host allows, signs it,
//! and reports the result. It is a library so that the integration tests and the demo can call it: `cargo test` needs no
//! step before it.
//!
//! Rejected: a `build.rs` that compiles guests (a cargo inside a cargo on one target directory waits for itself, and
//! its output cannot be read while it runs), checked-in `.wasm` files (nobody can review them), and a shell script
//! (it cannot be called from a test on every machine).

use std::path::{Path, PathBuf};

use serde::Serialize;

mod build;
mod cache;
mod compile;
mod component;
mod environment;
mod error;
mod files;
mod names;
mod post_return;
mod process;
mod reproducible;
mod sign;
mod toolchain;
mod workspace;

pub use build::{examples, providers};
pub use cache::cache;
pub use component::FEATURES;
pub use error::BuildError;
pub use process::ProgramError;
pub use reproducible::check_reproducible;
pub use sign::verify;

/// The folders of a build, and what to build.
#[derive(Debug, Clone)]
pub struct Options {
    /// The root of the checkout: the folder of the workspace's `Cargo.toml`.
    pub workspace: PathBuf,
    /// The folder of components, signatures, `trusted.pub` and the signing key.
    pub out: PathBuf,
    /// The nested cargo's own target directory.
    pub target_dir: PathBuf,
    /// The folder of a fetched toolchain. Checkouts may share it.
    pub toolchain_dir: PathBuf,
    /// The ids to build. Empty: all.
    pub only: Vec<String>,
}

impl Options {
    /// The usual places below `workspace`.
    pub fn new(workspace: &Path) -> Self {
        Self {
            workspace: workspace.to_owned(),
            out: workspace.join("plugins-build/out"),
            target_dir: workspace.join("target/guests"),
            toolchain_dir: cache(workspace).join("guest-toolchain"),
            only: Vec::new(),
        }
    }

    /// The checkout that this crate was compiled in.
    pub fn this_checkout() -> Self {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self::new(own.parent().unwrap_or(own))
    }

    /// The public half of the checkout's signing key: one line, base64. Written by [`providers`].
    pub fn trusted_key(&self) -> PathBuf {
        self.out.join("trusted.pub")
    }
}

/// A component that is ready to be loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuiltComponent {
    /// A provider's folder below `providers/`, or an example's name.
    pub id: String,
    /// The component.
    pub path: PathBuf,
    /// The detached signature beside it. Examples have none.
    pub signature: Option<PathBuf>,
    /// The digest of the component, in lower-case hexadecimal.
    pub sha256: String,
    /// In bytes.
    pub size: u64,
    /// The names of the component's imports: `wasi:http/outgoing-handler@0.2.12`.
    pub imports: Vec<String>,
    /// The names of its exports: `chronus:calendar/plugin@0.1.0`.
    pub exports: Vec<String>,
    /// The compiler's version: `1.96.0 (…)`.
    pub toolchain: String,
    /// Whether the component of an earlier run was still up to date.
    pub fresh: bool,
    /// Time spent on it in this run, compiling included. Examples are compiled together: each has its share.
    pub milliseconds: u64,
}

/// One provider, built twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    pub id: String,
    /// The two components. They are removed if everything is equal.
    pub first: PathBuf,
    pub second: PathBuf,
    /// Their digests in lower-case hexadecimal.
    pub first_sha256: String,
    pub second_sha256: String,
}
