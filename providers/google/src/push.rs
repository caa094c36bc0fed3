//! Notifications of changes (Google's notification channels).
//!
//! A channel has an id and a secret that the provider and the host chose, and the host's address. It ends by itself and cannot
//! be prolonged. A notification says in its headers that something changed, and not what. Anybody can send such a request, so
//! this module only reads its claims; the host compares the secret. The first notification of a channel (`sync`) reports no
//! change.
//!
//! A channel's id must not be used again, so it is random. If the answer to `watch` is lost, an unknown channel remains: Google
//! ends it within a week, and the host answers its notifications and ignores them.

use chronus_sdk::Callback;
use chronus_sdk::failure::{invalid, unsupported};
use chronus_sdk::json::json;
use chronus_sdk::random;
use chronus_sdk::values::{
    CallbackRequest, CallbackResponse, Connection, Failure, Hint, Notice, Notification, Remedy, Subscription,
    SubscriptionReply, WriteReply,
};

use crate::scopes::Rights;
use crate::{api, reasons};

/// Bytes of a channel's id; it has twice as many characters, of which 64 are allowed.
const ID_BYTES: usize = 16;

/// The longest id that Google gives back.
const MAX_ID: usize = 64;

/// `push.subscribe`
pub(crate) fn subscribe(
    connection: &Connection,
    calendar: &str,
    callback: Callback<'_>,
) -> Result<SubscriptionReply, Failure> {
    let Callback { url, secret, expires } = callback;
    Rights::of(connection).to_read()?;
    let id = random::hex(ID_BYTES);
    let milliseconds = expires.saturating_mul(1000).to_string();
    let channel = json!({ "id": id, "type": "web_hook", "address": url, "token": secret, "expiration": milliseconds });
    let answer = api::post(&api::watch(calendar)?, &channel)?;
    if answer["id"] != id.as_str() {
        return Err(api::nonsense("it describes another channel"));
    }
    let resource = answer["resourceId"].as_str().filter(|resource| !resource.is_empty());
    let resource = resource.ok_or_else(|| api::nonsense("it has no `resourceId`"))?;
    // Google writes the number as a string. A channel without an end is assumed to end as requested.
    let ends = answer["expiration"].as_str().and_then(|text| text.parse::<i64>().ok());
    let ends = ends.or(answer["expiration"].as_i64()).map_or(expires, |milliseconds| milliseconds.div_euclid(1000));
    let subscription = Subscription { id, state: resource.as_bytes().to_vec(), expires: Some(ends) };
    Ok(SubscriptionReply { subscription, memo: None })
}

/// `push.renew`. A channel cannot be prolonged: another one is opened beside it, and the host ends the old one.
pub(crate) fn renew(
    connection: &Connection,
    calendar: &str,
    _: &Subscription,
    callback: Callback<'_>,
) -> Result<SubscriptionReply, Failure> {
    subscribe(connection, calendar, callback)
}

/// `push.confirm`
pub(crate) fn confirm(_: &Connection, _: &Subscription, _: &str) -> Result<SubscriptionReply, Failure> {
    Err(unsupported("Google requires no confirmation"))
}

/// `push.unsubscribe`
pub(crate) fn unsubscribe(_: &Connection, subscription: &Subscription) -> Result<WriteReply, Failure> {
    let resource = std::str::from_utf8(&subscription.state).ok();
    let resource = resource.ok_or_else(|| invalid("subscription.state", "this provider did not make it"))?;
    let channel = json!({ "id": subscription.id, "resourceId": resource });
    let response = api::send("POST", &api::stop(), None, Some(&channel))?;
    match response.status {
        200..=299 => Ok(WriteReply { memo: None }),
        _ => match reasons::failure(&response) {
            // It has ended already.
            Failure { remedy: Remedy::NotFound | Remedy::Gone, .. } => Ok(WriteReply { memo: None }),
            failure => Err(failure),
        },
    }
}

/// `push.parse-notification`
pub(crate) fn parse_notification(request: &CallbackRequest) -> Notification {
    let response = CallbackResponse { status: 200, content_type: "text/plain".to_owned(), body: Vec::new() };
    Notification { response, hints: hint(&request.headers).into_iter().collect() }
}

fn hint(headers: &[(String, Vec<u8>)]) -> Option<Hint> {
    let header = |name: &str| {
        let value = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        value.and_then(|value| std::str::from_utf8(value).ok()).filter(|value| !value.is_empty())
    };
    let id =
        header("x-goog-channel-id").filter(|id| id.len() <= MAX_ID && id.bytes().all(|byte| byte.is_ascii_graphic()));
    let notice = match header("x-goog-resource-state")? {
        "exists" | "not_exists" => Notice::Changed,
        _ => return None,
    };
    let secret = header("x-goog-channel-token").map(str::to_owned);
    Some(Hint { subscription: id?.to_owned(), secret, notice })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(headers: &[(String, Vec<u8>)]) -> Notification {
        let (method, headers) = ("POST".to_owned(), headers.to_vec());
        parse_notification(&CallbackRequest { method, headers, query: String::new(), body: vec![] })
    }

    fn headers(list: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
    }

    fn channel(state: &str) -> Vec<(String, Vec<u8>)> {
        headers(&[
            ("x-goog-channel-id", "c1"),
            ("x-goog-channel-token", "s3cret"),
            ("x-goog-channel-expiration", "Tue, 01 Dec 2026 01:13:52 GMT"),
            ("x-goog-resource-id", "r1"),
            ("x-goog-resource-uri", "https://www.googleapis.com/calendar/v3/calendars/primary/events?alt=json"),
            ("x-goog-resource-state", state),
            ("x-goog-message-number", "7"),
        ])
    }

    #[test]
    fn a_change_is_a_hint_with_its_secret() {
        for state in ["exists", "not_exists"] {
            let hint = Hint { subscription: "c1".into(), secret: Some("s3cret".into()), notice: Notice::Changed };
            let read = parse(&channel(state));
            assert_eq!((read.hints, read.response.status), (vec![hint], 200));
        }
    }

    #[test]
    fn the_first_one_is_no_news_and_neither_is_what_nobody_knows() {
        for state in ["sync", "", "new_state", "EXISTS"] {
            assert_eq!(parse(&channel(state)).hints, []);
        }
    }

    #[test]
    fn a_channel_without_a_secret_has_none() {
        let read = parse(&headers(&[("X-Goog-Channel-Id", "c1"), ("x-goog-resource-state", "exists")]));
        assert_eq!(read.hints[0].secret, None);
    }

    proptest::proptest! {
        #[test]
        fn garbage_is_no_hint_or_names_a_channel(
            list in proptest::collection::vec(
                ("x-goog-(channel-id|resource-state|channel-token)", proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80)),
                0..6,
            )
        ) {
            let read = parse(&list);
            proptest::prop_assert!(read.hints.iter().all(|hint| !hint.subscription.is_empty()));
            proptest::prop_assert_eq!(read.response.status, 200);
        }
    }
}
