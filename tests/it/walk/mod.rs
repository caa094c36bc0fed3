//! Random walks: a provider and an independent client change a series in turns, five hundred times. After each change, what a
//! host stores, what the provider says of busy times and of single occurrences, and a pure model agree.
//!
//! `CHRONUS_WALK` is the number of changes, and `SEED` repeats a walk.

mod google;
mod ical;
mod mirror;
mod model;

use std::sync::Arc;

use anyhow::{Context, ensure};
use chronus_host::calendar::{BusyKind, Draft, Moment, Patch, Span, Status, Window, ZonedTime};
use chronus_host::plugins::contract::{BusyTargets, Notify};
use chronus_host::plugins::{Access, CallError, EventRef, Plugin, Remedy};
use chronus_tests::random::{Random, seed};
use jiff::Timestamp;

use self::mirror::{Feed, Mirror};
use self::model::{Act, HOUR, Habits, Occurrence, Series, ZONE};

/// The number of changes without `CHRONUS_WALK`.
const USUAL: usize = 20;

/// The independent client.
enum Client {
    Caldav(ical::Caldav),
    Google(google::GoogleCalendar),
}

/// A calendar, as the provider and the independent client reach it.
struct Walk {
    plugin: Plugin,
    access: Arc<Access>,
    calendar: String,
    client: Client,
    habits: Habits,
    mirror: Mirror,
    random: Random,
}

impl Walk {
    fn new(plugin: Plugin, access: Arc<Access>, calendar: String, client: Client, habits: Habits) -> Self {
        Self { plugin, access, calendar, client, habits, mirror: Mirror::default(), random: Random::new(0) }
    }

    /// Walks and says how far, and how to repeat it.
    async fn run(mut self, name: &str) -> anyhow::Result<()> {
        let steps = match std::env::var("CHRONUS_WALK") {
            Ok(number) => number.parse().with_context(|| format!("CHRONUS_WALK is no number: {number}"))?,
            Err(_) => USUAL,
        };
        let seed = seed()?;
        self.random = Random::new(seed);
        let mut series = None;
        let mut acts = Vec::new();
        for step in 0..steps {
            let act = model::next(&mut self.random, series.as_ref(), step, self.habits)?;
            // The clients do not find a series without occurrences.
            let is_empty = series.as_ref().is_some_and(|series| series.present().is_empty());
            let ours = self.random.below(2) == 0 || is_empty || matches!(act, Act::Move(_));
            acts.push(format!("{step}: {} {act:?}", if ours { "provider" } else { "client" }));
            let expected = model::after(series.clone(), &act, self.habits);
            let done = self.step(ours, series.as_ref(), &act, expected.as_ref()).await;
            done.with_context(|| {
                let recent = acts[acts.len().saturating_sub(12)..].join("\n");
                format!("{name}: SEED={seed}, before {series:?}, after {expected:?}, the last acts\n{recent}")
            })?;
            series = expected;
        }
        println!("{name}: {steps} changes, and all views of the series agreed after each; to repeat them: SEED={seed}");
        Ok(())
    }

    async fn step(
        &mut self,
        ours: bool,
        before: Option<&Series>,
        act: &Act,
        after: Option<&Series>,
    ) -> anyhow::Result<()> {
        match (ours, &self.client) {
            (true, _) => self.act(before, act).await?,
            (false, Client::Caldav(client)) => client.act(&self.calendar, before, act, &self.mirror).await?,
            (false, Client::Google(client)) => client.act(before, act, &self.mirror).await?,
        }
        self.check(after).await
    }

    /// Does it through the provider.
    async fn act(&self, series: Option<&Series>, act: &Act) -> anyhow::Result<()> {
        if let Act::Create(series) = act {
            let draft = Draft {
                uid: series.key.clone(),
                title: series.title.clone(),
                description: "Bring notes".into(),
                location: String::new(),
                url: String::new(),
                when: hour_from(series.original(0)?),
                busy: BusyKind::Busy,
                status: Status::Confirmed,
                organiser: None,
                attendees: Vec::new(),
                recurrence: vec![format!("RRULE:{}", series.rule())],
            };
            self.plugin.create(&self.access, &self.calendar, &series.key, draft, Notify::None).await?;
            return Ok(());
        }
        let series = series.context("a series")?;
        let stored = self.mirror.series()?;
        let (one, patch) = match act {
            Act::Create(_) | Act::Cancel => (None, Patch::default()),
            Act::Retitle(title) => (None, Patch { title: Some(title.clone()), ..Patch::default() }),
            Act::RetitleOne(index, title) => (Some(*index), Patch { title: Some(title.clone()), ..Patch::default() }),
            Act::MoveOne(index, to) => (Some(*index), Patch { when: Some(hour_from(*to)), ..Patch::default() }),
            Act::CancelOne(index) => (Some(*index), Patch::default()),
            Act::Move(first) => (None, Patch { when: Some(hour_from(model::instant(*first)?)), ..Patch::default() }),
            Act::Count(count) => {
                let (old, new) = (format!("COUNT={}", series.count), format!("COUNT={count}"));
                let lines = stored.recurrence.iter().map(|line| line.replace(&old, &new)).collect();
                (None, Patch { recurrence: Some(lines), ..Patch::default() })
            }
        };
        let event = match one {
            Some(index) => self.occurrence(&stored.id, series.original(index)?).await?,
            None => stored.clone(),
        };
        let (own, etag) = (EventRef { calendar: &self.calendar, id: &event.id }, event.etag.as_deref());
        match act {
            Act::Cancel | Act::CancelOne(_) => {
                self.plugin.cancel(&self.access, own, &series.key, etag, None, Notify::None).await?;
            }
            _ => drop(self.plugin.update(&self.access, own, &series.key, etag, patch, Notify::None).await?),
        }
        Ok(())
    }

    async fn occurrence(&self, series: &str, original: Timestamp) -> Result<chronus_host::calendar::Event, CallError> {
        let series = EventRef { calendar: &self.calendar, id: series };
        Ok(self.plugin.occurrence(&self.access, series, Moment::Timed(in_zone(original))).await?.value)
    }

    /// Every view of the calendar agrees with the model.
    async fn check(&mut self, series: Option<&Series>) -> anyhow::Result<()> {
        let id = self.mirror.series().map(|stored| stored.id.clone());
        let expected = series.map(Series::occurrences).transpose()?.unwrap_or_default();
        let max = self.random.one_of(&[1, 2, 3, 250]);
        let window = Window { start: "2027-03-01T00:00:00Z".parse()?, end: "2027-05-15T00:00:00Z".parse()? };
        let (access, plugin) = (self.access.clone(), self.plugin.clone());
        let calendar = self.calendar.clone();
        let feed = Feed { plugin: &plugin, access: &access, calendar: &calendar, window, max };
        self.mirror.catch_up(&feed).await.context("changes")?;
        let stored = self.mirror.occurrences()?;
        ensure!(stored == expected, "changes by {max}: {stored:?} and not {expected:?}, from {:?}", self.mirror.events);
        let rest = self.mirror.catch_up(&feed).await?;
        ensure!(rest == 0, "{rest} more changes, and nothing has happened");
        if self.random.below(8) == 0 {
            let mut anew = Mirror::default();
            anew.catch_up(&feed).await.context("a listing")?;
            let stored = anew.occurrences()?;
            ensure!(stored == expected, "listed: {stored:?} and not {expected:?}");
        }

        let busy = self.plugin.busy(&self.access, BusyTargets::Calendars(vec![calendar.clone()]), window).await?.value;
        let busy = busy.first().context("an answer")?.outcome.as_ref();
        let busy = busy.map_err(|failure| anyhow::anyhow!("{failure}"))?;
        ensure!(busy.problems.is_empty(), "{:?}", busy.problems);
        let times: Vec<_> = busy.intervals.iter().map(|one| (one.start, one.end)).collect();
        let taken: Vec<_> = expected.iter().map(|one| (one.start, one.start + HOUR)).collect();
        ensure!(times == taken, "busy: {times:?} and not {taken:?}");

        match series {
            Some(series) => {
                let id = self.mirror.series()?.id.clone();
                let index = model::number(&mut self.random, -1, series.count + 2);
                let found = self.occurrence(&id, series.original(index)?).await;
                is_right(found, series.occurrence(index)?, (0..series.count).contains(&index))
                    .with_context(|| format!("the occurrence {index}"))
            }
            None => match id {
                Ok(id) => is_right(
                    self.occurrence(&id, model::instant(jiff::civil::date(2027, 3, 20).at(9, 0, 0, 0))?).await,
                    None,
                    false,
                ),
                Err(_) => Ok(()),
            },
        }
    }
}

/// Whether `occurrence` gives what the model has. One that was taken out is `gone`.
fn is_right(
    found: Result<chronus_host::calendar::Event, CallError>,
    expected: Option<Occurrence>,
    was_there: bool,
) -> anyhow::Result<()> {
    match (found, expected) {
        (Ok(event), Some(expected)) => {
            let original = Some(Moment::Timed(in_zone(expected.original)));
            let is_same = event.title == expected.title && event.when == hour_from(expected.start);
            ensure!(is_same && event.original_start == original, "{event:?} and not {expected:?}");
        }
        (Err(CallError::Failure(failure)), None) => match failure.remedy {
            Remedy::Gone => {}
            Remedy::NotFound if !was_there => {}
            other => anyhow::bail!("{other:?}"),
        },
        (found, expected) => anyhow::bail!("{found:?} and not {expected:?}"),
    }
    Ok(())
}

fn in_zone(at: Timestamp) -> ZonedTime {
    ZonedTime { at, zone: ZONE.into() }
}

fn hour_from(start: Timestamp) -> Span {
    Span::Timed { start: in_zone(start), end: in_zone(start + HOUR) }
}
