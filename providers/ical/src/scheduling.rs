//! Whether the server sends invitations (RFC 6638), and how it is told not to.
//!
//! Two errors are possible. If a server that sends nothing is trusted, the guests never hear of the meeting; if one that sends
//! is not, they hear of it twice. The announcement (`calendar-auto-schedule` in the DAV header, and an outbox) is not
//! sufficient: Xandikos announces both and delivers nothing. So only products that are known to deliver are trusted: iCloud
//! and Cyrus (which Fastmail uses). For every other server that announces scheduling, new attendees get
//! `SCHEDULE-AGENT=CLIENT`, which forbids the server to write to them (RFC 6638 §7.1). Then the host invites them, once.
//!
//! The server cannot be silenced for an attendee that it has invited: a change from SERVER to CLIENT sends a cancellation
//! (RFC 6638 §3.2.1.2). So `notify: none` succeeds if no attendee would be notified and is `unsupported` otherwise, and no
//! connection claims that invitations can be withheld. It is unknown whether iCloud respects SCHEDULE-AGENT=CLIENT, so for
//! iCloud it is not used.

use chronus_sdk::failure::unsupported;
use chronus_sdk::http::{Response, Url};
use chronus_sdk::icalendar::{Component, Property};
use chronus_sdk::values::{Failure, Notify};

/// The server's treatment of attendees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheduling {
    /// It sends nothing.
    None,
    /// It announces invitations but is not known to send them.
    Announced,
    /// It sends invitations. `obeys` says whether SCHEDULE-AGENT=CLIENT is known to prevent that.
    Delivers { obeys: bool },
}

/// Judges a server by its name and by the headers of an answer.
pub(crate) fn judge(server: &Url, answer: &Response, has_outbox: bool) -> Scheduling {
    let announced = answer.header_values("dav").flat_map(|value| value.split(','));
    let announced = announced.map(str::trim).any(|feature| feature.eq_ignore_ascii_case("calendar-auto-schedule"));
    let make = answer.header("server").unwrap_or_default();
    if !announced || !has_outbox {
        Scheduling::None
    } else if is_icloud(server) {
        Scheduling::Delivers { obeys: false }
    } else if make.starts_with("Cyrus") || server.host().ends_with(".fastmail.com") {
        Scheduling::Delivers { obeys: true }
    } else {
        Scheduling::Announced
    }
}

/// Whether this is Apple's service.
pub(crate) fn is_icloud(server: &Url) -> bool {
    server.host().ends_with(".icloud.com") || server.host() == "icloud.com"
}

impl Scheduling {
    /// For the memo.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Scheduling::None => "none",
            Scheduling::Announced => "announced",
            Scheduling::Delivers { obeys: true } => "delivers-obeys",
            Scheduling::Delivers { obeys: false } => "delivers",
        }
    }

    /// From the memo.
    pub(crate) fn from_name(name: &str) -> Option<Scheduling> {
        let obeys = [true, false].map(|obeys| Scheduling::Delivers { obeys });
        let mut all = [Scheduling::None, Scheduling::Announced].into_iter().chain(obeys);
        all.find(|one| one.name() == name)
    }

    /// Whether the server invites the attendees of an event that the owner organises.
    pub(crate) fn sends(self) -> bool {
        matches!(self, Scheduling::Delivers { .. })
    }

    /// Prepares an event of the owner for writing: marks the attendees that the server may act for. `known` holds the addresses of
    /// earlier attendees. Entries of the owner (`own`) stay unchanged.
    ///
    /// # Errors
    /// `unsupported`, if the server would notify people against `notify`.
    pub(crate) fn prepare(
        self,
        event: &mut Component,
        known: &[String],
        own: &[String],
        notify: Notify,
    ) -> Result<(), Failure> {
        let withhold = match (self, notify) {
            (Scheduling::None, _) => return Ok(()),
            (Scheduling::Delivers { .. }, Notify::All) => false,
            (Scheduling::Announced, _) | (Scheduling::Delivers { .. }, Notify::None) => true,
        };
        for attendee in guests(event, own) {
            let address = address(attendee);
            let is_known = known.iter().any(|known| known.eq_ignore_ascii_case(&address));
            if !withhold {
                attendee.remove_parameter("SCHEDULE-AGENT");
            } else if !is_known && self != (Scheduling::Delivers { obeys: false }) {
                attendee.set_parameter("SCHEDULE-AGENT", "CLIENT");
            }
        }
        self.check(event, own, notify)
    }

    /// Prepares a copy of somebody else's meeting for writing: the server must not send the owner's answer to the organiser
    /// (RFC 6638 §7.1), and sends nothing to other attendees of a meeting that the owner does not organise.
    ///
    /// # Errors
    /// `unsupported`, if it is unknown whether the server obeys.
    pub(crate) fn silence(self, copy: &mut Component) -> Result<(), Failure> {
        if self == (Scheduling::Delivers { obeys: false }) {
            return Err(unsupported("it is unknown whether the server would send an answer to the organiser"));
        }
        if self != Scheduling::None {
            let organiser = copy.properties.iter_mut().filter(|property| property.name == "ORGANIZER");
            organiser.for_each(|organiser| organiser.set_parameter("SCHEDULE-AGENT", "CLIENT"));
        }
        Ok(())
    }

    /// Whether an event of the owner can be changed, given the people that the server would notify.
    ///
    /// # Errors
    /// `unsupported`, if the server would notify people against `notify`.
    pub(crate) fn check(self, event: &mut Component, own: &[String], notify: Notify) -> Result<(), Failure> {
        let told = self != Scheduling::None && guests(event, own).any(|guest| is_servers(guest));
        match (told, notify) {
            (true, Notify::None) => {
                Err(unsupported("the server has invited the attendees of this event, and always notifies them"))
            }
            _ => Ok(()),
        }
    }

    /// Whether an invitation can be answered, given that the server sends the answer to the organiser.
    ///
    /// # Errors
    /// `unsupported`, if the answer must not be sent.
    pub(crate) fn check_reply(self, organiser: Option<&Property>, notify: Notify) -> Result<(), Failure> {
        let told = self != Scheduling::None && organiser.is_some_and(is_servers);
        match (told, notify) {
            (true, Notify::None) => Err(unsupported("the server sends the answer to the organiser")),
            _ => Ok(()),
        }
    }
}

fn guests<'a>(event: &'a mut Component, own: &'a [String]) -> impl Iterator<Item = &'a mut Property> {
    let attendees = event.properties.iter_mut().filter(|property| property.name == "ATTENDEE");
    attendees.filter(|attendee| {
        let address = address(attendee);
        !own.iter().any(|own| own.eq_ignore_ascii_case(&address))
    })
}

/// Whether the server acts for this attendee or organiser (RFC 6638 §7.1).
fn is_servers(property: &Property) -> bool {
    property.parameter("SCHEDULE-AGENT").is_none_or(|agent| agent.eq_ignore_ascii_case("SERVER"))
}

fn address(property: &Property) -> String {
    let value = property.value.trim();
    let mailto = value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
    value.get(if mailto { 7 } else { 0 }..).unwrap_or_default().to_owned()
}
