//! Rate limits: how often anybody may do what costs others something.
//!
//! Threat: passwords that are guessed through this host, a stranger who is flooded with mail, a client in a loop that slows
//! down everybody. Decision: one table of limits, [`Rate`], whose numbers are settings. What must hold exactly is counted in
//! the database, which all hosts share ([`take`]): each subject has slots, and a slot is free again a window after it was
//! taken. What is asked often is counted in memory ([`Limiter`]): a subject has a bucket of tokens ([`bucket`]), and each host
//! has a share of it, which it leases from the database every [`RENEWAL`].
//!
//! A host whose lease cannot be stored keeps the share that it has. If it has none, because the database has accepted no write
//! since it started, it takes the whole and warns. A safe fraction was rejected: the number of hosts is unknown, the one host
//! of most deployments would refuse what its limit allows, and there is little to save. Without the database, what these
//! limits let through fails at once; with one that only answers reads, the host is not ready, so proxies send it nothing. What
//! protects people and services (guesses, mails) is counted exactly, and refused while it cannot be counted.
//!
//! Rejected: counters for each hour of the clock, with
//! which twice the limit fits around the full hour; the database for every request, which would cost more than the request.

pub mod bucket;
mod limiter;
pub mod shares;
mod store;

pub use limiter::{Limiter, RENEWAL, Standing};

use crate::{
    db::{self, Tx},
    ids::digest,
};
use jiff::{SignedDuration, Timestamp};
use store::Period;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// How a limit is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// In the database, by the last window before each act.
    Exact,
    /// In memory, each host for its share.
    Shared,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
struct Row {
    name: &'static str,
    counting: Counting,
    most: u32,
    window: SignedDuration,
    what: &'static str,
}

macro_rules! rates {
    ($($(#[$doc:meta])* $rate:ident = $name:literal, $counting:ident, $most:literal in $window:ident, $what:literal;)*) => {
        /// A rate that is limited.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rate {
            $($(#[$doc])* $rate,)*
        }

        impl Rate {
            /// Every rate.
            pub const ALL: &[Self] = &[$(Self::$rate,)*];

            const fn row(self) -> Row {
                match self {
                    $(Self::$rate => Row {
                        name: $name, counting: Counting::$counting, most: $most, window: $window, what: $what,
                    },)*
                }
            }
        }
    };
}

rates! {
    /// Per client address, or site for IPv6. An office shares one, and behind a proxy that forwards none, all do.
    SignInsOfClient = "sign-ins-of-client", Exact, 300 in HOUR,
        "How often sign-in emails can be requested from one client address, in an hour.";
    /// Per email address.
    SignInMails = "sign-in-mails", Exact, 5 in HOUR,
        "The number of sign-in emails to one email address, in an hour.";
    /// Per email address.
    Notices = "notices", Exact, 60 in HOUR,
        "The number of other emails to one email address, in an hour. Further ones wait.";
    /// Per person.
    ConnectingByPerson = "connecting-by-person", Exact, 10 in HOUR,
        "How often one person can fail to connect a calendar with a form, in an hour.";
    /// Per organisation.
    ConnectingByOrganisation = "connecting-by-organisation", Exact, 200 in HOUR,
        "How often the people of one organisation can fail to connect a calendar with a form, in an hour.";
    /// Per calendar server, which would otherwise block the address of this host for everybody.
    ConnectingAtServer = "connecting-at-server", Exact, 600 in HOUR,
        "How often anybody can fail to connect a calendar at one calendar server with a form, in an hour.";
    /// Per organisation.
    Probing = "probing", Exact, 60 in HOUR,
        "How often testing the service accounts of one organisation can fail, in an hour.";
    /// Per client address, or site for IPv6.
    BadTokens = "bad-tokens", Shared, 120 in MINUTE,
        "The number of API requests with an invalid token from one client address, in a minute.";
    /// Per person, or integrations of an organisation.
    Search = "search", Shared, 6_000 in MINUTE,
        "The number of API requests for busy times of one person, or of the integrations of one organisation, in a minute.";
    /// Per person, integrations of an organisation, or operators.
    Write = "write", Shared, 3_000 in MINUTE,
        "The number of API requests that change something, of one person, of the integrations of one organisation, or of \
         operators, in a minute.";
}

impl Rate {
    /// The name, in settings (`limits.NAME`) and in headers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// How the limit is counted.
    #[must_use]
    pub const fn counting(self) -> Counting {
        self.row().counting
    }

    /// How often something may happen in a window, unless set otherwise.
    #[must_use]
    pub const fn default_most(self) -> u32 {
        self.row().most
    }

    /// The window.
    #[must_use]
    pub const fn window(self) -> SignedDuration {
        self.row().window
    }

    /// What is limited, as the reference of settings says it.
    #[must_use]
    pub const fn what(self) -> &'static str {
        self.row().what
    }
}

/// `limits.*` of the configuration: how often something may happen in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits([u32; Rate::ALL.len()]);

impl Default for Limits {
    fn default() -> Self {
        let mut limits = Self([0; Rate::ALL.len()]);
        for rate in Rate::ALL {
            limits.set(*rate, rate.default_most());
        }
        limits
    }
}

impl Limits {
    /// How often this may happen in a window.
    #[must_use]
    pub const fn most(&self, rate: Rate) -> u32 {
        self.0[rate as usize]
    }

    /// Sets how often this may happen in a window.
    pub const fn set(&mut self, rate: Rate, most: u32) {
        self.0[rate as usize] = most;
    }
}

/// A limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit `{}` is reached; it allows {most} within {} seconds", .rate.name(), .rate.window().as_secs())]
pub struct LimitReached {
    /// The limit.
    pub rate: Rate,
    /// How often it lets something happen.
    pub most: u32,
    /// After which time it lets it happen again.
    pub retry_after: SignedDuration,
}

/// A slot that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    subject: String,
    number: i64,
    taken_at: Timestamp,
}

/// Takes a slot of a subject, by an exact limit. The slot is taken when the transaction is committed. A transaction that takes
/// several takes them in the order of the table, or two could wait for each other.
///
/// # Errors
/// If the database fails.
pub async fn take(tx: &mut Tx, limits: &Limits, rate: Rate, subject: &str) -> sqlx::Result<Result<Slot, LimitReached>> {
    let (subject, most) = (digest(format!("{} {subject}", rate.name())), limits.most(rate));
    let now = db::instant(tx.now().await?);
    let after = now.checked_sub(rate.window()).unwrap_or_default();
    let period = Period { after, until: now.checked_add(rate.window()).unwrap_or(now) };
    loop {
        if let Some(number) = store::take_slot(tx, &subject, most, now, period).await? {
            return Ok(Ok(Slot { subject, number, taken_at: now }));
        }
        let taken = store::taken(tx, &subject, most, period).await?;
        if taken.count >= i64::from(most) {
            let retry_after = taken.first.map_or(rate.window(), |first| first.duration_since(after));
            return Ok(Err(LimitReached { rate, most, retry_after }));
        }
        // Another transaction took the same slot first, and has been committed since.
    }
}

/// Frees a slot: what it was taken for does not count.
///
/// # Errors
/// If the database fails.
pub async fn give_back(tx: &mut Tx, slot: &Slot) -> sqlx::Result<()> {
    store::free_slot(tx, &slot.subject, slot.number, slot.taken_at).await
}

/// Deletes all slots whose time is over.
///
/// # Errors
/// If the database fails.
pub async fn delete_expired(tx: &mut Tx) -> sqlx::Result<()> {
    let now = db::instant(tx.now().await?);
    store::delete_slots(tx, now.checked_sub(HOUR).unwrap_or_default()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_has_one_row_and_a_place_for_its_number() {
        let names: std::collections::BTreeSet<_> = Rate::ALL.iter().map(|rate| rate.name()).collect();
        assert_eq!(names.len(), Rate::ALL.len());
        let mut limits = Limits::default();
        for (number, rate) in (1..).zip(Rate::ALL) {
            assert_eq!(limits.most(*rate), rate.default_most());
            limits.set(*rate, number);
        }
        let numbers: Vec<_> = Rate::ALL.iter().map(|rate| limits.most(*rate)).collect();
        assert_eq!(numbers, (1..).take(numbers.len()).collect::<Vec<_>>());
    }

    #[test]
    fn exact_limits_are_cleaned_up_after_their_longest_window() {
        for rate in Rate::ALL.iter().filter(|rate| rate.counting() == Counting::Exact) {
            assert!(rate.window() <= HOUR, "{rate:?}");
        }
    }
}
