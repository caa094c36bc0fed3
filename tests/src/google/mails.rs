//! The mails that Google would send.
//!
//! Nothing is sent: what matters is who would have been told what, and that nobody is told twice (R18).

use serde_json::Value;

use super::state::{Body, State, text};

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailKind {
    /// Somebody is invited who was not before.
    Invitation,
    /// Something about the event has changed.
    Update,
    /// The event does not take place, or not with this guest.
    Cancellation,
    /// A guest has answered; to the organiser.
    Reply,
}

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The address it goes to.
    pub to: String,
    /// The subject.
    pub kind: MailKind,
    /// The id of the event.
    pub event: String,
    /// The UID of its calendar part.
    pub ical_uid: String,
    /// The SEQUENCE of its calendar part.
    pub sequence: i64,
    /// The title.
    pub summary: String,
    /// Of a reply: what was answered.
    pub answer: Option<String>,
}

/// Who is told of a change: the parameter `sendUpdates`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendUpdates {
    All,
    /// Only people without a calendar here.
    ExternalOnly,
    None,
}

impl SendUpdates {
    /// What a call asks for; `sendNotifications` is its older form.
    pub(super) fn of(call: &super::call::Call) -> Self {
        match (call.parameter("sendUpdates"), call.parameter("sendNotifications")) {
            (Some("all"), _) | (None, Some("true")) => Self::All,
            (Some("externalOnly"), _) => Self::ExternalOnly,
            _ => Self::None,
        }
    }
}

impl State {
    /// Records a mail about an event, if the person is among those who are told.
    pub(super) fn mail(&mut self, updates: SendUpdates, to: &str, kind: MailKind, event: &Body, answer: Option<&str>) {
        let told = match updates {
            SendUpdates::All => true,
            SendUpdates::ExternalOnly => !self.is_user(to),
            SendUpdates::None => false,
        };
        if told {
            self.mails.push(Mail {
                to: to.to_owned(),
                kind,
                event: text(event, "id").to_owned(),
                ical_uid: text(event, "iCalUID").to_owned(),
                sequence: event.get("sequence").and_then(Value::as_i64).unwrap_or(0),
                summary: text(event, "summary").to_owned(),
                answer: answer.map(str::to_owned),
            });
        }
    }
}
