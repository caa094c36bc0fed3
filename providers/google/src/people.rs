//! The organiser and the attendees of an event, and their answers.
//!
//! An attendee's answer is their own. A list of attendees in a patch replaces the whole list at Google, and an answer that it
//! omits is lost. So a list is written only if it changes, and each attendee who stays is written as Google sent them: with
//! their answer, comment, additional guests and unknown fields.
//!
//! Google has required and optional attendees, and rooms. It has no chair and no attendee who is only informed: a list with
//! one is refused as `unsupported`, because Google would store something else.

use chronus_sdk::failure::{failure, not_found, unsupported};
use chronus_sdk::json::{Value, json};
use chronus_sdk::values::{Attendee, AttendeeAnswer, Connection, Failure, Organiser, Remedy, Role, Rsvp};

/// The addresses of Google's rooms.
const RESOURCE: &str = "@resource.calendar.google.com";

/// Whether this is the address of the connection's owner, as far as the connection tells.
pub(crate) fn is_own(connection: &Connection, address: &str) -> bool {
    let own = connection.subject.iter().chain(&connection.address);
    own.into_iter().any(|own| own.eq_ignore_ascii_case(address))
}

/// The attendees of an event.
pub(crate) fn attendees(item: &Value, connection: &Connection) -> Vec<Attendee> {
    raw(item).iter().filter_map(|one| attendee(one, connection)).collect()
}

/// The attendees as Google wrote them.
pub(crate) fn raw(item: &Value) -> &[Value] {
    item["attendees"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The position of the connection's owner among the attendees: by Google's mark, or by their address.
pub(crate) fn own_place(item: &Value, connection: &Connection) -> Option<usize> {
    let marked = raw(item).iter().position(|one| one["self"] == true);
    marked.or_else(|| raw(item).iter().position(|one| is_own(connection, address(one))))
}

/// The answer of the connection's owner, if they are an attendee.
pub(crate) fn own_answer(item: &Value, connection: &Connection) -> Option<Rsvp> {
    own_place(item, connection).and_then(|place| raw(item).get(place)).map(answer)
}

/// The organiser of an event.
pub(crate) fn organiser(item: &Value, connection: &Connection) -> Option<Organiser> {
    let organiser = &item["organizer"];
    let address = organiser["email"].as_str()?.to_owned();
    Some(Organiser {
        is_self: organiser["self"] == true || is_own(connection, &address),
        name: name(organiser),
        address,
    })
}

fn address(one: &Value) -> &str {
    one["email"].as_str().unwrap_or_default()
}

fn name(one: &Value) -> Option<String> {
    one["displayName"].as_str().filter(|name| !name.is_empty()).map(str::to_owned)
}

fn attendee(one: &Value, connection: &Connection) -> Option<Attendee> {
    let address = Some(address(one)).filter(|address| !address.is_empty())?;
    Some(Attendee {
        address: address.to_owned(),
        name: name(one),
        role: role(one),
        rsvp: answer(one),
        is_self: one["self"] == true || is_own(connection, address),
        // Google keeps neither the time of an answer nor, in its API, the time that an attendee proposed.
        responded: None,
        comment: one["comment"].as_str().filter(|comment| !comment.is_empty()).map(str::to_owned),
        proposed: None,
    })
}

fn role(one: &Value) -> Role {
    if one["resource"] == true {
        Role::NonParticipant
    } else if one["optional"] == true {
        Role::Optional
    } else {
        Role::Required
    }
}

fn answer(one: &Value) -> Rsvp {
    match one["responseStatus"].as_str() {
        Some("accepted") => Rsvp::Accepted,
        Some("declined") => Rsvp::Declined,
        Some("tentative") => Rsvp::Tentative,
        _ => Rsvp::NeedsAction,
    }
}

/// Google's word for an answer.
pub(crate) fn response_status(rsvp: Rsvp) -> &'static str {
    match rsvp {
        Rsvp::NeedsAction => "needsAction",
        Rsvp::Accepted => "accepted",
        Rsvp::Tentative => "tentative",
        Rsvp::Declined => "declined",
    }
}

/// The attendees of a new event.
///
/// # Errors
/// `unsupported`, if Google has no word for a role.
pub(crate) fn write(list: &[Attendee]) -> Result<Vec<Value>, Failure> {
    list.iter().map(new).collect()
}

fn new(one: &Attendee) -> Result<Value, Failure> {
    let mut written = json!({ "email": one.address.trim(), "responseStatus": response_status(one.rsvp) });
    if let Some(name) = &one.name {
        written["displayName"] = name.as_str().into();
    }
    match one.role {
        Role::Required => {}
        Role::Optional => written["optional"] = true.into(),
        Role::NonParticipant if one.address.trim().to_ascii_lowercase().ends_with(RESOURCE) => {
            written["resource"] = true.into();
        }
        Role::Chair | Role::NonParticipant => {
            return Err(unsupported("Google has required and optional attendees and rooms, and no other roles"));
        }
    }
    Ok(written)
}

/// The new list of an event's attendees; `None` if it equals the present one.
///
/// The entries of the owner and of the organiser stay if the wanted list omits them: the contract's list holds invited people,
/// and Google's pages add the organiser with an answer of their own.
///
/// # Errors
/// `unsupported`, if Google has no word for a role; `not-permitted`, if Google does not show all attendees, because writing
/// the list would remove the others.
pub(crate) fn rewrite(
    item: &Value,
    wanted: &[Attendee],
    connection: &Connection,
) -> Result<Option<Vec<Value>>, Failure> {
    let names = |one: &Value| wanted.iter().any(|other| other.address.trim().eq_ignore_ascii_case(address(one)));
    let is_owner = |one: &Value| one["self"] == true || one["organizer"] == true || is_own(connection, address(one));
    let mut list: Vec<Value> = raw(item).iter().filter(|one| names(one) || is_owner(one)).cloned().collect();
    let mut changed = list.len() != raw(item).len();
    for one in wanted {
        match list.iter_mut().find(|known| address(known).eq_ignore_ascii_case(one.address.trim())) {
            Some(known) => changed |= revise(known, one)?,
            None => {
                list.push(new(one)?);
                changed = true;
            }
        }
    }
    if changed && item["attendeesOmitted"] == true {
        return Err(incomplete());
    }
    Ok(changed.then_some(list))
}

/// The list with other answers; `None` if neither the list nor an answer changes. `list` is the changed list, if it changes.
///
/// # Errors
/// `not-found`, if somebody with an answer is not an attendee; `not-permitted`, if Google does not show all attendees.
pub(crate) fn answer_for(
    item: &Value,
    list: Option<Vec<Value>>,
    answers: &[AttendeeAnswer],
) -> Result<Option<Vec<Value>>, Failure> {
    let mut changed = list.is_some();
    let mut list = list.unwrap_or_else(|| raw(item).to_vec());
    for AttendeeAnswer { address: wanted, rsvp } in answers {
        let known = list.iter_mut().find(|known| address(known).eq_ignore_ascii_case(wanted.trim()));
        let known = known.ok_or_else(|| not_found("an answer is of somebody who is not an attendee"))?;
        if answer(known) != *rsvp {
            known["responseStatus"] = response_status(*rsvp).into();
            changed = true;
        }
    }
    if changed && item["attendeesOmitted"] == true {
        return Err(incomplete());
    }
    Ok(changed.then_some(list))
}

fn incomplete() -> Failure {
    failure(Remedy::NotPermitted, "", "Google does not show all attendees, and a change would remove the others")
}

/// Sets the wanted name and role of an attendee who stays.
fn revise(known: &mut Value, wanted: &Attendee) -> Result<bool, Failure> {
    let mut changed = false;
    if wanted.name.is_some() && name(known) != wanted.name {
        known["displayName"] = wanted.name.clone().into();
        changed = true;
    }
    if role(known) != wanted.role {
        // An error if Google has no word for the role.
        let written = new(wanted)?;
        known["optional"] = (written["optional"] == true).into();
        changed = true;
    }
    Ok(changed)
}

/// Whether a list holds these people in these roles. Answers do not count, and the calendar's owner may be there as well.
pub(crate) fn is_same(wanted: &[Attendee], present: &[Attendee]) -> bool {
    let same = |one: &Attendee, other: &Attendee| {
        one.role == other.role && one.address.trim().eq_ignore_ascii_case(other.address.trim())
    };
    let has = |list: &[Attendee], one: &Attendee| list.iter().any(|other| same(one, other));
    wanted.iter().all(|one| has(present, one)) && present.iter().all(|one| one.is_self || has(wanted, one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection {
            sign_in: "google".into(),
            server: None,
            subject: None,
            address: Some("Ann@example.com".into()),
            zone: "UTC".into(),
            fields: vec![],
            memo: None,
        }
    }

    use chronus_sdk::testing::attendee as guest;

    fn present() -> Value {
        json!({ "attendees": [
            { "email": "ann@example.com", "self": true, "organizer": true, "responseStatus": "accepted" },
            { "email": "bo@example.com", "responseStatus": "tentative", "comment": "late", "additionalGuests": 2,
              "somethingNew": [1] },
            { "email": "room@resource.calendar.google.com", "resource": true, "responseStatus": "accepted" },
        ] })
    }

    #[test]
    fn everybody_who_stays_is_as_they_were() {
        let (item, own) = (present(), connection());
        let room = Attendee { role: Role::NonParticipant, ..guest("Room@resource.calendar.google.com") };
        let wanted = [guest("BO@example.com"), room.clone(), guest("cy@example.com")];
        let list = rewrite(&item, &wanted, &own).expect("a list").expect("a change");
        assert_eq!(list.len(), 4);
        assert_eq!(list[..3], raw(&item)[..]);
        assert_eq!(list[3], json!({ "email": "cy@example.com", "responseStatus": "needsAction" }));
        let same = [Attendee { rsvp: Rsvp::Declined, ..guest("bo@example.com") }, room];
        assert_eq!(rewrite(&item, &same, &own), Ok(None));
    }

    #[test]
    fn who_is_not_named_goes_but_for_the_owner() {
        let list = rewrite(&present(), &[], &connection()).expect("a list").expect("a change");
        assert_eq!(list, [present()["attendees"][0].clone()]);
    }

    #[test]
    fn a_list_of_which_a_part_is_shown_is_not_written() {
        let mut item = present();
        item["attendeesOmitted"] = true.into();
        let refused = rewrite(&item, &[guest("cy@example.com")], &connection()).expect_err("refused");
        assert_eq!(refused.remedy, Remedy::NotPermitted);
    }

    #[test]
    fn a_role_changes_alone() {
        let room = Attendee { role: Role::NonParticipant, ..guest("room@resource.calendar.google.com") };
        let optional = Attendee { role: Role::Optional, ..guest("bo@example.com") };
        let list = rewrite(&present(), &[optional, room], &connection()).expect("a list").expect("a change");
        let mut expected = present()["attendees"][1].clone();
        expected["optional"] = true.into();
        assert_eq!(list[1], expected);
    }

    #[test]
    fn what_google_cannot_say_is_refused() {
        for role in [Role::Chair, Role::NonParticipant] {
            let one = Attendee { role, ..guest("bo@example.com") };
            let remedy = write(std::slice::from_ref(&one)).expect_err("no such role").remedy;
            assert_eq!(remedy, Remedy::Unsupported);
            assert!(rewrite(&present(), &[one], &connection()).is_err());
        }
    }

    #[test]
    fn the_owner_is_found_by_googles_mark_or_by_address() {
        let own = connection();
        assert_eq!(own_answer(&present(), &own), Some(Rsvp::Accepted));
        let by_address =
            json!({ "attendees": [{ "email": "b@x" }, { "email": "ANN@EXAMPLE.COM", "responseStatus": "declined" }] });
        assert_eq!(own_answer(&by_address, &own), Some(Rsvp::Declined));
        assert_eq!(own_answer(&json!({}), &own), None);
    }
}
