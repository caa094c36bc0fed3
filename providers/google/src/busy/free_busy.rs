//! Busy times from free/busy.
//!
//! Google answers for at most ninety days and fifty calendars at once. The status is 200 even if a calendar could not be read:
//! then it has `errors` beside or instead of its times, and an empty list does not mean free time. So a calendar is known only
//! if each part of its window was answered under its own name and without errors. Parts meet exactly, and an interval across a
//! boundary is joined again.

use chronus_sdk::failure::{failure, pause, temporary};
use chronus_sdk::json::{Value, json};
use chronus_sdk::rfc3339;
use chronus_sdk::values::{BusyKind, BusyTimes, Failure, Interval, PauseScope, Remedy, Window};

use super::Outcome;
use crate::api;
use crate::reasons::FREE_BUSY_WINDOW;

/// The most calendars of one request (`calendarExpansionMax`).
const MOST: usize = 50;

/// Starts and ends, in seconds since 1970.
type Times = Vec<(i64, i64)>;

/// An outcome for each calendar or address, in the order asked.
pub(crate) fn ask(ids: &[String], window: Window) -> Vec<Outcome> {
    ids.chunks(MOST).flat_map(|some| ask_some(some, window)).collect()
}

fn ask_some(ids: &[String], window: Window) -> Vec<Outcome> {
    let mut known: Vec<Result<Times, Failure>> = ids.iter().map(|_| Ok(Times::new())).collect();
    for part in parts(window) {
        if known.iter().all(Result::is_err) {
            break;
        }
        let answer = ask_part(ids, part);
        for (id, known) in ids.iter().zip(&mut known) {
            let news = match &answer {
                Ok(answer) => read(answer, id, part),
                Err(failure) => Err(failure.clone()),
            };
            if let Ok(times) = known {
                match news {
                    Ok(news) => join(times, news, part.start),
                    Err(failure) => *known = Err(failure),
                }
            }
        }
    }
    known.into_iter().map(|times| times.map(busy)).collect()
}

/// The window in parts that Google answers for.
fn parts(window: Window) -> impl Iterator<Item = Window> {
    let length = i64::try_from(FREE_BUSY_WINDOW).unwrap_or(i64::MAX);
    let part = move |start: i64| Window { start, end: start.saturating_add(length).min(window.end) };
    std::iter::successors(Some(part(window.start)), move |last| (last.end < window.end).then(|| part(last.end)))
}

fn ask_part(ids: &[String], part: Window) -> Result<Value, Failure> {
    let time = |at| rfc3339::write(at).ok_or_else(|| chronus_sdk::failure::invalid("window", "it cannot be written"));
    let items: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
    let (from, to) = (time(part.start)?, time(part.end)?);
    api::ask_free_busy(&json!({ "timeMin": from, "timeMax": to, "timeZone": "UTC", "items": items }))
}

/// The times of one calendar in the answer to one part.
fn read(answer: &Value, id: &str, part: Window) -> Result<Times, Failure> {
    let calendars = answer["calendars"].as_object().ok_or_else(|| api::nonsense("it has no `calendars`"))?;
    let anyhow = || calendars.iter().find(|(name, _)| name.eq_ignore_ascii_case(id)).map(|(_, entry)| entry);
    let entry = calendars.get(id).or_else(anyhow);
    let entry = entry.ok_or_else(|| temporary("Google left a calendar out of its answer"))?;
    match &entry["errors"] {
        Value::Null => {}
        Value::Array(errors) if errors.is_empty() => {}
        errors => return Err(refused(errors[0]["reason"].as_str().unwrap_or_default())),
    }
    let mut times = Times::new();
    for one in api::list(entry, "busy")? {
        let at = |name: &str| one[name].as_str().and_then(rfc3339::parse);
        let (start, end) = at("start").zip(at("end")).ok_or_else(|| api::nonsense("it holds an invalid time"))?;
        let (start, end) = (start.max(part.start), end.min(part.end));
        if start < end {
            times.push((start, end));
        }
    }
    times.sort_unstable();
    Ok(times)
}

/// Why one calendar of several could not be read.
fn refused(reason: &str) -> Failure {
    let (remedy, detail) = match reason {
        "notFound" => (Remedy::NotFound, "there is no such calendar, or it is not shown to this account"),
        "forbidden" => (Remedy::NotPermitted, "the calendar is not shown to this account"),
        "groupTooBig" | "tooManyCalendarsRequested" => {
            (Remedy::Invalid("targets".to_owned()), "it stands for more calendars than Google looks at")
        }
        "rateLimitExceeded" | "userRateLimitExceeded" | "quotaExceeded" => {
            (pause(2000, PauseScope::Connection), "more requests than Google allows")
        }
        _ => (Remedy::Temporary, "Google could not read the calendar"),
    };
    failure(remedy, format!("200 {reason}").trim_end(), detail)
}

/// Adds the times of the next part. What ends at the seam goes on where the part begins with it.
fn join(times: &mut Times, news: Times, seam: i64) {
    let mut news = news.into_iter().peekable();
    if let Some(last) = times.iter_mut().max_by_key(|(_, end)| *end)
        && last.1 == seam
        && let Some((_, end)) = news.next_if(|(start, _)| *start == seam)
    {
        last.1 = end;
    }
    times.extend(news);
}

fn busy(times: Times) -> BusyTimes {
    let interval =
        |(start, end)| Interval { start, end, kind: BusyKind::Busy, all_day: false, client_key: None, uid: None };
    BusyTimes { intervals: times.into_iter().map(interval).collect(), problems: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn parts_cover_the_window_without_gaps(start in -4_000_000_000_i64..4_000_000_000, length in 1_i64..40_000_000) {
            let window = Window { start, end: start + length };
            let parts: Vec<Window> = parts(window).collect();
            proptest::prop_assert_eq!(parts.first().map(|part| part.start), Some(window.start));
            proptest::prop_assert_eq!(parts.last().map(|part| part.end), Some(window.end));
            for pair in parts.windows(2) {
                proptest::prop_assert_eq!(pair[0].end, pair[1].start);
            }
            for part in parts {
                let length = u64::try_from(part.end - part.start).unwrap_or(0);
                proptest::prop_assert!(0 < length && length <= FREE_BUSY_WINDOW);
            }
        }

        /// Busy times that are cut at seams and joined again are what they were.
        #[test]
        fn what_is_cut_at_a_seam_is_whole_again(mut edges in proptest::collection::btree_set(0_i64..1000, 0..12), seam in 1_i64..999) {
            if edges.len() % 2 == 1 {
                edges.pop_first();
            }
            let edges: Vec<i64> = edges.into_iter().collect();
            let whole: Times = edges.chunks(2).map(|pair| (pair[0], pair[1])).collect();
            let cut = |from: i64, to: i64| -> Times {
                whole.iter().map(|(s, e)| ((*s).max(from), (*e).min(to))).filter(|(s, e)| s < e).collect()
            };
            let mut joined = cut(0, seam);
            join(&mut joined, cut(seam, 1000), seam);
            proptest::prop_assert_eq!(joined, whole);
        }
    }

    #[test]
    fn errors_inside_a_good_answer_are_failures() {
        let part = Window { start: 0, end: 7200 };
        let read = |entry: Value| read(&json!({ "calendars": { "a@x": entry } }), "A@x", part).map_err(|f| f.remedy);
        let busy = json!([{ "start": "1970-01-01T00:30:00Z", "end": "1970-01-01T03:00:00Z" }]);
        assert_eq!(read(json!({ "busy": busy })), Ok(vec![(1800, 7200)]));
        for (reason, remedy) in [
            ("notFound", Remedy::NotFound),
            ("internalError", Remedy::Temporary),
            ("groupTooBig", Remedy::Invalid("targets".into())),
            ("", Remedy::Temporary),
        ] {
            let entry = json!({ "busy": busy, "errors": [{ "domain": "global", "reason": reason }] });
            assert_eq!(read(entry), Err(remedy), "{reason}");
        }
        assert_eq!(read(json!({})), Err(Remedy::Temporary));
        assert_eq!(read(json!({ "busy": [{ "start": "soon" }] })), Err(Remedy::Temporary));
        assert!(super::read(&json!({ "calendars": {} }), "a@x", part).is_err());
        assert!(super::read(&json!({}), "a@x", part).is_err());
    }
}
