//! What changed since the last time.

use chronus_ical::Ical;
use chronus_sdk::values::*;
use chronus_sdk::{ChangesPage, TwoWay};

use crate::server::{Habits, Server, name};
use crate::{DAY, HOUR, MONDAY, connection, ics, remedy, window};

/// A reader of changes, as the host is one.
struct Reader {
    server: Server,
    cursor: Option<Cursor>,
}

impl Reader {
    fn of(habits: Habits) -> Reader {
        Reader { server: Server::with(habits), cursor: None }
    }

    fn page(&self, cursor: Option<Cursor>, max: u32) -> Result<ChangesReply, Failure> {
        let (work, page) = (self.server.calendar(), ChangesPage { cursor: cursor.as_deref(), window: window(), max });
        self.server.call(|| Ical::changes(&connection(None), &work, page))
    }

    /// Reads pages until there is no more; what they named, and whether the listing was complete.
    fn read(&mut self, max: u32) -> (Vec<String>, bool) {
        let mut named = Vec::new();
        for _ in 0..100 {
            let cursor = self.cursor.take();
            let batch = self.page(cursor, max).expect("a page");
            assert!(batch.items.len() <= max as usize && batch.next.len() <= 1 << 20);
            named.extend(batch.items.iter().map(show));
            self.cursor = Some(batch.next);
            if !batch.more {
                return (named, batch.complete_listing);
            }
            assert!(!batch.complete_listing, "it is complete when there is no more");
        }
        panic!("the pages do not end");
    }
}

fn show(change: &Change) -> String {
    match change {
        Change::Event(event) => format!("+{}", event.id),
        Change::Gone(id) => format!("-{id}"),
        Change::Left(id) => format!("<{id}"),
        Change::Problem(problem) => format!("!{}", problem.id),
        Change::Reference(reference) => format!("?{}", reference.id),
    }
}

fn event(uid: &str) -> String {
    ics(uid, "DTSTART:20260302T080000Z\nDTEND:20260302T090000Z")
}

/// The servers that a reader meets.
fn servers() -> Vec<Habits> {
    let usual = Habits::default();
    vec![
        usual.clone(),
        Habits { syncs: Some(1), ..usual.clone() },
        Habits { writes_at: true, ..usual.clone() },
        Habits { leaves_out: true, ..usual.clone() },
        Habits { chokes_on_windows: true, ..usual.clone() },
        Habits { leaves_quotes_away: true, ..usual.clone() },
        Habits { counts_tokens: true, ..usual.clone() },
        Habits { token_unknown: 207, ..usual.clone() },
        Habits { token_unknown: 500, ..usual.clone() },
        Habits { resends: true, ..usual.clone() },
        Habits { resends: true, has_ctag: false, ..usual.clone() },
        Habits { syncs: None, ..usual.clone() },
        Habits { syncs: None, has_ctag: false, ..usual },
    ]
}

#[test]
fn a_listing_names_all_and_then_only_what_changes() {
    for habits in servers() {
        for max in [1, 2, 100] {
            let mut reader = Reader::of(habits.clone());
            let server = reader.server.clone();
            for uid in ["a", "b", "c"] {
                server.put(&format!("{uid}.ics"), &event(uid));
            }
            assert_eq!(reader.read(max), (vec!["+a.ics".into(), "+b.ics".into(), "+c.ics".into()], true), "{habits:?}");
            assert_eq!(reader.read(max), (vec![], false), "nothing happened: {habits:?}");
            server.put("b.ics", &event("b"));
            server.put(&name("d@x.ics"), &event("d@x"));
            server.delete("a.ics");
            let (mut named, complete) = reader.read(max);
            named.sort();
            assert_eq!((named, complete), (vec!["+b.ics".into(), "+d%40x.ics".into(), "-a.ics".into()], false));
            assert_eq!(reader.read(max), (vec![], false));
        }
    }
}

#[test]
fn what_changes_during_a_listing_is_not_lost() {
    for habits in servers() {
        let mut reader = Reader::of(habits);
        let server = reader.server.clone();
        for uid in ["a", "b", "c"] {
            server.put(&format!("{uid}.ics"), &event(uid));
        }
        let first = reader.page(None, 1).expect("a page");
        server.put("a.ics", &event("a"));
        server.put("new.ics", &event("new"));
        server.delete("c.ics");
        reader.cursor = Some(first.next);
        let (named, complete) = reader.read(1);
        assert!(complete && named.contains(&"-c.ics".to_owned()), "{named:?}");
        let (later, _) = reader.read(1);
        for expected in ["+a.ics", "+new.ics"] {
            assert!(later.iter().any(|name| name == expected), "{expected} in {later:?}");
        }
        assert_eq!(reader.read(1).0, [""; 0]);
    }
}

#[test]
fn what_changes_while_the_names_are_read_is_not_lost() {
    for habits in servers() {
        let mut reader = Reader::of(habits);
        reader.server.put("a.ics", &event("a"));
        // The answer with the names is already on its way.
        reader.server.after("REPORT", |state| state.store("b.ics", &event("b")));
        let (listed, _) = reader.read(10);
        let (later, _) = reader.read(10);
        assert!(listed.iter().chain(&later).any(|name| name == "+b.ics"), "{listed:?} {later:?}");
    }
}

#[test]
fn a_forgotten_token_means_a_new_listing() {
    for token_unknown in [400, 403, 409, 412] {
        let mut reader = Reader::of(Habits { token_unknown, ..Habits::default() });
        reader.server.put("a.ics", &event("a"));
        reader.read(10);
        let text = String::from_utf8(reader.cursor.clone().expect("a cursor")).expect("text");
        let forgotten = text.replace("t:1", "t:99").into_bytes();
        assert_eq!(remedy(reader.page(Some(forgotten), 10)), Remedy::CursorExpired, "{token_unknown}");
    }
}

/// A client that trusts such a server's tokens never hears of deletions, or tries for ever.
#[test]
fn tokens_that_are_not_refused_are_not_relied_on() {
    let usual = Habits::default();
    for (habits, relied_on) in [
        (usual.clone(), true),
        (Habits { counts_tokens: true, ..usual.clone() }, true),
        (Habits { token_unknown: 409, ..usual.clone() }, true),
        (Habits { token_unknown: 207, ..usual.clone() }, false),
        (Habits { token_unknown: 404, ..usual.clone() }, true),
        (Habits { token_unknown: 500, ..usual.clone() }, false),
        (Habits { resends: true, ..usual }, false),
    ] {
        let reader = Reader::of(habits.clone());
        reader.server.put("a.ics", &event("a"));
        let cursor = reader.page(None, 10).expect("a page").next;
        let by_token = String::from_utf8(cursor).expect("text").contains("\nst:");
        assert_eq!(by_token, relied_on, "{habits:?}");
    }
}

#[test]
fn tokens_are_tried_once() {
    let reader = Reader::of(Habits::default());
    reader.server.put("a.ics", &event("a"));
    let work = reader.server.calendar();
    let first_page = ChangesPage { cursor: None, window: window(), max: 10 };
    let page = |memo| Ical::changes(&connection(memo), &work, first_page);
    let syncs = || reader.server.requests().iter().filter(|request| request.starts_with("REPORT")).count();
    let memo = reader.server.memo();
    let first = reader.server.call(|| page(memo)).expect("a page");
    assert_eq!((syncs(), first.memo.is_some()), (4, true), "the present one, an unknown one, names, and bodies");
    let second = reader.server.call(|| page(first.memo)).expect("a page");
    assert_eq!((syncs(), second.memo), (2, None));
}

#[test]
fn an_event_with_a_new_name_leaves_before_it_comes() {
    for habits in servers() {
        let mut reader = Reader::of(habits);
        reader.server.put("a.ics", &event("a"));
        reader.read(10);
        reader.server.delete("a.ics");
        reader.server.put("0.ics", &event("a"));
        assert_eq!(reader.read(1).0, ["-a.ics", "+0.ics"]);
    }
}

#[test]
fn a_server_is_busy_and_not_without_tokens() {
    let reader = Reader::of(Habits::default());
    reader.server.put("a.ics", &event("a"));
    reader.server.0.borrow_mut().habits.report_fails = Some(503);
    assert!(matches!(remedy(reader.page(None, 10)), Remedy::SlowDown(_)));
}

#[test]
fn what_is_no_cursor_is_expired() {
    let reader = Reader::of(Habits::default());
    for bytes in [&b""[..], b"garbage", &[0xff; 9]] {
        assert_eq!(remedy(reader.page(Some(bytes.to_vec()), 10)), Remedy::CursorExpired);
    }
    let cursor = reader.page(None, 10).expect("a page").next;
    let page = ChangesPage { cursor: Some(&cursor), window: window(), max: 10 };
    let call = || Ical::changes(&connection(None), "/dav/ann/holidays/", page);
    assert_eq!(remedy(reader.server.call(call)), Remedy::CursorExpired, "another calendar's");
}

#[test]
fn a_failing_server_deletes_nothing() {
    for status in [401, 403, 404, 500, 507] {
        let mut reader = Reader::of(Habits::default());
        reader.server.put("a.ics", &event("a"));
        reader.read(10);
        reader.server.0.borrow_mut().habits.report_fails = Some(status);
        let remedy = remedy(reader.page(reader.cursor.clone(), 10));
        assert!(!matches!(remedy, Remedy::CursorExpired), "{status}: {remedy:?}");
    }
    let reader = Reader::of(Habits { cuts_queries_short: true, ..Habits::default() });
    assert!(matches!(remedy(reader.page(None, 10)), Remedy::WindowTooLarge(_)), "half a listing is not a listing");
}

#[test]
fn tasks_are_no_events_and_bad_events_are_named() {
    let mut reader = Reader::of(Habits::default());
    reader.read(10);
    let task = event("t").replace("VEVENT", "VTODO");
    reader.server.put("t.ics", &task);
    reader.server.put("bad.ics", &ics("bad", "SUMMARY:no start"));
    reader.server.put("worse.ics", "BEGIN:VCALENDAR");
    assert_eq!(reader.read(10).0, ["!bad.ics", "!worse.ics"]);
    reader.server.delete("t.ics");
    assert_eq!(reader.read(10).0, ["-t.ics"]);
}

#[test]
fn a_look_at_an_unchanged_calendar_is_one_request() {
    for habits in servers().into_iter().filter(|habits| habits.has_ctag) {
        let reader = Reader::of(habits);
        reader.server.put("a.ics", &event("a"));
        let memo = reader.server.memo();
        let work = reader.server.calendar();
        let look = |cursor| {
            let page = ChangesPage { cursor, window: window(), max: 10 };
            Ical::changes(&connection(memo.clone()), &work, page)
        };
        let first = reader.server.call(|| look(None)).expect("a page");
        reader.server.requests();
        reader.server.call(|| look(Some(&first.next))).expect("a page");
        assert_eq!(reader.server.requests().len(), 1);
    }
}

#[test]
fn a_page_of_nothing_and_a_window_of_nothing_are_refused() {
    let reader = Reader::of(Habits::default());
    assert_eq!(remedy(reader.page(None, 0)), Remedy::Invalid("max".into()));
    let empty = Window { start: MONDAY, end: MONDAY };
    let page = ChangesPage { cursor: None, window: empty, max: 1 };
    let call = || Ical::changes(&connection(None), &reader.server.calendar(), page);
    assert_eq!(remedy(call()), Remedy::Invalid("window".into()));
}

#[test]
fn a_change_that_cannot_be_read_says_which_time_it_may_take() {
    let span = |recurrence_id: &str| {
        let reader = Reader::of(Habits::default());
        let lines = "DTSTART:20260302T080000Z\nDTEND:20260302T090000Z\nRRULE:FREQ=DAILY;COUNT=2\nEND:VEVENT\n\
            BEGIN:VEVENT\nUID:s\nDTSTAMP:20260101T000000Z\nDTSTART:20260305T080000Z\nDTEND:20260305T090000Z\n";
        reader.server.put("s.ics", &ics("s", &format!("{lines}{recurrence_id}")));
        let items = reader.page(None, 9).expect("a page").items;
        items.into_iter().find_map(|item| if let Change::Problem(problem) = item { Some(problem.span) } else { None })
    };
    let known = Window { start: MONDAY - 2 * DAY, end: MONDAY + 3 * DAY + HOUR };
    assert_eq!(span("RECURRENCE-ID:soon"), Some(Some(known)));
    assert_eq!(span("RECURRENCE-ID;RANGE=THISANDFUTURE:soon"), Some(None));
    assert_eq!(span("RECURRENCE-ID:20260303T080000Z"), None);
}
