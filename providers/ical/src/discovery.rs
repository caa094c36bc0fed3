//! From a server's name to the collections that hold a person's calendars (RFC 6764, RFC 5397, RFC 4791 §6.2.1).
//!
//! A connection names an origin. The standard's way is `/.well-known/caldav`, then the principal, then its calendar homes.
//! Servers that were set up by hand often lack the first step, so discovery also tries the root and a few common paths. It must
//! distinguish a path that does not exist, a server that is down, and a wrong password. A path without CalDAV leads to the next
//! one; the most informative failure is kept and returned if no path works. Addresses on other hosts are accepted (iCloud has a
//! host for each account); the grant decides whether the host sends requests there.

use chronus_sdk::failure::{failure, invalid};
use chronus_sdk::http::{self, HttpError, Response, Url};
use chronus_sdk::log;
use chronus_sdk::values::{Connection, Failure, Remedy};

use crate::dav::{self, Answer, Element, Ns, Trouble, href, requests};
use crate::fields::field;
use crate::memo::{Account, ServerTraits};
use crate::quirks;
use crate::scheduling::{self, is_icloud};

const WELL_KNOWN: &str = "/.well-known/caldav";

/// Common paths of servers that do not announce theirs: sabre/dav, Nextcloud, SOGo, DAViCal, Zimbra and others.
const CUSTOMARY: [&str; 6] = ["/dav/", "/remote.php/dav/", "/dav.php/", "/SOGo/dav/", "/caldav.php/", "/caldav/"];

/// Finds the account behind a connection.
///
/// # Errors
/// `reconnect` if the server does not accept the credential; `invalid` if there is no CalDAV server; else the failure of the
/// request.
pub(crate) fn discover(connection: &Connection, server: &Url) -> Result<Account, Failure> {
    find(connection, server).map_err(|trouble| match trouble.failure.remedy {
        Remedy::Reconnect => rejected(server, &trouble.failure.service_code),
        _ => *trouble.failure,
    })
}

fn find(connection: &Connection, server: &Url) -> Result<Account, Trouble> {
    let (start, answer) = enter(connection, server)?;
    let principal = answer.hrefs(Ns::Dav, "current-user-principal").into_iter().next();
    log::debug("found the principal", &[("start", &start), ("named", &principal.is_some())]);
    let principal = principal.unwrap_or(start);
    let props = [
        "c:calendar-home-set",
        "c:calendar-user-address-set",
        "c:schedule-inbox-URL",
        "c:schedule-outbox-URL",
        "d:resourcetype",
    ];
    let response = http::follow(&requests::propfind(&principal, "0", &props))?;
    let found = dav::read(&response)?.answers.into_iter().next();
    let found = found.ok_or_else(|| dav::nonsense(&response, "it says nothing of the principal"))?;
    let mut homes = found.hrefs(Ns::CalDav, "calendar-home-set");
    homes.retain_mut(ends_in_slash);
    let Some(first) = homes.first() else {
        return Err(invalid("server", format!("{} has no calendars for this person", server.origin())).into());
    };
    let has_outbox = !found.hrefs(Ns::CalDav, "schedule-outbox-URL").is_empty();
    let abilities = match has_outbox && response.header("dav").is_none() {
        true => options(first)?,
        false => response,
    };
    Ok(Account {
        addresses: addresses(&found),
        scheduling: scheduling::judge(server, &abilities, has_outbox),
        inbox: found.hrefs(Ns::CalDav, "schedule-inbox-URL").into_iter().next(),
        finds_series: quirks::finds_series(server, first, &abilities),
        learned: ServerTraits::default(),
        homes,
        principal,
    })
}

/// The server's abilities, by OPTIONS. A server without OPTIONS has none. If it fails, nothing is known: a guess would make
/// people receive two invitations, or none.
fn options(url: &Url) -> Result<Response, Trouble> {
    let response = http::send(&requests::options(url))?;
    match response.status {
        200..=299 | 405 | 501 => Ok(response),
        _ => Err(dav::unexpected(&response)),
    }
}

/// The first path that answers like a CalDAV server, and the answer.
fn enter(connection: &Connection, server: &Url) -> Result<(Url, Answer), Trouble> {
    let mut telling: Option<Trouble> = None;
    for path in paths(field(connection, "path"), is_icloud(server)) {
        let Some(url) = href::at(server, path) else { continue };
        match try_path(&url) {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => {}
            Err(trouble) if is_final(&trouble, telling.as_ref()) => return Err(trouble),
            Err(trouble) => telling = telling.or(Some(trouble)),
        }
    }
    let nothing = || invalid("server", format!("{} is not a CalDAV server", server.origin())).into();
    Err(telling.unwrap_or_else(nothing))
}

/// The paths to try, in order. A path from the person comes first; iCloud uses the root.
fn paths(given: Option<&str>, icloud: bool) -> impl Iterator<Item = &str> {
    let usual = if icloud { ["/", WELL_KNOWN] } else { [WELL_KNOWN, "/"] };
    let customary = if icloud { &[][..] } else { &CUSTOMARY[..] };
    given.into_iter().chain(usual).chain(customary.iter().copied())
}

/// Whether other paths would fail too: the server is down or busy, or refused the credential twice (some refuse everything on
/// one path only), or the host refused the request twice (a redirect may lead elsewhere).
fn is_final(trouble: &Trouble, before: Option<&Trouble>) -> bool {
    match trouble.failure.remedy {
        Remedy::SlowDown(_) => true,
        Remedy::Temporary => trouble.failure.service_code.is_empty(),
        Remedy::Reconnect | Remedy::Invalid(_) => {
            before.is_some_and(|before| before.failure.remedy == trouble.failure.remedy)
        }
        _ => false,
    }
}

/// Tries one path; `None` if there is no CalDAV.
fn try_path(url: &Url) -> Result<Option<(Url, Answer)>, Trouble> {
    let props = ["d:current-user-principal", "c:calendar-home-set", "d:resourcetype"];
    let response = match http::follow(&requests::propfind(url, "0", &props)) {
        Ok(response) => response,
        // A broken redirect counts as a path without CalDAV.
        Err(HttpError::BadRequest(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if !matters(&response) {
        return Ok(None);
    }
    let reached = Url::parse(&response.url).map_err(|error| dav::nonsense(&response, &error.to_string()))?;
    let answer = dav::read(&response)?.answers.into_iter().next();
    Ok(answer.filter(is_entrance).map(|answer| (reached, answer)))
}

/// Whether an answer is informative. That of a path that does not exist or has no WebDAV is not.
fn matters(response: &Response) -> bool {
    !matches!(response.status, 200..=206 | 300..=399 | 400 | 402 | 404..=407 | 409..=428 | 501)
}

/// Whether the path leads to a principal or is one.
fn is_entrance(answer: &Answer) -> bool {
    !answer.hrefs(Ns::Dav, "current-user-principal").is_empty()
        || !answer.hrefs(Ns::CalDav, "calendar-home-set").is_empty()
}

/// The e-mail addresses of calendar-user-address-set (RFC 6638 §2.4.1), the preferred one first.
fn addresses(answer: &Answer) -> Vec<String> {
    let Some(set) = answer.prop(Ns::CalDav, "calendar-user-address-set") else { return Vec::new() };
    let preferred = |href: &&Element| href.attribute("preferred") == Some("1");
    let hrefs = || set.all(Ns::Dav, "href");
    let mut found: Vec<String> = Vec::new();
    for address in hrefs().filter(preferred).chain(hrefs()).filter_map(mailbox) {
        if !found.iter().any(|known| known.eq_ignore_ascii_case(&address)) {
            found.push(address);
        }
    }
    found
}

fn mailbox(href: &Element) -> Option<String> {
    let text = href.trimmed();
    let (scheme, address) = text.split_at_checked(7)?;
    let address = String::from_utf8(http::decode(address)).ok()?;
    (scheme.eq_ignore_ascii_case("mailto:") && address.contains('@')).then_some(address)
}

/// Adds the slash at the end of a collection's path.
fn ends_in_slash(url: &mut Url) -> bool {
    if url.path().ends_with('/') {
        return true;
    }
    match Url::parse(&format!("{}{}/", url.origin(), url.path())) {
        Ok(with_slash) => {
            *url = with_slash;
            true
        }
        Err(_) => false,
    }
}

/// The failure for a credential that the server does not accept.
fn rejected(server: &Url, code: &str) -> Failure {
    let detail = if is_icloud(server) {
        "iCloud did not accept the Apple Account and password. It wants an app-specific password, which is made at \
         https://account.apple.com under Sign-In and Security; the password of the Apple Account itself does not work, \
         and changing that one ends all app-specific passwords"
            .to_owned()
    } else {
        format!(
            "{} did not accept the user name and password. A server with two-step sign-in wants an app password, which \
             is made in the settings of the account there",
            server.origin()
        )
    };
    failure(Remedy::Reconnect, code, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_that_was_given_comes_first() {
        assert_eq!(paths(Some("/x/"), false).take(3).collect::<Vec<_>>(), ["/x/", WELL_KNOWN, "/"]);
        assert_eq!(paths(None, true).collect::<Vec<_>>(), ["/", WELL_KNOWN]);
    }

    #[test]
    fn a_missing_path_says_nothing_and_a_wrong_password_does() {
        let answer = |status| matters(&Response::new("https://h/", status));
        for says in [207, 401, 403, 429, 500, 503] {
            assert!(answer(says), "{says}");
        }
        for silent in [200, 301, 400, 404, 405, 410, 501] {
            assert!(!answer(silent), "{silent}");
        }
    }
}
