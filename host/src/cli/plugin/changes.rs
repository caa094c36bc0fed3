//! `chronus plugin call … changes`: lists changes in a calendar.
//!
//! Threat: a provider that always announces another page. Decision: pages are followed only with `--all` and up to a
//! limit, and an empty page whose cursor does not move is an error.

use super::session::{Session, TargetArgs, window};
use crate::cli::{
    input,
    output::{self, CliError, Exit},
};
use crate::{
    calendar::Window,
    plugins::contract::{Batch, Change},
};
use jiff::Timestamp;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// How many pages `--all` follows at most.
const MOST_PAGES: u32 = 10_000;

#[derive(Debug, clap::Args)]
pub(super) struct Changes {
    #[command(flatten)]
    on: TargetArgs,
    /// The id of the calendar, as the operation `account` lists it [default: the account's default calendar]
    #[arg(long, value_name = "ID")]
    calendar: Option<String>,
    /// The cursor file that --save-cursor wrote [default: list everything]
    #[arg(long, value_name = "FILE")]
    cursor: Option<PathBuf>,
    /// Write the new cursor to this file, which can be the same file as --cursor
    #[arg(long, value_name = "FILE")]
    save_cursor: Option<PathBuf>,
    /// The start of the window, in RFC 3339 format [default: 30 days ago]
    #[arg(long, value_name = "TIME", value_parser = input::instant, requires = "to")]
    from: Option<Timestamp>,
    /// The end of the window (exclusive), in RFC 3339 format [default: a year from now]
    #[arg(long, value_name = "TIME", value_parser = input::instant, requires = "from")]
    to: Option<Timestamp>,
    /// The maximum number of items per page [default: the provider's maximum]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    max: Option<u32>,
    /// Fetch all pages
    #[arg(long)]
    all: bool,
}

/// The output: the items of all pages.
#[derive(Debug, Serialize)]
struct ChangesOut {
    items: Vec<Change>,
    more: bool,
    complete_listing: bool,
    pages: u32,
}

/// Runs the operation.
pub(super) async fn run(file: &Path, changes: Changes) -> Result<Exit, CliError> {
    let Changes { on, calendar, cursor, save_cursor, from, to, max, all } = changes;
    let named = from.zip(to).map(|(from, to)| window(from, to)).transpose()?;
    let mut cursor = cursor.map(|path| input::read(&path, "the cursor", Batch::MAX_CURSOR as u64)).transpose()?;
    let mut session = Session::begin(file, on).await?;
    let limits = session.plugin.description().limits;
    let window = named.map_or_else(|| usual_window(now(), limits.changes_window), Ok)?;
    session.fits(window, limits.changes_window)?;
    let max = max.unwrap_or(limits.page_size);
    if max > limits.page_size {
        let what = format!("--max is {max}, and this provider returns at most {} items per page", limits.page_size);
        return Err(CliError::input("max", what));
    }
    let calendar = session.calendar(calendar).await?;
    let mut out = ChangesOut { items: Vec::new(), more: true, complete_listing: false, pages: 0 };
    while out.more && (out.pages == 0 || all) {
        let access = session.access()?;
        let reply = session.plugin.changes(&access, &calendar, cursor.as_deref(), window, max).await?;
        let page = session.keep(reply)?;
        if page.more && page.items.is_empty() && cursor.as_ref() == Some(&page.next) || out.pages == MOST_PAGES {
            let what = "the provider announces more changes but returns none; report this to its author";
            return Err(CliError::failed("provider-bad-answer", what));
        }
        out.items.extend(page.items);
        (out.more, out.complete_listing, out.pages) = (page.more, page.complete_listing, out.pages + 1);
        cursor = Some(page.next);
    }
    // Printed before the cursor is saved: a saved cursor means that the items before it were printed.
    output::json(&out)?;
    if let (Some(path), Some(cursor)) = (save_cursor, cursor) {
        input::write(&path, "the cursor", &cursor)?;
    }
    Ok(Exit::Done)
}

#[expect(clippy::disallowed_methods, reason = "this command means the current time; --from and --to replace it")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// From 30 days ago to a year from now, or as much of it as the provider accepts. In whole days, so that all commands of
/// a day use the same window.
fn usual_window(now: Timestamp, most: u64) -> Result<Window, CliError> {
    const DAY: i64 = 86_400;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let back = (30 * DAY).min(most / 2);
    let today = now.as_second() - now.as_second().rem_euclid(DAY);
    let at = |second| Timestamp::from_second(second);
    let bounds = at(today - back).and_then(|from| Ok((from, at(today + (365 * DAY).min(most - back))?)));
    let (from, to) = bounds.map_err(|_| {
        CliError::machine("clock", "this machine's clock is wrong: its date is outside the calendar; set the clock")
    })?;
    window(from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_window_is_the_same_all_day_and_fits() {
        let window = |now: &str, most| {
            let Window { start, end } = usual_window(now.parse().unwrap(), most).unwrap();
            (start.to_string(), end.to_string())
        };
        let wide = window("2026-03-29T00:00:00Z", u64::MAX);
        assert_eq!(wide, ("2026-02-27T00:00:00Z".into(), "2027-03-29T00:00:00Z".into()));
        assert_eq!(window("2026-03-29T23:59:59Z", u64::MAX), wide);
        let year = window("2026-03-29T09:00:00Z", 366 * 86_400);
        assert_eq!(year, ("2026-02-27T00:00:00Z".into(), "2027-02-28T00:00:00Z".into()));
        let day = window("2026-03-29T09:00:00Z", 86_400);
        assert_eq!(day, ("2026-03-28T12:00:00Z".into(), "2026-03-29T12:00:00Z".into()));
    }
}
