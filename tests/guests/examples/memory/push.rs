//! Notifications by the service, which never sends any: subscriptions are only stored.

use chronus_sdk::failure::unsupported;
use chronus_sdk::values::*;
use chronus_sdk::{Callback, Push};

use crate::{Memory, begin, service, wrong};

impl Push for Memory {
    fn subscribe(c: &Connection, _: &str, callback: Callback<'_>) -> Result<SubscriptionReply, Failure> {
        begin(c)?;
        let id = callback.url.rsplit('/').next().unwrap_or_default().to_owned();
        service::subscribe(&id)?;
        Ok(SubscriptionReply { subscription: Subscription { id, state: vec![], expires: None }, memo: None })
    }

    fn renew(
        _: &Connection,
        _: &str,
        subscription: &Subscription,
        callback: Callback<'_>,
    ) -> Result<SubscriptionReply, Failure> {
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
        let id = request.headers.iter().find(|(name, _)| name == "x-subscription");
        let id = id.and_then(|(_, id)| String::from_utf8(id.clone()).ok()).filter(|id| !id.is_empty());
        let hint = |subscription| Hint { subscription, secret: None, notice: Notice::Changed };
        let response = CallbackResponse { status: 204, content_type: String::new(), body: vec![] };
        Notification { response, hints: id.map(hint).into_iter().collect() }
    }
}
