//! The walk of the iCal provider, with python-caldav on Radicale.

use anyhow::Context;
use chronus_tests::harness;
use chronus_tests::peers::{CaldavClient, NewEvent, Peer, Radicale, left_out};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::mirror::Mirror;
use super::model::{Act, HOUR, Habits, Series, ZONE};
use super::{Client, Walk};

/// python-caldav.
pub(super) struct Caldav(CaldavClient);

impl Caldav {
    pub(super) async fn act(
        &self,
        calendar: &str,
        series: Option<&Series>,
        act: &Act,
        mirror: &Mirror,
    ) -> anyhow::Result<()> {
        if let Act::Create(series) = act {
            let rule = Some(series.rule());
            let event = NewEvent { rule, ..event(&series.key, &series.title, series.original(0)?)? };
            self.0.create(calendar, &event).await?;
            return Ok(());
        }
        let (series, uid) = (series.context("a series")?, &mirror.series()?.uid);
        let change = async |index: i64, title: Option<&str>, start: Option<Timestamp>| {
            let now = series.occurrence(index)?.context("an occurrence")?;
            let changed = event(uid, title.unwrap_or(&now.title), start.unwrap_or(now.start))?;
            self.0.change(calendar, uid, &local(series.local(index)), ZONE, Some(&changed)).await
        };
        match act {
            Act::RetitleOne(index, title) => change(*index, Some(title), None).await,
            Act::MoveOne(index, to) => change(*index, None, Some(*to)).await,
            Act::CancelOne(index) => self.0.change(calendar, uid, &local(series.local(*index)), ZONE, None).await,
            Act::Retitle(title) => self.0.retitle(calendar, uid, title).await,
            Act::Count(count) => {
                let after = Series { count: *count, ..series.clone() };
                self.0.set_rule(calendar, uid, &after.rule(), &local(series.local(count - 1)), ZONE).await
            }
            Act::Cancel => self.0.delete(calendar, uid).await,
            Act::Create(_) | Act::Move(_) => anyhow::bail!("the client does not {act:?}"),
        }
    }
}

fn event(uid: &str, title: &str, start: Timestamp) -> anyhow::Result<NewEvent> {
    let zone = TimeZone::get(ZONE)?;
    let [start, end] = [start, start + HOUR].map(|at| local(zone.to_datetime(at)));
    Ok(NewEvent { uid: uid.into(), title: title.into(), start, end, zone: ZONE.into(), rule: None })
}

fn local(at: DateTime) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

#[tokio::test]
async fn ical_and_an_independent_client_change_a_series_in_turns() -> anyhow::Result<()> {
    if left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let radicale = Radicale::start(&[("ann", "secret-of-ann")]).await?;
    let account = radicale.account("ann")?;
    let calendar = account.put_calendar("walk").await?;
    let client = Client::Caldav(Caldav(CaldavClient::lasting(&account).await?));
    let (plugin, access) = harness::ical(&account, ZONE).await?;
    let habits = Habits { titles_spread: true, moves: false, forgets: false };
    Walk::new(plugin, access, calendar, client, habits).run("iCal with python-caldav").await
}
