//! `cargo plugins`: the builder's command line.
//!
//! Progress goes to stderr; the result goes to stdout, as text or, with `--json`, as JSON.

use std::path::PathBuf;
use std::process::ExitCode;

use chronus_plugins_build::{BuildError, BuiltComponent, Comparison, Options};
use clap::{Parser, Subcommand};

/// Builds the providers into signed components.
#[derive(Debug, Parser)]
#[command(name = "cargo plugins", bin_name = "cargo plugins", args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    selection: Selection,
    /// Build the cdylib examples of this package instead of providers, unsigned.
    #[arg(long, value_name = "PACKAGE")]
    examples: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Build in two copies of this checkout and compare the digests. Takes minutes.
    CheckReproducible(Selection),
}

#[derive(Debug, clap::Args)]
struct Selection {
    /// What to build: folders below providers/. Default: all.
    ids: Vec<String>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// The checkout to build [default: the one that this program was compiled in]
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Where components, signatures and trusted.pub go [default: plugins-build/out]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The nested cargo's target directory [default: target/guests]
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
    /// Where a fetched compiler is kept [default: guest-toolchain in the user's cache]
    #[arg(long, value_name = "DIR")]
    toolchain_dir: Option<PathBuf>,
}

impl Selection {
    fn options(&self) -> Options {
        let usual = self.workspace.as_deref().map_or_else(Options::this_checkout, Options::new);
        Options {
            out: self.out.clone().unwrap_or(usual.out),
            target_dir: self.target_dir.clone().unwrap_or(usual.target_dir),
            toolchain_dir: self.toolchain_dir.clone().unwrap_or(usual.toolchain_dir),
            only: self.ids.clone(),
            workspace: usual.workspace,
        }
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<String, BuildError> {
    let mut progress = |line: &str| eprintln!("{line}");
    if let Some(Action::CheckReproducible(selection)) = &arguments.action {
        let compared = chronus_plugins_build::check_reproducible(&selection.options(), &mut progress)?;
        return Ok(if selection.json { json(&compared) } else { equal(&compared) });
    }
    let options = arguments.selection.options();
    let built = match &arguments.examples {
        Some(package) => chronus_plugins_build::examples(&options, package, &mut progress)?,
        None => chronus_plugins_build::providers(&options, &mut progress)?,
    };
    Ok(if arguments.selection.json { json(&built) } else { built.iter().map(told).collect() })
}

fn json(result: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(result).map(|text| text + "\n").unwrap_or_default()
}

/// The report of one component, as text.
fn told(built: &BuiltComponent) -> String {
    let seconds = built.milliseconds / 1000;
    let tenths = built.milliseconds % 1000 / 100;
    let state = if built.fresh { "unchanged" } else { "built" };
    let mut text = format!("{} {state} in {seconds}.{tenths} s: {}\n", built.id, built.path.display());
    text.push_str(&format!("  {} KiB, sha256 {}\n", built.size.div_ceil(1024), built.sha256));
    text.push_str(&format!("  by rustc {}\n", built.toolchain));
    for (verb, names) in [("imports", &built.imports), ("exports", &built.exports)] {
        text.push_str(&format!("  {verb} {}\n", names.join(" ")));
    }
    text
}

fn equal(compared: &[Comparison]) -> String {
    compared.iter().map(|one| format!("{} is the same from both: sha256 {}\n", one.id, one.first_sha256)).collect()
}
