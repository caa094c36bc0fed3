//! A day that is booked is never told as free, whatever the calendar server is like: F1, F2 and F10 of the CalDAV review,
//! and events that cannot be read.
//!
//! The server is Radicale. A front gives its answers the peculiarities of servers that cannot run here.

use super::world::{PASSWORD, World, sign_in};
use anyhow::{Context, ensure};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{Response, StatusCode, header},
};
use chronus_host::locks;
use chronus_tests::{
    host::Client,
    peers::{self, Peer},
};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::{net::TcpListener, task::JoinHandle};

/// The earliest and the latest time that 32 bits hold, as iCalendar writes them.
const TIMES_OF_32_BITS: [&str; 2] = ["19011213T204552Z", "20380119T031407Z"];

/// A peculiarity of a calendar server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peculiarity {
    None,
    /// A search for events beyond the times of 32 bits finds series only. The server calls itself one that also misses series
    /// that began before the window, so that providers search from long ago.
    ShortTimes,
    /// Each calendar has the type of an outbox too.
    CalendarsAreOutboxes,
    /// The start of an event is not a time.
    BrokenStart,
}

/// A server in front of Radicale.
struct Front {
    origin: String,
    behind: Behind,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Behind {
    radicale: String,
    http: reqwest::Client,
    peculiarity: Arc<Mutex<Peculiarity>>,
}

impl Front {
    async fn start(radicale: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        let peculiarity = Arc::new(Mutex::new(Peculiarity::None));
        let behind = Behind { radicale: radicale.to_owned(), http, peculiarity };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(pass).with_state(behind.clone());
        let task = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { origin, behind, task })
    }

    fn set(&self, peculiarity: Peculiarity) {
        *locks::lock(&self.behind.peculiarity) = peculiarity;
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes a request on, and the answer back with the peculiarity.
async fn pass(State(behind): State<Behind>, request: Request) -> Response<Body> {
    let answered = behind.answer(request).await;
    answered.unwrap_or_else(|error| {
        let mut broken = Response::new(Body::from(format!("{error:#}")));
        *broken.status_mut() = StatusCode::BAD_GATEWAY;
        broken
    })
}

impl Behind {
    async fn answer(&self, request: Request) -> anyhow::Result<Response<Body>> {
        let peculiarity = *locks::lock(&self.peculiarity);
        let (mut parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await?;
        if peculiarity == Peculiarity::ShortTimes && is_beyond_32_bits(&body) {
            let nothing = "<?xml version=\"1.0\"?><multistatus xmlns=\"DAV:\"/>";
            return Ok(Response::builder()
                .status(207)
                .header("content-type", "application/xml")
                .body(nothing.into())?);
        }
        parts.headers.remove(header::HOST);
        parts.headers.remove(header::ACCEPT_ENCODING);
        let url = format!("{}{}", self.radicale, parts.uri);
        let answer = self.http.request(parts.method, url).headers(parts.headers).body(body).send().await?;
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION] {
            headers.remove(name);
        }
        let mut text = answer.text().await?;
        match peculiarity {
            Peculiarity::None => {}
            Peculiarity::ShortTimes => {
                headers.insert("x-davical-version", "1.1.12".parse()?);
            }
            Peculiarity::CalendarsAreOutboxes => {
                text = text.replace("<C:calendar />", "<C:calendar /><C:schedule-outbox />");
            }
            Peculiarity::BrokenStart => text = text.replace("DTSTART:20270503T100000Z", "DTSTART:20270503T1o0000Z"),
        }
        let mut response = Response::new(Body::from(text));
        (*response.status_mut(), *response.headers_mut()) = (status, headers);
        Ok(response)
    }
}

/// Whether a search names a time that 32 bits do not hold.
fn is_beyond_32_bits(body: &Bytes) -> bool {
    let text = String::from_utf8_lossy(body);
    let Some((_, range)) = text.split_once("time-range") else { return false };
    let range = range.split('>').next().unwrap_or_default();
    // Years of four digits, so the order of the texts is that of the times.
    range.split('"').any(|time| time.ends_with('Z') && !(TIMES_OF_32_BITS[0]..=TIMES_OF_32_BITS[1]).contains(&time))
}

/// A day of ann's.
async fn day(ann: &Client, world: &World, day: &str) -> anyhow::Result<Value> {
    let path = format!("/v1/people/{}/busy?from={day}T00:00:00Z&to={day}T23:59:59Z", world.ann.id);
    let told = ann.get(&path).await?;
    let is_free = told["intervals"].as_array().is_some_and(Vec::is_empty);
    ensure!(!(told["state"] == "known" && is_free), "a booked day is told as free: {told}");
    Ok(told)
}

fn event(uid: &str, start: &str, end: &str, title: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20261101T000000Z\r\n\
         DTSTART:{start}\r\nDTEND:{end}\r\nSUMMARY:{title}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booked_day_is_never_told_as_free() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let mut world = World::new("").await?;
    let front = Front::start(world.radicale.origin()).await?;
    world.put_before_radicale(&front.origin)?;
    // A second calendar that is free: an answer from this one alone would be "free".
    world.radicale.put_calendar("ann", "other").await?;
    let account = world.radicale.account("ann")?;
    let single = event("single", "20270503T100000Z", "20270503T110000Z", "Dentist");
    account.put(&format!("{}single.ics", world.calendar), &single).await?;
    let old = event("old", "19010503T100000Z", "19010503T110000Z", "Long ago");
    account.put(&format!("{}old.ics", world.calendar), &old).await?;
    let host = world.host().await?;
    world.join(&host).await?;
    let ann = host.client(&world.ann.token)?;

    let cases = [Peculiarity::None, Peculiarity::ShortTimes, Peculiarity::CalendarsAreOutboxes];
    for peculiarity in cases {
        front.set(peculiarity);
        ann.put(&world.connection(), &sign_in(PASSWORD)).await?;
        for of_day in ["2027-05-03", "1901-05-03"] {
            let told = day(&ann, &world, of_day).await.with_context(|| format!("{peculiarity:?} on {of_day}"))?;
            ensure!(told["state"] == "known", "{peculiarity:?} on {of_day}: {told}");
        }
    }

    front.set(Peculiarity::BrokenStart);
    let told = day(&ann, &world, "2027-05-03").await?;
    ensure!(told["reason"] == "unreadable-events" && told["problems"][0].is_string(), "{told}");
    ensure!(!told.to_string().contains("Dentist"), "the title of an event is told: {told}");

    // A short password is a word like others. A long one in an event is cut off, and the operator is told.
    front.set(Peculiarity::None);
    world.radicale.set_password("ann", "dentist27")?;
    let account = world.radicale.account("ann")?;
    let short = event("single", "20270503T100000Z", "20270503T110000Z", "dentist27");
    account.put(&format!("{}single.ics", world.calendar), &short).await?;
    ann.put(&world.connection(), &sign_in("dentist27")).await?;
    let told = day(&ann, &world, "2027-05-03").await?;
    ensure!(told["state"] == "known", "{told}");
    let long = "correct-horse-battery-staple";
    world.radicale.set_password("ann", long)?;
    let account = world.radicale.account("ann")?;
    let long_in_title = event("single", "20270503T100000Z", "20270503T110000Z", long);
    account.put(&format!("{}single.ics", world.calendar), &long_in_title).await?;
    ann.put(&world.connection(), &sign_in(long)).await?;
    let told = day(&ann, &world, "2027-05-03").await?;
    ensure!(told["state"] == "unknown" && told["reason"] == "invalid", "{told}");
    ensure!(told["detail"].as_str().is_some_and(|text| text.contains("repeats the credential")), "{told}");
    ensure!(!told.to_string().contains(long), "{told}");
    host.says(&["egress denied", "leak"]).await?;
    host.stop().await?;
    Ok(())
}
