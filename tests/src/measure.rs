//! The result of a benchmark: medians of its rounds, so that one slow moment of the machine does not change the figure.

use std::time::Duration;

/// The medians of two programs that were measured in turn.
#[derive(Debug, Clone, Copy)]
pub struct Medians {
    /// In seconds.
    pub one: f64,
    /// In seconds.
    pub other: f64,
    /// The median of the ratios of the rounds. It differs from the ratio of the medians, because a slow moment affects both
    /// programs of a round.
    pub ratio: f64,
}

impl Medians {
    /// From the times of both programs in each round.
    pub fn of(rounds: &[(Duration, Duration)]) -> Self {
        let each = |value: fn(f64, f64) -> f64| {
            median(rounds.iter().map(|(one, other)| value(one.as_secs_f64(), other.as_secs_f64())).collect())
        };
        Self { one: each(|one, _| one), other: each(|_, other| other), ratio: each(|one, other| one / other) }
    }
}

/// The middle value; not a number if there are no values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
