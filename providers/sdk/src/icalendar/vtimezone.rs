//! skeleton
use std::ops::RangeInclusive;

use super::{Component, Zone};

/// A VTIMEZONE (RFC 5545 §3.6.5) for an IANA zone that is right for these years, with both observances where the zone
/// has them. None for UTC, which needs none, and for a zone without a name.
pub fn vtimezone(_zone: &Zone, _years: RangeInclusive<i16>) -> Option<Component> {
    None
}

/// Adds the VTIMEZONE of every TZID that the calendar uses and does not define. `years` are those that must be right.
pub fn define_zones(_calendar: &mut Component, _years: RangeInclusive<i16>) {}
