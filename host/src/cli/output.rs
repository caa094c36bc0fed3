//! Output: results to standard output, messages to standard error, and the exit code.
//!
//! Threat: text from a provider or a service (the name of a calendar, the detail of a failure) that controls the
//! operator's terminal; an error that shows internals and not what to do. Decision: control characters are escaped in all
//! output, also in JSON; every error is one [`CliError`] with a stable code, a message and an exit code. Rejected: error
//! chains, which say the same in three layers of words.

use crate::{
    calendar::Event,
    plugins::{
        AccessError, AdmissionError, CallError, Failure, Remedy, SandboxError, TrapReport, admission::SignatureError,
        contract::PauseScope, registry::DifferenceLine,
    },
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    process::ExitCode,
};

/// The exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// The command succeeded.
    Done = 0,
    /// The command ran and failed.
    Failed = 1,
    /// The input is invalid.
    Input = 2,
    /// The machine cannot run the command.
    Machine = 3,
    /// The command found nothing wrong, and could not check everything.
    Partial = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(super) struct CliError {
    exit: Exit,
    code: &'static str,
    message: String,
    details: Option<Box<Details>>,
}

/// Structured details of an error.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Details {
    /// The failure that the provider returned.
    Failure(FailureOut),
    /// The provider crashed.
    Trap(Box<TrapReport>),
}

impl CliError {
    /// An error of the input.
    pub(super) fn input(code: &'static str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Input, code, message: message.into(), details: None }
    }

    /// The command ran and failed.
    pub(super) fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, ..Self::input(code, message) }
    }

    /// An error of the machine.
    pub(super) fn machine(code: &'static str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Machine, ..Self::input(code, message) }
    }

    /// The message.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Prints the message to standard error, and JSON to standard output if requested. Returns the exit code.
    pub(super) fn report(&self, as_json: bool) -> Exit {
        note(&format!("error: {}", self.message));
        if as_json {
            self.print();
        }
        self.exit
    }

    /// Prints it as JSON.
    pub(super) fn print(&self) {
        #[derive(Serialize)]
        struct Error<'a> {
            code: &'a str,
            message: &'a str,
            #[serde(flatten)]
            details: Option<&'a Details>,
        }
        let error = Error { code: self.code, message: &self.message, details: self.details.as_deref() };
        // If this cannot be written, the message on standard error and the exit code remain.
        let _ = json(&BTreeMap::from([("error", error)]));
    }
}

impl From<CallError> for CliError {
    fn from(error: CallError) -> Self {
        let (code, message) = (error.code(), error.to_string());
        let exit = match &error {
            CallError::NotExported(_) => Exit::Input,
            CallError::Busy(_) | CallError::Host(_) => Exit::Machine,
            _ => Exit::Failed,
        };
        let details = match error {
            CallError::Failure(failure) => Some(Box::new(Details::Failure(failure.into()))),
            CallError::Trapped(trap) => Some(Box::new(Details::Trap(trap))),
            _ => None,
        };
        Self { exit, code, message, details }
    }
}

impl From<AdmissionError> for CliError {
    fn from(error: AdmissionError) -> Self {
        let exit = if matches!(error, AdmissionError::Compile(_)) { Exit::Machine } else { Exit::Input };
        Self { exit, ..Self::input("component", error.to_string()) }
    }
}

impl From<SandboxError> for CliError {
    fn from(error: SandboxError) -> Self {
        Self::machine("sandbox", format!("{error}; run `chronus doctor` to check this machine"))
    }
}

impl From<AccessError> for CliError {
    fn from(error: AccessError) -> Self {
        Self::input("target", error.to_string())
    }
}

impl From<SignatureError> for CliError {
    fn from(error: SignatureError) -> Self {
        Self::input("signature", error.to_string())
    }
}

/// A failure in a flat form for scripts: the name of the remedy, and each of its values as a field of its own.
#[derive(Debug, Default, Serialize)]
pub(super) struct FailureOut {
    remedy: &'static str,
    service_code: String,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Box<Event>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<PauseScope>,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<String>,
}

impl From<Failure> for FailureOut {
    fn from(failure: Failure) -> Self {
        let Failure { remedy, service_code, detail } = failure;
        let flat = Self { remedy: remedy.code(), service_code, detail, ..Self::default() };
        match remedy {
            Remedy::NeedsAdminApproval(approval) => Self { tenant: approval.tenant, link: approval.page, ..flat },
            Remedy::AlreadyExists(id) => Self { id: Some(id), ..flat },
            Remedy::Conflict(event) => Self { event: Some(event), ..flat },
            Remedy::WindowTooLarge(seconds) => Self { max_seconds: Some(seconds), ..flat },
            Remedy::SlowDown(pause) => Self { after_ms: Some(pause.milliseconds), scope: Some(pause.scope), ..flat },
            Remedy::Invalid(what) => Self { what: Some(what), ..flat },
            Remedy::Reconnect
            | Remedy::AccessPending
            | Remedy::NeedsScope
            | Remedy::NotPermitted
            | Remedy::NotFound
            | Remedy::Gone
            | Remedy::CursorExpired
            | Remedy::Temporary
            | Remedy::Unsupported => flat,
        }
    }
}

/// Prints a value.
pub(super) fn json(value: &impl Serialize) -> Result<(), CliError> {
    // Our own types have text keys only, so serialisation cannot fail.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    // serde_json leaves C1 control characters as they are, and some terminals obey them.
    print(&text.chars().fold(String::with_capacity(text.len() + 1), |mut safe, c| {
        if ('\u{7f}'..'\u{a0}').contains(&c) {
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            safe.push(c);
        }
        safe
    }))
}

/// Prints text to standard output.
pub(super) fn text(lines: &str) -> Result<(), CliError> {
    print(&plain(lines.trim_end()))
}

/// Prints a message to standard error.
pub(super) fn note(sentence: &str) {
    // A closed standard error is no reason to fail.
    let _ = writeln!(io::stderr(), "{}", plain(sentence));
}

/// Escapes control characters, except line ends.
pub(super) fn plain(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        if c.is_control() && c != '\n' {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
        safe
    })
}

/// Escapes all control characters.
pub(super) fn line(text: &str) -> String {
    plain(&text.replace('\n', "\\n"))
}

/// The lines of a difference between what is granted and what a component requests.
pub(super) fn difference(difference: &[DifferenceLine]) -> String {
    difference.iter().map(|fact| line(&fact.to_string())).collect::<Vec<_>>().join("\n")
}

fn print(lines: &str) -> Result<(), CliError> {
    match writeln!(io::stdout(), "{lines}").and_then(|()| io::stdout().flush()) {
        // A reader that closed the pipe (`| head`) is no reason to fail.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::machine("output", format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::contract::Pause;

    #[test]
    fn a_failure_is_flat_and_has_the_values_of_its_remedy() {
        let out = |remedy| {
            let failure = Failure { remedy, service_code: "429".into(), detail: "busy".into() };
            serde_json::to_string(&FailureOut::from(failure)).unwrap()
        };
        assert_eq!(
            out(Remedy::SlowDown(Pause { milliseconds: 5000, scope: PauseScope::Connection })),
            r#"{"remedy":"slow-down","service_code":"429","detail":"busy","after_ms":5000,"scope":"connection"}"#
        );
        assert_eq!(out(Remedy::Gone), r#"{"remedy":"gone","service_code":"429","detail":"busy"}"#);
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(plain("a\u{1b}[31m\u{9b}b\nc\r"), "a\\u{1b}[31m\\u{9b}b\nc\\r");
    }

    #[test]
    fn the_exit_code_says_who_must_act() {
        let failure = Failure { remedy: Remedy::NotFound, service_code: String::new(), detail: String::new() };
        for (error, exit, code) in [
            (CallError::Failure(failure), Exit::Failed, "not-found"),
            (CallError::BadAnswer("x".into()), Exit::Failed, "provider-bad-answer"),
            (CallError::NotExported("events"), Exit::Input, "not-exported"),
            (CallError::Host("x".into()), Exit::Machine, "sandbox-failed"),
        ] {
            let error = CliError::from(error);
            assert_eq!((error.exit, error.code), (exit, code));
        }
    }
}
