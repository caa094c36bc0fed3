//! The running service, and the functions by which a test controls it without the API.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard};

use anyhow::Context;
use axum::Router;
use axum::extract::{Request, State as Shared};
use chronus_host::clock::Clock;
use http::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::discovery::Discovery;
use super::faults::Fault;
use super::mails::Mail;
use super::methods::SCOPE_PREFIX;
use super::oauth::{Client, ServiceAccount, new_key};
use super::records::RecordedCall;
use super::server::Service;
use super::state::{Calendar, Domain, Role, State, User};

/// How strictly the service checks requests and its own responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// Every request and every response must match Google's discovery document, which is installed if necessary. A mismatch
    /// is refused, recorded, and a panic when the service is dropped.
    Documented,
    /// Without the discovery document. For the demo, which does not install it.
    Alone,
}

/// The application of tokens that a test issued.
const ISSUED: &str = "issued-by-the-test";

/// A running stand-in. It ends when this is dropped.
#[derive(Debug)]
pub struct Google {
    origin: String,
    service: Arc<Service>,
    server: JoinHandle<()>,
}

impl Google {
    /// Starts a service without accounts, at a port that the system chooses.
    pub async fn start(clock: Clock, strictness: Strictness) -> anyhow::Result<Self> {
        let discovery = match strictness {
            Strictness::Documented => Some(Discovery::installed().await?),
            Strictness::Alone => None,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.context("binding a port for Google's stand-in")?;
        let origin = format!("http://{}", listener.local_addr()?);
        let mut state = State::new(clock);
        state.channels.start()?;
        let service = Arc::new(Service::new(state, discovery));
        let routes = Router::new().fallback(handle).with_state(Arc::clone(&service));
        let server = tokio::spawn(async move {
            // It ends with the listener, which ends with the task.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { origin, service, server })
    }

    /// `http://127.0.0.1:` and its port: where `https://www.googleapis.com`, `https://accounts.google.com` and
    /// `https://oauth2.googleapis.com` are to lead.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Google's origins, each with the origin of this service: the value of `egress.map`.
    pub fn map(&self) -> Vec<(String, String)> {
        let names = ["www.googleapis.com", "accounts.google.com", "oauth2.googleapis.com"];
        names.map(|name| (format!("https://{name}"), self.origin.clone())).into()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.service.state()
    }

    /// Creates an account with a calendar, whose id is the address.
    pub fn add_user(&self, address: &str, name: &str, zone: &str) {
        let state = &mut *self.state();
        let number = state.next();
        let user = User {
            id: format!("1{number:020}"),
            name: name.to_owned(),
            zone: zone.to_owned(),
            list: BTreeMap::from([(address.to_owned(), number)]),
        };
        state.users.insert(address.to_owned(), user);
        let calendar = Calendar {
            id: address.to_owned(),
            name: address.to_owned(),
            zone: zone.to_owned(),
            owner: address.to_owned(),
            access: BTreeMap::new(),
            events: BTreeMap::new(),
        };
        state.calendars.insert(address.to_owned(), calendar);
    }

    /// Creates another calendar for a person. Returns its id.
    pub fn add_calendar(&self, owner: &str, name: &str, zone: &str) -> String {
        let state = &mut *self.state();
        let id = format!("c_{}@group.calendar.google.com", state.fresh("calendar").to_lowercase());
        let number = state.next();
        if let Some(user) = state.users.get_mut(owner) {
            user.list.insert(id.clone(), number);
        }
        let calendar = Calendar {
            id: id.clone(),
            name: name.to_owned(),
            zone: zone.to_owned(),
            owner: owner.to_owned(),
            access: BTreeMap::new(),
            events: BTreeMap::new(),
        };
        state.calendars.insert(id.clone(), calendar);
        id
    }

    /// Shares a calendar with a person, in whose list it then is. Without a role, ends the sharing. The owner can be limited
    /// to a role; without a role, they own the calendar again.
    pub fn share(&self, calendar: &str, with: &str, role: Option<Role>) {
        let state = &mut *self.state();
        let number = state.next();
        if let Some(calendar) = state.calendars.get_mut(calendar) {
            match role {
                Some(role) => calendar.access.insert(with.to_owned(), role),
                None => calendar.access.remove(with),
            };
        }
        if let Some(user) = state.users.get_mut(with) {
            user.list.insert(calendar.to_owned(), number);
        }
    }

    /// Makes a domain part of an organisation, whose members see each other's free/busy times.
    pub fn add_domain(&self, domain: &str) {
        self.state().domains.entry(domain.to_owned()).or_default().shares_busy = true;
    }

    /// Whether the administrator of a domain forbids its people to use applications of others; it then is a domain of an
    /// organisation, as by [`Google::add_domain`].
    pub fn block_apps(&self, domain: &str, blocks: bool) {
        let shares = Domain { shares_busy: true, ..Domain::default() };
        self.state().domains.entry(domain.to_owned()).or_insert(shares).blocks_apps = blocks;
    }

    /// Issues an access token without consent. Scopes may leave out their common prefix.
    pub fn issue(&self, user: &str, scopes: &[&str]) -> String {
        let state = &mut *self.state();
        let grant = state.next();
        state.issue(user, ISSUED, in_full(scopes), grant)
    }

    /// Issues a refresh token without consent.
    pub fn issue_refresh(&self, user: &str, client: &str, scopes: &[&str]) -> String {
        let state = &mut *self.state();
        let grant = state.next();
        state.issue_refresh(user, client, in_full(scopes), grant)
    }

    /// Creates an application with the client id `id`; people see its `name`.
    pub fn add_client(&self, id: &str, secret: &str, name: &str, redirects: &[&str]) {
        let client = Client {
            name: name.to_owned(),
            secret: secret.to_owned(),
            redirects: redirects.iter().map(|redirect| (*redirect).to_owned()).collect(),
            rotates: false,
        };
        self.state().oauth.clients.insert(id.to_owned(), client);
    }

    /// Whether each refresh issues a new refresh token and revokes the previous one.
    pub fn rotate_refresh_tokens(&self, client: &str, rotates: bool) {
        if let Some(client) = self.state().oauth.clients.get_mut(client) {
            client.rotates = rotates;
        }
    }

    /// Creates a service account with a calendar. Returns its key in the form of Google's key files.
    pub fn add_service_account(&self, address: &str) -> anyhow::Result<Value> {
        let (key, pem) = new_key()?;
        self.add_user(address, address, "UTC");
        let state = &mut *self.state();
        let client = format!("1{:020}", state.next());
        let key_id = state.fresh("key").to_lowercase();
        let account = ServiceAccount { client: client.clone(), key, delegated: BTreeMap::new() };
        state.oauth.service_accounts.insert(address.to_owned(), account);
        Ok(json!({
            "type": "service_account",
            "project_id": "sandbox",
            "private_key_id": key_id,
            "private_key": pem,
            "client_email": address,
            "client_id": client,
            "auth_uri": "https://accounts.google.com/o/oauth2/v2/auth",
            "token_uri": "https://oauth2.googleapis.com/token",
            "universe_domain": "googleapis.com",
        }))
    }

    /// Delegates exactly these scopes for all people of a domain to a service account, as its administrator does.
    pub fn delegate(&self, service_account: &str, domain: &str, scopes: &[&str]) {
        if let Some(account) = self.state().oauth.service_accounts.get_mut(service_account) {
            account.delegated.insert(domain.to_owned(), in_full(scopes));
        }
    }

    /// Expires all access tokens of a person; refresh tokens stay valid.
    pub fn expire_access_tokens(&self, user: &str) {
        let state = &mut *self.state();
        let now = state.now();
        state.oauth.expire(user, now);
    }

    /// Revokes the access of all applications, as people can on a page of Google.
    pub fn revoke_everything(&self, user: &str) {
        self.state().oauth.forget(user, None);
    }

    /// Removes a scope from a person's consents: existing tokens lose its access, and refreshing issues tokens without it.
    pub fn withdraw(&self, user: &str, scope: &str) {
        for scope in in_full(&[scope]) {
            self.state().oauth.withdraw(user, &scope);
        }
    }

    /// The number of a person's consents with a refresh token; several refresh tokens of one consent count once.
    pub fn lasting_consents(&self, user: &str) -> usize {
        self.state().oauth.lasting(user)
    }

    /// Every code and token that was ever issued, none of which may be stored or logged in clear.
    pub fn secrets(&self) -> Vec<String> {
        self.state().oauth.given.clone()
    }

    /// The number of requests to the token endpoint with this grant type (`refresh_token`).
    pub fn token_requests(&self, grant_type: &str) -> u64 {
        self.state().oauth.counts.get(grant_type).copied().unwrap_or(0)
    }

    /// Ends all sync tokens for a calendar's events.
    pub fn expire_sync_tokens(&self, calendar: &str) {
        let what = format!("events of {calendar}");
        self.state().listings.expire(|question| question.what == what);
    }

    /// Limits the items of a page; with `sparse`, an empty page comes before each other page.
    pub fn set_pages(&self, largest: Option<usize>, sparse: bool) {
        let listings = &mut self.state().listings;
        listings.largest = largest;
        listings.sparse = sparse;
    }

    /// The next `count` requests of this method (any, if none) and path prefix meet this fault.
    pub fn fail_next(&self, count: u32, method: Option<Method>, path: &str, fault: Fault) {
        self.state().faults.plan(count, method, path, fault);
    }

    /// Makes the free/busy times of one calendar fail with this reason (`internalError`) inside a successful response.
    pub fn break_calendar(&self, calendar: &str, reason: &str) {
        self.state().faults.break_calendar(calendar, reason);
    }

    /// Removes all planned faults.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Whether channels stay silent when something changes.
    pub fn silence(&self, silent: bool) {
        self.state().channels.silent = silent;
    }

    /// The ids of the channels that are alive.
    pub fn channels(&self) -> Vec<String> {
        let state = self.state();
        state.channels.alive(state.now())
    }

    /// Waits until all notifications that are due were sent, and answered or dropped.
    pub async fn settle(&self) {
        let settled = self.state().channels.settled();
        // The task that responds ends with the service.
        let _ = settled.await;
    }

    /// The mails that were sent so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.state().mails.clone()
    }

    /// The mails since the last call of this function.
    pub fn take_mails(&self) -> Vec<Mail> {
        std::mem::take(&mut self.state().mails)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<RecordedCall> {
        self.state().recorded.clone()
    }

    /// The requests since the last call of this function.
    pub fn take_requests(&self) -> Vec<RecordedCall> {
        std::mem::take(&mut self.state().recorded)
    }

    /// The stored event of a calendar, without regard to permissions, even if it is cancelled.
    pub fn event(&self, calendar: &str, id: &str) -> Option<Value> {
        let state = self.state();
        super::events::find(state.calendars.get(calendar)?, id).map(|stored| Value::Object(stored.body))
    }

    /// All events of a calendar that are not cancelled, series unexpanded, in the order of their ids.
    pub fn events(&self, calendar: &str) -> Vec<Value> {
        let state = self.state();
        let stored = state.calendars.get(calendar).map(|calendar| calendar.events.values()).into_iter().flatten();
        stored.filter(|stored| !stored.is_cancelled()).map(|stored| Value::Object(stored.body.clone())).collect()
    }

    /// Receives an invitation by mail from an organiser without an account here, or a new version of it, or a cancellation
    /// (`status: cancelled`). `event` has the form of the API, with `iCalUID` and `attendees`. Returns the id.
    pub fn receive(&self, organizer: &str, event: &Value) -> anyhow::Result<String> {
        let event = event.as_object().context("an event is an object")?;
        let received = super::events::insert::received(&mut self.state(), organizer, event);
        received.map_err(|refusal| anyhow::anyhow!("it cannot be received: {refusal:?}"))
    }

    /// The mismatches with Google's document so far.
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// Returns the mismatches and clears them, for a test that sends invalid requests on purpose.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut self.state().violations)
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        self.server.abort();
        self.state().stop();
        let violations = self.violations();
        if !violations.is_empty() && !std::thread::panicking() {
            panic!("not as Google's document says:\n{}", violations.join("\n"));
        }
    }
}

/// Scopes in full, of which the common prefix may be left out.
fn in_full(scopes: &[&str]) -> BTreeSet<String> {
    let full = |scope: &&str| match *scope {
        "openid" | "email" | "profile" => (*scope).to_owned(),
        whole if whole.contains(':') => whole.to_owned(),
        short => format!("{SCOPE_PREFIX}{short}"),
    };
    scopes.iter().map(full).collect()
}

async fn handle(Shared(service): Shared<Arc<Service>>, request: Request) -> axum::response::Response {
    service.handle(request).await
}
