//! Comparison of what was sent with what the service stored, whatever the notation.
//!
//! A repeated write recognises the result of the first by its content, and a patch that changes nothing is not sent. Services
//! reorder the parts of a rule, join and split lists, and store an instant instead of a time in a zone; none of that is a
//! difference.
//!
//! Rejected: a comparison in each provider, because a lesson from one service would not reach the others.

use crate::values::Span;

/// Whether two lists of content lines (RFC 5545 §3.8.5) mean the same.
#[must_use]
pub fn is_same_recurrence(one: &[String], other: &[String]) -> bool {
    let (one, other) = (statements(one), statements(other));
    let within = |some: &[String], all: &[String]| some.iter().all(|each| all.contains(each));
    within(&one, &other) && within(&other, &one)
}

/// Whether two times are the same. The zone counts only for an event that repeats.
#[must_use]
pub fn is_same_time(one: &Span, other: &Span, repeats: bool) -> bool {
    match (one, other) {
        (Span::Timed(one), Span::Timed(other)) => {
            let zones = !repeats || one.start.zone.eq_ignore_ascii_case(&other.start.zone);
            one.start.at == other.start.at && one.end.at == other.end.at && zones
        }
        (Span::AllDay(one), Span::AllDay(other)) => one == other,
        _ => false,
    }
}

/// The parts of rules, and the single values of lists with their parameters.
fn statements(lines: &[String]) -> Vec<String> {
    let mut statements = Vec::new();
    for line in lines {
        let (head, value) = line.split_once(':').unwrap_or((line, ""));
        let head = head.to_ascii_uppercase().replace('"', "");
        let separator = if head.starts_with("RRULE") { ';' } else { ',' };
        let values = value.split(separator).map(|value| value.trim().to_ascii_uppercase());
        statements.extend(values.map(|value| format!("{head}:{value}")));
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_compared_by_what_they_say() {
        let lines = |lines: &[&str]| lines.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(is_same_recurrence(&lines(&["RRULE:FREQ=DAILY;COUNT=3"]), &lines(&["RRULE:COUNT=3;FREQ=DAILY"])));
        assert!(!is_same_recurrence(&lines(&["RRULE:FREQ=DAILY;COUNT=3"]), &lines(&["RRULE:FREQ=DAILY"])));
    }
}
