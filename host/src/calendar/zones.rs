//! Whether two names of time zones mean the same for an event.
//!
//! Problem: services answer with another name for the zone that was written: `UTC` for `Etc/UTC`, `Europe/Vatican` for
//! `Europe/Rome`. A comparison by spelling takes the host's own write for somebody else's change. Decision: two names are
//! equal for an event if both have the same offset from UTC whenever the event takes place. Rejected: a table of aliases,
//! which differs between versions of the time zone database, and calls zones different whose rules differ only in the past.

use super::Window;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// How far after its start the occurrences of a recurring event are compared.
const SERIES_HORIZON: SignedDuration = SignedDuration::from_hours(24 * 3653);

/// Whether both names mean the same for an event from `start` to `end`. For a recurring event, the offsets must be equal at
/// every instant of the next ten years, and so at every occurrence in them. A name that is not in the time zone database
/// equals only itself.
#[must_use]
pub fn are_equal(one: &str, other: &str, (start, end): (Timestamp, Timestamp), recurs: bool) -> bool {
    if one == other {
        return true;
    }
    let (Ok(one), Ok(other)) = (TimeZone::get(one), TimeZone::get(other)) else { return false };
    if recurs {
        let end = end.max(start.checked_add(SERIES_HORIZON).unwrap_or(Timestamp::MAX));
        return are_equal_within(&one, &other, Window { start, end });
    }
    [start, end].into_iter().all(|at| one.to_offset(at) == other.to_offset(at))
}

/// Whether the offsets are equal at every instant of a window. Offsets change at transitions only, so only those of both
/// zones are compared.
fn are_equal_within(one: &TimeZone, other: &TimeZone, Window { start, end }: Window) -> bool {
    let changes = |zone: &TimeZone| -> Vec<Timestamp> {
        let transitions = zone.following(start).map(|transition| transition.timestamp());
        transitions.take_while(|at| *at < end).collect()
    };
    let instants = [start].into_iter().chain(changes(one)).chain(changes(other));
    instants.into_iter().all(|at| one.to_offset(at) == other.to_offset(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::select};

    const NAMES: [&str; 14] = [
        "UTC",
        "Etc/UTC",
        "Europe/Rome",
        "Europe/Vatican",
        "Europe/Paris",
        "Europe/London",
        "Africa/Lagos",
        "Africa/Casablanca",
        "America/New_York",
        "US/Eastern",
        "America/Sao_Paulo",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "No/Where",
    ];

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn hour(start: &str) -> (Timestamp, Timestamp) {
        (at(start), at(start) + SignedDuration::from_hours(1))
    }

    #[test]
    fn names_with_the_same_offsets_are_equal() {
        let (winter, summer) = (hour("2027-01-15T10:00:00Z"), hour("2027-07-15T10:00:00Z"));
        for recurs in [false, true] {
            for (one, other) in
                [("Etc/UTC", "UTC"), ("Europe/Rome", "Europe/Vatican"), ("US/Eastern", "America/New_York")]
            {
                assert!(
                    are_equal(one, other, winter, recurs) && are_equal(one, other, summer, recurs),
                    "{one} {other}"
                );
            }
            assert!(!are_equal("Europe/Rome", "Europe/London", winter, recurs));
        }
        // Lagos has no summer time: the same as Rome in winter only.
        assert!(are_equal("Africa/Lagos", "Europe/Rome", winter, false));
        assert!(!are_equal("Africa/Lagos", "Europe/Rome", summer, false));
        assert!(!are_equal("Africa/Lagos", "Europe/Rome", winter, true), "the series goes on into summer");
    }

    #[test]
    fn an_event_over_a_change_of_the_clocks_is_compared_at_both_ends() {
        let night = (at("2027-03-27T22:00:00Z"), at("2027-03-28T04:00:00Z"));
        assert!(!are_equal("Africa/Lagos", "Europe/Rome", night, false));
        assert!(are_equal("Europe/Paris", "Europe/Rome", night, false));
    }

    #[test]
    fn an_unknown_name_equals_only_itself() {
        let winter = hour("2027-01-15T10:00:00Z");
        for recurs in [false, true] {
            assert!(are_equal("No/Where", "No/Where", winter, recurs));
            assert!(!are_equal("No/Where", "UTC", winter, recurs) && !are_equal("UTC", "No/Where", winter, recurs));
        }
    }

    #[test]
    fn the_last_instant_has_no_horizon() {
        let last = (Timestamp::MAX - SignedDuration::from_hours(1), Timestamp::MAX);
        assert!(are_equal("Etc/UTC", "UTC", last, true));
    }

    proptest! {
        /// The comparison by transitions agrees with a look at every half hour.
        #[test]
        fn a_series_is_compared_at_every_instant(
            one in select(&NAMES[..13]),
            other in select(&NAMES[..13]),
            start in 1_500_000_000_i64..2_500_000_000,
            days in 1_i64..400,
        ) {
            let zones = [one, other].map(|name| TimeZone::get(name).unwrap());
            // Every transition of these zones is on a half hour.
            let start = Timestamp::from_second(start - start % 1800).unwrap();
            let end = start + SignedDuration::from_hours(24 * days);
            let mut instants = (0..days * 48).map(|step| start + SignedDuration::from_mins(30 * step));
            let expected = instants.all(|at| zones[0].to_offset(at) == zones[1].to_offset(at));
            prop_assert_eq!(are_equal_within(&zones[0], &zones[1], Window { start, end }), expected);
        }

        #[test]
        fn equality_is_an_equivalence_and_a_series_is_stricter(
            names in [select(&NAMES[..]), select(&NAMES[..]), select(&NAMES[..])],
            start in 0_i64..4_000_000_000,
            minutes in 0_i64..20_000,
        ) {
            let start = Timestamp::from_second(start).unwrap();
            let span = (start, start + SignedDuration::from_mins(minutes));
            let [one, two, three] = names;
            for recurs in [false, true] {
                let equal = |one: &str, other: &str| are_equal(one, other, span, recurs);
                prop_assert!(equal(one, one));
                prop_assert_eq!(equal(one, two), equal(two, one));
                prop_assert!(!(equal(one, two) && equal(two, three)) || equal(one, three));
            }
            prop_assert!(!are_equal(one, two, span, true) || are_equal(one, two, span, false));
        }
    }
}
