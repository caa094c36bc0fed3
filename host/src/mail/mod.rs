//! Outgoing mail, sent by the assistant.
//!
//! Threat: a mail that is lost with the host, or sent twice as two different mails; a secret that is stored in the jobs
//! table or written to a log; a loop between two machines that answer each other. Decision: mail is an effect (see
//! [`crate::jobs`]). The job holds only an id; the text is rendered when the mail is sent, and its Message-ID comes from
//! the job, so a second copy has the same Message-ID. The answer of the server decides: an error about the address is
//! final, every other error is retried. The transport is an enum with three variants. The name of the assistant is set in
//! the configuration only. Texts are templates in `host/templates/mail`. Rejected: a trait for tests, which have a real
//! server; HTML, which a few sentences do not need; a pool of connections for one mail per hour.

pub mod new_administrator;
pub mod reconnect;
mod server;
pub mod sign_in;

pub use lettre::message::Mailbox;
pub use server::Server;

use crate::{
    audit::{self, Act, Entry, Values},
    clock::Clock,
    db::{Db, Tx},
    ids::{OrganisationId, PersonId},
    jobs::{self, Lease, LeaseError, Outcome},
    people::Person,
    rate_limits::{self, Limits, Rate},
};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::header::{ContentType, HeaderName, HeaderValue},
    transport::smtp::{self, response::Code},
};
use std::{io::Write as _, time::SystemTime};

/// Tells other machines that this mail was generated (RFC 3834 §5), so that they do not answer.
const AUTO_SUBMITTED: (HeaderName, &str) = (HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated");

/// The default sender.
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

/// How mail is sent.
#[derive(Debug, Clone)]
enum Transport {
    /// Mail is not configured.
    None,
    /// Through an SMTP server.
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
    /// To standard output, for demonstrations.
    Print,
}

/// Sends mail. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mailer {
    transport: Transport,
    from: Mailbox,
    clock: Clock,
}

/// A mail to send.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingMail {
    /// Identifies the mail: the same for every attempt to send it. Becomes the Message-ID.
    pub id: String,
    /// The address of the recipient.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text. It can hold a secret.
    pub text: String,
}

/// Why a mail was not sent. Never contains part of its text.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The mail can never be delivered, because of its address or the answer of the server.
    #[error("the mail cannot be delivered: {0}")]
    Refused(String),
    /// The mail can be sent later.
    #[error("the mail was not sent: {0}")]
    Later(String),
}

/// What becomes of the job of a mail that was not sent.
impl From<SendError> for Outcome {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Refused(_) => Self::Dead { error: error.to_string() },
            SendError::Later(_) => Self::Retry { error: error.to_string(), after: None },
        }
    }
}

/// Sends the one mail of a job, and completes the job. The job's id becomes the Message-ID. If the recipient has been sent
/// too many, the mail waits.
///
/// # Errors
/// If the lease was lost.
pub async fn send_for_job(
    db: &Db,
    limits: &Limits,
    mailer: &Mailer,
    lease: &Lease,
    recipient: &Person,
    subject: &str,
    text: Result<String, askama::Error>,
) -> Result<Outcome, LeaseError> {
    let text = match text {
        Ok(text) => text,
        Err(error) => return Ok(Outcome::Dead { error: error.to_string() }),
    };
    let mail = OutgoingMail { id: lease.job.to_string(), to: recipient.email.clone(), subject: subject.into(), text };
    let mut tx = db.begin().await?;
    let slot = match rate_limits::take(&mut tx, limits, Rate::Notices, &mail.to).await? {
        Ok(slot) => slot,
        Err(reached) => {
            let after = Some(reached.retry_after.unsigned_abs());
            return Ok(Outcome::Retry { error: reached.to_string(), after });
        }
    };
    if mailer.is_configured() {
        jobs::begin_act(&mut tx, lease).await?;
    }
    tx.commit().await?;
    let sent = mailer.send(&mail).await;
    let mut tx = db.begin().await?;
    match sent {
        Ok(()) => {
            record(&mut tx, lease, recipient.organisation, recipient.id).await?;
            jobs::complete_in(tx, lease).await
        }
        Err(error) => {
            rate_limits::give_back(&mut tx, &slot).await?;
            tx.commit().await?;
            Ok(error.into())
        }
    }
}

/// Records that the mail server has taken the mail of a job.
async fn record(tx: &mut Tx, lease: &Lease, organisation: OrganisationId, recipient: PersonId) -> sqlx::Result<()> {
    let by = lease.author();
    let entry = Entry::new(&by, Act::MailSent, recipient).organisation(organisation);
    audit::record(tx, entry.after(Values::new().kind(lease.effect.kind()))).await
}

impl Mailer {
    /// Creates a mailer from the configuration. It does not connect yet.
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

    /// Whether mail is configured.
    #[must_use]
    pub const fn is_configured(&self) -> bool {
        !matches!(self.transport, Transport::None)
    }

    /// Sends a mail. Must not be called inside a transaction.
    ///
    /// # Errors
    /// If the mail was not accepted.
    pub async fn send(&self, mail: &OutgoingMail) -> Result<(), SendError> {
        let message = self.message(mail)?;
        match &self.transport {
            Transport::None => Err(SendError::Later("no mail server is configured; set mail.smtp".into())),
            Transport::Smtp(server) => {
                server.send(message).await.map(drop).map_err(|error| classify_smtp_error(&error))
            }
            Transport::Print => print(mail).map_err(|error| SendError::Later(error.to_string())),
        }
    }

    fn message(&self, mail: &OutgoingMail) -> Result<Message, SendError> {
        let refused = |what: &dyn std::fmt::Display| SendError::Refused(what.to_string());
        let to = mail.to.parse().map_err(|error| refused(&error))?;
        let (auto_submitted, generated) = AUTO_SUBMITTED;
        let message = Message::builder()
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            .date(SystemTime::from(self.clock.now()))
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&mail.subject)
            .raw_header(HeaderValue::new(auto_submitted, generated.to_owned()))
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.clone());
        message.map_err(|error| refused(&error))
    }
}

/// Decides whether a mail can be sent later: an address that was refused stays refused, other errors can pass.
fn classify_smtp_error(error: &smtp::Error) -> SendError {
    let message = error.to_string();
    match error.status() {
        Some(code) if error.is_permanent() && !is_about_the_session(code) => SendError::Refused(message),
        // The server does not accept this address (RFC 6531), or the address is invalid.
        None if error.is_client() => SendError::Refused(message),
        _ => SendError::Later(message),
    }
}

/// Whether an answer is about our session and not about the mail: authentication failed or is required (RFC 4954 §6), or
/// TLS is required. The mail can be sent after the operator has corrected the configuration.
fn is_about_the_session(code: Code) -> bool {
    matches!(u16::from(code), 500 | 502..=504 | 521 | 523 | 530..=538)
}

fn print(mail: &OutgoingMail) -> std::io::Result<()> {
    let OutgoingMail { to, subject, text, .. } = mail;
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

    fn mail() -> OutgoingMail {
        OutgoingMail {
            id: "1-2".into(),
            to: "ann@example.org".into(),
            subject: "Žluť".into(),
            text: "Ahoj, Žofie".into(),
        }
    }

    #[test]
    fn a_mail_is_the_same_in_every_attempt() {
        let text = String::from_utf8(mailer().message(&mail()).unwrap().formatted()).unwrap();
        assert_eq!(text, String::from_utf8(mailer().message(&mail()).unwrap().formatted()).unwrap());
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
    fn no_text_of_a_mail_becomes_a_header() {
        let evil = OutgoingMail { subject: "Hello\r\nBcc: eve@example.org".into(), ..mail() };
        let text = mailer().message(&evil).map(|message| String::from_utf8(message.formatted()).unwrap());
        assert!(text.is_err() || text.is_ok_and(|text| !text.lines().any(|line| line.starts_with("Bcc"))));
        let evil = OutgoingMail { to: "ann@example.org\r\nBcc: eve@example.org".into(), ..mail() };
        assert!(matches!(mailer().message(&evil), Err(SendError::Refused(_))));
    }

    #[tokio::test]
    async fn without_a_server_mail_is_sent_later() {
        assert!(!mailer().is_configured());
        assert!(matches!(mailer().send(&mail()).await, Err(SendError::Later(why)) if why.contains("mail.smtp")));
    }
}
