//! Sync tokens (RFC 6578), and whether they are worth anything.
//!
//! A token that a server has forgotten must be refused, because only then is everything listed anew and what was
//! deleted meanwhile noticed. DAViCal, SOGo, Stalwart and OX answer any token, and some of them with all events; others
//! fail with 500, which would be tried for ever. Some servers name every event at every look, and nothing would ever be
//! in step. None of that shows in an ordinary answer, so before the first listing a server's tokens are tried: the
//! present one must name nothing, and one that the server never gave must be refused in a way that is understood. What
//! came of it is remembered.
//! Rejected: to believe the property `sync-token`, and a list of makes (versions differ, and proxies hide them).

use chronus_sdk::http::{self, Response, Url};
use chronus_sdk::log;
use chronus_sdk::types::Remedy;

use crate::dav::{self, Ns, Trouble, href, requests};
use crate::session::Session;

/// How often the present token is asked for changes: somebody may change something just then, but not each time.
const TRIES: usize = 3;

/// What a server makes of a token.
pub(super) enum Asked {
    Answered(Answered),
    /// It does not know the token, or not any more; with its code.
    Unknown(String),
}

pub(super) struct Answered {
    /// Events by their names, and whether they are gone.
    pub(super) answers: Vec<(String, bool)>,
    /// The token for the next time.
    pub(super) token: String,
    /// There is more to be asked for at once.
    pub(super) cut_short: bool,
}

/// Asks what changed since a token.
pub(super) fn ask(url: &Url, token: &str) -> Result<Asked, Trouble> {
    let response = http::send(&requests::sync(url, token))?;
    if is_unknown(&response) {
        return Ok(Asked::Unknown(format!("{} valid-sync-token", response.status)));
    }
    let found = dav::read(&response)?;
    let new = found.sync_token.filter(|new| !new.is_empty());
    let token = new.ok_or_else(|| dav::nonsense(&response, "it has no sync token"))?;
    let mut answers = Vec::with_capacity(found.answers.len());
    let mut cut_short = false;
    for answer in found.answers {
        cut_short |= answer.status == Some(507);
        // The collection is among its own members on iCloud; it has no name here.
        let name = href::event_id(&answer.url).filter(|_| answer.status != Some(507));
        answers.extend(name.map(|name| (name, matches!(answer.status, Some(404 | 410)))));
    }
    Ok(Asked::Answered(Answered { answers, token, cut_short }))
}

/// Whether the token is no longer accepted (RFC 6578 §3.8): 403 by the standard; others use 409, 410, 412 or 400, with
/// or without the precondition's name.
fn is_unknown(response: &Response) -> bool {
    let named = dav::precondition(response).has(Ns::Dav, "valid-sync-token");
    matches!(response.status, 409 | 410 | 412) || named && response.status / 100 == 4
}

/// The token from which looks may start; none if this server's are not to be relied on.
pub(super) fn tried(session: &Session<'_>, url: &Url, token: &str) -> Result<Option<String>, Trouble> {
    let good = match session.learned().tokens {
        Some(good) => good,
        None => {
            let good = try_present(url, token)? && try_unknown(url, token)?;
            if !good {
                log::warn("the server's sync tokens are no good; its events are compared", &[]);
            }
            session.learn(|learned| learned.tokens = Some(good));
            good
        }
    };
    Ok(good.then(|| token.to_owned()))
}

/// Whether nothing is named when nothing has changed.
fn try_present(url: &Url, token: &str) -> Result<bool, Trouble> {
    let mut token = token.to_owned();
    for _ in 0..TRIES {
        match ask(url, &token) {
            Ok(Asked::Answered(answered)) if answered.answers.is_empty() => return Ok(true),
            Ok(Asked::Answered(answered)) => token = answered.token,
            Ok(Asked::Unknown(_)) => return Ok(false),
            Err(trouble) => return is_no(trouble),
        }
    }
    Ok(false)
}

/// Whether tokens that the server never gave are refused. The first resembles its own. A server that counts changes may
/// take it for one of the future and have nothing to say to it; then one decides that resembles nothing.
fn try_unknown(url: &Url, token: &str) -> Result<bool, Trouble> {
    for unknown in [resembling(token), "urn:chronus:never-given".to_owned()] {
        match ask(url, &unknown) {
            Ok(Asked::Unknown(_)) => return Ok(true),
            Ok(Asked::Answered(answered)) if answered.answers.is_empty() => {}
            Ok(Asked::Answered(_)) => return Ok(false),
            Err(trouble) => return is_no(trouble),
        }
    }
    Ok(false)
}

/// A token of the same form that was never given: a number becomes a larger one, the last digit of a hash another.
fn resembling(token: &str) -> String {
    const SHORTEST_HASH: usize = 32;
    let hash = token.bytes().rev().take_while(u8::is_ascii_hexdigit).count() >= SHORTEST_HASH;
    match token.strip_suffix('0') {
        Some(rest) if hash => format!("{rest}1"),
        _ if hash => format!("{}0", token.get(..token.len() - 1).unwrap_or_default()),
        _ => format!("{token}0"),
    }
}

/// A server that is busy, or does not let us in, says nothing of its tokens.
fn is_no(trouble: Trouble) -> Result<bool, Trouble> {
    let no_status = trouble.failure.service_code.is_empty();
    match trouble.failure.remedy {
        Remedy::SlowDown(_) | Remedy::Reconnect => Err(trouble),
        Remedy::Temporary if no_status => Err(trouble),
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_token_has_the_form_of_a_known_one() {
        let hash = "0123456789abcdef0123456789abcdef0123456";
        for (token, unknown) in [
            ("http://sabre.io/ns/sync/15", "http://sabre.io/ns/sync/150".to_owned()),
            ("data:,1795508541-7", "data:,1795508541-70".to_owned()),
            (&format!("{hash}7"), format!("{hash}0")),
            (&format!("x/{hash}0"), format!("x/{hash}1")),
            ("", "0".to_owned()),
        ] {
            assert_eq!(resembling(token), unknown);
        }
    }
}
