//! The memo: facts about an account that the host keeps between calls.
//!
//! Discovery takes three to five requests, so the memo holds its result. It is a cache: it may be missing, of a later version, or
//! outdated because the account moved to another server, and results must not depend on it. So an unreadable memo counts as
//! none, each address in it is checked like one from outside, and [`session`](crate::session) repeats the discovery when an
//! address no longer answers.

use chronus_sdk::http::Url;
use chronus_sdk::lines::{self, Writer};
use chronus_sdk::log;
use chronus_sdk::values::{Connection, Memo};

use crate::scheduling::Scheduling;

/// The version of the layout. Raised when an older memo would be misread.
const FORMAT: u32 = 2;

/// The most bytes of a memo.
const MAX_BYTES: usize = 64 << 10;

/// The result of discovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) principal: Url,
    /// Collections of calendars, each with a slash at its end. Never empty.
    pub(crate) homes: Vec<Url>,
    /// The collection of incoming invitations, if the server has one.
    pub(crate) inbox: Option<Url>,
    /// The e-mail addresses under which the server knows the person, the main one first.
    pub(crate) addresses: Vec<String>,
    pub(crate) scheduling: Scheduling,
    /// Whether a search for a window finds the series that began before it.
    pub(crate) finds_series: bool,
    pub(crate) learned: ServerTraits,
}

/// Facts about a server's behaviour that calls found out. Without them, calls need more requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerTraits {
    /// The ids of calendars that show free/busy only.
    pub(crate) free_busy_only: Vec<String>,
    /// Whether the server's sync tokens are reliable, if that was tested.
    pub(crate) tokens: Option<bool>,
}

/// The account in the connection's memo, if the memo is for this server.
pub(crate) fn read(connection: &Connection, server: &Url) -> Option<Account> {
    let memo = connection.memo.as_ref().filter(|memo| memo.format == FORMAT)?;
    let (mut known_server, mut principal, mut inbox, mut scheduling) = (None, None, None, None);
    let (mut homes, mut addresses) = (Vec::new(), Vec::new());
    let (mut finds_series, mut learned) = (true, ServerTraits::default());
    for (key, value) in lines::read(&memo.data)? {
        match key {
            SERVER => known_server = Some(value),
            PRINCIPAL => principal = Some(Url::parse(&value).ok()?),
            HOME => homes.push(Url::parse(&value).ok().filter(|home| home.path().ends_with('/'))?),
            INBOX => inbox = Some(Url::parse(&value).ok()?),
            ADDRESS => addresses.push(value),
            SCHEDULING => scheduling = Some(Scheduling::from_name(&value)?),
            MISSES_SERIES => finds_series = false,
            FREE_BUSY_ONLY => learned.free_busy_only.push(value),
            TOKENS => learned.tokens = Some(value == GOOD),
            _ => return None,
        }
    }
    let fits = known_server? == server.origin() && !homes.is_empty();
    let (principal, scheduling) = (principal?, scheduling?);
    fits.then_some(Account { principal, homes, inbox, addresses, scheduling, finds_series, learned })
}

/// The memo of an account; `None` if it is too long.
pub(crate) fn write(account: &Account, server: &Url) -> Option<Memo> {
    let mut out = Writer::default();
    // The rest is valid for this server only.
    out.push(SERVER, &server.origin());
    out.push(PRINCIPAL, &account.principal.to_string());
    account.homes.iter().for_each(|home| out.push(HOME, &home.to_string()));
    account.inbox.iter().for_each(|inbox| out.push(INBOX, &inbox.to_string()));
    account.addresses.iter().for_each(|address| out.push(ADDRESS, address));
    out.push(SCHEDULING, account.scheduling.name());
    if !account.finds_series {
        out.push(MISSES_SERIES, "");
    }
    account.learned.free_busy_only.iter().for_each(|calendar| out.push(FREE_BUSY_ONLY, calendar));
    account.learned.tokens.iter().for_each(|good| out.push(TOKENS, if *good { GOOD } else { "" }));
    let data = out.into_bytes();
    if data.len() > MAX_BYTES {
        log::warn("the result of discovery does not fit into a memo", &[("bytes", &data.len())]);
        return None;
    }
    Some(Memo { format: FORMAT, data })
}

const SERVER: char = 's';
const PRINCIPAL: char = 'p';
const HOME: char = 'h';
const INBOX: char = 'i';
const ADDRESS: char = 'a';
const SCHEDULING: char = 'x';
const MISSES_SERIES: char = 'w';
const FREE_BUSY_ONLY: char = 'f';
const TOKENS: char = 't';

/// The value of [`TOKENS`] that can be relied on.
const GOOD: &str = "good";

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("an address")
    }

    fn account() -> Account {
        Account {
            principal: url("https://p1.example/7/principal/"),
            homes: vec![url("https://p1.example/7/calendars/"), url("https://p1.example/shared/")],
            inbox: Some(url("https://p1.example/7/inbox/")),
            addresses: vec!["ann@example.com".into(), "a@example.org".into()],
            scheduling: Scheduling::Delivers { obeys: false },
            finds_series: true,
            learned: ServerTraits::default(),
        }
    }

    fn connection(memo: Option<Memo>) -> Connection {
        Connection {
            sign_in: "caldav".into(),
            server: None,
            subject: None,
            address: None,
            zone: "UTC".into(),
            fields: vec![],
            memo,
        }
    }

    #[test]
    fn an_account_is_remembered_for_its_server_only() {
        let server = url("https://dav.example");
        let memo = write(&account(), &server);
        assert_eq!(read(&connection(memo.clone()), &server), Some(account()));
        assert_eq!(read(&connection(memo), &url("https://other.example")), None);
        assert_eq!(read(&connection(None), &server), None);
        for tokens in [None, Some(true), Some(false)] {
            let learned = ServerTraits { free_busy_only: vec!["/a/".into(), "/b/".into()], tokens };
            let account = Account { finds_series: tokens.is_none(), learned, ..account() };
            assert_eq!(read(&connection(write(&account, &server)), &server), Some(account));
        }
    }

    #[test]
    fn what_is_not_understood_is_as_good_as_none() {
        let server = url("https://dav.example");
        let memo = write(&account(), &server).expect("it fits");
        let text = String::from_utf8(memo.data.clone()).expect("text");
        let later = Memo { format: FORMAT + 1, ..memo };
        assert_eq!(read(&connection(Some(later)), &server), None);
        for broken in [
            String::new(),
            text.replace("/calendars/", "/calendars"),
            text.replace("https://p1.example/7/inbox/", "nowhere"),
            text.replace('h', "?"),
            text[..text.len() - 1].to_owned(),
            format!("{text}znews\n"),
        ] {
            let memo = Memo { format: FORMAT, data: broken.clone().into_bytes() };
            assert_eq!(read(&connection(Some(memo)), &server), None, "{broken}");
        }
    }

    #[test]
    fn what_does_not_fit_is_not_remembered() {
        let many = (0..10_000).map(|n| format!("{n}@example.com")).collect();
        assert_eq!(write(&Account { addresses: many, ..account() }, &url("https://dav.example")), None);
    }
}
