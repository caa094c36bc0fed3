//! What one connection may do, by its granted scopes.
//!
//! People grant less than the provider requests, and scopes do not contain each other as their names suggest: `calendar.events`
//! allows reading and writing events and not free/busy, and `calendar.freebusy` the reverse. So each kind of request has its own
//! check here, and none is sent in vain: a refusal would look like a lost permission.
//!
//! A shared account is one that people share their free/busy with: the sign-in of a person together with a subject. A connection
//! by it reads the free/busy of that person and nothing else, whatever its scopes allow.

use chronus_sdk::descriptions::Scope;
use chronus_sdk::failure::failure;
use chronus_sdk::values::{Connection, Failure, Remedy};

use crate::sign_ins::{PERSON, SERVICE_ACCOUNT};

/// The field of the token reply, and so of the connection, that lists the scopes (RFC 6749 §5.1).
pub(crate) const FIELD: &str = "scope";

/// Allows free/busy, and not events.
pub(crate) const FREE_BUSY: &str = "calendar.freebusy";

/// Allows reading and writing events, and not free/busy.
pub(crate) const EVENTS: &str = "calendar.events";

const PREFIX: &str = "https://www.googleapis.com/auth/";

/// The identity scopes, by their names in token replies.
const IDENTITY: [&str; 2] = ["openid", "https://www.googleapis.com/auth/userinfo.email"];

/// The full name of a scope.
pub(crate) fn full(scope: &str) -> String {
    format!("{PREFIX}{scope}")
}

/// A scope as the description asks for it. Google's token replies list every granted scope.
pub(crate) fn requested(scope: &str) -> Scope {
    Scope { name: full(scope), echoed: true }
}

/// A scope together with the identity scopes.
pub(crate) fn with_identity(scope: &str) -> Vec<Scope> {
    let identity = IDENTITY.iter().map(|&name| Scope { name: name.to_owned(), echoed: true });
    identity.chain([requested(scope)]).collect()
}

/// What a connection may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rights {
    /// `calendarList.list`
    pub(crate) calendar_list: bool,
    /// `events.list`, `get` and `watch`, with the events' content.
    pub(crate) read_events: bool,
    /// `events.insert`, `patch` and `delete`.
    pub(crate) write_events: bool,
    /// `freebusy.query`, of the account's calendars and of everybody who shares it.
    pub(crate) free_busy: bool,
    /// The account's address.
    pub(crate) email: bool,
    /// The person whose free/busy the connection is for, if the account is a shared one.
    pub(crate) shared: Option<String>,
}

impl Rights {
    pub(crate) fn of(connection: &Connection) -> Rights {
        let field = connection.fields.iter().find(|(name, _)| name == FIELD).map(|(_, value)| value.trim());
        // RFC 6749 §5.1: a reply without the field means that all requested scopes were granted.
        let asked = match connection.sign_in.as_str() {
            SERVICE_ACCOUNT => format!("{PREFIX}{EVENTS} {PREFIX}{FREE_BUSY}"),
            _ => format!("email {PREFIX}{EVENTS} {PREFIX}{FREE_BUSY}"),
        };
        let given = field.filter(|given| !given.is_empty()).unwrap_or(&asked);
        let held = |some: &[&str]| {
            let named = |scope: &str| some.contains(&scope.strip_prefix(PREFIX).unwrap_or_default());
            given.split_ascii_whitespace().any(named)
        };
        let email = held(&["userinfo.email"]) || given.split_ascii_whitespace().any(|scope| scope == "email");
        let shared = connection.subject.clone().filter(|_| connection.sign_in == PERSON);
        let free_busy = held(&["calendar", "calendar.readonly", FREE_BUSY, "calendar.events.freebusy"]);
        if shared.is_some() {
            let nothing = Rights {
                calendar_list: false,
                read_events: false,
                write_events: false,
                free_busy: false,
                email: false,
                shared: None,
            };
            return Rights { free_busy, shared, ..nothing };
        }
        let write_events = held(&["calendar", EVENTS, "calendar.events.owned"]);
        Rights {
            calendar_list: held(&[
                "calendar",
                "calendar.readonly",
                "calendar.calendarlist",
                "calendar.calendarlist.readonly",
            ]),
            read_events: write_events
                || held(&["calendar.readonly", "calendar.events.readonly", "calendar.events.owned.readonly"]),
            write_events,
            free_busy,
            email,
            shared,
        }
    }

    /// # Errors
    /// If events may not be read.
    pub(crate) fn to_read(&self) -> Result<(), Failure> {
        self.check(self.read_events, "calendar.events or calendar.events.readonly")
    }

    /// # Errors
    /// If events may not be written.
    pub(crate) fn to_write(&self) -> Result<(), Failure> {
        self.check(self.write_events, EVENTS)
    }

    fn check(&self, held: bool, scope: &str) -> Result<(), Failure> {
        match (held, &self.shared) {
            (true, _) => Ok(()),
            (false, Some(_)) => {
                let detail = "the organisation's shared account sees a person's free/busy and nothing else";
                Err(failure(Remedy::NotPermitted, "", detail))
            }
            (false, None) => Err(missing(scope)),
        }
    }
}

/// The failure of a call that needs a scope that was not granted.
pub(crate) fn missing(scope: &str) -> Failure {
    failure(Remedy::NeedsScope, "", format!("the scope {scope} was not granted"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chronus_sdk::testing;

    fn rights(sign_in: &str, subject: Option<&str>, scope: Option<&str>) -> Rights {
        Rights::of(&Connection {
            subject: subject.map(Into::into),
            fields: scope.map(|scope| (FIELD.to_owned(), scope.to_owned())).into_iter().collect(),
            ..testing::connection(sign_in)
        })
    }

    fn person(scope: &str) -> Rights {
        rights(PERSON, None, Some(scope))
    }

    #[test]
    fn events_do_not_open_free_busy_nor_the_other_way_round() {
        let events = person("openid https://www.googleapis.com/auth/calendar.events");
        assert!(events.read_events && events.write_events && !events.free_busy && !events.calendar_list);
        let free_busy = person("https://www.googleapis.com/auth/calendar.freebusy openid");
        assert!(free_busy.free_busy && !free_busy.read_events && !free_busy.write_events);
        let all = person("https://www.googleapis.com/auth/calendar");
        assert!(all.calendar_list && all.read_events && all.write_events && all.free_busy && !all.email);
        let reader = person("https://www.googleapis.com/auth/calendar.readonly");
        assert!(reader.calendar_list && reader.read_events && !reader.write_events && reader.free_busy);
    }

    #[test]
    fn the_address_is_open_under_both_names_of_its_scope() {
        assert!(person("openid email").email);
        assert!(person("https://www.googleapis.com/auth/userinfo.email").email);
        assert!(!person("openid https://www.googleapis.com/auth/emails").email);
    }

    #[test]
    fn a_reply_without_scopes_means_those_that_were_asked_for() {
        for scope in [None, Some(" ")] {
            let account = rights(SERVICE_ACCOUNT, Some("ann@example.com"), scope);
            assert!(account.write_events && account.free_busy && !account.email && account.shared.is_none());
        }
    }

    #[test]
    fn a_shared_account_tells_free_busy_of_one_person_and_nothing_else() {
        let shared = rights(PERSON, Some("ann@example.com"), Some("https://www.googleapis.com/auth/calendar"));
        assert!(shared.free_busy && !shared.read_events && !shared.write_events && !shared.calendar_list);
        assert_eq!(shared.shared.as_deref(), Some("ann@example.com"));
        assert_eq!(shared.to_write().expect_err("no").remedy, Remedy::NotPermitted);
        assert_eq!(person("openid").to_read().expect_err("no").remedy, Remedy::NeedsScope);
    }
}
