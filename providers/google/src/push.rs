//! Being told that a calendar has changed (Google's notification channels).
//!
//! A channel is made with an id of ours, a secret and an address, and ends by itself; it cannot be prolonged. What comes
//! in says that something happened and nothing of what, in headers. Anybody can send such a request, so it is read for
//! what it claims: the host compares the secret. The first one of a channel (`sync`) only says that there will be more.
//!
//! A channel's id must never be used again, so it is random: a try whose answer was lost leaves a channel behind that
//! nobody knows, which Google ends within a week, and whose calls the host answers and ignores.

use chronus_sdk::failure::{invalid, unsupported};
use chronus_sdk::json::json;
use chronus_sdk::random;
use chronus_sdk::types::{
    Connection, Done, Failure, Hint, Instant, News, Notification, Remedy, Reply, Subscribed, Subscription,
};

use crate::scopes::Rights;
use crate::{api, reasons};

/// Bytes of a channel's id; it has twice as many characters, of which 64 are allowed.
const ID_BYTES: usize = 16;

/// The longest id that Google gives back.
const MAX_ID: usize = 64;

/// `push.subscribe`, and `push.renew`
pub(crate) fn subscribe(
    connection: &Connection,
    calendar: &str,
    callback: &str,
    secret: &str,
    expires: Instant,
) -> Result<Subscribed, Failure> {
    Rights::of(connection).to_read()?;
    let id = random::hex(ID_BYTES);
    let milliseconds = expires.saturating_mul(1000).to_string();
    let channel =
        json!({ "id": id, "type": "web_hook", "address": callback, "token": secret, "expiration": milliseconds });
    let answer = api::post(&api::watch(calendar)?, &channel)?;
    if answer["id"] != id.as_str() {
        return Err(api::nonsense("it is about another channel"));
    }
    let resource = answer["resourceId"].as_str().filter(|resource| !resource.is_empty());
    let resource = resource.ok_or_else(|| api::nonsense("it has no `resourceId`"))?;
    // Google writes the number as a text; a channel without an end is taken to end as was asked for.
    let ends = answer["expiration"].as_str().and_then(|text| text.parse::<i64>().ok());
    let ends = ends.or(answer["expiration"].as_i64()).map_or(expires, |milliseconds| milliseconds.div_euclid(1000));
    let subscription = Subscription { id, state: resource.as_bytes().to_vec(), expires: Some(ends) };
    Ok(Subscribed { subscription, memo: None })
}

/// `push.confirm`
pub(crate) fn confirm() -> Result<Subscribed, Failure> {
    Err(unsupported("Google asks for no confirmation"))
}

/// `push.unsubscribe`
pub(crate) fn unsubscribe(_: &Connection, subscription: &Subscription) -> Result<Done, Failure> {
    let resource = std::str::from_utf8(&subscription.state).ok();
    let resource = resource.ok_or_else(|| invalid("subscription.state", "it is none of this provider's"))?;
    let channel = json!({ "id": subscription.id, "resourceId": resource });
    let response = api::send("POST", &api::stop(), None, Some(&channel))?;
    match response.status {
        200..=299 => Ok(Done { memo: None }),
        _ => match reasons::failure(&response) {
            // It has ended already.
            Failure { remedy: Remedy::NotFound | Remedy::Gone, .. } => Ok(Done { memo: None }),
            failure => Err(failure),
        },
    }
}

/// `push.parse-notification`
pub(crate) fn parse(headers: &[(String, Vec<u8>)]) -> Notification {
    let reply = Reply { status: 200, content_type: "text/plain".to_owned(), body: Vec::new() };
    Notification { reply, hints: hint(headers).into_iter().collect() }
}

fn hint(headers: &[(String, Vec<u8>)]) -> Option<Hint> {
    let header = |name: &str| {
        let value = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        value.and_then(|value| std::str::from_utf8(value).ok()).filter(|value| !value.is_empty())
    };
    let id =
        header("x-goog-channel-id").filter(|id| id.len() <= MAX_ID && id.bytes().all(|byte| byte.is_ascii_graphic()));
    let news = match header("x-goog-resource-state")? {
        "exists" | "not_exists" => News::Changed,
        _ => return None,
    };
    let secret = header("x-goog-channel-token").map(str::to_owned);
    Some(Hint { subscription: id?.to_owned(), secret, news })
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let hint = Hint { subscription: "c1".into(), secret: Some("s3cret".into()), news: News::Changed };
            let read = parse(&channel(state));
            assert_eq!((read.hints, read.reply.status), (vec![hint], 200));
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
            proptest::prop_assert_eq!(read.reply.status, 200);
        }
    }
}
