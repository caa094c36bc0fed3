//! Compiles sources to core modules. cargo itself knows what is up to date.

use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use crate::workspace::Provider;
use crate::{BuildError, process};

/// A line of `cargo --message-format=json`. Only artifacts matter.
#[derive(Deserialize)]
struct Message {
    reason: String,
    target: Option<Target>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

/// Compiles a provider. `command` is `cargo rustc` in its environment.
///
/// It compiles the library as a `cdylib` only, even if its manifest names `rlib` too: cargo does not optimise across
/// crates for a library that is both.
pub(crate) fn provider(
    mut command: Command,
    provider: &Provider,
    progress: &mut dyn FnMut(&str),
) -> Result<PathBuf, BuildError> {
    command.args(["--package", &provider.package, "--lib", "--crate-type", "cdylib"]);
    let messages = run(&mut command, &provider.package, progress)?;
    module(&messages, &provider.package, &provider.library)
}

/// Compiles `cdylib` examples of one package. `command` is `cargo build` in its environment.
pub(crate) fn examples(
    mut command: Command,
    package: &str,
    names: &[String],
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<PathBuf>, BuildError> {
    command.args(["--package", package]);
    for name in names {
        command.args(["--example", name]);
    }
    let messages = run(&mut command, package, progress)?;
    names.iter().map(|name| module(&messages, package, name)).collect()
}

/// Runs cargo. Status lines go to `progress` at once. Diagnostics go there at the end or, if the code does not compile,
/// into the error.
fn run(command: &mut Command, package: &str, progress: &mut dyn FnMut(&str)) -> Result<String, BuildError> {
    let mut diagnostics = String::new();
    let done = process::watched(command, &mut |line| match status(line) {
        Some("Finished") => {}
        Some(_) => progress(line.trim_start()),
        None => {
            diagnostics.push_str(line);
            diagnostics.push('\n');
        }
    });
    let diagnostics = diagnostics.trim_end();
    match done {
        Ok(messages) => {
            if !diagnostics.is_empty() {
                progress(diagnostics);
            }
            Ok(messages)
        }
        Err(failed) if failed.stderr.is_empty() => Err(failed.into()),
        Err(_) => Err(BuildError::Compile { package: package.to_owned(), output: diagnostics.to_owned() }),
    }
}

/// The verb of one of cargo's status lines, which stand right-aligned in twelve columns: `   Compiling jiff v0.2`.
fn status(line: &str) -> Option<&str> {
    let verb = line.get(..12)?.trim_start();
    let is_verb = verb.starts_with(|first: char| first.is_ascii_uppercase()) && !verb.contains(' ');
    (is_verb && line.get(12..)?.starts_with(' ') && line.starts_with(' ')).then_some(verb)
}

/// The `.wasm` file of one target.
fn module(messages: &str, package: &str, target: &str) -> Result<PathBuf, BuildError> {
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let ours = artifacts.filter(|message| {
        message.reason == "compiler-artifact"
            && message
                .target
                .as_ref()
                .is_some_and(|found| found.name == target && found.crate_types.iter().any(|kind| kind == "cdylib"))
    });
    let mut files = ours.flat_map(|message| message.filenames).filter(|file| file.extension() == Some("wasm".as_ref()));
    files.next().ok_or_else(|| BuildError::NoModule { package: package.to_owned(), target: target.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn status_lines_are_told_from_diagnostics() {
        assert_eq!(status("   Compiling jiff v0.2.43"), Some("Compiling"));
        assert_eq!(status("    Finished `guest` profile [optimized] target(s) in 0.1s"), Some("Finished"));
        assert_eq!(status("    Blocking waiting for file lock on package cache"), Some("Blocking"));
        for line in
            ["error[E0425]: cannot find value", "  --> src/lib.rs:1:1", "   |", "12 |     Ok(())", "", "warning: x"]
        {
            assert_eq!(status(line), None, "{line}");
        }
        assert_eq!(status("            ╭▸ Ünï"), None);
    }

    #[test]
    fn the_module_of_the_right_target_is_found() {
        let messages = r#"
{"reason":"compiler-artifact","target":{"name":"jiff","crate_types":["lib"]},"filenames":["/t/libjiff.rlib"]}
{"reason":"compiler-artifact","target":{"name":"chronus_ical","crate_types":["cdylib"]},"filenames":["/t/other.d","/t/chronus_ical.wasm"]}
{"reason":"compiler-artifact","target":{"name":"spin","crate_types":["cdylib"]},"filenames":["/t/examples/spin.wasm"]}
{"reason":"build-finished","success":true}
not json"#;
        assert_eq!(module(messages, "p", "chronus_ical").unwrap(), Path::new("/t/chronus_ical.wasm"));
        assert_eq!(module(messages, "p", "spin").unwrap(), Path::new("/t/examples/spin.wasm"));
        let error = module(messages, "p", "jiff").unwrap_err().to_string();
        assert_eq!(error, "cargo compiled `p` but named no .wasm file for `jiff`; is its crate-type `cdylib`?");
    }

    #[test]
    fn what_the_compiler_says_becomes_the_error() {
        let script = "echo '   Compiling a v1' >&2; echo 'error: no such thing' >&2; exit 101";
        let mut shown = Vec::new();
        let error = run(Command::new("sh").args(["-c", script]), "a", &mut |line| shown.push(line.to_owned()));
        assert_eq!(shown, ["Compiling a v1"]);
        let text = error.unwrap_err().to_string();
        assert_eq!(text, "cargo cannot build `a` for wasm32-unknown-unknown:\nerror: no such thing");
    }

    #[test]
    fn warnings_are_shown_though_the_build_passes() {
        let script = "echo 'warning: unused' >&2; echo '    Finished in 1s' >&2; echo out";
        let mut shown = Vec::new();
        let messages = run(Command::new("sh").args(["-c", script]), "a", &mut |line| shown.push(line.to_owned()));
        assert_eq!((messages.unwrap().as_str(), shown), ("out\n", vec!["warning: unused".to_owned()]));
    }
}
