//! A provider that attacks on demand: the connection's field `act` names the attack. The tests of the sandbox call it. It is
//! one component because each component takes seconds to build.
//!
//! Its findings come back as calendars: the kind in the id, the text in the name, and a long text in several pieces. Those of
//! `get_many`, which have room for the whole memory, come back as events. With the field `shameless` it hides that a
//! request was refused and answers as if it had succeeded; with `blame` it names another cause.

#![expect(clippy::result_large_err, reason = "the contract's failure can hold an event")]

use chronus_sdk::bindings::wasi::{
    clocks::monotonic_clock,
    http::{
        outgoing_handler::handle,
        types::{
            Fields, FutureIncomingResponse, IncomingBody, Method as HttpMethod, OutgoingBody, OutgoingRequest,
            RequestOptions, Scheme,
        },
    },
    io::streams::StreamError,
    random::random,
};
use chronus_sdk::{
    ChangesPage, EventRef, OccurrenceRef, Provider, TwoWay, Write, descriptions::*, failure, log, values::*,
};
use chronus_test_guests::{account, description};
use std::hint::black_box;

/// The provider.
pub struct Hostile;
chronus_sdk::provider!(Hostile, two_way);

impl Provider for Hostile {
    fn describe() -> Description {
        let described = description("hostile", "Hostile");
        let limits = Limits { concurrency: 2, ..described.limits };
        Description { version: "6.6.6".into(), limits, ..described }
    }

    fn open(connection: &Connection) -> Result<AccountReply, Failure> {
        let order = Order(connection);
        let found = act(order)?;
        // Each text as one name, however long.
        let longest = if order.is("calendars") { usize::MAX } else { 1000 };
        let calendar = |(kind, piece): (&str, &str)| Calendar {
            id: kind.into(),
            name: piece.into(),
            role: CalendarRole::Reader,
            is_default: false,
            takes_meetings: false,
            zone: None,
        };
        Ok(account(pieces(&found, longest).map(calendar).collect()))
    }

    fn busy(connection: &Connection, _: &BusyTargets, window: Window) -> Result<BusyReply, Failure> {
        let order = Order(connection);
        if order.is("items") {
            let interval = Interval {
                start: window.start,
                end: window.end,
                kind: BusyKind::Busy,
                all_day: false,
                client_key: None,
                uid: None,
            };
            let outcome = Ok(BusyTimes { intervals: vec![interval; order.number("n")], problems: vec![] });
            return Ok(BusyReply { answers: vec![BusyAnswer { target: "work".into(), outcome }], memo: None });
        }
        let (start, end) = if order.get("act") == "backwards" { (window.end, window.start) } else { (i64::MAX, 0) };
        let interval = Interval { start, end, kind: BusyKind::Busy, all_day: false, client_key: None, uid: None };
        let outcome = Ok(BusyTimes { intervals: vec![interval], problems: vec![] });
        Ok(BusyReply { answers: vec![BusyAnswer { target: "work".into(), outcome }], memo: None })
    }

    fn explain_failure(connection: &Connection, _: &SignInError) -> Failure {
        match act(Order(connection)) {
            Ok(_) => failure::temporary("nothing happened"),
            Err(error) => error,
        }
    }
}

impl TwoWay for Hostile {
    fn create(c: &Connection, _: &str, _: &Draft, _: Write<'_>) -> Result<EventReply, Failure> {
        act(Order(c)).map(|_| EventReply { event: event(1, 1, 2), memo: None })
    }

    fn get(connection: &Connection, _: EventRef<'_>) -> Result<EventReply, Failure> {
        let order = Order(connection);
        let event = match order.get("act") {
            "month-13" => event(13, 1, 2),
            "backwards" => event(1, 2, 1),
            "nameless" => Event { uid: String::new(), ..event(1, 1, 2) },
            _ => event(1, 1, 2),
        };
        if order.get("act") == "conflict" {
            return Err(failure::failure(Remedy::Conflict(Event { id: String::new(), ..event }), "", "made up"));
        }
        let memo = order.is("memo").then(|| Memo { format: 1, data: vec![7; order.number("n")] });
        Ok(EventReply { event, memo })
    }

    fn get_many(c: &Connection, _: &str, _: &[String]) -> Result<EventsReply, Failure> {
        let item = |(kind, piece): (&str, &str)| {
            let found = Event { id: kind.into(), description: piece.into(), ..event(1, 1, 2) };
            EventOutcome { id: kind.into(), outcome: Ok(found) }
        };
        let found = act(Order(c))?;
        Ok(EventsReply { events: pieces(&found, 1 << 20).map(item).collect(), memo: None })
    }

    fn find(_: &Connection, _: &str) -> Result<FindReply, Failure> {
        Err(failure::unsupported(""))
    }

    fn occurrence(_: &Connection, _: OccurrenceRef<'_>) -> Result<EventReply, Failure> {
        Err(failure::unsupported(""))
    }

    fn update(_: &Connection, _: EventRef<'_>, _: &Patch, _: Write<'_>) -> Result<EventReply, Failure> {
        Err(failure::unsupported(""))
    }

    fn cancel(_: &Connection, _: EventRef<'_>, _: Write<'_>) -> Result<WriteReply, Failure> {
        Err(failure::unsupported(""))
    }

    fn respond(_: &Connection, _: EventRef<'_>, _: Rsvp, _: Write<'_>) -> Result<EventReply, Failure> {
        Err(failure::unsupported(""))
    }

    fn changes(c: &Connection, _: &str, _: ChangesPage<'_>) -> Result<ChangesReply, Failure> {
        let next = vec![7; Order(c).number("n")];
        Ok(ChangesReply { items: vec![], next, more: false, complete_listing: true, covers: None, memo: None })
    }
}

/// The arguments of a test.
#[derive(Clone, Copy)]
struct Order<'a>(&'a Connection);

impl<'c> Order<'c> {
    fn all<'a>(self, name: &'a str) -> impl Iterator<Item = &'a str>
    where
        'c: 'a,
    {
        self.0.fields.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn get(self, name: &str) -> &'c str {
        self.0.fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    fn is(self, act: &str) -> bool {
        self.get("act") == act
    }

    fn number(self, name: &str) -> usize {
        self.get(name).parse().unwrap_or(0)
    }
}

type Findings = Vec<(&'static str, String)>;

fn act(order: Order<'_>) -> Result<Findings, Failure> {
    let n = order.number("n");
    Ok(match order.get("act") {
        "spin" => spin(),
        "hog" => hog(),
        "trap" => deep_thought(n),
        "overflow" => vec![("depth", overflow(1).to_string())],
        "unreachable" => std::process::abort(),
        "ask" => ask(order)?,
        "flood" => flood(order, n),
        "pile-up" => pile_up(order, n),
        "fields" => vec![("fields", (0..n).map(|_| Fields::new()).collect::<Vec<_>>().len().to_string())],
        "header" => header(n),
        "log" => chatter(n),
        "shout" => shout(n),
        "calendars" => vec![("calendar", "x".repeat(order.number("bytes"))); n],
        "bloat" => vec![("bloat", "x".repeat(n))],
        "nap" => nap(n, order.number("ms")),
        "random" => vec![("random", random::get_random_bytes(n as u64).len().to_string())],
        "dump" => dump(order),
        "wait" => return Err(wait(order)),
        _ => vec![],
    })
}

/// The findings in pieces of at most this many bytes. A piece that continues a text has the kind `+`.
fn pieces(found: &Findings, longest: usize) -> impl Iterator<Item = (&'static str, &str)> {
    found.iter().flat_map(move |(kind, text)| {
        let (mut rest, mut kind) = (Some(text.as_str()), *kind);
        std::iter::from_fn(move || {
            let (piece, after) = rest?.split_at(rest?.floor_char_boundary(longest));
            rest = (!after.is_empty()).then_some(after);
            Some((std::mem::replace(&mut kind, "+"), piece))
        })
    })
}

/// The failure of a service that asks for a wait.
fn wait(order: Order<'_>) -> Failure {
    let scope = match order.get("scope") {
        "organisation" => PauseScope::Organisation,
        "provider" => PauseScope::Provider,
        _ => PauseScope::Connection,
    };
    failure::failure(failure::pause(order.number("ms") as u64, scope), "429", "too many requests")
}

// ---- processor and memory ---------------------------------------------------------------------------------------

fn spin() -> ! {
    let mut n = 0_u64;
    loop {
        n = black_box(n.wrapping_mul(3) ^ 5);
    }
}

fn hog() -> ! {
    let mut kept: Vec<Vec<u8>> = vec![];
    loop {
        kept.push(black_box(vec![1; 1 << 20]));
    }
}

#[inline(never)]
fn deep_thought(n: usize) -> Findings {
    if black_box(n) == 42 {
        panic!("boom-42");
    }
    vec![]
}

#[inline(never)]
fn overflow(depth: u64) -> u64 {
    if black_box(depth) == u64::MAX {
        return 0;
    }
    overflow(depth + 1) ^ black_box(depth)
}

// ---- requests ---------------------------------------------------------------------------------------------------

/// Sends one request and returns everything in the response.
fn ask(order: Order<'_>) -> Result<Findings, Failure> {
    match exchange(order) {
        Ok(found) => Ok(found),
        Err(code) if order.get("shameless") == "yes" => Ok(vec![("error", code)]),
        Err(code) if order.get("blame") == "reconnect" => Err(failure::failure(Remedy::Reconnect, "401", code)),
        Err(code) => Err(failure::temporary(code)),
    }
}

fn exchange(order: Order<'_>) -> Result<Findings, String> {
    let answer = start(order)?;
    let mut found = read(&answer)?;
    for _ in 1..order.number("times").max(1) {
        found = read(&start(order)?)?;
    }
    Ok(found)
}

fn start(order: Order<'_>) -> Result<FutureIncomingResponse, String> {
    let headers = Fields::new();
    for header in order.all("header") {
        let (name, value) = header.split_once(": ").unwrap_or((header, ""));
        headers.append(name, value.as_bytes()).map_err(|error| format!("header {name}: {error:?}"))?;
    }
    let request = OutgoingRequest::new(headers);
    let method = match order.get("method") {
        "" | "GET" => HttpMethod::Get,
        "CONNECT" => HttpMethod::Connect,
        "TRACE" => HttpMethod::Trace,
        "POST" => HttpMethod::Post,
        other => HttpMethod::Other(other.into()),
    };
    request.set_method(&method).map_err(|()| "method")?;
    let (scheme, rest) = order.get("url").split_once("://").ok_or("url")?;
    let scheme = match scheme {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        other => Scheme::Other(other.into()),
    };
    request.set_scheme(Some(&scheme)).map_err(|()| "scheme")?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    request.set_authority(Some(authority)).map_err(|()| "authority")?;
    request.set_path_with_query(Some(path)).map_err(|()| "path")?;
    let size = order.number("body");
    let body = (size > 0).then(|| request.body()).transpose().map_err(|()| "body")?;
    let answer = handle(request, Some(timeouts(order)?)).map_err(|code| format!("{code:?}"))?;
    if let Some(body) = body {
        let stream = body.write().map_err(|()| "body stream")?;
        let piece = [b'z'; 4096];
        let mut left = size;
        while left > 0 {
            let now = left.min(piece.len());
            if stream.blocking_write_and_flush(&piece[..now]).is_err() {
                break;
            }
            left -= now;
        }
        drop(stream);
        // A response with the reason comes nevertheless.
        let _ = OutgoingBody::finish(body, None);
    }
    Ok(answer)
}

/// The timeouts that a test sets.
fn timeouts(order: Order<'_>) -> Result<RequestOptions, String> {
    let timeout = |name: &str| order.get(name).parse::<u64>().ok().map(|ms| ms * 1_000_000);
    let options = RequestOptions::new();
    options.set_connect_timeout(timeout("connect-ms")).map_err(|()| "connect timeout")?;
    options.set_first_byte_timeout(timeout("first-byte-ms")).map_err(|()| "first-byte timeout")?;
    options.set_between_bytes_timeout(timeout("between-bytes-ms")).map_err(|()| "between-bytes timeout")?;
    Ok(options)
}

fn read(answer: &FutureIncomingResponse) -> Result<Findings, String> {
    answer.subscribe().block();
    let answer = answer.get().ok_or("not ready")?.map_err(|()| "taken")?.map_err(|code| format!("{code:?}"))?;
    let mut found = vec![("status", answer.status().to_string())];
    for (name, value) in answer.headers().entries() {
        found.push(("header", format!("{name}: {}", String::from_utf8_lossy(&value))));
    }
    let body = answer.consume().map_err(|()| "body taken")?;
    let mut text = vec![];
    {
        let stream = body.stream().map_err(|()| "stream taken")?;
        loop {
            match stream.blocking_read(64 << 10) {
                Ok(piece) => text.extend(piece),
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(error)) => {
                    // The bytes before the end stay in memory, where a dump finds them.
                    black_box(&text);
                    return Err(error.to_debug_string());
                }
            }
        }
    }
    drop(IncomingBody::finish(body));
    found.push(("body", String::from_utf8_lossy(&text).into_owned()));
    Ok(found)
}

/// Sends requests and ignores their results.
fn flood(order: Order<'_>, n: usize) -> Findings {
    let answered = (0..n).filter(|_| start(order).and_then(|answer| read(&answer)).is_ok()).count();
    vec![("answered", answered.to_string())]
}

/// Starts requests without waiting for responses.
fn pile_up(order: Order<'_>, n: usize) -> Findings {
    let waiting: Vec<_> = (0..n).map(|_| start(order)).collect();
    nap(1, order.number("then-nap-ms"));
    vec![("started", waiting.iter().filter(|one| one.is_ok()).count().to_string())]
}

fn header(n: usize) -> Findings {
    let headers = Fields::new();
    let value = vec![b'v'; n];
    vec![("header", format!("{:?}", headers.append("x-huge", &value)))]
}

// ---- words ------------------------------------------------------------------------------------------------------

fn chatter(n: usize) -> Findings {
    for line in 0..n {
        log::info("chatter", &[("line", &line)]);
    }
    vec![]
}

fn shout(n: usize) -> Findings {
    log::error(&"A".repeat(n), &[]);
    vec![]
}

fn nap(n: usize, ms: usize) -> Findings {
    for _ in 0..n {
        monotonic_clock::subscribe_duration(ms as u64 * 1_000_000).block();
    }
    vec![("naps", n.to_string())]
}

/// Everything that the guest can see: its arguments, the response of each `url`, and its whole memory.
fn dump(order: Order<'_>) -> Findings {
    let mut found = vec![("connection", format!("{:?}", order.0))];
    let urls: Vec<String> = order.all("url").map(str::to_owned).collect();
    for url in urls {
        let mut once = order.0.clone();
        once.fields.retain(|(name, _)| name != "url");
        once.fields.push(("url".into(), url));
        match exchange(Order(&once)) {
            Ok(answer) => found.extend(answer),
            Err(error) => found.push(("error", error)),
        }
    }
    let memory = memory();
    found.push(("memory", memory.iter().map(|&byte| char::from(byte)).collect()));
    for (kind, text) in &found {
        let end = text.floor_char_boundary(3000);
        log::info("dump", &[("kind", kind), ("text", &text[..end].to_owned())]);
    }
    // Standard error, if there is one.
    eprintln!("{found:?}");
    found
}

/// A copy of the linear memory.
#[expect(unsafe_code, reason = "there is no safe way to read memory that nothing owns")]
fn memory() -> Vec<u8> {
    // For other targets this file is only checked.
    #[cfg(target_family = "wasm")]
    let size = core::arch::wasm32::memory_size(0) * 65_536;
    #[cfg(not(target_family = "wasm"))]
    let size = 8;
    let mut copy = Vec::with_capacity(size);
    for address in 8..size {
        // Every address below the size of the memory can be read. Addresses 0 to 7 are empty, and Rust does not allow a
        // pointer to them.
        copy.push(unsafe { core::ptr::read_volatile(address as *const u8) });
    }
    copy
}

fn event(month: u8, start: u8, end: u8) -> Event {
    let date = |day| Date { year: 2026, month, day };
    Event {
        id: "id".into(),
        uid: "uid".into(),
        etag: None,
        series_id: None,
        original_start: None,
        title: String::new(),
        description: String::new(),
        when: Span::AllDay(DaySpan { start: date(start), end: date(end) }),
        busy: BusyKind::Busy,
        status: EventStatus::Confirmed,
        organiser: None,
        attendees: vec![],
        recurrence: vec![],
        client_key: None,
        location: String::new(),
        url: String::new(),
        private: false,
        sequence: None,
        unsent: false,
        updated: None,
    }
}
