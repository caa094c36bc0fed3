//! Cases of the memo: it saves requests and has no other effect.

use super::{
    bench::{Bench, CreatedEvent},
    caller::Caller,
    content::{Content, Field, holds},
    create,
    expect::{CaseResult, ensure, equal, ok, short},
};
use crate::{
    calendar::{Draft, Patch},
    plugins::contract::{Account, Memo},
};

super::list! {
    "memo/optional:lost" [Open] optional(Loss::Lost);
    "memo/optional:unknown-format" [Open] optional(Loss::UnknownFormat);
    "memo/optional:garbage" [Open] optional(Loss::Garbage);
    "memo/optional:lost-in-writes" [Write] optional_in_writes(Loss::Lost);
    "memo/optional:lost-between-two-creates" [Write] lost_between_two_creates;
    "memo/optional:garbage-in-writes" [Write] optional_in_writes(Loss::Garbage);
    "memo/optional:lost-in-changes" [ReportChanges] optional_in_changes(Loss::Lost);
    "memo/optional:garbage-in-changes" [ReportChanges] optional_in_changes(Loss::Garbage);
    "memo/small" [Open] small;
}

/// How the memo is lost.
#[derive(Debug, Clone, Copy)]
enum Loss {
    Lost,
    UnknownFormat,
    /// Bytes that the provider did not write, with its own format number.
    Garbage,
}

impl Loss {
    fn caller(self, bench: &Bench) -> Caller {
        let newest = bench.caller.memo();
        let format = newest.as_ref().map_or(1, |memo| memo.format);
        bench.caller.with_memo(match self {
            Self::Lost => None,
            Self::UnknownFormat => {
                Some(Memo { format: u32::MAX, data: newest.map(|memo| memo.data).unwrap_or_default() })
            }
            Self::Garbage => Some(Memo { format, data: b"\xff\x00 no memo of this provider".to_vec() }),
        })
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Lost => "without the memo",
            Self::UnknownFormat => "with a memo of an unknown format",
            Self::Garbage => "with a garbled memo",
        }
    }
}

async fn optional(bench: &Bench, loss: Loss) -> CaseResult {
    let (caller, how) = (loss.caller(bench), loss.description());
    let account = ok(&format!("`open` {how} succeeds"), caller.open().await)?;
    let sorted = |account: &Account| {
        let mut account = account.clone();
        account.calendars.sort_by(|a, b| a.id.cmp(&b.id));
        account
    };
    equal(&format!("`open` {how} returns the same account"), &sorted(bench.account()?), &sorted(&account))?;
    if account.abilities.read_busy {
        let (calendar, window) = (bench.calendar()?, bench.hours(0, 24));
        let with = ok("`query` succeeds", bench.caller.busy(&[calendar], window).await)?;
        let without = ok(&format!("`query` {how} succeeds"), caller.busy(&[calendar], window).await)?;
        equal(&format!("`query` {how} returns the same answer"), &with, &without)?;
    }
    Ok(())
}

/// Creates, reads, updates and cancels an event.
async fn optional_in_writes(bench: &Bench, loss: Loss) -> CaseResult {
    let (caller, how) = (loss.caller(bench), loss.description());
    let (key, draft) = (bench.name(), bench.draft(10, 11));
    let created = bench.create_by(&caller, &key, &draft).await;
    let event = ok(&format!("`create` {how} succeeds"), created)?;
    holds(&format!("`create` {how}"), &Field::ALL, &Content::from(&draft), &event)?;
    let made = CreatedEvent { key, calendar: bench.calendar()?.to_owned(), event };
    let got = ok(&format!("`get` {how} succeeds"), caller.get(&made.calendar, &made.event.id).await)?;
    equal(&format!("`get` {how} returns the same event"), &bench.get(&made).await?, &got)?;
    let many = caller.get_many(&made.calendar, std::slice::from_ref(&made.event.id)).await;
    let many = ok(&format!("`get-many` {how} succeeds"), many)?;
    let there = many.iter().all(|item| item.outcome.is_ok()) && many.len() == 1;
    ensure(there, &format!("`get-many` {how} returns the event"), || short(&many))?;
    let patch = Patch { title: Some("After".into()), ..Patch::default() };
    let updated = caller.update(made.event_ref(), &made.key, got.etag.as_deref(), patch, bench.notify()).await;
    let updated = ok(&format!("`update` {how} succeeds"), updated)?;
    let draft = Draft { title: "After".into(), ..draft };
    holds(&format!("`update` {how}"), &Field::ALL, &Content::from(&draft), &updated)?;
    let cancelled = caller.cancel(made.event_ref(), &made.key, None, bench.notify()).await;
    ok(&format!("`cancel` {how} succeeds"), cancelled)
}

/// A lost memo does not make a second `create` create a second event.
async fn lost_between_two_creates(bench: &Bench) -> CaseResult {
    create::twice(bench, &bench.draft(10, 11), &Loss::Lost.caller(bench)).await
}

/// A cursor stays valid without the memo.
async fn optional_in_changes(bench: &Bench, loss: Loss) -> CaseResult {
    let (caller, how) = (loss.caller(bench), loss.description());
    let (calendar, window, max) = (bench.calendar()?, bench.hours(0, 24), bench.limits().page_size);
    let with = ok("`page` begins a listing", bench.caller.changes(calendar, None, window, max).await)?;
    let without = ok(&format!("`page` {how} begins a listing"), caller.changes(calendar, None, window, max).await)?;
    equal(&format!("`page` {how} returns the same items"), &with.items, &without.items)?;
    let with_cursor = ok("`page` continues", bench.caller.changes(calendar, Some(&with.next), window, max).await)?;
    let without_memo = caller.changes(calendar, Some(&with.next), window, max).await;
    let without_memo = ok(&format!("`page` {how} continues from a cursor"), without_memo)?;
    equal(&format!("`page` {how} returns the same items from a cursor"), &with_cursor.items, &without_memo.items)
}

/// The host refuses a result with a memo that is too large, so other cases fail too.
async fn small(bench: &Bench) -> CaseResult {
    let caller = bench.caller.with(|_| {});
    ok("`open` returns a memo of an allowed size", caller.open().await)?;
    let calendar = bench.calendar()?;
    if bench.account()?.abilities.read_busy {
        ok("`query` returns a memo of an allowed size", caller.busy(&[calendar], bench.hours(0, 24)).await)?;
    }
    let length = caller.memo().map_or(0, |memo| memo.data.len());
    ensure(length <= Memo::MAX, &format!("a memo of at most {} bytes", Memo::MAX), || format!("{length} bytes"))
}
