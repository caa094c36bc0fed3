//! The bench of the cases: the account, its calendar, a day for the run, and the events that must be removed afterwards.

use super::{
    Target,
    callbacks::Listener,
    caller::Caller,
    expect::{CaseResult, describe_error, failed, not_applicable, not_tried, ok},
};
use crate::{
    calendar::{BusyKind, Draft, Event, Interval, Patch, Span, Status, Window, ZonedTime},
    clock::Clock,
    locks,
    plugins::{
        AccessError, CallError, EventRef, Plugin,
        contract::{Account, BusyTimes, Limits, Notify},
    },
};
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use std::{
    ops::RangeInclusive,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::sync::OnceCell;

/// The years that runs choose from. They are in the past, so their clock changes are final.
pub(super) const YEARS: RangeInclusive<i16> = 2013..=2024;

/// The common state of the cases.
pub(super) struct Bench {
    pub(super) caller: Caller,
    account: Result<Account, String>,
    run: String,
    /// A day in May, far from any clock change.
    pub(super) day: civil::Date,
    held_window: Window,
    count: AtomicU32,
    made: Mutex<Vec<CreatedEvent>>,
    listener: OnceCell<Listener>,
}

/// An event that a case created, and its key.
#[derive(Debug, Clone)]
pub(super) struct CreatedEvent {
    pub(super) key: String,
    pub(super) calendar: String,
    pub(super) event: Event,
}

impl CreatedEvent {
    /// The ids of the event, as calls take them.
    pub(super) fn event_ref(&self) -> EventRef<'_> {
        EventRef { calendar: &self.calendar, id: &self.event.id }
    }
}

impl Bench {
    /// Opens the account.
    pub(super) async fn begin(plugin: &Plugin, target: &Target) -> Result<Self, AccessError> {
        let mut target = target.clone();
        target.connection.memo = None;
        let run: String = target.run.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
        let caller = Caller::new(plugin, target)?;
        let account = caller.open().await.map_err(|error| describe_error(&error));
        let day = civil::date(year_of(&run), 5, 14);
        let held_window = held_window(&caller);
        Ok(Self {
            caller,
            account,
            run,
            day,
            held_window,
            count: AtomicU32::new(0),
            made: Mutex::default(),
            listener: OnceCell::new(),
        })
    }

    pub(super) fn run(&self) -> &str {
        &self.run
    }

    /// The account. Fails if it could not be opened.
    pub(super) fn account(&self) -> CaseResult<&Account> {
        self.account.as_ref().or_else(|actual| failed("`open` finds the account", actual.as_str()))
    }

    /// The calendar that cases use: the default calendar, else a writable one, else any.
    pub(super) fn calendar(&self) -> CaseResult<&str> {
        let calendars = &self.account()?.calendars;
        let default = calendars.iter().find(|calendar| calendar.is_default);
        let writable = || calendars.iter().find(|calendar| calendar.role.writes());
        match default.or_else(writable).or(calendars.first()) {
            Some(calendar) => Ok(&calendar.id),
            None => not_applicable("the account has no calendar"),
        }
    }

    /// Whether the suite can create events.
    pub(super) fn can_write(&self) -> bool {
        let writes = |account: &Account| {
            account.abilities.write && account.calendars.iter().any(|calendar| calendar.role.writes())
        };
        self.account.as_ref().is_ok_and(writes)
    }

    /// The address for notifications. It listens from the first call on.
    pub(super) async fn listener(&self) -> CaseResult<&Listener> {
        let target = &self.caller.target().callback;
        let started = self.listener.get_or_try_init(|| Listener::start(&self.caller.plugin, target)).await;
        started.or_else(|error| not_tried(format!("the suite cannot listen on {}: {error}", target.listen)))
    }

    pub(super) fn limits(&self) -> Limits {
        self.caller.plugin.description().limits
    }

    /// Whether the service notifies other people: not if the service can be told so.
    pub(super) fn notify(&self) -> Notify {
        match &self.account {
            Ok(Account { abilities, .. }) if abilities.sends_invitations && !abilities.can_withhold_invitations => {
                Notify::All
            }
            _ => Notify::None,
        }
    }

    /// A name that is unique over all events and runs.
    pub(super) fn name(&self) -> String {
        format!("conformance-{}-{}", self.run, self.count.fetch_add(1, Ordering::Relaxed))
    }

    // ---- times --------------------------------------------------------------------------------------------------

    /// This many hours after the beginning of the bench's day, in UTC.
    pub(super) fn hour(&self, hour: i64) -> Timestamp {
        local(&TimeZone::UTC, self.day.at(0, 0, 0, 0)) + SignedDuration::from_hours(hour)
    }

    /// The window between two hours of the bench's day.
    pub(super) fn hours(&self, start: i64, end: i64) -> Window {
        Window { start: self.hour(start), end: self.hour(end) }
    }

    /// The window of the cases that test against what the account holds.
    pub(super) fn held_window(&self) -> CaseResult<Window> {
        let Window { start, end } = self.held_window;
        let (length, longest) = (end.duration_since(start).as_secs(), self.limits().busy_window);
        if u64::try_from(length).is_ok_and(|length| length > longest) {
            return not_tried(format!(
                "[expect] names a window of {length} s, and the provider accepts at most {longest} s; use a shorter one"
            ));
        }
        Ok(self.held_window)
    }

    // ---- events -------------------------------------------------------------------------------------------------

    /// A simple event between two hours of the bench's day, with a new UID.
    pub(super) fn draft(&self, start: i64, end: i64) -> Draft {
        Draft {
            uid: format!("{}@conformance.example.com", self.name()),
            title: "Conformance".into(),
            description: String::new(),
            location: String::new(),
            url: String::new(),
            organiser: None,
            when: timed(self.hour(start), self.hour(end), "UTC"),
            busy: BusyKind::Busy,
            status: Status::Confirmed,
            attendees: Vec::new(),
            recurrence: Vec::new(),
        }
    }

    /// Creates an event with a new key. It must succeed.
    pub(super) async fn make(&self, draft: &Draft) -> CaseResult<CreatedEvent> {
        let key = self.name();
        let event = ok("`create` creates the event", self.create(&key, draft).await)?;
        Ok(CreatedEvent { key, calendar: self.calendar()?.to_owned(), event })
    }

    /// Creates an event that not every service can store. With `unsupported` or `invalid` the case is not applicable.
    pub(super) async fn make_if_possible(&self, draft: &Draft) -> CaseResult<CreatedEvent> {
        let key = self.name();
        match self.create(&key, draft).await {
            Err(CallError::Failure(failure)) if ["unsupported", "invalid"].contains(&failure.remedy.code()) => {
                not_applicable(format!("the service does not store such an event: {failure}"))
            }
            made => {
                let event = ok("`create` creates the event", made)?;
                Ok(CreatedEvent { key, calendar: self.calendar()?.to_owned(), event })
            }
        }
    }

    /// Calls `create`, and remembers the event for removal.
    pub(super) async fn create(&self, key: &str, draft: &Draft) -> Result<Event, CallError> {
        self.create_by(&self.caller, key, draft).await
    }

    /// The same with another caller.
    pub(super) async fn create_by(&self, caller: &Caller, key: &str, draft: &Draft) -> Result<Event, CallError> {
        let calendar = self.calendar().map_err(|_| CallError::Host("there is no calendar to write to".into()))?;
        let event = caller.create(calendar, key, draft, self.notify()).await?;
        self.remember(CreatedEvent { key: key.to_owned(), calendar: calendar.to_owned(), event: event.clone() });
        Ok(event)
    }

    /// Calls `update` without an etag.
    pub(super) async fn update(&self, made: &CreatedEvent, patch: Patch) -> Result<Event, CallError> {
        self.caller.update(made.event_ref(), &made.key, None, patch, self.notify()).await
    }

    /// Calls `cancel` without an etag.
    pub(super) async fn cancel(&self, made: &CreatedEvent) -> Result<(), CallError> {
        self.caller.cancel(made.event_ref(), &made.key, None, self.notify()).await
    }

    /// The event that `get` returns. It must exist.
    pub(super) async fn get(&self, made: &CreatedEvent) -> CaseResult<Event> {
        ok("`get` returns the event", self.caller.get(&made.calendar, &made.event.id).await)
    }

    /// Remembers an event for removal.
    pub(super) fn remember(&self, made: CreatedEvent) {
        locks::lock(&self.made).push(made);
    }

    /// An id of the same form as this one that does not exist.
    pub(super) fn unknown_id(&self, known: &str) -> String {
        reverse_longest_word(known, self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// Removes the events of the cases. Returns the ids of events that could not be removed.
    pub(super) async fn clean_up(&self) -> Vec<String> {
        let made = std::mem::take(&mut *locks::lock(&self.made));
        let mut left = Vec::new();
        for one in made {
            if self.cancel(&one).await.is_err() {
                left.push(one.event.id);
            }
        }
        left
    }

    /// Creates an event that the next answers must hold, so that an empty answer cannot pass. Returns its time.
    pub(super) async fn guard(&self, start: i64, end: i64) -> CaseResult<(Timestamp, Timestamp)> {
        self.make(&self.draft(start, end)).await?;
        Ok((self.hour(start), self.hour(end)))
    }

    // ---- busy ---------------------------------------------------------------------------------------------------

    /// The busy times of the bench's calendar in the window. The query must succeed.
    pub(super) async fn busy(&self, window: Window) -> CaseResult<BusyTimes> {
        self.busy_by(&self.caller, window).await
    }

    /// The same with another caller.
    pub(super) async fn busy_by(&self, caller: &Caller, window: Window) -> CaseResult<BusyTimes> {
        self.busy_of(caller, self.calendar()?, window).await
    }

    /// The same of another calendar.
    pub(super) async fn busy_of(&self, caller: &Caller, calendar: &str, window: Window) -> CaseResult<BusyTimes> {
        let longest = self.limits().busy_window;
        let length = window.end.duration_since(window.start).as_secs();
        if u64::try_from(length).is_ok_and(|length| length > longest) {
            return not_applicable(format!("the case needs a window of {length} s, and the limit is {longest} s"));
        }
        let answers = ok("`query` answers", caller.busy(&[calendar], window).await)?;
        match answers.into_iter().find(|answer| answer.target == calendar).map(|answer| answer.outcome) {
            Some(Ok(times)) => Ok(times),
            Some(Err(failure)) => failed("`query` reads the calendar", failure.to_string()),
            None => failed(format!("`query` answers for `{calendar}`"), "none of the answers is for this calendar"),
        }
    }

    /// Remembers the present intervals of the window, so that a case sees only the ones that it adds.
    pub(super) async fn watch(&self, window: Window) -> CaseResult<Watch<'_>> {
        self.watch_by(self.caller.clone(), window).await
    }

    /// The same with another caller.
    pub(super) async fn watch_by(&self, caller: Caller, window: Window) -> CaseResult<Watch<'_>> {
        let before = self.busy_by(&caller, window).await?.intervals;
        Ok(Watch { bench: self, caller, window, before })
    }
}

/// A window and the intervals that it had at first.
pub(super) struct Watch<'a> {
    bench: &'a Bench,
    caller: Caller,
    window: Window,
    before: Vec<Interval>,
}

impl Watch<'_> {
    /// The intervals that were added since, in the order of the answer.
    pub(super) async fn added(&self) -> CaseResult<Vec<Interval>> {
        let mut before = self.before.clone();
        let mut new = self.bench.busy_by(&self.caller, self.window).await?.intervals;
        new.retain(|interval| match before.iter().position(|old| old == interval) {
            Some(at) => {
                before.swap_remove(at);
                false
            }
            None => true,
        });
        Ok(new)
    }
}

/// A timed span in a time zone.
pub(super) fn timed(start: Timestamp, end: Timestamp, zone: &str) -> Span {
    Span::Timed { start: ZonedTime { at: start, zone: zone.into() }, end: ZonedTime { at: end, zone: zone.into() } }
}

/// The instant of a local time by RFC 5545 §3.3.5: the first of two; for a skipped time, the offset before the gap.
pub(super) fn local(zone: &TimeZone, at: civil::DateTime) -> Timestamp {
    zone.to_ambiguous_timestamp(at).compatible().unwrap_or_default()
}

/// The text with its longest word reversed and ending in a number. It probably still has the form that a service expects of its
/// ids.
fn reverse_longest_word(known: &str, number: u32) -> String {
    let words = known.split(|c: char| !c.is_ascii_alphanumeric());
    let Some(longest) = words.filter(|word| word.len() > 3).max_by_key(|word| word.len()) else {
        return format!("{known}{number}");
    };
    let (mut other, number): (String, _) = (longest.chars().rev().collect(), number.to_string());
    other.truncate(longest.len().saturating_sub(number.len()));
    match known.rsplit_once(longest) {
        Some((before, after)) => format!("{before}{other}{number}{after}"),
        None => format!("{known}{number}"),
    }
}

/// The window that the tester named, or else the next thirty days.
fn held_window(caller: &Caller) -> Window {
    if let Some(expect) = &caller.target().expect {
        return expect.window;
    }
    let seconds = caller.plugin.description().limits.busy_window.min(30 * 86_400);
    let seconds = i64::try_from(seconds).unwrap_or(86_400);
    let start = Clock::System.now().round(jiff::Unit::Second).unwrap_or_default();
    Window { start, end: start.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(start) }
}

fn year_of(run: &str) -> i16 {
    let years = usize::from(YEARS.end().abs_diff(*YEARS.start())) + 1;
    let sum = run.bytes().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    YEARS.clone().nth(sum % years).unwrap_or(*YEARS.start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_id_keeps_its_form() {
        assert_eq!(reverse_longest_word("/a/work/conformance-7.ics", 12), "/a/work/ecnamrofn12-7.ics");
        assert_eq!(reverse_longest_word("0123456789abcdef", 3), "fedcba9876543213");
        assert_eq!(reverse_longest_word("a/b", 3), "a/b3");
        assert_eq!(reverse_longest_word("", 3), "3");
    }

    #[test]
    fn every_run_has_a_year() {
        for run in ["", "a", "conformance", "0190f2a4-7c1b"] {
            assert!(YEARS.contains(&year_of(run)), "{run}");
        }
        assert_ne!(year_of("a"), year_of("b"));
    }

    #[test]
    fn local_times_are_read_as_the_rfc_says() {
        let rome = TimeZone::get("Europe/Rome").unwrap();
        let at = |text: &str| local(&rome, text.parse().unwrap()).to_string();
        assert_eq!(at("2024-03-31T02:30"), "2024-03-31T01:30:00Z");
        assert_eq!(at("2024-10-27T02:30"), "2024-10-27T00:30:00Z");
    }
}
