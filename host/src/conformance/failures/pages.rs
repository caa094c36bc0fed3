//! Cases of pages that arrive twice or in another order.
//!
//! A listing is read page by page with one event on each page, first without faults while all responses are recorded; then again
//! with the response of one page in place of another's.

use super::super::{
    bench::{Bench, CreatedEvent},
    caller::Caller,
    expect::{CaseResult, CaseStop, failed, not_applicable, ok},
    faults::{Fault, Faults, RecordedExchange, RecordedResponse},
};
use super::meeting;
use crate::plugins::{CallError, contract::Change};
use std::{collections::BTreeSet, sync::Arc};

/// More pages than the listed events can fill.
const MOST_PAGES: usize = 2000;

/// A request for a page, and its response.
struct PageExchange {
    /// The number of the request.
    request: usize,
    response: RecordedResponse,
}

/// Two pages that were requested in the same way.
struct PagePair {
    first: PageExchange,
    second: PageExchange,
}

pub(super) async fn twice(bench: &Bench) -> CaseResult {
    try_pairs(bench, |PagePair { first, second }| vec![(second.request, Fault::Replaced(first.response))]).await
}

pub(super) async fn swapped(bench: &Bench) -> CaseResult {
    try_pairs(bench, |PagePair { first, second }| {
        vec![(first.request, Fault::Replaced(second.response)), (second.request, Fault::Replaced(first.response))]
    })
    .await
}

async fn try_pairs(bench: &Bench, script: fn(PagePair) -> Vec<(usize, Fault)>) -> CaseResult {
    let mut made = Vec::new();
    for hour in 10..14 {
        made.push(bench.make(&bench.draft(hour, hour + 1)).await?);
    }
    let recorder = Faults::none();
    let (_, begins) = ok("a listing of one event a page", read(bench, &recorder).await)?;
    let pairs = pairs(&recorder.exchanges(), &begins);
    if pairs.is_empty() {
        return not_applicable("no two pages of a listing send the same kind of request");
    }
    for pair in pairs {
        let (first, second) = (pair.first.request, pair.second.request);
        let faults = Faults::at(script(pair));
        match read(bench, &faults).await {
            // The provider noticed the mix-up.
            Err(CallError::Failure(_)) => {}
            Err(error) => {
                let actual = super::super::expect::describe_error(&error);
                return failed("a listing whose pages arrive in another order fails, or names every event", actual);
            }
            Ok((listing, _)) => names_all(&listing, &made, first, second)?,
        }
    }
    Ok(())
}

/// The events that the pages named, and whether the listing claims to be complete.
struct Listing {
    named: BTreeSet<String>,
    complete: bool,
}

fn names_all(listing: &Listing, made: &[CreatedEvent], first: usize, second: usize) -> CaseResult {
    let missing: Vec<&str> =
        made.iter().map(|one| one.event.id.as_str()).filter(|id| !listing.named.contains(*id)).collect();
    if missing.is_empty() || !listing.complete {
        return Ok(());
    }
    Err(CaseStop::Failed {
        expected: format!(
            "a listing names every event although the responses to its requests {} and {} were mixed up",
            first + 1,
            second + 1
        ),
        actual: format!("the listing claims to be complete, and does not name {}", missing.join(", ")),
    })
}

/// Reads a listing to its end. Returns also the number of the first request of each page.
async fn read(bench: &Bench, faults: &Arc<Faults>) -> Result<(Listing, Vec<usize>), CallError> {
    let calendar = bench.calendar().map_err(|_| CallError::Host("there is no calendar".into()))?;
    let caller: Caller = meeting(bench, faults);
    let (mut cursor, mut begins) = (None, Vec::new());
    let mut listing = Listing { named: BTreeSet::new(), complete: false };
    for _ in 0..MOST_PAGES {
        begins.push(faults.exchanges().len());
        let page = caller.changes(calendar, cursor.as_deref(), bench.hours(0, 24), 1).await?;
        listing
            .named
            .extend(page.items.iter().filter(|item| !matches!(item, Change::Gone(_))).map(|item| item.id().to_owned()));
        listing.complete |= page.complete_listing;
        if !page.more {
            return Ok((listing, begins));
        }
        cursor = Some(page.next);
    }
    Err(CallError::BadAnswer(format!("after {MOST_PAGES} pages there is still more")))
}

/// Pairs of requests of neighbouring pages with the same method and the same path except for its last part. The first page is
/// left out, because it sends additional requests.
fn pairs(exchanges: &[RecordedExchange], begins: &[usize]) -> Vec<PagePair> {
    const MOST: usize = 3;
    let mut pairs = Vec::new();
    for pages in begins.windows(3).skip(1) {
        let [first, second, third] = *pages else { continue };
        for (offset, number) in (first..second).enumerate() {
            let other = second + offset;
            let (Some(one), Some(next)) = (exchanges.get(number), exchanges.get(other).filter(|_| other < third))
            else {
                continue;
            };
            let folder =
                |one: &RecordedExchange| one.request.url.path().rsplit_once('/').map(|(folder, _)| folder.to_owned());
            let alike = one.request.method == next.request.method && folder(one) == folder(next);
            if let (true, Some(answer), Some(later)) = (alike, &one.response, &next.response) {
                pairs.push(PagePair {
                    first: PageExchange { request: number, response: answer.clone() },
                    second: PageExchange { request: other, response: later.clone() },
                });
            }
        }
    }
    pairs.truncate(MOST);
    pairs
}
