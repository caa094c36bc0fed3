//! Being told of changes.

use chronus_google::Google;
use chronus_sdk::http::{Response, native};
use chronus_sdk::json::{self, json};
use chronus_sdk::values::*;
use chronus_sdk::{Callback, Push};

use crate::script::Script;
use crate::{ANN, MONDAY, remedy, writer};

const STOP: &str = "POST /calendar/v3/channels/stop";

fn subscription(state: &[u8]) -> Subscription {
    Subscription { id: "c1".into(), state: state.to_vec(), expires: None }
}

/// Google gives back the channel that was asked for, for as long as it likes.
fn watching(call: impl FnOnce() -> Result<SubscriptionReply, Failure>) -> Result<SubscriptionReply, Failure> {
    let answer = |request: &chronus_sdk::http::Request| {
        assert!(request.url.ends_with("/calendars/ann%40example.com/events/watch"), "{}", request.url);
        let asked = json::read(&Response::new("", 200).with_body("", request.body.clone())).expect("a value");
        assert_eq!((&asked["type"], &asked["token"]), (&json!("web_hook"), &json!("s3cret")));
        assert_eq!(asked["address"], "https://host.example/in/1");
        assert_eq!(asked["expiration"], format!("{MONDAY}000"));
        let given =
            json!({ "kind": "api#channel", "id": asked["id"], "resourceId": "r1", "expiration": "1772352000999" });
        Ok(Response::new(&request.url, 200).with_body("application/json", given.to_string()))
    };
    native::answering(answer, call)
}

#[test]
fn a_channel_has_an_id_of_its_own_and_googles_end() {
    let callback = Callback { url: "https://host.example/in/1", secret: "s3cret", expires: MONDAY };
    let first = || Google::subscribe(&writer(), ANN, callback);
    let one = watching(first).expect("a subscription").subscription;
    assert_eq!((one.state.as_slice(), one.expires), (&b"r1"[..], Some(1_772_352_000)));
    assert!(one.id.len() == 32 && one.id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", one.id);
    let again = || Google::renew(&writer(), ANN, &one, callback);
    let other = watching(again).expect("a subscription").subscription;
    assert_ne!(one.id, other.id);
}

#[test]
fn ending_what_has_ended_succeeds() {
    for script in [
        Script::default().expect(STOP, 204, json!(null)),
        Script::default().refuse(STOP, 404, "notFound"),
        Script::default().refuse(STOP, 410, "deleted"),
    ] {
        script.run(|| Google::unsubscribe(&writer(), &subscription(b"r1"))).expect("it has ended");
        assert_eq!(script.body(0), json!({ "id": "c1", "resourceId": "r1" }));
    }
    let script = Script::default().refuse(STOP, 500, "backendError");
    assert_eq!(remedy(script.run(|| Google::unsubscribe(&writer(), &subscription(b"r1")))), Remedy::Temporary);
    let call = || Google::unsubscribe(&writer(), &subscription(b"\xff"));
    assert_eq!(remedy(Script::default().run(call)), Remedy::Invalid("subscription.state".into()));
}

#[test]
fn a_calendar_without_notifications_says_so() {
    let script = Script::default().refuse(
        "POST /calendar/v3/calendars/ann%40example.com/events/watch",
        400,
        "pushNotSupportedForRequestedResource",
    );
    let callback = Callback { url: "https://h.example/", secret: "s", expires: MONDAY };
    let call = || Google::subscribe(&writer(), ANN, callback);
    assert_eq!(remedy(script.run(call)), Remedy::Unsupported);
    let confirm = Google::confirm(&writer(), &subscription(b""), "code");
    assert_eq!(remedy(confirm), Remedy::Unsupported);
}
