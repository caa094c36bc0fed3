//! The program `chronus` of this checkout, for tests and the demo that run it as its users do.

use crate::repo_root;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Where it is. Building the tests does not build it, so the first test that asks does; cargo has let go of its lock by the
/// time that tests run. Blocks for as long as that takes.
pub fn program() -> anyhow::Result<&'static Path> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = PROGRAM.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    built.as_deref().map_err(|error| anyhow::Error::msg(error.clone()))
}

/// A command that runs it, without the variables `CHRONUS_…` of the environment in which the tests run. Blocks as
/// [`program`] does.
pub fn command() -> anyhow::Result<tokio::process::Command> {
    let mut command = tokio::process::Command::new(program()?);
    let ours = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CHRONUS_"));
    for (name, _) in ours {
        command.env_remove(name);
    }
    Ok(command)
}

fn build() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Without naming a package, as everywhere: the features are then those that the tests were built with.
    let built = Command::new(cargo)
        .args(["build", "--bin", "chronus", "--message-format", "json-render-diagnostics"])
        .current_dir(repo_root())
        // `.ci/timed` sets it for the tests; dependencies that ask for it would be compiled once more.
        .env_remove("RUSTC_BOOTSTRAP")
        .output()?;
    ensure!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8(built.stdout)?;
    let mut programs = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let name = message["target"]["name"] == "chronus";
        message["executable"].as_str().filter(|_| name).map(PathBuf::from)
    });
    programs.next_back().context("cargo built `chronus` and did not say where")
}
