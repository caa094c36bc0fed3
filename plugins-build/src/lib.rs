//! Builds every provider into a signed component.
//!
//! A provider is worth nothing until it is a component, and a person who has just cloned this repository has neither
//! the WebAssembly target nor the tools that make one. So this crate does the whole way in one process: find a
//! toolchain (or fetch one into the user's cache, never into the system), compile, componentise, check against the features
//! that the host allows, sign, and say what it made. It is a library because the integration tests and the demo call
//! it themselves: `cargo test` needs no step before it.
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
pub use process::Failed;
pub use reproducible::{Compared, check_reproducible};
pub use sign::verify;

/// Where things are read from and written to.
#[derive(Debug, Clone)]
pub struct Options {
    /// The root of the checkout: the folder of the workspace's `Cargo.toml`.
    pub workspace: PathBuf,
    /// Where components, signatures and `trusted.pub` go. The signing key is kept there too.
    pub out: PathBuf,
    /// The nested cargo's own target directory.
    pub target_dir: PathBuf,
    /// Where a fetched toolchain is kept, for all checkouts.
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

/// One component that is ready to be loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Built {
    /// A provider's folder below `providers/`, or an example's name.
    pub id: String,
    /// The component.
    pub path: PathBuf,
    /// The detached signature beside it. Examples have none.
    pub signature: Option<PathBuf>,
    /// Of the component's bytes, lower-case hexadecimal.
    pub sha256: String,
    /// In bytes.
    pub size: u64,
    /// What it asks for, by the names of the component's imports: `wasi:http/outgoing-handler@0.2.12`.
    pub imports: Vec<String>,
    /// What it offers: `chronus:calendar/plugin@0.1.0`.
    pub exports: Vec<String>,
    /// The compiler that made it, as it names itself: `1.96.0 (…)`.
    pub toolchain: String,
    /// Whether the component of an earlier run was still right.
    pub fresh: bool,
    /// Time spent on it in this run, compiling included. Examples are compiled together: each has its share.
    pub milliseconds: u64,
}
