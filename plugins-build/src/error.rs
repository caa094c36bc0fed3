//! Errors of a build, each with what to do about it.
//!
//! The reader has often just cloned the repository, so every text names the next command or the file to look at. The output of
//! other programs is shown in full: a summary would be a guess.

use std::path::{Path, PathBuf};

use crate::process::ProgramError;

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A file or folder could not be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    File { doing: &'static str, path: PathBuf, source: std::io::Error },

    /// `cargo metadata` did not run, or its output is not as expected.
    #[error("cannot read the workspace; run `cargo metadata --no-deps` in it to see why: {0}")]
    Workspace(String),

    /// The id of a provider that does not exist.
    #[error("there is no provider `{asked}`; there are: {}", known.join(", "))]
    UnknownProvider { asked: String, known: Vec<String> },

    /// A package that does not exist or has no guests.
    #[error("package `{0}` has no example with `crate-type = [\"cdylib\"]`, or there is no such package")]
    NoExamples(String),

    /// An example that a package does not have.
    #[error("there is no cdylib example `{asked}` in package `{package}`; there are: {}", known.join(", "))]
    UnknownExample { package: String, asked: String, known: Vec<String> },

    /// Neither a target that is installed nor a way to fetch a toolchain.
    #[error(
        "the toolchain {rustc} cannot compile to wasm32-unknown-unknown and {why}.\n\
         With rustup: `rustup target add wasm32-unknown-unknown`. Otherwise install your distribution's package of \
         the Rust standard library for that target. Then run the same command again."
    )]
    NoToolchain { rustc: String, why: String },

    /// Fetching Debian's compiler failed. Nothing was installed; the next run starts again.
    #[error(
        "cannot fetch a compiler for WebAssembly from Debian ({step}): {output}\n\
         {remedy}\n\
         Or, with rustup: `rustup target add wasm32-unknown-unknown`."
    )]
    Debian { step: &'static str, output: String, remedy: String },

    /// The unpacked compiler does not start.
    #[error(
        "the compiler in {} does not run: {output}\n\
         Remove that folder and run the same command again; it is fetched anew.", folder.display()
    )]
    ToolchainBroken { folder: PathBuf, output: String },

    /// No linker for WebAssembly.
    #[error(
        "found no linker for WebAssembly: neither rust-lld in {} nor rust-lld or wasm-ld on the PATH.\n\
         Use a cargo that rustup installed, or install the package `lld`, and run the same command again.",
        looked_in.display()
    )]
    NoLinker { looked_in: PathBuf },

    /// A required program could not be started, or failed.
    #[error("{0}")]
    Command(#[from] ProgramError),

    /// The provider does not compile.
    #[error("cargo cannot build `{package}` for wasm32-unknown-unknown:\n{output}")]
    Compile { package: String, output: String },

    /// cargo succeeded but did not report the module's file.
    #[error("cargo compiled `{package}` but named no .wasm file for `{target}`; is its crate-type `cdylib`?")]
    NoModule { package: String, target: String },

    /// The core module cannot become a component, or the host would refuse the component.
    #[error("`{id}` compiles, but the host would not load it: {what}")]
    Component { id: String, what: String },

    /// The key file does not hold a key.
    #[error("{} holds no signing key ({what}); remove it and run the same command again: a new one is made", path.display())]
    SigningKey { path: PathBuf, what: String },

    /// The same sources gave different bytes.
    #[error("{}", differing(.0))]
    NotReproducible(Vec<crate::Comparison>),
}

impl BuildError {
    /// For `map_err`: an I/O error, with the action and the path.
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }
}

fn differing(compared: &[crate::Comparison]) -> String {
    let mut text = "two checkouts in different folders gave different components:".to_owned();
    for one in compared.iter().filter(|one| one.first_sha256 != one.second_sha256) {
        text.push_str(&format!("\n  {}: {} and {}", one.id, one.first.display(), one.second.display()));
    }
    text.push_str("\nBoth are kept; compare them with `wasm-tools print`.");
    text
}
