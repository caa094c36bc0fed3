//! Notifications by the service, which sends one for each change of a calendar.

use chronus_sdk::failure::unsupported;
use chronus_sdk::values::*;
use chronus_sdk::{Callback, Push};

use crate::{Memory, begin, service, wrong};

impl Push for Memory {
    fn subscribe(c: &Connection, calendar: &str, callback: Callback<'_>) -> Result<SubscriptionReply, Failure> {
        begin(c)?;
        let id = callback.url.rsplit('/').next().unwrap_or_default().to_owned();
        let secret = if wrong("loses-secrets") { "" } else { callback.secret };
        service::subscribe(&id, calendar, callback.url, secret)?;
        Ok(SubscriptionReply { subscription: Subscription { id, state: vec![], expires: None }, memo: None })
    }

    fn renew(
        c: &Connection,
        calendar: &str,
        subscription: &Subscription,
        callback: Callback<'_>,
    ) -> Result<SubscriptionReply, Failure> {
        begin(c)?;
        if wrong("renewal-loses-secrets") {
            service::subscribe(&subscription.id, calendar, callback.url, "")?;
        }
        let subscription = Subscription { expires: Some(callback.expires), ..subscription.clone() };
        Ok(SubscriptionReply { subscription, memo: None })
    }

    fn confirm(_: &Connection, _: &Subscription, _: &str) -> Result<SubscriptionReply, Failure> {
        Err(unsupported("the store asks for no code"))
    }

    fn unsubscribe(c: &Connection, subscription: &Subscription) -> Result<WriteReply, Failure> {
        begin(c)?;
        match service::unsubscribe(&subscription.id) {
            Err(failure) if failure.remedy != Remedy::NotFound || wrong("unsubscribes-once") => Err(failure),
            Ok(()) | Err(_) => Ok(WriteReply { memo: None }),
        }
    }

    fn parse_notification(request: &CallbackRequest) -> Notification {
        let header = |wanted| {
            let found = request.headers.iter().find(|(name, _)| name == wanted);
            found.and_then(|(_, value)| String::from_utf8(value.clone()).ok()).filter(|value| !value.is_empty())
        };
        let hint = |subscription| Hint { subscription, secret: header("x-secret"), notice: Notice::Changed };
        let id = header("x-subscription");
        let response = CallbackResponse { status: 204, content_type: String::new(), body: vec![] };
        Notification { response, hints: id.map(hint).into_iter().collect() }
    }
}
