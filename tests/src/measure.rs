//! What a benchmark makes of its rounds: medians, so that one bad moment of the machine does not change the figure.

use std::time::Duration;

/// Two that were measured in turn.
#[derive(Debug, Clone, Copy)]
pub struct Medians {
    /// In seconds.
    pub one: f64,
    /// In seconds.
    pub other: f64,
    /// The median of what the rounds give, which is not quite one median by the other: what slows a round slows both.
    pub ratio: f64,
}

impl Medians {
    /// From how long each took in each round.
    pub fn of(rounds: &[(Duration, Duration)]) -> Self {
        let each = |value: fn(f64, f64) -> f64| {
            median(rounds.iter().map(|(one, other)| value(one.as_secs_f64(), other.as_secs_f64())).collect())
        };
        Self { one: each(|one, _| one), other: each(|_, other| other), ratio: each(|one, other| one / other) }
    }
}

/// The middle one; not a number, if there is none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
