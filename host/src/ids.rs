//! Ids of stored objects, as they appear in the database, in URLs and in logs.
//!
//! Each kind of object has its own id type, so that the compiler refuses a person's id where a meeting's is expected.
//! Ids are UUIDs of version 7 (RFC 9562 §5.7): a host makes them without asking the database, and they sort by the
//! instant of creation. Lists are ordered by id and mean the order of creation; two properties make that true:
//!
//! - An id holds the whole microsecond of its instant, not only the millisecond (RFC 9562 §6.2, method 3). A
//!   microsecond is also the precision of the `…_at` columns, so ordering by id is ordering by the instant of creation
//!   first, also for rows that different hosts have made.
//! - Ids that one process makes for the same instant rise (method 2), by random steps. It remembers the last id of the 64
//!   instants that it saw last; one that comes back after 64 others is not in order.
//!
//! Rejected: serial numbers, which tell strangers how many objects there are and need the database before there is an
//! id; `uuid`'s `ContextV7`, which moves the instant of an id away from the given one when clocks differ.

use crate::locks;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    collections::VecDeque,
    fmt::{self, Write as _},
    str::FromStr,
    sync::Mutex,
};
use uuid::Uuid;

/// A text is not a well-formed id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed id; ids look like 0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e6f")]
pub struct InvalidId;

/// The SHA-256 digest of some content, in lower-case hexadecimal digits.
#[must_use]
pub fn digest(content: impl AsRef<[u8]>) -> String {
    Sha256::digest(content).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The number of recent instants for which a generator remembers its last id. Several requests interleave in one
/// process, and each has read the clock once.
const RECENT_INSTANTS: usize = 64;

/// The random part of an id: 62 bits.
const RANDOM_BITS: u64 = (1 << 62) - 1;

/// Makes ids that rise within one instant.
#[derive(Debug)]
struct Generator {
    /// The last random part for each recent instant, in microseconds since 1970.
    recent: VecDeque<(u64, u64)>,
}

impl Generator {
    const fn new() -> Self {
        Self { recent: VecDeque::new() }
    }

    fn next(&mut self, at: Timestamp) -> Uuid {
        let microseconds = u64::try_from(at.as_microsecond()).unwrap_or(0);
        let random = random();
        let known = self.recent.iter_mut().find(|(instant, _)| *instant == microseconds);
        let low = match known {
            // At least one more, and no more than 2^32: an instant has room for 2^29 ids.
            Some((_, last)) => {
                *last = last.saturating_add(1 + (random >> 32)).min(RANDOM_BITS);
                *last
            }
            None => {
                // The highest bit is free for the ids that follow.
                let first = random & (RANDOM_BITS >> 1);
                self.recent.truncate(RECENT_INSTANTS - 1);
                self.recent.push_front((microseconds, first));
                first
            }
        };
        // The fraction of the millisecond in 4096ths, rounded up so that no two microseconds share one.
        let fraction = (microseconds % 1000 * 4096).div_ceil(1000);
        let high = (microseconds / 1000) << 16 | 0x7000 | fraction;
        Uuid::from_u64_pair(high, 1 << 63 | low)
    }
}

fn random() -> u64 {
    // A host without random numbers must not go on, and the generators of all supported systems never fail.
    getrandom::u64().expect("random numbers from the operating system")
}

static GENERATOR: Mutex<Generator> = Mutex::new(Generator::new());

fn new(at: Timestamp) -> Uuid {
    locks::lock(&GENERATOR).next(at)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes a new id for an object that is created at this instant.
            #[must_use]
            pub fn new(at: Timestamp) -> Self {
                Self(new(at))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                // One spelling only, because SQL compares ids as text.
                let id = Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)?;
                if id.to_string() == text { Ok(id) } else { Err(InvalidId) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// An organisation (tenant).
    OrganisationId
    /// A program of an organisation.
    ProgramId
    /// A person of an organisation.
    PersonId
    /// An API token.
    TokenId
    /// A request for a mail with sign-in links.
    SignInId
    /// A browser session.
    SessionId
    /// A person's connected calendar.
    ConnectionId
    /// An OAuth client that an operator has registered at a service.
    OauthClientId
    /// A token that waits to be revoked at its service.
    RevocationId
    /// An organisation's account at a calendar service.
    ServiceAccountId
    /// The time from adding a provider until removing it.
    ProviderGeneration
    /// A meeting.
    MeetingId
    /// A job.
    JobId
    /// An entry of the audit log.
    AuditEntryId
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_digest_is_that_of_fips_180_4() {
        assert_eq!(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn ids_sort_by_time_and_have_one_spelling() {
        let early = MeetingId::new("2026-01-01T00:00:00Z".parse().unwrap());
        let late = MeetingId::new("2026-01-01T00:00:00.001Z".parse().unwrap());
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse(), Ok(early));
        for bad in ["", "x", &early.to_string().to_uppercase(), &format!("{{{early}}}"), &format!(" {early}")] {
            assert_eq!(bad.parse::<MeetingId>(), Err(InvalidId), "{bad}");
        }
    }

    #[test]
    fn ids_of_one_instant_rise_whichever_thread_makes_them() {
        let at = "2026-01-01T00:00:00.000001Z".parse().unwrap();
        let threads: Vec<_> =
            (0..4).map(|_| std::thread::spawn(move || (0..1000).map(|_| JobId::new(at)).collect::<Vec<_>>())).collect();
        let lists: Vec<Vec<_>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        for list in &lists {
            assert!(list.is_sorted_by(|one, next| one < next && one.to_string() < next.to_string()));
        }
        let distinct: std::collections::BTreeSet<_> = lists.iter().flatten().collect();
        assert_eq!(distinct.len(), 4000);
    }

    /// Hosts and instants that are often equal, in the same millisecond, or out of order; no more different ones than a
    /// generator remembers.
    fn instants() -> impl Strategy<Value = Vec<(usize, i64)>> {
        let different = prop::collection::vec(0..3000_i64, 1..RECENT_INSTANTS);
        different.prop_flat_map(|offsets| prop::collection::vec((0..3_usize, prop::sample::select(offsets)), 1..200))
    }

    proptest! {
        /// Three hosts make ids: over all hosts they sort by the microsecond, and those of one host and one microsecond
        /// by the order in which they were made.
        #[test]
        fn ordering_by_id_is_ordering_by_instant_and_then_by_creation(
            made in instants(),
            base in 0..253_402_200_000_000_000_i64,
        ) {
            let mut hosts = [Generator::new(), Generator::new(), Generator::new()];
            let mut ids = Vec::new();
            for (number, (host, offset)) in made.into_iter().enumerate() {
                let at = Timestamp::from_microsecond(base + offset).unwrap();
                let id = hosts[host].next(at);
                prop_assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
                let (seconds, nanoseconds) = id.get_timestamp().unwrap().to_unix();
                let milliseconds = i64::try_from(seconds).unwrap() * 1000 + i64::from(nanoseconds / 1_000_000);
                prop_assert_eq!(milliseconds, at.as_millisecond());
                ids.push((id.to_string(), at, host, number));
            }
            ids.sort();
            for ((id, at, host, number), (next_id, next_at, next_host, next_number)) in ids.iter().zip(&ids[1..]) {
                prop_assert!(id < next_id && at <= next_at);
                prop_assert!(at < next_at || host != next_host || number < next_number);
            }
        }
    }
}
