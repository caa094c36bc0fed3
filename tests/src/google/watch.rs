//! Channels: the service calls an address whenever a calendar changes.
//!
//! A call says only that something changed, by headers and without a body; the first one, `sync`, says that the channel
//! is there. Calls are made one after the other by a task of their own, so that they arrive in the order of the
//! changes. One that is answered by 500, 502, 503 or 504 is made again, twice at most, and then dropped, as the
//! documentation allows: a client that relies on every call is wrong.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use url::{Host, Url};

use super::call::{Answer, Call};
use super::errors::{ApiResult, Refusal};
use super::events;
use super::methods::Caller;
use super::state::{State, text};

/// How long a channel lives of which nothing is said (documented).
const USUAL_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The longest life of a channel. The service shortens what asks for more; that it does is documented, how much is not.
const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

const LONGEST_ID: usize = 64;
const LONGEST_TOKEN: usize = 256;

/// How often a call is made that is answered by "later".
const TRIES: u32 = 3;

/// How long an answer to a call may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// All channels, and the way to the task that makes the calls.
#[derive(Debug, Default)]
pub(super) struct Channels {
    by_id: BTreeMap<String, Channel>,
    caller: Option<mpsc::UnboundedSender<Message>>,
    /// Whether calls are left out, as happens.
    pub(super) silent: bool,
}

/// A channel.
#[derive(Debug, Clone)]
struct Channel {
    calendar: String,
    client: String,
    address: String,
    token: Option<String>,
    expires: Timestamp,
    resource: String,
    resource_uri: String,
    /// The number of the last call.
    number: u64,
}

#[derive(Debug)]
enum Message {
    Call {
        address: String,
        headers: Vec<(&'static str, String)>,
    },
    /// Answered when everything before it is done.
    Settle(oneshot::Sender<()>),
}

impl Channels {
    /// Starts the task that makes calls; it ends with this.
    pub(super) fn start(&mut self) -> anyhow::Result<()> {
        let client =
            reqwest::Client::builder().no_proxy().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
        let client = client.build()?;
        let (sender, mut messages) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(message) = messages.recv().await {
                match message {
                    Message::Call { address, headers } => call(&client, &address, &headers).await,
                    // Who does not wait any more need not know.
                    Message::Settle(done) => drop(done.send(())),
                }
            }
        });
        self.caller = Some(sender);
        Ok(())
    }

    /// Waits for this to be answered: then all calls were made that were due.
    pub(super) fn settled(&self) -> oneshot::Receiver<()> {
        let (done, settled) = oneshot::channel();
        self.send(Message::Settle(done));
        settled
    }

    /// A calendar has changed: everybody who follows it is called.
    pub(super) fn changed(&mut self, calendar: &str, now: Timestamp) {
        let following = self.by_id.iter().filter(|(_, one)| one.calendar == calendar && one.expires > now);
        let ids: Vec<_> = following.map(|(id, _)| id.clone()).collect();
        if !self.silent {
            ids.iter().for_each(|id| self.call(id, "exists"));
        }
    }

    /// The ids of the channels that are alive.
    pub(super) fn alive(&self, now: Timestamp) -> Vec<String> {
        self.by_id.iter().filter(|(_, channel)| channel.expires > now).map(|(id, _)| id.clone()).collect()
    }

    fn call(&mut self, id: &str, state: &str) {
        let Some(channel) = self.by_id.get_mut(id) else { return };
        // The first is 1; later ones rise, but not by one each.
        channel.number += if channel.number == 0 { 1 } else { 7 };
        let expires = channel.expires.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let mut headers = vec![
            ("X-Goog-Channel-ID", id.to_owned()),
            ("X-Goog-Channel-Expiration", expires),
            ("X-Goog-Resource-ID", channel.resource.clone()),
            ("X-Goog-Resource-URI", channel.resource_uri.clone()),
            ("X-Goog-Resource-State", state.to_owned()),
            ("X-Goog-Message-Number", channel.number.to_string()),
        ];
        headers.extend(channel.token.clone().map(|token| ("X-Goog-Channel-Token", token)));
        let address = channel.address.clone();
        self.send(Message::Call { address, headers });
    }

    fn send(&self, message: Message) {
        if let Some(caller) = &self.caller {
            // The task ends only with us.
            let _ = caller.send(message);
        }
    }
}

async fn call(client: &reqwest::Client, address: &str, headers: &[(&'static str, String)]) {
    for _ in 0..TRIES {
        let mut request = client.post(address).header("content-length", "0");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let later = [500, 502, 503, 504];
        match request.send().await {
            Ok(answer) if later.contains(&answer.status().as_u16()) => {}
            _ => return,
        }
    }
}

/// `events.watch`: opens a channel for the events of a calendar.
pub(super) fn events(state: &mut State, caller: &Caller, call: &Call) -> ApiResult {
    let (calendar, _) = events::access(state, caller, call.place(0))?;
    let request = call.object()?;
    let id = text(&request, "id").to_owned();
    let invalid = |message: &str| Refusal::invalid(message);
    let is_id = |character: char| character.is_ascii_alphanumeric() || "-_+/=".contains(character);
    if id.is_empty() {
        return Err(Refusal::required("entity.id is required"));
    }
    if id.len() > LONGEST_ID || !id.chars().all(is_id) {
        return Err(invalid("The channel id is not of 1 to 64 of the characters A-Za-z0-9-_+/="));
    }
    if !matches!(text(&request, "type"), "web_hook" | "webhook") {
        return Err(invalid("Unknown channel type."));
    }
    let token = request.get("token").and_then(Value::as_str).map(str::to_owned);
    if token.as_ref().is_some_and(|token| token.chars().count() > LONGEST_TOKEN) {
        return Err(invalid("The token is longer than 256 characters."));
    }
    let address = address(text(&request, "address"))?;
    if state.channels.by_id.contains_key(&id) {
        let message = format!("Channel id {id} not unique");
        return Err(Refusal::bad_request("channelIdNotUnique", message));
    }
    let now = state.now();
    let wanted = life(&request, now)?.unwrap_or(USUAL_LIFE);
    if wanted <= SignedDuration::ZERO {
        return Err(invalid("The channel would have ended already."));
    }
    let expires = now.checked_add(wanted.min(LONGEST_LIFE)).unwrap_or(Timestamp::MAX);
    let resource_uri = format!("https://www.googleapis.com/calendar/v3/calendars/{calendar}/events?alt=json");
    let channel = Channel {
        resource: resource(&caller.user, &calendar),
        calendar,
        client: caller.client.clone(),
        address,
        token: token.clone(),
        expires,
        resource_uri,
        number: 0,
    };
    let mut answer = json!({
        "kind": "api#channel",
        "id": id,
        "resourceId": channel.resource,
        "resourceUri": channel.resource_uri,
        "expiration": expires.as_millisecond().to_string(),
    });
    if let Some(token) = token {
        answer["token"] = token.into();
    }
    state.channels.by_id.insert(id.clone(), channel);
    state.channels.call(&id, "sync");
    Ok(Answer::ok(answer))
}

/// `channels.stop`: only the application that opened a channel can.
pub(super) fn stop(state: &mut State, caller: &Caller, call: &Call) -> ApiResult {
    let request = call.object()?;
    let (id, resource) = (text(&request, "id"), text(&request, "resourceId"));
    if id.is_empty() || resource.is_empty() {
        return Err(Refusal::required("Both id and resourceId are required."));
    }
    let now = state.now();
    let channel = state.channels.by_id.get(id);
    let is_meant = channel.is_some_and(|channel| {
        channel.resource == resource && channel.client == caller.client && channel.expires > now
    });
    if !is_meant {
        let message = format!("Channel '{id}' not found for project '{}'", caller.client);
        return Err(Refusal::new(StatusCode::NOT_FOUND, "notFound", message));
    }
    state.channels.by_id.remove(id);
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// The name of what a channel is about: the same for each channel of a person and a calendar.
fn resource(user: &str, calendar: &str) -> String {
    use base64::Engine;
    use sha2::Digest;
    let digest = sha2::Sha256::digest(format!("{user} {calendar}"));
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(digest.get(..20).unwrap_or_default())
}

/// Where calls go: by https; tests may also be called on this machine.
fn address(address: &str) -> ApiResult<String> {
    let not_https = || {
        let message = format!("WebHook callback must be HTTPS: {address}");
        Refusal::bad_request("push.webhookUrlNotHttps", message)
    };
    let url = Url::parse(address).map_err(|_| not_https())?;
    let is_here = match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => Ok(address.to_owned()),
        "http" if is_here => Ok(address.to_owned()),
        _ => Err(not_https()),
    }
}

/// How long the channel is to live: `expiration` in milliseconds since 1970, or `params.ttl` in seconds.
fn life(request: &super::state::Body, now: Timestamp) -> ApiResult<Option<SignedDuration>> {
    let number = |text: &str| text.parse::<i64>().map_err(|_| Refusal::invalid("Invalid expiration."));
    if let Some(at) = request.get("expiration").and_then(Value::as_str) {
        let at = Timestamp::from_millisecond(number(at)?).map_err(|_| Refusal::invalid("Invalid expiration."))?;
        return Ok(Some(at.duration_since(now)));
    }
    let ttl = request.get("params").and_then(|params| params.get("ttl")).and_then(Value::as_str);
    ttl.map(|ttl| number(ttl).map(SignedDuration::from_secs)).transpose()
}
