//! The contract's exports, for every type that implements the traits.

use std::marker::PhantomData;

use crate::values::{
    AccountReply, BusyReply, BusyTargets, CallbackRequest, ChangesReply, Connection, Cursor, Draft, EventReply,
    EventsReply, Failure, FindReply, Instant, Moment, Notification, Notify, Patch, Rsvp, SignInError, Subscription,
    SubscriptionReply, Window, WriteReply,
};
use crate::{Callback, ChangesPage, EventRef, OccurrenceRef, Provider, Push, TwoWay, Write};

/// A provider as a component.
#[derive(Debug)]
pub struct Component<T>(PhantomData<T>);

/// Runs an exported function, and logs a panic before it ends the call.
///
/// A component has no error output: without this, a panic would leave nothing behind but the place of an `unreachable`
/// instruction. The host keeps the log line with the report of the crash.
fn run<T>(function: impl FnOnce() -> T) -> T {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("a value that is not text");
        crate::log::error("the provider panicked", &[("at", &place), ("message", &message)]);
    }));
    function()
}

/// What every component exports.
pub mod read_only {
    wit_bindgen::generate!({
        path: "wit",
        world: "chronus:calendar/read-only@0.2.0",
        pub_export_macro: true,
        with: {
            "chronus:calendar/values@0.2.0": crate::values,
            "chronus:calendar/descriptions@0.2.0": crate::descriptions,
            "chronus:calendar/log@0.2.0": crate::bindings::chronus::calendar::log,
            "chronus:calendar/zones@0.2.0": crate::bindings::chronus::calendar::zones,
            "wasi:clocks/monotonic-clock@0.2.12": crate::bindings::wasi::clocks::monotonic_clock,
            "wasi:clocks/wall-clock@0.2.12": crate::bindings::wasi::clocks::wall_clock,
            "wasi:http/outgoing-handler@0.2.12": crate::bindings::wasi::http::outgoing_handler,
            "wasi:http/types@0.2.12": crate::bindings::wasi::http::types,
            "wasi:io/error@0.2.12": crate::bindings::wasi::io::error,
            "wasi:io/poll@0.2.12": crate::bindings::wasi::io::poll,
            "wasi:io/streams@0.2.12": crate::bindings::wasi::io::streams,
            "wasi:random/random@0.2.12": crate::bindings::wasi::random::random,
        },
    });
}

/// What a component of the level `two-way` exports beside that.
pub mod two_way {
    wit_bindgen::generate!({
        path: "wit",
        inline: "
            package chronus:sdk-two-way;
            world two-way-exports {
                export chronus:calendar/events@0.2.0;
                export chronus:calendar/changes@0.2.0;
            }
        ",
        pub_export_macro: true,
        with: {
            "chronus:calendar/values@0.2.0": crate::values,
            "chronus:calendar/events@0.2.0": generate,
            "chronus:calendar/changes@0.2.0": generate,
        },
    });
}

/// What a component of the level `two-way-push` exports beside that.
pub mod push {
    wit_bindgen::generate!({
        path: "wit",
        inline: "
            package chronus:sdk-push;
            world push-exports {
                export chronus:calendar/push@0.2.0;
            }
        ",
        pub_export_macro: true,
        with: {
            "chronus:calendar/values@0.2.0": crate::values,
            "chronus:calendar/push@0.2.0": generate,
        },
    });
}

use push::exports::chronus::calendar::push as push_exports;
use read_only::exports::chronus::calendar::{account, busy, plugin};
use two_way::exports::chronus::calendar::{changes, events};

impl<T: Provider> plugin::Guest for Component<T> {
    fn describe() -> crate::descriptions::Description {
        run(T::describe)
    }
}

impl<T: Provider> account::Guest for Component<T> {
    fn open(connection: Connection) -> Result<AccountReply, Failure> {
        run(|| T::open(&connection))
    }

    fn explain_failure(connection: Connection, error: SignInError) -> Failure {
        run(|| T::explain_failure(&connection, &error))
    }
}

impl<T: Provider> busy::Guest for Component<T> {
    fn query(connection: Connection, targets: BusyTargets, window: Window) -> Result<BusyReply, Failure> {
        run(|| T::busy(&connection, &targets, window))
    }
}

impl<T: TwoWay> events::Guest for Component<T> {
    fn create(
        connection: Connection,
        calendar: String,
        key: String,
        draft: Draft,
        notify: Notify,
    ) -> Result<EventReply, Failure> {
        run(|| T::create(&connection, &calendar, &draft, Write { key: &key, etag: None, notify, comment: None }))
    }

    fn get(connection: Connection, calendar: String, id: String) -> Result<EventReply, Failure> {
        run(|| T::get(&connection, EventRef { calendar: &calendar, id: &id }))
    }

    fn get_many(connection: Connection, calendar: String, ids: Vec<String>) -> Result<EventsReply, Failure> {
        run(|| T::get_many(&connection, &calendar, &ids))
    }

    fn find(connection: Connection, uid: String) -> Result<FindReply, Failure> {
        run(|| T::find(&connection, &uid))
    }

    fn occurrence(
        connection: Connection,
        calendar: String,
        series_id: String,
        original_start: Moment,
    ) -> Result<EventReply, Failure> {
        let occurrence = OccurrenceRef { calendar: &calendar, series_id: &series_id, original_start: &original_start };
        run(|| T::occurrence(&connection, occurrence))
    }

    fn update(
        connection: Connection,
        calendar: String,
        id: String,
        key: String,
        etag: Option<String>,
        patch: Patch,
        notify: Notify,
    ) -> Result<EventReply, Failure> {
        let event = EventRef { calendar: &calendar, id: &id };
        run(|| T::update(&connection, event, &patch, Write { key: &key, etag: etag.as_deref(), notify, comment: None }))
    }

    fn cancel(
        connection: Connection,
        calendar: String,
        id: String,
        key: String,
        etag: Option<String>,
        comment: Option<String>,
        notify: Notify,
    ) -> Result<WriteReply, Failure> {
        let event = EventRef { calendar: &calendar, id: &id };
        let write = Write { key: &key, etag: etag.as_deref(), notify, comment: comment.as_deref() };
        run(|| T::cancel(&connection, event, write))
    }

    fn respond(
        connection: Connection,
        calendar: String,
        id: String,
        key: String,
        rsvp: Rsvp,
        comment: Option<String>,
        notify: Notify,
    ) -> Result<EventReply, Failure> {
        let event = EventRef { calendar: &calendar, id: &id };
        let write = Write { key: &key, etag: None, notify, comment: comment.as_deref() };
        run(|| T::respond(&connection, event, rsvp, write))
    }
}

impl<T: TwoWay> changes::Guest for Component<T> {
    fn page(
        connection: Connection,
        calendar: String,
        cursor: Option<Cursor>,
        window: Window,
        max: u32,
    ) -> Result<ChangesReply, Failure> {
        run(|| T::changes(&connection, &calendar, ChangesPage { cursor: cursor.as_deref(), window, max }))
    }
}

impl<T: Push> push_exports::Guest for Component<T> {
    fn subscribe(
        connection: Connection,
        calendar: String,
        callback: String,
        secret: String,
        expires: Instant,
    ) -> Result<SubscriptionReply, Failure> {
        run(|| T::subscribe(&connection, &calendar, Callback { url: &callback, secret: &secret, expires }))
    }

    fn renew(
        connection: Connection,
        calendar: String,
        subscription: Subscription,
        callback: String,
        secret: String,
        expires: Instant,
    ) -> Result<SubscriptionReply, Failure> {
        let callback = Callback { url: &callback, secret: &secret, expires };
        run(|| T::renew(&connection, &calendar, &subscription, callback))
    }

    fn confirm(connection: Connection, subscription: Subscription, code: String) -> Result<SubscriptionReply, Failure> {
        run(|| T::confirm(&connection, &subscription, &code))
    }

    fn unsubscribe(connection: Connection, subscription: Subscription) -> Result<WriteReply, Failure> {
        run(|| T::unsubscribe(&connection, &subscription))
    }

    fn parse_notification(request: CallbackRequest) -> Notification {
        run(|| T::parse_notification(&request))
    }
}
