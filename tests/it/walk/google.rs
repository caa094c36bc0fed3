//! The walk of the Google provider, with Google's own client on the stand-in.

use anyhow::{Context, ensure};
use chronus_tests::peers::{GoogleClient, Peer, left_out};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::mirror::Mirror;
use super::model::{Act, HOUR, Habits, Series, ZONE};
use super::{Client, Walk};
use crate::google_provider::{ANN, TWO_WAY, World};

/// Google's client, as Ann.
pub(super) struct GoogleCalendar {
    client: GoogleClient,
    origin: String,
    credentials: Value,
}

impl GoogleCalendar {
    async fn new(world: &World) -> anyhow::Result<Self> {
        let credentials = json!({ "token": world.google.issue(ANN, &["calendar.events"]) });
        Ok(Self { client: GoogleClient::calendar().await?, origin: world.google.origin().to_owned(), credentials })
    }

    pub(super) async fn act(&self, series: Option<&Series>, act: &Act, mirror: &Mirror) -> anyhow::Result<()> {
        if let Act::Create(series) = act {
            let mut body = times(series.original(0)?);
            body["summary"] = series.title.as_str().into();
            body["recurrence"] = json!([format!("RRULE:{}", series.rule())]);
            return self.call("insert", json!({ "body": body })).await;
        }
        let (series, id) = (series.context("a series")?, &mirror.series()?.id);
        let one = |index: i64| anyhow::Ok(format!("{id}_{}", series.original(index)?.strftime("%Y%m%dT%H%M%SZ")));
        let patch = async |id: &str, body: Value| self.call("patch", json!({ "eventId": id, "body": body })).await;
        match act {
            Act::RetitleOne(index, title) => patch(&one(*index)?, json!({ "summary": title })).await,
            Act::MoveOne(index, to) => patch(&one(*index)?, times(*to)).await,
            Act::CancelOne(index) => self.call("delete", json!({ "eventId": one(*index)? })).await,
            Act::Retitle(title) => patch(id, json!({ "summary": title })).await,
            Act::Count(count) => {
                let after = Series { count: *count, ..series.clone() };
                patch(id, json!({ "recurrence": [format!("RRULE:{}", after.rule())] })).await
            }
            Act::Cancel => self.call("delete", json!({ "eventId": id })).await,
            Act::Create(_) | Act::Move(_) => anyhow::bail!("the client does not {act:?}"),
        }
    }

    async fn call(&self, method: &str, mut arguments: Value) -> anyhow::Result<()> {
        arguments["calendarId"] = "primary".into();
        let call = json!({ "method": format!("events.{method}"), "arguments": arguments });
        let input = json!({ "origin": self.origin, "credentials": self.credentials, "calls": [call] });
        let said = self.client.ask("calls", &input).await?;
        ensure!(!said[0]["answer"].is_null(), "{call}: {said}");
        Ok(())
    }
}

fn times(start: Timestamp) -> Value {
    let time = |at: Timestamp| json!({ "dateTime": at.to_string(), "timeZone": ZONE });
    json!({ "start": time(start), "end": time(start + HOUR) })
}

#[tokio::test]
async fn google_and_its_own_client_change_a_series_in_turns() -> anyhow::Result<()> {
    if left_out(&[Peer::Google])? {
        return Ok(());
    }
    let world = World::new().await?;
    let client = Client::Google(GoogleCalendar::new(&world).await?);
    let access = world.access(ANN, &TWO_WAY)?;
    let habits = Habits { titles_spread: false, moves: true, forgets: true };
    let walk = Walk::new(world.plugin.clone(), access, ANN.into(), client, habits);
    walk.run("Google with googleapiclient").await?;
    ensure!(world.google.violations().is_empty(), "not as Google's document says: {:?}", world.google.violations());
    Ok(())
}
