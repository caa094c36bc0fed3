//! Mail that we send, all of it from the assistant.
//!
//! Threat: a mail that is lost with the host, or sent twice and nobody can tell; a secret that waits in the table of
//! jobs, or stands in a log; an answer of a machine that we answer. Decision: mail is an effect (see [`crate::jobs`]):
//! the job names what it is about, the text is made when it is sent, and its Message-ID comes from that name, so that
//! the same mail sent again is known as the same. What the server says decides: about an address, for good; about itself
//! or nothing at all, later. The transport is an enum of the three that there are. Who the assistant is says the
//! operator, in the configuration and nowhere else. Rejected: a trait for the sake of tests, which have a real server;
//! HTML, which a few sentences do not need; a pool of connections for mails that come one an hour.

mod server;
pub mod sign_in;

pub use lettre::message::Mailbox;
pub use server::Server;

use crate::clock::Clock;
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::header::{ContentType, HeaderName, HeaderValue},
    transport::smtp::{self, response::Code},
};
use std::{io::Write as _, time::SystemTime};

/// Says to other machines that no person wrote this (RFC 3834 §5).
const AUTO_SUBMITTED: (HeaderName, &str) = (HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated");

/// Who the assistant is if nobody says.
pub const ASSISTANT: &str = "Chronus <chronus@localhost>";

/// `mail.*` of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `mail.smtp`
    pub smtp: Option<Server>,
    /// `mail.from`
    pub from: Mailbox,
    /// `mail.print`
    pub print: bool,
}

/// How mail gets away.
#[derive(Debug, Clone)]
enum Transport {
    /// Not at all.
    None,
    /// By a server.
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
    /// Onto standard output, for demonstrations.
    Print,
}

/// What sends mail. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mailer {
    transport: Transport,
    from: Mailbox,
    clock: Clock,
}

/// A mail.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingMail {
    /// What it is about: the same for the same mail, and for no other.
    pub id: String,
    /// To whom.
    pub to: String,
    /// In one line.
    pub subject: String,
    /// Plain text. It may hold a secret.
    pub text: String,
}

/// Why a mail was not sent. Holds no part of its text.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It never will be: the address, or what the server thinks of it.
    #[error("the mail cannot be delivered: {0}")]
    Refused(String),
    /// It may be another time.
    #[error("the mail was not sent: {0}")]
    Later(String),
}

impl Mailer {
    /// A mailer as it is configured. Nothing is connected to yet.
    ///
    /// # Errors
    /// If TLS cannot be used on this machine.
    pub fn new(settings: &Settings, clock: Clock) -> Result<Self, smtp::Error> {
        let transport = match (&settings.smtp, settings.print) {
            (Some(server), _) => Transport::Smtp(Box::new(server.transport(settings.from.email.domain())?)),
            (None, true) => Transport::Print,
            (None, false) => Transport::None,
        };
        Ok(Self { transport, from: settings.from.clone(), clock })
    }

    /// Whether mail gets anywhere.
    #[must_use]
    pub const fn is_configured(&self) -> bool {
        !matches!(self.transport, Transport::None)
    }

    /// Sends a mail. No transaction is open meanwhile.
    ///
    /// # Errors
    /// If it was not accepted.
    pub async fn send(&self, letter: &OutgoingMail) -> Result<(), SendError> {
        let message = self.message(letter)?;
        match &self.transport {
            Transport::None => Err(SendError::Later("no server is configured; set mail.smtp".into())),
            Transport::Smtp(server) => {
                server.send(message).await.map(drop).map_err(|error| classify_smtp_error(&error))
            }
            Transport::Print => print(letter).map_err(|error| SendError::Later(error.to_string())),
        }
    }

    fn message(&self, letter: &OutgoingMail) -> Result<Message, SendError> {
        let refused = |what: &dyn std::fmt::Display| SendError::Refused(what.to_string());
        let to = letter.to.parse().map_err(|error| refused(&error))?;
        let (auto_submitted, generated) = AUTO_SUBMITTED;
        let message = Message::builder()
            .message_id(Some(format!("<{}@{}>", letter.id, self.from.email.domain())))
            .date(SystemTime::from(self.clock.now()))
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&letter.subject)
            .raw_header(HeaderValue::new(auto_submitted, generated.to_owned()))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone());
        message.map_err(|error| refused(&error))
    }
}

/// What an error means for the mail: an address that is refused stays refused, everything else may pass.
fn classify_smtp_error(error: &smtp::Error) -> SendError {
    let said = error.to_string();
    match error.status() {
        Some(code) if error.is_permanent() && !is_of_the_session(code) => SendError::Refused(said),
        // The server takes no such address (RFC 6531), or it is none.
        None if error.is_client() => SendError::Refused(said),
        _ => SendError::Later(said),
    }
}

/// What a server says about us and not about the mail: that we must sign in, or cannot (RFC 4954 §6), or must use TLS.
/// The operator mends that, and the mail goes then.
fn is_of_the_session(code: Code) -> bool {
    matches!(u16::from(code), 500 | 502..=504 | 521 | 523 | 530..=538)
}

fn print(letter: &OutgoingMail) -> std::io::Result<()> {
    let OutgoingMail { to, subject, text, .. } = letter;
    let lines: String = text.lines().map(|line| format!("  {line}\n")).collect();
    let mut out = std::io::stdout().lock();
    write!(out, "mail to {to}: {subject}\n{lines}end of the mail to {to}\n")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailer() -> Mailer {
        let settings = Settings { smtp: None, from: "Chronus <assistant@example.org>".parse().unwrap(), print: false };
        Mailer::new(&settings, Clock::at("2026-03-29T00:59:59Z".parse().unwrap())).unwrap()
    }

    fn letter() -> OutgoingMail {
        OutgoingMail {
            id: "1-2".into(),
            to: "ann@example.org".into(),
            subject: "Žluť".into(),
            text: "Ahoj, Žofie".into(),
        }
    }

    #[test]
    fn the_same_mail_is_known_as_the_same() {
        let text = String::from_utf8(mailer().message(&letter()).unwrap().formatted()).unwrap();
        assert_eq!(text, String::from_utf8(mailer().message(&letter()).unwrap().formatted()).unwrap());
        for line in [
            "Message-ID: <1-2@example.org>",
            "From: Chronus <assistant@example.org>",
            "To: ann@example.org",
            "Auto-Submitted: auto-generated",
            "Content-Type: text/plain; charset=utf-8",
            "Date: Sun, 29 Mar 2026 00:59:59 +0000",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}: {text}");
        }
    }

    #[test]
    fn nothing_of_a_mail_becomes_a_header() {
        let evil = OutgoingMail { subject: "Hello\r\nBcc: eve@example.org".into(), ..letter() };
        let text = mailer().message(&evil).map(|message| String::from_utf8(message.formatted()).unwrap());
        assert!(text.is_err() || text.is_ok_and(|text| !text.lines().any(|line| line.starts_with("Bcc"))));
        let evil = OutgoingMail { to: "ann@example.org\r\nBcc: eve@example.org".into(), ..letter() };
        assert!(matches!(mailer().message(&evil), Err(SendError::Refused(_))));
    }

    #[tokio::test]
    async fn without_a_server_mail_waits() {
        assert!(!mailer().is_configured());
        assert!(matches!(mailer().send(&letter()).await, Err(SendError::Later(why)) if why.contains("mail.smtp")));
    }
}
