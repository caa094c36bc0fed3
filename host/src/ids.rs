//! The names of things in the database, in addresses and in logs.
//!
//! Every kind of thing has its own type, so that a person's id is never taken for a meeting's. Ids are UUIDs of
//! version 7 (RFC 9562 §5.7): they sort by the time at which they were made, which is the order in which lists are
//! given out, and any host makes them without asking another. Rejected: serial numbers, which tell strangers how many
//! there are and need the database before there is a name.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    fmt::{self, Write as _},
    str::FromStr,
};
use uuid::Uuid;

/// Not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no id; ids look like 0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e6f")]
pub struct NotAnId;

/// What names something by its content: its SHA-256, in lower-case hex.
#[must_use]
pub fn digest(content: impl AsRef<[u8]>) -> String {
    Sha256::digest(content).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// What `new` does for all ids: the time, and 74 random bits.
fn new(at: Timestamp) -> Uuid {
    let mut random = [0; 10];
    // Without random numbers nothing of this host is safe; the system's generator fails on no supported system.
    getrandom::fill(&mut random).expect("the system's random numbers");
    let milliseconds = u64::try_from(at.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new one.
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
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                // One spelling only: an id is compared as text elsewhere.
                let id = Uuid::try_parse(text).map(Self).map_err(|_| NotAnId)?;
                if id.to_string() == text { Ok(id) } else { Err(NotAnId) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;

            fn try_from(text: String) -> Result<Self, NotAnId> {
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
    /// An organisation: who operates programs, and whose data is kept apart from everybody else's.
    OrganisationId
    /// A program of an organisation.
    ProgramId
    /// A person of an organisation.
    PersonId
    /// A token by which a program speaks to the API.
    TokenId
    /// Somebody's wish for a mail by which to sign in.
    SignInId
    /// A browser in which a person is signed in.
    SessionId
    /// A person's connected calendar.
    ConnectionId
    /// The application that an operator has registered at a service.
    OauthClientId
    /// A token that is to be revoked.
    RevocationId
    /// The account by which an organisation connects its people.
    OrganisationAccountId
    /// A meeting.
    MeetingId
    /// A job.
    JobId
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(bad.parse::<MeetingId>(), Err(NotAnId), "{bad}");
        }
    }
}
