//! Grants: consents, codes, and the two kinds of tokens.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::authorize::Request;
use super::{Client, ServiceAccount};
use crate::google::state::State;

/// How long an access token lives, in seconds: what Google says of a fresh one.
pub(super) const LIFE: i64 = 3599;

/// How long a code lives (RFC 6749 §4.1.2 recommends ten minutes at most).
const CODE_LIFE: SignedDuration = SignedDuration::from_mins(10);

/// The most refresh tokens of one person and one application; the oldest goes without a word (documented).
const MOST_REFRESH_TOKENS: usize = 100;

/// Everything that was granted, and which accounts may grant.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    pub(crate) clients: BTreeMap<String, Client>,
    /// By address.
    pub(crate) service_accounts: BTreeMap<String, ServiceAccount>,
    /// Pages of consent that were shown, by their names.
    pub(super) asked: BTreeMap<String, Request>,
    pub(super) codes: BTreeMap<String, Code>,
    access: BTreeMap<String, Access>,
    refresh: BTreeMap<String, Refresh>,
    /// What people have ever consented to, by address and application.
    pub(super) consents: BTreeMap<(String, String), BTreeSet<String>>,
    /// How often each grant type was used at the token endpoint.
    pub(crate) counts: BTreeMap<String, u64>,
    /// Every code and token that was ever given.
    pub(crate) given: Vec<String>,
}

/// What an access token opens.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    /// The address.
    pub(crate) user: String,
    pub(crate) client: String,
    /// In full.
    pub(crate) scopes: BTreeSet<String>,
    expires: Timestamp,
    /// The number of the grant that it is of.
    grant: u64,
}

/// What a refresh token is for.
#[derive(Debug, Clone)]
pub(super) struct Refresh {
    pub(super) user: String,
    pub(super) client: String,
    pub(super) scopes: BTreeSet<String>,
    pub(super) grant: u64,
    /// It rises.
    number: u64,
}

/// What an authorization code stands for.
#[derive(Debug, Clone)]
pub(super) struct Code {
    pub(super) user: String,
    pub(super) client: String,
    pub(super) redirect: String,
    /// The code challenge (RFC 7636), S256.
    pub(super) challenge: String,
    pub(super) scopes: BTreeSet<String>,
    /// Whether it gives a refresh token.
    pub(super) lasting: bool,
    expires: Timestamp,
    /// The grant that it has given already.
    pub(super) used: Option<u64>,
}

impl Code {
    pub(super) fn is_alive(&self, now: Timestamp) -> bool {
        self.expires > now
    }
}

impl Registry {
    /// What a token opens, if it was given and has not ended.
    pub(crate) fn access(&self, token: &str, now: Timestamp) -> Option<&Access> {
        self.access.get(token).filter(|access| access.expires > now)
    }

    pub(super) fn refresh(&self, token: &str) -> Option<&Refresh> {
        self.refresh.get(token)
    }

    /// Takes a refresh token away which another has replaced.
    pub(super) fn replace(&mut self, token: &str) {
        self.refresh.remove(token);
    }

    /// Ends all tokens of a grant.
    pub(super) fn end(&mut self, grant: u64) {
        self.access.retain(|_, access| access.grant != grant);
        self.refresh.retain(|_, refresh| refresh.grant != grant);
    }

    /// Ends whatever a person has granted to an application, by one of its tokens; says whether there was such a token.
    pub(super) fn revoke(&mut self, token: &str) -> bool {
        let access = self.access.get(token).map(|access| (access.user.clone(), access.client.clone()));
        let refresh = || self.refresh.get(token).map(|refresh| (refresh.user.clone(), refresh.client.clone()));
        let Some((user, client)) = access.or_else(refresh) else { return false };
        self.forget(&user, Some(&client));
        true
    }

    /// Ends whatever a person has granted, to an application or to all.
    pub(crate) fn forget(&mut self, user: &str, client: Option<&str>) {
        let meant = |of: &str, to: &str| of == user && client.is_none_or(|client| client == to);
        self.access.retain(|_, access| !meant(&access.user, &access.client));
        self.refresh.retain(|_, refresh| !meant(&refresh.user, &refresh.client));
        self.consents.retain(|(of, to), _| !meant(of, to));
        self.codes.retain(|_, code| !meant(&code.user, &code.client));
    }

    /// Takes a scope from whatever a person has granted.
    pub(crate) fn withdraw(&mut self, user: &str, scope: &str) {
        let access = self.access.values_mut().filter(|access| access.user == user).map(|access| &mut access.scopes);
        let refresh = self.refresh.values_mut().filter(|refresh| refresh.user == user).map(|it| &mut it.scopes);
        let consents = self.consents.iter_mut().filter(|((of, _), _)| of == user).map(|(_, scopes)| scopes);
        for scopes in access.chain(refresh).chain(consents) {
            scopes.remove(scope);
        }
    }

    /// How many of a person's consents give access for good.
    pub(crate) fn lasting(&self, user: &str) -> usize {
        let grants: BTreeSet<_> = self.refresh.values().filter(|it| it.user == user).map(|it| it.grant).collect();
        grants.len()
    }

    /// Lets all access tokens of a person end now.
    pub(crate) fn expire(&mut self, user: &str, now: Timestamp) {
        for access in self.access.values_mut().filter(|access| access.user == user) {
            access.expires = now;
        }
    }
}

impl State {
    /// Gives an access token of a grant.
    pub(crate) fn issue(&mut self, user: &str, client: &str, scopes: BTreeSet<String>, grant: u64) -> String {
        let token = format!("ya29.a0{}", self.fresh("access token"));
        let expires = self.now().checked_add(SignedDuration::from_secs(LIFE)).unwrap_or(Timestamp::MAX);
        let access = Access { user: user.to_owned(), client: client.to_owned(), scopes, expires, grant };
        self.oauth.access.insert(token.clone(), access);
        self.oauth.given.push(token.clone());
        token
    }

    /// Gives a refresh token of a grant.
    pub(crate) fn issue_refresh(&mut self, user: &str, client: &str, scopes: BTreeSet<String>, grant: u64) -> String {
        let token = format!("1//0{}", self.fresh("refresh token"));
        let number = self.next();
        self.oauth.given.push(token.clone());
        let refresh = Refresh { user: user.to_owned(), client: client.to_owned(), scopes, grant, number };
        let tokens = &mut self.oauth.refresh;
        tokens.insert(token.clone(), refresh);
        let same = tokens.iter().filter(|(_, refresh)| refresh.user == user && refresh.client == client);
        let mut numbers: Vec<_> = same.map(|(_, refresh)| refresh.number).collect();
        numbers.sort_unstable();
        if let Some(oldest) = numbers.len().checked_sub(MOST_REFRESH_TOKENS).and_then(|kept| numbers.get(kept)) {
            tokens.retain(|_, refresh| refresh.user != user || refresh.client != client || refresh.number >= *oldest);
        }
        token
    }

    /// Gives a code for what a person has granted.
    pub(super) fn issue_code(
        &mut self,
        request: &Request,
        user: &str,
        scopes: BTreeSet<String>,
        lasting: bool,
    ) -> String {
        let code = format!("4/0{}", self.fresh("code"));
        let given = Code {
            user: user.to_owned(),
            client: request.client.clone(),
            redirect: request.redirect.clone(),
            challenge: request.challenge.clone(),
            scopes,
            lasting,
            expires: self.now().checked_add(CODE_LIFE).unwrap_or(Timestamp::MAX),
            used: None,
        };
        self.oauth.codes.insert(code.clone(), given);
        self.oauth.given.push(code.clone());
        code
    }
}
