//! Sync tokens (RFC 6578), and a test of their reliability.
//!
//! A server must refuse a token that it has forgotten, because only then does the host list everything again and notice
//! deletions. DAViCal, SOGo, Stalwart and OX accept any token, and some return all events; others fail with 500, which would be
//! repeated for ever. Some servers name every event at each look. An ordinary answer shows none of this, so the tokens are
//! tested before the first listing: the present one must return nothing, and one that the server never issued must be refused
//! in a known way. The memo records the result.
//!
//! Rejected: trusting the property `sync-token`; a list of products (versions differ, and proxies hide them).

use chronus_sdk::http::{self, Response, Url};
use chronus_sdk::log;
use chronus_sdk::values::Remedy;

use crate::dav::{self, Ns, Trouble, href, requests};
use crate::session::Session;

/// The attempts of the test with the present token: a person may change something meanwhile, but not each time.
const TRIES: usize = 3;

/// The answer to a token.
pub(super) enum TokenAnswer {
    Answered(TokenChanges),
    /// The token is unknown or forgotten; with the server's code.
    Unknown(String),
}

/// A change of one event.
pub(super) struct EventChange {
    pub(super) name: String,
    pub(super) gone: bool,
}

/// The changes since a token.
pub(super) struct TokenChanges {
    pub(super) events: Vec<EventChange>,
    /// The next token.
    pub(super) token: String,
    /// There are more changes.
    pub(super) cut_short: bool,
}

/// Requests the changes since a token.
pub(super) fn ask(url: &Url, token: &str) -> Result<TokenAnswer, Trouble> {
    let response = http::send(&requests::sync(url, token))?;
    if is_unknown(&response) {
        return Ok(TokenAnswer::Unknown(format!("{} valid-sync-token", response.status)));
    }
    let found = dav::read(&response)?;
    let new = found.sync_token.filter(|new| !new.is_empty());
    let token = new.ok_or_else(|| dav::nonsense(&response, "it has no sync token"))?;
    let mut events = Vec::with_capacity(found.answers.len());
    let mut cut_short = false;
    for answer in found.answers {
        cut_short |= answer.status == Some(507);
        // iCloud lists the collection among its members; it has no event name.
        let name = href::event_id(&answer.url).filter(|_| answer.status != Some(507));
        let gone = matches!(answer.status, Some(404 | 410));
        events.extend(name.map(|name| EventChange { name, gone }));
    }
    Ok(TokenAnswer::Answered(TokenChanges { events, token, cut_short }))
}

/// Whether the token is no longer accepted (RFC 6578 §3.8): 403 by the standard; others use 409, 410, 412 or 400, with
/// or without the precondition's name.
fn is_unknown(response: &Response) -> bool {
    let named = dav::precondition(response).has(Ns::Dav, "valid-sync-token");
    matches!(response.status, 409 | 410 | 412) || named && response.status / 100 == 4
}

/// The token to start from; `None` if the server's tokens are unreliable.
pub(super) fn tried(session: &Session<'_>, url: &Url, token: &str) -> Result<Option<String>, Trouble> {
    let good = match session.learned().tokens {
        Some(good) => good,
        None => {
            let good = try_present(url, token)? && try_unknown(url, token)?;
            if !good {
                log::warn("the server's sync tokens are unreliable; comparing events instead", &[]);
            }
            session.learn(|learned| learned.tokens = Some(good));
            good
        }
    };
    Ok(good.then(|| token.to_owned()))
}

/// Whether the present token returns nothing.
fn try_present(url: &Url, token: &str) -> Result<bool, Trouble> {
    let mut token = token.to_owned();
    for _ in 0..TRIES {
        match ask(url, &token) {
            Ok(TokenAnswer::Answered(answered)) if answered.events.is_empty() => return Ok(true),
            Ok(TokenAnswer::Answered(answered)) => token = answered.token,
            Ok(TokenAnswer::Unknown(_)) => return Ok(false),
            Err(trouble) => return is_no(trouble),
        }
    }
    Ok(false)
}

/// Whether tokens that the server never issued are refused. The first resembles its own; a server that counts changes may take
/// it for a future one and return nothing, and then an arbitrary one decides.
fn try_unknown(url: &Url, token: &str) -> Result<bool, Trouble> {
    for unknown in [resembling(token), "urn:chronus:never-given".to_owned()] {
        match ask(url, &unknown) {
            Ok(TokenAnswer::Unknown(_)) => return Ok(true),
            Ok(TokenAnswer::Answered(answered)) if answered.events.is_empty() => {}
            Ok(TokenAnswer::Answered(_)) => return Ok(false),
            Err(trouble) => return is_no(trouble),
        }
    }
    Ok(false)
}

/// A token of the same form that was never issued: a larger number, or a hash with another last digit.
fn resembling(token: &str) -> String {
    const SHORTEST_HASH: usize = 32;
    let hash = token.bytes().rev().take_while(u8::is_ascii_hexdigit).count() >= SHORTEST_HASH;
    match token.strip_suffix('0') {
        Some(rest) if hash => format!("{rest}1"),
        _ if hash => format!("{}0", token.get(..token.len() - 1).unwrap_or_default()),
        _ => format!("{token}0"),
    }
}

/// Whether a failure says something about tokens. One of a busy server, or about the credential, does not.
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
