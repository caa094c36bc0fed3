//! Whether what a service stored is what it was given, though it writes it in another way.
//!
//! A write whose answer was lost is recognised by its content, and a patch that changes nothing is not sent. Services
//! reorder the parts of a rule, join and split lists, and give up a zone to say a single time exactly; none of that is a
//! difference. Rejected: a comparison in each provider, of which one learns what the others do not.

use crate::types::Span;

/// Whether two lists of content lines (RFC 5545 §3.8.5) say the same.
#[must_use]
pub fn is_same_recurrence(one: &[String], other: &[String]) -> bool {
    let (one, other) = (statements(one), statements(other));
    let within = |some: &[String], all: &[String]| some.iter().all(|each| all.contains(each));
    within(&one, &other) && within(&other, &one)
}

/// Whether two times are the same. What does not repeat is its instants; what repeats is its zone as well.
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
