//! The account: its calendars, the permissions for each, and the calendar for new meetings.
//!
//! A calendar home also holds task lists, incoming and outgoing invitations, and trash. The result lists collections that have
//! the type of a calendar and hold events, also if they have further types: some servers make the person's main calendar
//! the outbox as well. A calendar without stated permissions counts as the person's own, because servers
//! with permissions state them.

use chronus_sdk::http;
use chronus_sdk::icalendar::{self, Zone, Zones};
use chronus_sdk::log;
use chronus_sdk::values::{self, Abilities, AccountReply, Calendar, CalendarRole, Connection, Failure};

use crate::dav::{self, Answer, Element, Ns, Trouble, requests};
use crate::discovery;
use crate::memo::{self, Account};
use crate::session;

/// `account.open`. It always runs discovery: the host makes this call to learn whether what it knows is still true.
pub(crate) fn open(connection: &Connection) -> Result<AccountReply, Failure> {
    let server = session::server(connection)?;
    let account = discovery::discover(connection, &server)?;
    let listed = list(&account).map_err(|trouble| *trouble.failure)?;
    let writes = listed.iter().any(|calendar| is_writable(calendar.role));
    let mut abilities = Abilities::READ_BUSY | Abilities::REPORT_CHANGES;
    if writes {
        abilities = abilities | Abilities::WRITE | Abilities::RECURRING_WRITES;
        if account.scheduling.sends() && !account.addresses.is_empty() {
            abilities = abilities | Abilities::SENDS_INVITATIONS;
        }
    }
    let zone = listed.iter().filter(|calendar| calendar.is_default).chain(&listed).find_map(|each| each.zone.clone());
    let mut addresses = account.addresses.clone().into_iter();
    let opened = values::Account {
        address: addresses.next(),
        other_addresses: addresses.collect(),
        zone,
        calendars: listed,
        abilities,
    };
    Ok(AccountReply { account: opened, memo: memo::write(&account, &server) })
}

/// The calendars of an account.
pub(crate) fn list(account: &Account) -> Result<Vec<Calendar>, Trouble> {
    let props = [
        "d:resourcetype",
        "d:displayname",
        "c:supported-calendar-component-set",
        "d:current-user-privilege-set",
        "d:owner",
        "c:calendar-timezone",
    ];
    let mut calendars: Vec<Calendar> = Vec::new();
    for home in &account.homes {
        let response = http::follow(&requests::propfind(home, "1", &props))?;
        for answer in dav::read(&response)?.answers {
            let new = !calendars.iter().any(|known| known.id == answer.url.path());
            if new && is_event_calendar(&answer) && answer.url.origin() == home.origin() {
                // Servers list in the order of their disk; sort, so that the order is stable.
                let place = calendars.partition_point(|known| known.id.as_str() < answer.url.path());
                calendars.insert(place, calendar(&answer, account));
            }
        }
    }
    let preferred = preferred(account)?;
    choose_default(&mut calendars, preferred.as_deref());
    Ok(calendars)
}

/// The path of the calendar that the server puts invitations into (RFC 6638 §9.2), if it says so.
fn preferred(account: &Account) -> Result<Option<String>, Trouble> {
    let Some(inbox) = &account.inbox else { return Ok(None) };
    let response = http::follow(&requests::propfind(inbox, "0", &["c:schedule-default-calendar-URL"]))?;
    let answers = match dav::read(&response) {
        Ok(multistatus) => multistatus.answers,
        // Without permission for the inbox, only the preference is lost. A temporary problem must fail the call, or meetings
        // would go to another calendar from now on.
        Err(_) if matches!(response.status, 403..=405) => Vec::new(),
        Err(trouble) => return Err(trouble),
    };
    let named = answers.iter().flat_map(|answer| answer.hrefs(Ns::CalDav, "schedule-default-calendar-URL"));
    Ok(named.map(|url| url.path().to_owned()).next())
}

/// The default calendar, if any is writable: the server's choice, or the person's first own one, or the first.
fn choose_default(calendars: &mut [Calendar], preferred: Option<&str>) {
    let matches = |wanted: &str, id: &str| wanted.trim_end_matches('/') == id.trim_end_matches('/');
    let rank = |calendar: &Calendar| {
        (preferred.is_some_and(|wanted| matches(wanted, &calendar.id)), calendar.role == CalendarRole::Owner)
    };
    // Of equal elements, `min` returns the first.
    let writable = calendars.iter_mut().filter(|each| is_writable(each.role));
    if let Some(chosen) = writable.min_by_key(|calendar| std::cmp::Reverse(rank(calendar))) {
        chosen.is_default = true;
    }
}

fn is_writable(role: CalendarRole) -> bool {
    matches!(role, CalendarRole::Owner | CalendarRole::Writer)
}

fn is_event_calendar(answer: &Answer) -> bool {
    let Some(types) = answer.prop(Ns::Dav, "resourcetype") else { return false };
    // Deleted calendars keep their type in some trash bins. Inboxes and outboxes do not have it, unless they are calendars too.
    let other = types.children.iter().any(|kind| matches!(kind.name.as_str(), "deleted-calendar" | "trash-bin"));
    let events = match answer.prop(Ns::CalDav, "supported-calendar-component-set") {
        // RFC 4791 §5.2.3: without the property, it holds all kinds.
        None => true,
        Some(set) => {
            let mut components = set.all(Ns::CalDav, "comp").filter_map(|comp| comp.attribute("name"));
            components.any(|name| name.eq_ignore_ascii_case("VEVENT"))
        }
    };
    types.child(Ns::CalDav, "calendar").is_some() && !other && events && answer.is_collection()
}

fn calendar(answer: &Answer, account: &Account) -> Calendar {
    let id = answer.url.path().to_owned();
    let segment = id.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let name = match answer.text(Ns::Dav, "displayname") {
        Some(name) => name.to_owned(),
        None => String::from_utf8_lossy(&http::decode(segment)).into_owned(),
    };
    let zone = answer.text(Ns::CalDav, "calendar-timezone").and_then(zone);
    let role = role(answer, account);
    Calendar { name, role, is_default: false, takes_meetings: is_writable(role), zone, id }
}

/// The person's role (RFC 3744 §3, RFC 4791 §6.1.1).
fn role(answer: &Answer, account: &Account) -> CalendarRole {
    let Some(set) = answer.prop(Ns::Dav, "current-user-privilege-set") else { return CalendarRole::Owner };
    let has = |ns: Ns, name: &str| {
        let privileges = set.all(Ns::Dav, "privilege").flat_map(|privilege: &Element| &privilege.children);
        privileges.into_iter().any(|privilege| privilege.is(ns, name))
    };
    let dav = |name| has(Ns::Dav, name);
    if dav("all") || dav("write") || dav("write-content") && dav("bind") {
        let owner = answer.hrefs(Ns::Dav, "owner");
        match owner.first() {
            Some(owner) if owner.path().trim_end_matches('/') != account.principal.path().trim_end_matches('/') => {
                CalendarRole::Writer
            }
            _ => CalendarRole::Owner,
        }
    } else if dav("read") {
        CalendarRole::Reader
    } else if has(Ns::CalDav, "read-free-busy") {
        CalendarRole::FreeBusyReader
    } else {
        CalendarRole::Reader
    }
}

/// The IANA name of the zone that calendar-timezone (RFC 4791 §5.2.2) holds.
fn zone(data: &str) -> Option<String> {
    let (calendar, _) = icalendar::parse(data.as_bytes()).ok()?;
    let tzid = calendar.inner("VTIMEZONE").next()?.text("TZID")?;
    let utc = Zone::iana("UTC")?;
    let found = Zones::new(&calendar, utc).get(&tzid)?.name().map(str::to_owned);
    if found.is_none() {
        log::debug("a calendar is in a zone without an IANA name", &[]);
    }
    found
}
