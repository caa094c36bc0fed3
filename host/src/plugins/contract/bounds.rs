//! How many records a provider's result may hold, and how long their texts may be.
//!
//! Threat: a result within its bytes that makes the host work or store without end: a million intervals to sort and join, or
//! a calendar's name of a megabyte, which would be stored and read at each later call. Decision: the records of a result are
//! counted before any is converted, and each text has the bound of its kind. A text that identifies something or is stored
//! is refused if it is too long. A text that only explains or is shown is cut, because strangers write some of these: an
//! invitation with an endless title must not make a person's calendar unreadable. Rejected: a bound for the bytes of the
//! result alone, which allows both.

use super::bindings::chronus::calendar::{descriptions::Description, values as wit};

/// How a provider's result breaks the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::plugins) enum BadAnswer {
    /// A value that the contract does not allow.
    #[error("{0}")]
    Invalid(String),
    /// A text or a list beyond its bound. It may be the work of a stranger: an invitation with an endless UID.
    #[error("{0}")]
    TooLong(String),
}

/// An id, an etag, a UID or a link, in bytes.
pub(super) const ID: usize = 4 << 10;
/// An e-mail address or a name of a person or calendar, in bytes.
pub(super) const NAME: usize = 1 << 10;
/// The name of a time zone, in bytes.
pub(super) const ZONE: usize = 256;
/// One line of a recurrence, in bytes.
pub(super) const RULE: usize = 64 << 10;
/// A title, in bytes. Longer ones are cut.
pub(super) const TITLE: usize = 16 << 10;
/// A description, in bytes. Longer ones are cut.
pub(super) const DESCRIPTION: usize = 1 << 20;
/// A sentence for operators, in bytes. Longer ones are cut.
pub(super) const DETAIL: usize = 4 << 10;
/// The calendars of an account.
pub(super) const CALENDARS: usize = 1000;
/// The other addresses of an account.
pub(super) const ADDRESSES: usize = 1000;

/// Refuses a text or data longer than its bound, in bytes. `what` names the value with its article.
pub(super) fn bounded<T: AsRef<[u8]>>(value: T, what: &str, most: usize) -> Result<T, BadAnswer> {
    match value.as_ref().len() {
        bytes if bytes > most => {
            Err(BadAnswer::TooLong(format!("{what} of {bytes} bytes; at most {most} are accepted")))
        }
        _ => Ok(value),
    }
}

/// As [`bounded`], if there is a value.
pub(super) fn optional(value: Option<String>, what: &str, most: usize) -> Result<Option<String>, BadAnswer> {
    value.map(|value| bounded(value, what, most)).transpose()
}

/// Cuts a text to this number of bytes and marks the cut.
pub(super) fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}

/// Refuses a list that is longer than its bound.
pub(super) fn list<T>(list: Vec<T>, what: &str, most: usize) -> Result<Vec<T>, BadAnswer> {
    match list.len() {
        items if items > most => Err(BadAnswer::TooLong(format!("{items} {what}; at most {most} are accepted"))),
        _ => Ok(list),
    }
}

/// The number of records in a result, those inside of others included.
pub(in crate::plugins) trait Records {
    /// Each item of each list counts.
    fn records(&self) -> usize;
}

impl Records for Description {
    fn records(&self) -> usize {
        self.sign_ins.len() + self.hosts.len() + self.read_only_posts.len()
    }
}

impl Records for wit::AccountReply {
    fn records(&self) -> usize {
        self.account.calendars.len() + self.account.other_addresses.len()
    }
}

impl Records for wit::BusyReply {
    fn records(&self) -> usize {
        let of_one = |answer: &wit::BusyAnswer| {
            1 + answer.outcome.as_ref().map_or(0, |times| times.intervals.len() + times.problems.len())
        };
        self.answers.iter().map(of_one).sum()
    }
}

impl Records for wit::Event {
    fn records(&self) -> usize {
        1 + self.attendees.len() + self.recurrence.len()
    }
}

impl Records for wit::EventReply {
    fn records(&self) -> usize {
        self.event.records()
    }
}

impl Records for wit::EventsReply {
    fn records(&self) -> usize {
        self.events.iter().map(|item| item.outcome.as_ref().map_or(1, Records::records)).sum()
    }
}

impl Records for wit::FindReply {
    fn records(&self) -> usize {
        self.events.iter().map(|found| found.event.records()).sum()
    }
}

impl Records for wit::ChangesReply {
    fn records(&self) -> usize {
        let of_one = |change: &wit::Change| match change {
            wit::Change::Event(event) => event.records(),
            wit::Change::Reference(_) | wit::Change::Gone(_) | wit::Change::Left(_) | wit::Change::Problem(_) => 1,
        };
        self.items.iter().map(of_one).sum()
    }
}

impl Records for wit::Notification {
    fn records(&self) -> usize {
        self.hints.len()
    }
}

impl Records for wit::Failure {
    fn records(&self) -> usize {
        1
    }
}

impl Records for wit::WriteReply {
    fn records(&self) -> usize {
        1
    }
}

impl Records for wit::SubscriptionReply {
    fn records(&self) -> usize {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_refused_or_cut_at_their_bound() {
        let long = "ä".repeat(NAME);
        assert_eq!(bounded("x".repeat(NAME), "a name", NAME).map(|text| text.len()), Ok(NAME));
        let refused = bounded(long.clone(), "a name", NAME).unwrap_err();
        assert_eq!(refused.to_string(), "a name of 2048 bytes; at most 1024 are accepted");
        assert_eq!(cut(long, 3), "ä…");
        assert_eq!(cut("abc".into(), 3), "abc");
    }

    #[test]
    fn every_item_of_every_list_counts() {
        let interval =
            wit::Interval { start: 0, end: 1, kind: wit::BusyKind::Busy, all_day: false, client_key: None, uid: None };
        let times = wit::BusyTimes {
            intervals: vec![interval; 3],
            problems: vec![wit::Problem { id: "a".into(), what: "b".into(), span: None }],
        };
        let answer = wit::BusyAnswer { target: "c".into(), outcome: Ok(times) };
        assert_eq!(wit::BusyReply { answers: vec![answer.clone(), answer], memo: None }.records(), 10);
    }
}
