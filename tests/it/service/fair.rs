//! One organisation's calendar server hangs, and no other organisation waits for it: S2 and S3 of the security review, and
//! O8 of the operator's.

use super::{
    pages::{link, mailing},
    world::{PASSWORD, Person, World, add_person, id, issue_token, settled},
};
use anyhow::{Context, ensure};
use chronus_host::{
    auth::tokens::Holder,
    clock::Clock,
    locks,
    organisations::{self, programs},
    people::{self, Member, MemberRole},
};
use chronus_tests::{
    OPERATOR,
    host::{Answer, Client, Host, PATIENCE},
    peers::{self, MailServer, Peer},
    visitor::Visitor,
};
use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
    time::timeout,
};

/// Alpha's calendar server as people know it.
const ALPHA: &str = "https://dav.alpha.example";

/// Alpha's people with a calendar there.
const PEOPLE: usize = 25;

/// Requests and meetings of Alpha, each.
const STALLED: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_the_calendar_server_of_another_organisation() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Caldav, Peer::Aiosmtpd])? {
        return Ok(());
    }
    let mail = MailServer::start(None).await?;
    // The worst: what hangs is not given up before the test ends.
    let beta = World::new(&format!("{}\nbudget.background-wall-ms = 60000", mailing(&mail))).await?;
    let tarpit = Tarpit::start(beta.radicale.origin()).await?;
    let config = std::fs::read_to_string(beta.config())?;
    std::fs::write(beta.config(), format!("{config}\"{ALPHA}\" = \"{}\"\n", tarpit.origin))?;
    let host = Host::start(&beta.config(), &[("CHRONUS_LOG", "warn")]).await?;
    beta.join_and_connect(&host).await?;
    let alpha = Alpha::new(&beta, &host).await?;
    let ann = host.client(&beta.ann.token)?;
    let quiet = median_of_busy(&beta, &ann).await?;

    tarpit.set_way(Way::Stalled);
    alpha.schedule_meetings().await?;
    let mut stalled = alpha.ask_for_busy_times()?;
    tarpit.until_waiting(PEOPLE).await?;

    let begun = Instant::now();
    let visitor = Visitor::new(host.origin())?;
    let page = visitor.get("/sign-in").await?;
    visitor.post(&page, "/sign-in", &[("email", "ann@example.org"), ("return-to", "/settings/calendar")]).await?;
    link(&mail, 1).await?;
    let mailed = begun.elapsed();
    let begun = Instant::now();
    let meeting = ann.post("/v1/meetings", &beta.meeting("Not delayed", "2027-05-03T10:00:00Z")).await?;
    settled(&ann, &id(&meeting)?).await?;
    let booked = begun.elapsed();
    let busy = median_of_busy(&beta, &ann).await?;
    println!("mail {mailed:?}, booking {booked:?}, busy {busy:?} (quiet {quiet:?})");
    ensure!(mailed <= Duration::from_secs(2), "the mail took {mailed:?}");
    ensure!(booked <= Duration::from_secs(5), "the booking took {booked:?}");
    ensure!(busy <= (2 * quiet).max(Duration::from_millis(250)), "busy times took {busy:?}, quiet {quiet:?}");

    // What did not fit was refused soon, and told when to come back.
    let mut refused = 0;
    while let Some(answered) = stalled.try_join_next() {
        let Answer { status, body, retry_after } = answered??;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            ensure!(body["code"] == "too-busy" && retry_after.is_some_and(|wait| wait > 0), "{body} {retry_after:?}");
            refused += 1;
        }
    }
    ensure!(refused >= STALLED / 4, "{refused} of {STALLED} requests were refused by now");
    Ok(())
}

/// A calendar that fails is left alone after some failures. Reads say so, writes are put off, and all is well once it works
/// again.
#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_that_fails_is_left_alone_and_nothing_is_lost() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let world = World::new("").await?;
    let tarpit = Tarpit::start(world.radicale.origin()).await?;
    world.put_before_radicale(&tarpit.origin)?;
    let host = world.host().await?;
    world.join_and_connect(&host).await?;
    let ann = host.client(&world.ann.token)?;
    tarpit.set_way(Way::Down);
    let busy = format!("/v1/people/{}/busy?from=2027-05-03T00:00:00Z&to=2027-05-04T00:00:00Z", world.ann.id);
    let mut reasons = Vec::new();
    for _ in 0..6 {
        let told = ann.get(&busy).await?;
        ensure!(told["state"] == "unknown" && told["intervals"].is_null(), "{told}");
        reasons.push(told["reason"].as_str().context("a reason")?.to_owned());
    }
    ensure!(reasons[..5] == ["temporary"; 5] && reasons[5] == "calendar-suspended", "{reasons:?}");
    let meeting = ann.post("/v1/meetings", &world.meeting("Put off", "2027-05-03T10:00:00Z")).await?;
    host.says(&["job put off", "attempt=1"]).await?;
    tarpit.set_way(Way::Open);
    settled(&ann, &id(&meeting)?).await?;
    ensure!(ann.get(&busy).await?["state"] == "known");
    host.stop().await?;
    Ok(())
}

/// The median time of twenty answers about Beta's calendar.
async fn median_of_busy(beta: &World, ann: &Client) -> anyhow::Result<Duration> {
    let path = format!("/v1/people/{}/busy?from=2027-05-03T00:00:00Z&to=2027-05-04T00:00:00Z", beta.ann.id);
    let mut times = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        let busy = ann.get(&path).await?;
        ensure!(busy["state"] == "known", "{busy}");
        times.push(begun.elapsed());
    }
    times.sort();
    times.get(times.len() / 2).copied().context("no answer")
}

/// An organisation whose people have their calendars at the tarpit.
struct Alpha {
    integration: Client,
    program: String,
    people: Vec<String>,
}

impl Alpha {
    async fn new(beside: &World, host: &Host) -> anyhow::Result<Self> {
        let db = beside.database.open(&Clock::System).await?;
        let organisation = organisations::add(&db, &OPERATOR, "Alpha").await?.id;
        let program = programs::add(&db, &OPERATOR, organisation, "Mentoring").await?.id;
        let of = organisation.to_string();
        beside.command(&["provider", "enable", "ical", "--organisation", &of, "--program", "Mentoring"]).await?;
        let integration = host.client(&issue_token(&db, Holder::Integration(organisation)).await?)?;
        let (mut people, mut connecting) = (Vec::new(), JoinSet::new());
        for number in 0..PEOPLE {
            let Person { id: person, token } = add_person(&db, organisation, &format!("person{number}")).await?;
            let member = Member { program, person: person.parse()?, role: MemberRole::Participant };
            people::put_member(&db, &OPERATOR, member).await?;
            let (client, path) = (host.client(&token)?, format!("/v1/people/{person}/connection"));
            connecting.spawn(async move {
                let form = json!({ "provider": "ical", "sign_in": "caldav", "server": ALPHA,
                    "fields": { "username": "ann" }, "secrets": { "password": PASSWORD } });
                client.put(&path, &form).await
            });
            people.push(person);
            // Not all at once: this is not what is tested.
            if connecting.len() == 4 {
                connecting.join_next().await.context("nobody connects")???;
            }
        }
        while let Some(connected) = connecting.join_next().await {
            connected??;
        }
        db.close().await;
        Ok(Self { integration, program: program.to_string(), people })
    }

    async fn schedule_meetings(&self) -> anyhow::Result<()> {
        let first: jiff::Timestamp = "2027-06-01T08:00:00Z".parse()?;
        let mut scheduling = JoinSet::new();
        for (number, owner) in (0..STALLED).zip(self.people.iter().cycle()) {
            let start = first + SignedDuration::from_hours(i64::try_from(number)?);
            let meeting = json!({ "program": self.program, "owner": owner, "attendees": [], "title": "Stalled",
                "description": "", "start": start.to_string(), "zone": "Europe/Rome",
                "end": (start + SignedDuration::from_hours(1)).to_string() });
            let client = self.integration.clone();
            scheduling.spawn(async move { client.post("/v1/meetings", &meeting).await });
        }
        while let Some(scheduled) = scheduling.join_next().await {
            scheduled??;
        }
        Ok(())
    }

    /// Asks for a different day in each request.
    fn ask_for_busy_times(&self) -> anyhow::Result<JoinSet<anyhow::Result<Answer>>> {
        let first: jiff::Timestamp = "2027-01-01T00:00:00Z".parse()?;
        let mut asking = JoinSet::new();
        for (number, person) in (0..STALLED).zip(self.people.iter().cycle()) {
            let from = first + SignedDuration::from_hours(24 * i64::try_from(number)?);
            let path = format!("/v1/people/{person}/busy?from={from}&to={}", from + SignedDuration::from_hours(24));
            let client = self.integration.clone();
            asking.spawn(async move { client.send(Method::GET, &path, None).await });
        }
        Ok(asking)
    }
}

/// A way to a server that can stop to lead anywhere.
struct Tarpit {
    origin: String,
    state: Arc<TarpitState>,
}

/// What happens to a request.
#[derive(Clone, Copy, Default)]
enum Way {
    /// It gets to the server.
    #[default]
    Open,
    /// It is never answered.
    Stalled,
    /// Its connection is closed.
    Down,
}

#[derive(Default)]
struct TarpitState {
    way: Mutex<Way>,
    waiting: AtomicUsize,
    more: Notify,
}

impl Tarpit {
    async fn start(server: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let server = server.strip_prefix("http://").context("an origin")?.to_owned();
        let state = Arc::new(TarpitState::default());
        let tarpit = Self { origin, state: state.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, state) = (server.clone(), state.clone());
                tokio::spawn(async move { lead(client, &server, &state).await });
            }
        });
        Ok(tarpit)
    }

    fn set_way(&self, way: Way) {
        *locks::lock(&self.state.way) = way;
    }

    /// Waits until this many requests have arrived that are never answered.
    async fn until_waiting(&self, requests: usize) -> anyhow::Result<()> {
        let enough = async {
            loop {
                let more = self.state.more.notified();
                if self.state.waiting.load(Ordering::Relaxed) >= requests {
                    return;
                }
                more.await;
            }
        };
        let waiting = || format!("only {} requests wait", self.state.waiting.load(Ordering::Relaxed));
        timeout(PATIENCE, enough).await.with_context(waiting)
    }
}

/// Leads one connection to the server, as long as the way is open.
async fn lead(client: TcpStream, server: &str, state: &TarpitState) -> anyhow::Result<()> {
    let (mut from_client, to_client) = client.into_split();
    let (mut to_client, mut to_server, mut answers) = (Some(to_client), None, None);
    let mut bytes = vec![0; 64 << 10];
    let mut counted = false;
    loop {
        let read = from_client.read(&mut bytes).await?;
        if read == 0 {
            break;
        }
        let way = *locks::lock(&state.way);
        match way {
            Way::Open => {
                if let Some(mut to_client) = to_client.take() {
                    let (mut from_server, writer) = TcpStream::connect(server).await?.into_split();
                    to_server = Some(writer);
                    // The client is told of no end, even when the server's connection ends.
                    answers = Some(tokio::spawn(async move {
                        let copied = copy(&mut from_server, &mut to_client).await;
                        (copied, to_client)
                    }));
                }
                to_server.as_mut().context("the way was closed before")?.write_all(&bytes[..read]).await?;
            }
            Way::Down => break,
            Way::Stalled => {
                // The server has few connections, and other people use it.
                to_server = None;
                if !std::mem::replace(&mut counted, true) {
                    state.waiting.fetch_add(1, Ordering::Relaxed);
                    state.more.notify_waiters();
                }
            }
        }
    }
    if let Some(answers) = answers {
        answers.abort();
    }
    Ok(())
}
