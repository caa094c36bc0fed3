//! Page tokens and sync tokens of lists.
//!
//! A list is a snapshot: its pages show the state at the request for the first page, and the sync token of the last page
//! refers to the same moment. So a change between two pages is part of the next sync, and none is lost. Tokens are names
//! of values in memory: an unknown token is invalid, an expired one is gone (410), and the two get different responses.

use std::collections::BTreeMap;

use serde_json::Value;

use super::call::Call;
use super::errors::{ApiResult, Refusal};
use super::state::State;

/// The largest page (documented for `events.list`).
pub(super) const LARGEST_PAGE: usize = 2500;
/// The default size of a page.
pub(super) const USUAL_PAGE: usize = 250;

/// Parameters that may differ from page to page, because they do not affect the list.
const ASIDE: [&str; 10] = [
    "maxResults",
    "pageToken",
    "syncToken",
    "fields",
    "alt",
    "prettyPrint",
    "key",
    "quotaUser",
    "userIp",
    "oauth_token",
];

/// All tokens that were issued.
#[derive(Debug, Default)]
pub(super) struct Listings {
    pages: BTreeMap<String, Page>,
    syncs: BTreeMap<String, Sync>,
    /// A limit on pages that a test has set.
    pub(super) largest: Option<usize>,
    /// Whether an empty page comes before each other one.
    pub(super) sparse: bool,
}

/// The caller, the list and the parameters of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) user: String,
    pub(super) what: String,
    parameters: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone)]
struct Page {
    /// The request for the next page must equal this one.
    asked: Question,
    /// The request that determines the list; with a sync token, the request for which the token was issued.
    question: Question,
    rest: Vec<Value>,
    since: u64,
    with_sync: bool,
    /// Whether the empty page before this one was returned.
    padded: bool,
}

/// The meaning of a sync token.
#[derive(Debug, Clone)]
pub(super) struct Sync {
    pub(super) question: Question,
    /// The number of the last change that was returned.
    pub(super) since: u64,
    expired: bool,
}

/// The items of a page and the token for the next request.
#[derive(Debug)]
pub(super) struct ListAnswer {
    pub(super) items: Vec<Value>,
    /// `nextPageToken` or `nextSyncToken`, and its value.
    pub(super) token: Option<(&'static str, String)>,
}

impl Question {
    pub(super) fn of(user: &str, what: &str, call: &Call) -> Self {
        let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in call.query.iter().filter(|(name, _)| !ASIDE.contains(&name.as_str())) {
            parameters.entry(name.clone()).or_default().push(value.clone());
        }
        Self { user: user.to_owned(), what: what.to_owned(), parameters }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name)?.first().map(String::as_str)
    }

    /// Whether the other question, which has a sync token, is this one: it must not repeat the window.
    fn goes_on_with(&self, next: &Self, remembered: &[&str]) -> bool {
        let of = |question: &Self| {
            let mut parameters = question.parameters.clone();
            parameters.retain(|name, _| !remembered.contains(&name.as_str()));
            parameters
        };
        self.user == next.user && self.what == next.what && of(self) == of(next)
    }
}

impl State {
    /// The sync token of a call, if it has one. `remembered` are the parameters that the token replaces.
    pub(super) fn synced(&self, call: &Call, question: &Question, remembered: &[&str]) -> ApiResult<Option<Sync>> {
        let Some(token) = call.parameter("syncToken") else { return Ok(None) };
        let invalid = || Refusal::parameter("syncToken", "Invalid sync token value.");
        let sync = self.listings.syncs.get(token).ok_or_else(invalid)?;
        if sync.question.what != question.what || sync.question.user != question.user {
            return Err(invalid());
        }
        if sync.expired {
            return Err(Refusal::full_sync_required());
        }
        if !sync.question.goes_on_with(question, remembered) {
            let message = "The parameters are not those of the request that gave the sync token.";
            return Err(Refusal::parameter("syncToken", message));
        }
        Ok(Some(sync.clone()))
    }

    /// The page of a call's page token, if it has one.
    pub(super) fn next_page(&mut self, call: &Call, question: &Question) -> ApiResult<Option<ListAnswer>> {
        let Some(token) = call.parameter("pageToken") else { return Ok(None) };
        let page = self.listings.pages.get(token).filter(|page| page.asked == *question).cloned();
        let page = page.ok_or_else(|| Refusal::parameter("pageToken", "Invalid page token value."))?;
        self.page(call, page).map(Some)
    }

    /// The first page of a list; for `asked` and `question` see `Page`. `since` is the number of the last change before
    /// the list; with `with_sync` its last page has a sync token.
    pub(super) fn first_page(
        &mut self,
        call: &Call,
        asked: Question,
        question: Question,
        items: Vec<Value>,
        since: u64,
        with_sync: bool,
    ) -> ApiResult<ListAnswer> {
        self.page(call, Page { asked, question, rest: items, since, with_sync, padded: false })
    }

    fn page(&mut self, call: &Call, mut page: Page) -> ApiResult<ListAnswer> {
        let size = call.count("maxResults")?.unwrap_or(USUAL_PAGE).min(LARGEST_PAGE);
        let size = self.listings.largest.map_or(size, |largest| size.min(largest));
        let size = if self.listings.sparse && !page.padded { 0 } else { size };
        page.padded = !page.padded;
        let rest = page.rest.split_off(size.min(page.rest.len()));
        let items = std::mem::replace(&mut page.rest, rest);
        let token = if !page.rest.is_empty() || size == 0 {
            let token = self.fresh("page");
            self.listings.pages.insert(token.clone(), page);
            Some(("nextPageToken", token))
        } else if page.with_sync {
            let token = self.fresh("sync");
            let sync = Sync { question: page.question, since: page.since, expired: false };
            self.listings.syncs.insert(token.clone(), sync);
            Some(("nextSyncToken", token))
        } else {
            None
        };
        Ok(ListAnswer { items, token })
    }
}

impl Listings {
    /// Ends all sync tokens of a list.
    pub(super) fn expire(&mut self, meant: impl Fn(&Question) -> bool) {
        for sync in self.syncs.values_mut().filter(|sync| meant(&sync.question)) {
            sync.expired = true;
        }
    }
}
