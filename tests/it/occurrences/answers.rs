//! The answers that each engine gives for a calendar, and where they differ.

use super::corpus::shown;
use chronus_host::calendar::{BusyKind, Interval, Window};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Start, end (RFC 3339, UTC, cut to the window) and kind: `busy`, `tentative`, `free`.
pub(super) type BusyTime = (String, String, String);

/// `tests/fixtures/occurrences.toml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KnownDifferences {
    /// By package and file name.
    #[serde(default)]
    pub(super) difference: BTreeMap<String, Difference>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Difference {
    /// The sentence of the standard that decides, and in favour of which engine.
    pub(super) because: String,
    /// So many of its resources neither server takes, so nobody can be asked about them.
    pub(super) refused: usize,
    /// Only one of the others can read it, and is no witness.
    pub(super) unread: bool,
    /// The server took it and cannot answer for it, and the provider says so: with this code.
    pub(super) unanswered: String,
    /// What the others agree on and the provider does not say, as `start/end kind`.
    pub(super) missing: BTreeSet<String>,
    /// What the provider says and none of the others.
    pub(super) extra: BTreeSet<String>,
}

/// What the others say of one window.
pub(super) struct WitnessAnswers {
    /// Those that could read the calendar: none, one or two.
    said: Vec<Vec<BusyTime>>,
}

impl WitnessAnswers {
    /// From the answers of `occurrences.py` and `occurrences.mjs` for one window.
    pub(super) fn of(answers: [&Value; 2], window: Window) -> Self {
        let read = |answer: &Value| answer["occurrences"].as_array().map(|found| theirs(found, window));
        Self { said: answers.into_iter().filter_map(read).collect() }
    }

    pub(super) fn readers(&self) -> usize {
        self.said.len()
    }

    /// Whether those that could read it say the same.
    pub(super) fn agree(&self) -> bool {
        self.said.iter().all(|one| self.said.iter().all(|other| beyond(one, other).is_empty()))
    }

    /// What all of them say and we do not, and what we say and none of them.
    pub(super) fn compare(&self, ours: &[BusyTime]) -> (Vec<String>, Vec<String>) {
        let Some(first) = self.said.first() else { return (Vec::new(), Vec::new()) };
        let second = self.said.get(1).unwrap_or(first);
        let (agreed, all) = (both(first, second), [first.clone(), without(second, first)].concat());
        (beyond(&agreed, ours), beyond(ours, &all))
    }
}

fn theirs(occurrences: &[Value], window: Window) -> Vec<BusyTime> {
    let (from, to) = (shown(window.start), shown(window.end));
    let taken = |occurrence: &Value| {
        let text = |key: &str| occurrence[key].as_str().unwrap_or_default().to_owned();
        let (start, end) = (text("start").max(from.clone()), text("end").min(to.clone()));
        let kind = match text("status").as_str() {
            "CANCELLED" => return None,
            _ if occurrence["transparent"] == json!(true) => "free",
            "TENTATIVE" => "tentative",
            _ => "busy",
        };
        (start < end).then(|| (start, end, kind.to_owned()))
    };
    occurrences.iter().filter_map(taken).collect()
}

pub(super) fn ours(intervals: &[Interval]) -> Vec<BusyTime> {
    let kind = |kind| match kind {
        BusyKind::Free => "free",
        BusyKind::Tentative => "tentative",
        _ => "busy",
    };
    intervals.iter().map(|each| (shown(each.start), shown(each.end), kind(each.kind).to_owned())).collect()
}

/// What is in both lists, as often as in both.
fn both(these: &[BusyTime], those: &[BusyTime]) -> Vec<BusyTime> {
    let more = without(these, those);
    without(these, &more)
}

/// What the first list has more often than the second.
fn without(these: &[BusyTime], those: &[BusyTime]) -> Vec<BusyTime> {
    let mut left = those.to_vec();
    let mut more = Vec::new();
    for taken in these {
        match left.iter().position(|other| other == taken) {
            Some(at) => drop(left.swap_remove(at)),
            None => more.push(taken.clone()),
        }
    }
    more
}

fn beyond(these: &[BusyTime], those: &[BusyTime]) -> Vec<String> {
    without(these, those).into_iter().map(|(start, end, kind)| format!("{start}/{end} {kind}")).collect()
}

impl Difference {
    /// Whether it is a part of another.
    fn is_in(&self, other: &Self) -> bool {
        self.refused == other.refused
            && self.unread <= other.unread
            && (self.unanswered.is_empty() || self.unanswered == other.unanswered)
            && self.missing.is_subset(&other.missing)
            && self.extra.is_subset(&other.extra)
    }

    /// As it would be written down.
    fn written(&self, file: &str) -> String {
        let mut text = format!("\n[difference.\"{file}\"]\n");
        let mut line = |line: String| text.push_str(&(line + "\n"));
        if self.refused > 0 {
            line(format!("refused = {}", self.refused));
        }
        if self.unread {
            line("unread = true".to_owned());
        }
        if !self.unanswered.is_empty() {
            line(format!("unanswered = {:?}", self.unanswered));
        }
        for (name, set) in [("missing", &self.missing), ("extra", &self.extra)] {
            if !set.is_empty() {
                let lines: String = set.iter().map(|line| format!("    \"{line}\",\n")).collect();
                line(format!("{name} = [\n{lines}]"));
            }
        }
        text
    }
}

/// Fails if something was found that is not written down, or, if the windows show all, is written down and was not
/// found.
pub(super) fn report(
    found: &BTreeMap<&str, Difference>,
    known: &BTreeMap<String, Difference>,
    shows_all: bool,
) -> anyhow::Result<()> {
    let mut wrong = String::new();
    let files: BTreeSet<&str> = found.keys().copied().chain(known.keys().map(String::as_str)).collect();
    let empty = Difference::default();
    for file in files {
        let (found, known) = (found.get(file).unwrap_or(&empty), known.get(file).unwrap_or(&empty));
        if !(found.is_in(known) && (known.is_in(found) || !shows_all)) {
            wrong.push_str(&found.written(file));
        } else if known.because.is_empty() {
            wrong.push_str(&format!("\n{file} differs and nobody has written down because of what\n"));
        }
    }
    anyhow::ensure!(
        wrong.is_empty(),
        "differences are not those of tests/fixtures/occurrences.toml; found now:\n{wrong}"
    );
    Ok(())
}
