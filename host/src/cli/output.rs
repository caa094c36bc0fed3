//! What goes out: results to standard output, sentences to standard error, and the exit code.
//!
//! Threat: text that a provider or a service made (a calendar's name, a failure's detail) and that steers the
//! operator's terminal; an error that shows how we are made instead of what to do. Decision: control characters are
//! escaped in everything that is printed, in JSON too; every error is one [`CliError`] with a stable code, a sentence
//! and the exit code. Rejected: error chains, which print the same thing in three layers of words.

use crate::{
    calendar::Event,
    plugins::{
        AccessError, AdmissionError, CallError, Failure, Remedy, SandboxError, Trap, admission::SignatureError,
        registry::Line,
    },
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, Write as _},
    process::ExitCode,
};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// All is well.
    Done = 0,
    /// It ran, and the answer is no.
    Failed = 1,
    /// The input is wrong.
    Input = 2,
    /// The machine cannot do it.
    Machine = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why there is no result.
#[derive(Debug)]
pub(super) struct CliError {
    exit: Exit,
    code: &'static str,
    message: String,
    details: Option<Box<Details>>,
}

/// What is known beyond the sentence.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Details {
    /// The provider's own answer.
    Failure(FailureOut),
    /// It crashed.
    Trap(Box<Trap>),
}

impl CliError {
    /// The input is wrong.
    pub(super) fn input(code: &'static str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Input, code, message: message.into(), details: None }
    }

    /// It ran, and the answer is no.
    pub(super) fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, ..Self::input(code, message) }
    }

    /// The machine cannot do it.
    pub(super) fn machine(code: &'static str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Machine, ..Self::input(code, message) }
    }

    /// The sentence.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Says it, on standard output too if JSON is wanted there, and gives the exit code.
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
        // If not even that can be written, the sentence has been said and the exit code says the rest.
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
        Self::machine("sandbox", format!("{error}; `chronus doctor` tells more"))
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

/// A failure, in the flat form that scripts read: the remedy's name, and what it carries under a name of its own.
#[derive(Debug, Default, Serialize)]
pub(super) struct FailureOut {
    remedy: &'static str,
    service_code: String,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Box<Event>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<String>,
}

impl From<Failure> for FailureOut {
    fn from(failure: Failure) -> Self {
        let Failure { remedy, service_code, detail } = failure;
        let flat = Self { remedy: remedy.code(), service_code, detail, ..Self::default() };
        match remedy {
            Remedy::NeedsAdminApproval(link) => Self { link, ..flat },
            Remedy::AlreadyExists(id) => Self { id: Some(id), ..flat },
            Remedy::Conflict(event) => Self { event: Some(event), ..flat },
            Remedy::WindowTooLarge(seconds) => Self { max_seconds: Some(seconds), ..flat },
            Remedy::SlowDown(milliseconds) => Self { after_ms: Some(milliseconds), ..flat },
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
    // Our own types have text keys only, so that this cannot fail.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    // What serde_json leaves as it is, some terminals obey.
    print(&text.chars().fold(String::with_capacity(text.len() + 1), |mut safe, c| {
        if ('\u{7f}'..'\u{a0}').contains(&c) {
            // Writing to a string cannot fail.
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
        safe
    }))
}

/// Prints lines for people.
pub(super) fn text(lines: &str) -> Result<(), CliError> {
    print(&plain(lines.trim_end()))
}

/// Says something on standard error.
pub(super) fn note(sentence: &str) {
    // Nobody to tell is no reason to fail.
    let _ = writeln!(io::stderr(), "{}", plain(sentence));
}

/// The text with control characters escaped, line ends apart.
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

/// The text with all control characters escaped.
pub(super) fn line(text: &str) -> String {
    plain(&text.replace('\n', "\\n"))
}

/// The lines of a difference between what is granted and what a component requests.
pub(super) fn difference(difference: &[Line]) -> String {
    difference.iter().map(|fact| line(&fact.to_string())).collect::<Vec<_>>().join("\n")
}

fn print(lines: &str) -> Result<(), CliError> {
    match writeln!(io::stdout(), "{lines}").and_then(|()| io::stdout().flush()) {
        // A reader that has seen enough (`| head`) is no reason to fail.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::machine("output", format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_flat_and_says_what_its_remedy_carries() {
        let out = |remedy| {
            let failure = Failure { remedy, service_code: "429".into(), detail: "busy".into() };
            serde_json::to_string(&FailureOut::from(failure)).unwrap()
        };
        assert_eq!(
            out(Remedy::SlowDown(5000)),
            r#"{"remedy":"slow-down","service_code":"429","detail":"busy","after_ms":5000}"#
        );
        assert_eq!(out(Remedy::Gone), r#"{"remedy":"gone","service_code":"429","detail":"busy"}"#);
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(plain("a\u{1b}[31m\u{9b}b\nc\r"), "a\\u{1b}[31m\\u{9b}b\nc\\r");
    }

    #[test]
    fn who_must_act_is_in_the_exit_code() {
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
