//! The account: its address, its calendars, and what may be done with each.
//!
//! The requests depend on the granted scopes. If they open the list of calendars, it is read. If they open events only, there is
//! one calendar, the primary one, with the id that the list would give it: the account's address. If they open free/busy
//! only, that calendar shows busy times and nothing else. Each way sends a request, because the host makes this call to learn
//! whether the access still works.

use chronus_sdk::failure::not_found;
use chronus_sdk::icalendar::Zone;
use chronus_sdk::json::Value;
use chronus_sdk::values::{Abilities, Account, AccountReply, Calendar, CalendarRole, Connection, Failure, Window};

use crate::api::{self, Address};
use crate::busy::free_busy;
use crate::scopes::{self, Rights};

/// The id of the calendar if the account's address is unknown.
const PRIMARY: &str = "primary";

/// The most pages of calendars: more than a person has, and an end if pages lead in a circle.
const MOST_PAGES: usize = 40;

/// An hour in the past: whether free/busy is open does not depend on the window.
const ANY_HOUR: Window = Window { start: 1_577_836_800, end: 1_577_840_400 };

/// `account.open`
pub(crate) fn open(connection: &Connection) -> Result<AccountReply, Failure> {
    let rights = Rights::of(connection);
    let address = address(connection, &rights)?;
    let id = address.clone().unwrap_or_else(|| PRIMARY.to_owned());
    let CalendarList { calendars, zone } = if rights.calendar_list {
        listed(&rights)?
    } else if rights.read_events {
        primary(&id, &rights)?
    } else if rights.free_busy {
        let times = free_busy::ask(std::slice::from_ref(&id), ANY_HOUR).pop();
        times.ok_or_else(|| not_found("no calendar was asked for"))?.map_err(|failure| unseen(failure, &rights))?;
        CalendarList { calendars: vec![calendar(&id, &id, CalendarRole::FreeBusyReader, None)], zone: None }
    } else {
        return Err(scopes::missing(scopes::FREE_BUSY));
    };
    let abilities = abilities(&rights, &calendars);
    let account = Account { address, other_addresses: Vec::new(), zone, calendars, abilities };
    Ok(AccountReply { account, memo: None })
}

/// The account's address: the connection's subject, or Google's answer, or the address that the host knows.
fn address(connection: &Connection, rights: &Rights) -> Result<Option<String>, Failure> {
    if connection.subject.is_some() {
        return Ok(connection.subject.clone());
    }
    if !rights.email {
        return Ok(connection.address.clone());
    }
    let info = api::get(&api::user_info())?;
    let address = info["email"].as_str().filter(|address| address.contains('@'));
    address.map(|address| Some(address.to_owned())).ok_or_else(|| api::nonsense("it has no address"))
}

/// The failure for a person who does not share their free/busy, or does not exist: Google's answer is the same.
fn unseen(failure: Failure, rights: &Rights) -> Failure {
    match &rights.shared {
        Some(_) if failure.service_code.ends_with("notFound") => Failure {
            detail:
                "there is no such account, or it does not share its free/busy with the organisation's shared account"
                    .to_owned(),
            ..failure
        },
        _ => failure,
    }
}

fn abilities(rights: &Rights, calendars: &[Calendar]) -> Abilities {
    let mut abilities = Abilities::READ_BUSY;
    if rights.free_busy && rights.shared.is_none() {
        abilities = abilities | Abilities::READ_BUSY_OF_OTHERS;
    }
    if rights.read_events {
        abilities = abilities | Abilities::REPORT_CHANGES | Abilities::PUSH;
    }
    if calendars.iter().any(|calendar| is_writable(calendar.role)) {
        abilities = abilities
            | Abilities::WRITE
            | Abilities::RECURRING_WRITES
            | Abilities::SENDS_INVITATIONS
            | Abilities::CAN_WITHHOLD_INVITATIONS
            | Abilities::CAN_WITHHOLD_REPLIES
            | Abilities::SETS_ANSWERS;
    }
    abilities
}

/// The calendars of an account, and the time zone of the primary one.
struct CalendarList {
    calendars: Vec<Calendar>,
    zone: Option<String>,
}

/// The primary calendar alone, by a request for one of its events, whose answer also describes the calendar.
fn primary(id: &str, rights: &Rights) -> Result<CalendarList, Failure> {
    let about = api::get(&api::events(id)?.with("maxResults", "1"))?;
    api::list(&about, "items")?;
    let name = about["summary"].as_str().unwrap_or(id);
    let mut calendar = calendar(id, name, role(&about, rights), zone(&about));
    calendar.is_default = is_writable(calendar.role);
    let zone = calendar.zone.clone();
    Ok(CalendarList { calendars: vec![calendar], zone })
}

fn listed(rights: &Rights) -> Result<CalendarList, Failure> {
    let mut calendars: Vec<Calendar> = Vec::new();
    let mut primary: Option<String> = None;
    let mut page: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let address: Address = api::calendar_list().with("maxResults", "250").with_some("pageToken", page.as_deref());
        let answer = api::get(&address)?;
        for one in api::list(&answer, "items")? {
            let id = one["id"].as_str().filter(|id| !id.is_empty());
            let id = id.ok_or_else(|| api::nonsense("a calendar in it has no id"))?;
            if one["deleted"] == true || calendars.iter().any(|known| known.id == id) {
                continue;
            }
            if one["primary"] == true {
                primary = Some(id.to_owned());
            }
            let name = one["summaryOverride"].as_str().or(one["summary"].as_str()).unwrap_or(id);
            calendars.push(calendar(id, name, role(one, rights), zone(one)));
        }
        match answer["nextPageToken"].as_str() {
            None => return Ok(with_default(calendars, primary.as_deref())),
            Some(next) if page.as_deref() == Some(next) => break,
            Some(next) => page = Some(next.to_owned()),
        }
    }
    Err(api::nonsense("its pages have no end"))
}

/// In one order, with one default if any can be written: the primary one, else the first of the person's own, else the
/// first.
fn with_default(mut calendars: Vec<Calendar>, primary: Option<&str>) -> CalendarList {
    calendars.sort_by(|one, other| one.id.cmp(&other.id));
    let rank = |calendar: &Calendar| (Some(calendar.id.as_str()) != primary, calendar.role != CalendarRole::Owner);
    if let Some(chosen) = calendars.iter_mut().filter(|each| is_writable(each.role)).min_by_key(|each| rank(each)) {
        chosen.is_default = true;
    }
    let zone = calendars.iter().find(|each| Some(each.id.as_str()) == primary).and_then(|each| each.zone.clone());
    CalendarList { calendars, zone }
}

fn calendar(id: &str, name: &str, role: CalendarRole, zone: Option<String>) -> Calendar {
    let takes_meetings = is_writable(role);
    Calendar { id: id.to_owned(), name: name.to_owned(), role, is_default: false, takes_meetings, zone }
}

/// The person's role, limited by what this connection may do.
fn role(about: &Value, rights: &Rights) -> CalendarRole {
    match about["accessRole"].as_str() {
        _ if !rights.read_events => CalendarRole::FreeBusyReader,
        Some("owner") if rights.write_events => CalendarRole::Owner,
        Some("writer") if rights.write_events => CalendarRole::Writer,
        Some("freeBusyReader" | "none") => CalendarRole::FreeBusyReader,
        _ => CalendarRole::Reader,
    }
}

fn is_writable(role: CalendarRole) -> bool {
    matches!(role, CalendarRole::Owner | CalendarRole::Writer)
}

fn zone(about: &Value) -> Option<String> {
    about["timeZone"].as_str().and_then(Zone::named)?.name().map(str::to_owned)
}
