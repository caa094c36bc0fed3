//! Cases of pages that come twice, or in another order.
//!
//! A listing is read page by page, one event to each, first as it is and with every answer recorded; then again with an
//! answer of one page in the place of another's.

use super::super::{
    bench::{Bench, Made},
    caller::Caller,
    expect::{Checked, Stop, failed, not_applicable, ok},
};
use super::meeting;
use crate::plugins::{
    CallError,
    contract::Change,
    egress::faults::{Fault, Faults, Recorded, Seen},
};
use std::{collections::BTreeSet, sync::Arc};

/// More pages than the events that are listed can fill.
const MOST_PAGES: usize = 2000;

/// The answers of two pages to the same request, by the numbers of the requests.
type Pair = ((usize, Recorded), (usize, Recorded));

pub(super) async fn twice(bench: &Bench) -> Checked {
    try_pairs(bench, |(first, second)| vec![(second.0, Fault::Instead(first.1))]).await
}

pub(super) async fn swapped(bench: &Bench) -> Checked {
    try_pairs(bench, |(first, second)| vec![(first.0, Fault::Instead(second.1)), (second.0, Fault::Instead(first.1))])
        .await
}

async fn try_pairs(bench: &Bench, script: fn(Pair) -> Vec<(usize, Fault)>) -> Checked {
    let mut made = Vec::new();
    for hour in 10..14 {
        made.push(bench.make(&bench.draft(hour, hour + 1)).await?);
    }
    let recorder = Faults::none();
    let (_, begins) = ok("a listing of one event a page", read(bench, &recorder).await)?;
    let pairs = pairs(&recorder.seen(), &begins);
    if pairs.is_empty() {
        return not_applicable("no two pages of a listing ask the service for the same kind of thing");
    }
    for pair in pairs {
        let (first, second) = (pair.0.0, pair.1.0);
        let faults = Faults::at(script(pair));
        match read(bench, &faults).await {
            // It was noticed.
            Err(CallError::Failure(_)) => {}
            Err(error) => {
                let came = super::super::expect::told(&error);
                return failed("a listing whose pages come in another order fails, or names everything", came);
            }
            Ok((listing, _)) => names_all(&listing, &made, (first, second))?,
        }
    }
    Ok(())
}

/// What the pages named, and whether they say that this is all.
struct Listing {
    named: BTreeSet<String>,
    complete: bool,
}

fn names_all(listing: &Listing, made: &[Made], (first, second): (usize, usize)) -> Checked {
    let missing: Vec<&str> =
        made.iter().map(|one| one.event.id.as_str()).filter(|id| !listing.named.contains(*id)).collect();
    if missing.is_empty() || !listing.complete {
        return Ok(());
    }
    Err(Stop::Failed {
        expected: format!(
            "a listing names every event although the answers to its requests {} and {} were mixed up",
            first + 1,
            second + 1
        ),
        came: format!("it says that it is complete, and does not name {}", missing.join(", ")),
    })
}

/// Reads a listing to its end, and tells at which request each page began.
async fn read(bench: &Bench, faults: &Arc<Faults>) -> Result<(Listing, Vec<usize>), CallError> {
    let calendar = bench.calendar().map_err(|_| CallError::Host("there is no calendar".into()))?;
    let caller: Caller = meeting(bench, faults);
    let (mut cursor, mut begins) = (None, Vec::new());
    let mut listing = Listing { named: BTreeSet::new(), complete: false };
    for _ in 0..MOST_PAGES {
        begins.push(faults.seen().len());
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

/// Requests of neighbouring pages that ask for the same kind of thing: by the same method, at the same place but for the
/// last part of its path. The first page is left out: it does what the others need not.
fn pairs(seen: &[Seen], begins: &[usize]) -> Vec<Pair> {
    const MOST: usize = 3;
    let mut pairs = Vec::new();
    for pages in begins.windows(3).skip(1) {
        let [first, second, third] = *pages else { continue };
        for (offset, number) in (first..second).enumerate() {
            let other = second + offset;
            let (Some(one), Some(next)) = (seen.get(number), seen.get(other).filter(|_| other < third)) else {
                continue;
            };
            let place = |seen: &Seen| seen.url.path().rsplit_once('/').map(|(place, _)| place.to_owned());
            let alike = one.method == next.method && place(one) == place(next);
            if let (true, Some(answer), Some(later)) = (alike, &one.answer, &next.answer) {
                pairs.push(((number, answer.clone()), (other, later.clone())));
            }
        }
    }
    pairs.truncate(MOST);
    pairs
}
