//! Runs a small program in somebody else's language.
//!
//! It speaks JSON: one value in, one value out, and everything else goes to standard error, which is shown if the
//! program fails.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Runs a command, gives it `input` and returns what it printed. `name` is the program's, for errors.
pub(super) async fn run(mut command: Command, longest: Duration, name: &str, input: &Value) -> anyhow::Result<Value> {
    let program = command.as_std().get_program().display().to_string();
    let arguments = command.as_std().get_args().skip_while(|argument| !argument.to_string_lossy().ends_with(name));
    let arguments: Vec<_> = arguments.skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let shown = format!("{name} {}", arguments.join(" "));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("cannot start {program}"))?;
    let input = input.to_string();
    let mut stdin = child.stdin.take().context("the script has no standard input")?;
    // Both at once: a script that answers while it still reads must not wait for us, nor we for it. One that does not
    // read at all closes the pipe; why is in what it says.
    let write = async move { drop(stdin.write_all(input.as_bytes()).await) };
    let both = async { tokio::join!(write, child.wait_with_output()).1 };
    let output = tokio::time::timeout(longest, both)
        .await
        .with_context(|| format!("{name} did not end within {} s", longest.as_secs()))??;
    if !output.status.success() {
        bail!("{shown}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{name} printed no JSON: {}", String::from_utf8_lossy(&output.stdout)))
}
