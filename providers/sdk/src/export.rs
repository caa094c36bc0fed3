//! How a provider becomes a component.
//!
//! The exports, and the section that tells the componentiser which world a module implements, must be made in the crate
//! that is the component; everything else is generated once, here. So a macro makes the exports and maps every type to
//! the sdk's. Each level adds to the one before.

/// What every exported function does around the provider's own: it sees to it that a panic is told.
///
/// Without an operating system there is no error output, and a panic would leave nothing behind but the place of an
/// `unreachable` instruction. So its message and its place in the source become a line of the log, which the host keeps
/// for the record of the crash.
#[doc(hidden)]
pub fn run<T>(function: impl FnOnce() -> T) -> T {
    #[cfg(target_arch = "wasm32")]
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("a value that is no text");
        crate::log::error("the provider panicked", &[("at", &place), ("message", &message)]);
    }));
    function()
}

/// Makes the crate a component of a level: `chronus_sdk::provider!(Ical, two_way, "../../wit")`.
///
/// The type implements the traits of that level: [`Provider`](crate::Provider) for `read_only`, and
/// [`TwoWay`](crate::TwoWay) for `two_way`, and [`Push`](crate::Push) for `two_way_push`. The last argument is where
/// the crate keeps its copy of the contract, relative to its `Cargo.toml`.
///
/// Natively the line does nothing: the exports' names hold characters that native linkers refuse, and tests call the
/// traits.
#[macro_export]
macro_rules! provider {
    ($type:ty, read_only, $wit:literal) => {
        $crate::provider!(@generate $type, "chronus:calendar/read-only@0.1.0", $wit);
    };
    ($type:ty, two_way, $wit:literal) => {
        $crate::provider!(@generate $type, "chronus:calendar/two-way@0.1.0", $wit);
        $crate::provider!(@two_way $type);
    };
    ($type:ty, two_way_push, $wit:literal) => {
        $crate::provider!(@generate $type, "chronus:calendar/two-way-push@0.1.0", $wit);
        $crate::provider!(@two_way $type);
        $crate::provider!(@push $type);
    };
    (@generate $type:ty, $world:literal, $wit:literal) => {
        #[cfg(target_arch = "wasm32")]
        #[expect(unsafe_code, missing_docs, unreachable_pub, reason = "generated from the contract")]
        mod component {
            $crate::wit_bindgen::generate!({
                path: $wit,
                world: $world,
                runtime_path: "chronus_sdk::wit_bindgen::rt",
                with: {
                    "chronus:calendar/types@0.1.0": chronus_sdk::types,
                    "chronus:calendar/descriptions@0.1.0": chronus_sdk::descriptions,
                    "chronus:calendar/log@0.1.0": chronus_sdk::bindings::chronus::calendar::log,
                    "wasi:clocks/monotonic-clock@0.2.12": chronus_sdk::bindings::wasi::clocks::monotonic_clock,
                    "wasi:clocks/wall-clock@0.2.12": chronus_sdk::bindings::wasi::clocks::wall_clock,
                    "wasi:http/outgoing-handler@0.2.12": chronus_sdk::bindings::wasi::http::outgoing_handler,
                    "wasi:http/types@0.2.12": chronus_sdk::bindings::wasi::http::types,
                    "wasi:io/error@0.2.12": chronus_sdk::bindings::wasi::io::error,
                    "wasi:io/poll@0.2.12": chronus_sdk::bindings::wasi::io::poll,
                    "wasi:io/streams@0.2.12": chronus_sdk::bindings::wasi::io::streams,
                    "wasi:random/random@0.2.12": chronus_sdk::bindings::wasi::random::random,
                },
            });

            pub struct Component;
            export!(Component);
        }

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use component::Component;
            use component::exports::chronus::calendar::{account, busy, plugin};
            use $crate::Provider;
            use $crate::types::*;

            impl plugin::Guest for Component {
                fn describe() -> $crate::descriptions::Description {
                    $crate::export::run(<$type as Provider>::describe)
                }
            }

            impl account::Guest for Component {
                fn open(connection: Connection) -> Result<Opened, Failure> {
                    $crate::export::run(|| <$type as Provider>::open(connection))
                }

                fn explain_failure(connection: Connection, error: SignInError) -> Failure {
                    $crate::export::run(|| <$type as Provider>::explain_failure(connection, error))
                }
            }

            impl busy::Guest for Component {
                fn query(connection: Connection, whose: Whose, window: Window) -> Result<BusyAnswers, Failure> {
                    $crate::export::run(|| <$type as Provider>::busy(connection, whose, window))
                }
            }
        };
    };
    (@two_way $type:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use component::Component;
            use component::exports::chronus::calendar::{changes, events};
            use $crate::TwoWay;
            use $crate::types::*;

            impl events::Guest for Component {
                fn create(
                    connection: Connection,
                    calendar: String,
                    key: String,
                    draft: Draft,
                    notify: Notify,
                ) -> Result<OneEvent, Failure> {
                    $crate::export::run(|| <$type as TwoWay>::create(connection, calendar, key, draft, notify))
                }

                fn get(connection: Connection, calendar: String, id: String) -> Result<OneEvent, Failure> {
                    $crate::export::run(|| <$type as TwoWay>::get(connection, calendar, id))
                }

                fn get_many(
                    connection: Connection,
                    calendar: String,
                    ids: Vec<String>,
                ) -> Result<FetchedEvents, Failure> {
                    $crate::export::run(|| <$type as TwoWay>::get_many(connection, calendar, ids))
                }

                fn update(
                    connection: Connection,
                    calendar: String,
                    id: String,
                    key: String,
                    etag: Option<String>,
                    patch: Patch,
                    notify: Notify,
                ) -> Result<OneEvent, Failure> {
                    $crate::export::run(|| <$type as TwoWay>::update(connection, calendar, id, key, etag, patch, notify))
                }

                fn cancel(
                    connection: Connection,
                    calendar: String,
                    id: String,
                    key: String,
                    etag: Option<String>,
                    notify: Notify,
                ) -> Result<Done, Failure> {
                    $crate::export::run(|| <$type as TwoWay>::cancel(connection, calendar, id, key, etag, notify))
                }

                fn respond(
                    connection: Connection,
                    calendar: String,
                    id: String,
                    key: String,
                    rsvp: Rsvp,
                    notify: Notify,
                ) -> Result<OneEvent, Failure> {
                    $crate::export::run(|| <$type as TwoWay>::respond(connection, calendar, id, key, rsvp, notify))
                }
            }

            impl changes::Guest for Component {
                fn page(
                    connection: Connection,
                    calendar: String,
                    cursor: Option<Cursor>,
                    window: Window,
                    max: u32,
                ) -> Result<Batch, Failure> {
                    $crate::export::run(|| <$type as TwoWay>::changes(connection, calendar, cursor, window, max))
                }
            }
        };
    };
    (@push $type:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use component::Component;
            use component::exports::chronus::calendar::push;
            use $crate::Push;
            use $crate::types::*;

            impl push::Guest for Component {
                fn subscribe(
                    connection: Connection,
                    calendar: String,
                    callback: String,
                    secret: String,
                    expires: Instant,
                ) -> Result<Subscribed, Failure> {
                    $crate::export::run(|| <$type as Push>::subscribe(connection, calendar, callback, secret, expires))
                }

                fn renew(
                    connection: Connection,
                    calendar: String,
                    subscription: Subscription,
                    callback: String,
                    secret: String,
                    expires: Instant,
                ) -> Result<Subscribed, Failure> {
                    $crate::export::run(|| <$type as Push>::renew(connection, calendar, subscription, callback, secret, expires))
                }

                fn confirm(
                    connection: Connection,
                    subscription: Subscription,
                    code: String,
                ) -> Result<Subscribed, Failure> {
                    $crate::export::run(|| <$type as Push>::confirm(connection, subscription, code))
                }

                fn unsubscribe(connection: Connection, subscription: Subscription) -> Result<Done, Failure> {
                    $crate::export::run(|| <$type as Push>::unsubscribe(connection, subscription))
                }

                fn parse_notification(
                    headers: Vec<(String, Vec<u8>)>,
                    query: String,
                    body: Vec<u8>,
                ) -> Notification {
                    $crate::export::run(|| <$type as Push>::parse_notification(headers, query, body))
                }
            }
        };
    };
}
