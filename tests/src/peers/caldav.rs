//! `caldav` from PyPI, an independent client: what we wrote is right only if somebody else reads it so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::conversation::Conversation;
use super::{Account, Peer, Python};

/// The client, as one account.
#[derive(Debug, Clone)]
pub struct CaldavClient {
    python: Python,
    account: Account,
    /// One process for all calls, if there is one.
    conversation: Option<Conversation>,
}

/// An event for it to make. Times are local ones in `zone`: `2026-03-02T09:00:00`.
#[derive(Debug, Clone, Serialize)]
pub struct NewEvent {
    pub uid: String,
    pub title: String,
    pub start: String,
    pub end: String,
    /// An IANA name. The client writes the VTIMEZONE for it.
    pub zone: String,
    /// The value of an RRULE, such as `FREQ=WEEKLY;COUNT=3`.
    pub rule: Option<String>,
}

/// One event, or one occurrence of it, as the client understood it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenEvent {
    /// RFC 3339 in UTC, or a date: `2026-03-02T08:00:00Z`, `2026-03-02`. A floating time has no zone at its end.
    pub start: String,
    pub end: String,
    pub uid: String,
    pub title: String,
    pub description: String,
    pub status: String,
    /// The path of its resource.
    pub path: String,
    /// Attendees by their addresses, each with the answer as iCalendar has it (`NEEDS-ACTION`); empty if there is none.
    pub answers: BTreeMap<String, String>,
}

impl CaldavClient {
    /// Installs the client if need be.
    pub async fn new(account: &Account) -> anyhow::Result<Self> {
        Ok(Self { python: Python::of(Peer::Caldav).await?, account: account.clone(), conversation: None })
    }

    /// One process for all calls, for a test that makes many.
    pub async fn lasting(account: &Account) -> anyhow::Result<Self> {
        let conversation = Some(Conversation::start(Peer::Caldav, "caldav_client.py").await?);
        Ok(Self { conversation, ..Self::new(account).await? })
    }

    /// The paths of the calendars that it finds from the bare origin.
    pub async fn calendars(&self) -> anyhow::Result<Vec<String>> {
        self.run("calendars", "", json!({})).await
    }

    /// Makes an event in the calendar with this path and gives the path of its resource.
    pub async fn create(&self, calendar: &str, event: &NewEvent) -> anyhow::Result<String> {
        self.run("create", calendar, json!({ "event": event })).await
    }

    /// Gives an occurrence of a series the title and times of `event`, or excludes it. `at` is its start in local time.
    pub async fn change(
        &self,
        calendar: &str,
        uid: &str,
        at: &str,
        zone: &str,
        event: Option<&NewEvent>,
    ) -> anyhow::Result<()> {
        self.run("change", calendar, json!({ "uid": uid, "at": at, "zone": zone, "event": event })).await
    }

    /// Gives a series, and the changed occurrences that have its title, another title.
    pub async fn retitle(&self, calendar: &str, uid: &str, title: &str) -> anyhow::Result<()> {
        self.run("retitle", calendar, json!({ "uid": uid, "title": title })).await
    }

    /// Gives a series another rule. What was changed or excluded after `last`, a local time in `zone`, is forgotten.
    pub async fn set_rule(&self, calendar: &str, uid: &str, rule: &str, last: &str, zone: &str) -> anyhow::Result<()> {
        self.run("set_rule", calendar, json!({ "uid": uid, "rule": rule, "last": last, "zone": zone })).await
    }

    /// Makes an event that the account organises and to which these addresses are invited; gives its path.
    pub async fn invite(&self, calendar: &str, event: &NewEvent, guests: &[&str]) -> anyhow::Result<String> {
        self.run("invite", calendar, json!({ "event": event, "guests": guests })).await
    }

    /// Answers the invitation with this UID, which is in the calendar: `ACCEPTED`, `DECLINED`, `TENTATIVE`.
    pub async fn answer(&self, calendar: &str, uid: &str, rsvp: &str) -> anyhow::Result<()> {
        self.run("answer", calendar, json!({ "uid": uid, "rsvp": rsvp })).await
    }

    /// Every occurrence that touches the window, sorted; `from` and `to` by RFC 3339. It expands series by itself.
    pub async fn occurrences(&self, calendar: &str, from: &str, to: &str) -> anyhow::Result<Vec<SeenEvent>> {
        self.run("occurrences", calendar, json!({ "from": from, "to": to })).await
    }

    /// The same for a person at a shell: what to type, and what must be in the file `input`.
    pub fn occurrences_by_hand(&self, calendar: &str, from: &str, to: &str, input: &str) -> (String, Value) {
        let asked = self.input(calendar, json!({ "from": from, "to": to }));
        (self.python.by_hand("caldav_client.py", &["occurrences"], input), asked)
    }

    /// The event with this UID, as stored: a series is one.
    pub async fn find(&self, calendar: &str, uid: &str) -> anyhow::Result<Option<SeenEvent>> {
        self.run("find", calendar, json!({ "uid": uid })).await
    }

    /// Deletes the event with this UID. It must be there.
    pub async fn delete(&self, calendar: &str, uid: &str) -> anyhow::Result<()> {
        self.run("delete", calendar, json!({ "uid": uid })).await
    }

    async fn run<T: serde::de::DeserializeOwned>(&self, verb: &str, calendar: &str, rest: Value) -> anyhow::Result<T> {
        let input = self.input(calendar, rest);
        Ok(serde_json::from_value(match &self.conversation {
            Some(conversation) => conversation.ask(verb, &input).await?,
            None => self.python.run("caldav_client.py", &[verb], &input).await?,
        })?)
    }

    fn input(&self, calendar: &str, rest: Value) -> Value {
        let mut input = json!({ "account": self.account, "calendar": calendar });
        if let (Value::Object(input), Value::Object(rest)) = (&mut input, rest) {
            input.extend(rest);
        }
        input
    }
}
