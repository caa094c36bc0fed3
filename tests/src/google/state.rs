//! The state of the service: people, calendars, tokens, channels, mails, and recorded requests.
//!
//! One value behind one lock. An operation holds the lock from beginning to end, so that each request sees the result of
//! the previous one. Google also writes an event atomically.

use std::collections::BTreeMap;

use chronus_host::clock::Clock;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::errors::{ApiResult, Refusal};
use super::faults::Faults;
use super::listings::Listings;
use super::mails::Mail;
use super::oauth::Registry;
use super::records::RecordedCall;
use super::watch::Channels;

/// A JSON object: a stored event, or one in a request.
pub(super) type Body = Map<String, Value>;

/// Everything.
#[derive(Debug)]
pub(super) struct State {
    pub(super) clock: Clock,
    /// By address.
    pub(super) users: BTreeMap<String, User>,
    /// By id; that of a person's first calendar is the person's address.
    pub(super) calendars: BTreeMap<String, Calendar>,
    pub(super) domains: BTreeMap<String, Domain>,
    pub(super) oauth: Registry,
    pub(super) listings: Listings,
    pub(super) channels: Channels,
    pub(super) mails: Vec<Mail>,
    pub(super) faults: Faults,
    pub(super) recorded: Vec<RecordedCall>,
    pub(super) violations: Vec<String>,
    /// Whether the service has ended.
    pub(super) stopped: bool,
    /// The number of names and versions so far.
    made: u64,
}

/// A person with an account.
#[derive(Debug, Clone)]
pub(super) struct User {
    /// A number, as text.
    pub(super) id: String,
    pub(super) name: String,
    /// IANA.
    pub(super) zone: String,
    /// The calendars of the person's list, by id, with the number of the change that added each.
    pub(super) list: BTreeMap<String, u64>,
}

/// An organisation's domain.
#[derive(Debug, Clone, Default)]
pub(super) struct Domain {
    /// Whether its administrator lets people use the applications of others.
    pub(super) blocks_apps: bool,
    /// Whether its members see each other's free/busy times, which is Google's default for a new organisation.
    pub(super) shares_busy: bool,
}

/// A person's role in a calendar, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// May read free/busy times.
    FreeBusyReader,
    /// May read everything.
    Reader,
    /// May change events.
    Writer,
    /// May change the roles.
    Owner,
}

impl Role {
    /// As the API writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::FreeBusyReader => "freeBusyReader",
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Owner => "owner",
        }
    }
}

/// A calendar and its events.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) zone: String,
    /// The address of the owner.
    pub(super) owner: String,
    /// The roles of other people, by address.
    pub(super) access: BTreeMap<String, Role>,
    pub(super) events: BTreeMap<String, StoredEvent>,
}

/// The event of one calendar: single, a series, or an exception of a series. Deleted events stay, cancelled.
#[derive(Debug, Clone, Default)]
pub(super) struct StoredEvent {
    pub(super) body: Body,
    /// The number of its last change.
    pub(super) changed: u64,
    /// For a series: the original starts that it no longer has, by the id of the occurrence, with the number of the change
    /// that removed them. Clients that follow single occurrences must be told about these.
    pub(super) gone: BTreeMap<String, (Value, u64)>,
}

impl StoredEvent {
    pub(super) fn is_cancelled(&self) -> bool {
        text(&self.body, "status") == "cancelled"
    }
}

impl Calendar {
    pub(super) fn is_primary(&self) -> bool {
        self.id == self.owner
    }
}

impl State {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            users: BTreeMap::new(),
            calendars: BTreeMap::new(),
            domains: BTreeMap::new(),
            oauth: Registry::default(),
            listings: Listings::default(),
            channels: Channels::default(),
            mails: Vec::new(),
            faults: Faults::default(),
            recorded: Vec::new(),
            violations: Vec::new(),
            stopped: false,
            made: 0,
        }
    }

    /// Stops responses and notifications, because connections may outlive the service.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
        self.channels = Channels::default();
    }

    /// The number of the next change; it rises.
    pub(super) fn next(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// How many changes and names there were so far.
    pub(super) fn made(&self) -> u64 {
        self.made
    }

    /// An unused name of 43 letters, digits, dashes and underscores. It is the same in each run: nothing here is secret, and
    /// a test that fails should fail with the same text again.
    pub(super) fn fresh(&mut self, kind: &str) -> String {
        use base64::Engine;
        let digest = Sha256::digest(format!("{kind} {}", self.next()));
        base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(digest)
    }

    /// A new id for an event.
    pub(super) fn fresh_event_id(&mut self) -> String {
        let name = format!("event {}", self.next());
        Self::event_id_of(&name)
    }

    /// An event id that is derived from a name: 26 digits of base 32 with the "extended hex" letters (RFC 4648 §7), in lower
    /// case.
    pub(super) fn event_id_of(name: &str) -> String {
        let digest = Sha256::digest(name);
        let digit = |byte: &u8| char::from(b"0123456789abcdefghijklmnopqrstuv"[usize::from(byte % 32)]);
        digest.iter().take(26).map(digit).collect()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The domain of an address, if it belongs to an organisation.
    pub(super) fn domain_of(&self, address: &str) -> Option<&Domain> {
        self.domains.get(address.split_once('@')?.1)
    }

    /// The role of a person in a calendar.
    pub(super) fn role(&self, user: &str, calendar: &Calendar) -> Option<Role> {
        if calendar.owner == user {
            // An administrator can limit even the owner, as with an archived account.
            return Some(calendar.access.get(user).copied().unwrap_or(Role::Owner));
        }
        let domain = |address: &str| address.split_once('@').map(|(_, domain)| domain.to_owned());
        let colleague = calendar.is_primary()
            && domain(user) == domain(&calendar.owner)
            && self.domain_of(user).is_some_and(|domain| domain.shares_busy);
        calendar.access.get(user).copied().max(colleague.then_some(Role::FreeBusyReader))
    }

    /// The calendar with an id, as this person uses the id, and the person's role in it.
    pub(super) fn calendar(&self, user: &str, id: &str) -> ApiResult<(&Calendar, Role)> {
        let id = if id == "primary" { user } else { id };
        let calendar = self.calendars.get(&id.to_lowercase()).or_else(|| self.calendars.get(id));
        let calendar = calendar.ok_or_else(Refusal::not_found)?;
        let role = self.role(user, calendar).ok_or_else(Refusal::not_found)?;
        Ok((calendar, role))
    }

    /// Whether this address has an account here.
    pub(super) fn is_user(&self, address: &str) -> bool {
        self.users.contains_key(address)
    }
}

/// A text of an object; empty if there is none.
pub(super) fn text<'a>(body: &'a Body, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The zone of an IANA name.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    chronus_sdk::icalendar::Zone::iana(name).map(|zone| zone.rules().clone())
}
