//! Running other programs.
//!
//! Two shapes are enough: a question with a short answer ([`answer`]), and a long job whose lines people want to see as
//! they come ([`watched`]). Errors carry the command as one could type it and everything that it said on stderr.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::thread;

/// A program that could not be started or ended with a failure.
#[derive(Debug, thiserror::Error)]
#[error("`{command}` {how}{}{}", if stderr.is_empty() { "" } else { ":\n" }, stderr.trim_end())]
pub struct ProgramError {
    /// As one could type it, without its environment.
    pub command: String,
    /// `ended with exit status: 101`, `could not be started: …`.
    pub how: String,
    /// All of its stderr.
    pub stderr: String,
}

/// Runs a command to its end and gives its stdout.
pub(crate) fn answer(command: &mut Command) -> Result<String, ProgramError> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| not_started(command, &error))?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(ProgramError { command: typed(command), how: format!("ended with {}", output.status), stderr })
    }
}

/// Runs a command to its end, gives every line of its stderr to `line` as it comes, and its stdout as the result.
pub(crate) fn watched(command: &mut Command, line: &mut dyn FnMut(&str)) -> Result<String, ProgramError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| not_started(command, &error))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    // Both pipes are read at once: a child that fills the one nobody reads would wait for ever.
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        stdout.map(|mut pipe| pipe.read_to_end(&mut bytes));
        bytes
    });
    let mut said = String::new();
    for bytes in stderr.into_iter().flat_map(|pipe| BufReader::new(pipe).split(b'\n')) {
        let Ok(bytes) = bytes else { break };
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end_matches('\r');
        line(text);
        said.push_str(text);
        said.push('\n');
    }
    let status = child.wait().map_err(|error| not_started(command, &error))?;
    let stdout = reader.join().unwrap_or_default();
    if status.success() {
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    } else {
        Err(ProgramError { command: typed(command), how: format!("ended with {status}"), stderr: said })
    }
}

fn not_started(command: &Command, error: &std::io::Error) -> ProgramError {
    ProgramError { command: typed(command), how: format!("could not be run: {error}"), stderr: String::new() }
}

/// The command as one could type it.
fn typed(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        let argument = argument.to_string_lossy();
        text.push(' ');
        if argument.contains(' ') {
            text.push_str(&format!("'{argument}'"));
        } else {
            text.push_str(&argument);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_one_by_one_and_stdout_is_the_result() {
        let mut lines = Vec::new();
        let stdout = watched(Command::new("sh").args(["-c", "echo out; echo one >&2; printf two >&2"]), &mut |line| {
            lines.push(line.to_owned());
        });
        assert_eq!(stdout.unwrap(), "out\n");
        assert_eq!(lines, ["one", "two"]);
    }

    /// Larger than any pipe's buffer on both sides.
    #[test]
    fn a_talkative_child_is_not_stuck() {
        let script = "head -c 300000 /dev/zero | tr '\\0' 'a'; head -c 300000 /dev/zero | tr '\\0' 'b' >&2";
        let mut length = 0;
        let stdout = watched(Command::new("sh").args(["-c", script]), &mut |line| length += line.len()).unwrap();
        assert_eq!((stdout.len(), length), (300_000, 300_000));
    }

    #[test]
    fn a_failure_shows_the_command_and_what_it_said() {
        let failed = answer(Command::new("sh").args(["-c", "echo because >&2; exit 3"])).unwrap_err();
        assert_eq!(failed.to_string(), "`sh -c 'echo because >&2; exit 3'` ended with exit status: 3:\nbecause");
        let failed = answer(&mut Command::new("chronus-no-such-program")).unwrap_err();
        assert!(failed.to_string().starts_with("`chronus-no-such-program` could not be run: "), "{failed}");
    }
}
