//! What was learned of an account, kept by the host between calls.
//!
//! Finding a calendar takes three to five requests, so their outcome goes into the memo. It is a cache and nothing
//! more: it may be missing, of a later version, or wrong because the account moved to another server, and none of that
//! may change a result. So what cannot be read is as good as none, every address in it is checked like one from
//! outside, and [`session`](crate::session) discovers anew when an address in it no longer answers.

use chronus_sdk::http::Url;
use chronus_sdk::log;
use chronus_sdk::types::{Connection, Memo};
use serde::{Deserialize, Serialize};

use crate::scheduling::Scheduling;

/// The layout of [`Kept`]. Raised when an older memo would be misunderstood.
const FORMAT: u32 = 1;

/// The most bytes that the host keeps.
const MAX_BYTES: usize = 64 << 10;

/// What discovery finds out about an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) principal: Url,
    /// Collections of calendars, each with a slash at its end. Never empty.
    pub(crate) homes: Vec<Url>,
    /// Where invitations arrive, if the server has such a place.
    pub(crate) inbox: Option<Url>,
    /// The e-mail addresses under which the server knows the person, the main one first.
    pub(crate) addresses: Vec<String>,
    pub(crate) scheduling: Scheduling,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    /// The server that the connection names: with another one, the rest means nothing.
    server: String,
    principal: String,
    homes: Vec<String>,
    inbox: Option<String>,
    addresses: Vec<String>,
    scheduling: Scheduling,
}

/// The account that the connection's memo describes, if it is one for this server.
pub(crate) fn read(connection: &Connection, server: &Url) -> Option<Account> {
    let memo = connection.memo.as_ref().filter(|memo| memo.format == FORMAT)?;
    let kept: Kept = serde_json::from_slice(&memo.data).ok().filter(|kept: &Kept| kept.server == server.origin())?;
    let homes: Vec<Url> = kept.homes.iter().map(|home| Url::parse(home)).collect::<Result<_, _>>().ok()?;
    let proper = !homes.is_empty() && homes.iter().all(|home| home.path().ends_with('/'));
    proper.then_some(Account {
        principal: Url::parse(&kept.principal).ok()?,
        homes,
        inbox: kept.inbox.and_then(|inbox| Url::parse(&inbox).ok()),
        addresses: kept.addresses,
        scheduling: kept.scheduling,
    })
}

/// The memo that describes an account; none if it does not fit.
pub(crate) fn write(account: &Account, server: &Url) -> Option<Memo> {
    let kept = Kept {
        server: server.origin(),
        principal: account.principal.to_string(),
        homes: account.homes.iter().map(Url::to_string).collect(),
        inbox: account.inbox.as_ref().map(Url::to_string),
        addresses: account.addresses.clone(),
        scheduling: account.scheduling,
    };
    let data = serde_json::to_vec(&kept).ok()?;
    if data.len() > MAX_BYTES {
        log::warn(
            "what was discovered does not fit into a memo and will be discovered again",
            &[("bytes", &data.len())],
        );
        return None;
    }
    Some(Memo { format: FORMAT, data })
}
