//! How a provider becomes a component.
//!
//! A component's exports are functions with fixed names and a section that says which world the module implements, and
//! both must be made in the crate that is the component. Everything else can be here: [`component`] implements the
//! contract's exports for every type that implements the traits, and [`provider!`](crate::provider) makes the names.
//! So a provider's crate holds no WIT, and its macro expands to a few lines.
//!
//! The worlds build on each other, and so do the exports: a `two-way` provider exports what `read-only` does, and
//! `events` and `changes` beside it.
//!
//! Rejected: to generate the bindings in the provider's crate, which would need a copy of the contract.

#[cfg(target_arch = "wasm32")]
pub mod component;

/// Makes a crate a component: `chronus_sdk::provider!(Lamp, read_only);`
///
/// The level is `read_only`, `two_way` or `two_way_push`, and the type implements the traits of that level:
/// [`Provider`](crate::Provider); with [`TwoWay`](crate::TwoWay); with [`Push`](crate::Push) as well.
///
/// A larger provider spreads the functions over modules. Then the macro implements the traits: it is given a function
/// for each entry, and a module for `events` (`create`, `get`, `get_many`, `update`, `cancel`, `respond`) and for `push`
/// (`subscribe`, `renew`, `confirm`, `unsubscribe`, `parse_notification`). Each has the signature of the trait's function
/// of that name. `explain_failure` may be left out.
///
/// ```text
/// chronus_sdk::provider! {
///     Ical, two_way,
///     describe: describe::describe,
///     open: open::open,
///     busy: busy::busy,
///     events: events,
///     changes: changes::page,
/// }
/// ```
///
/// Natively the exports are left out, because their names hold characters that native linkers refuse; tests call the
/// traits.
#[macro_export]
macro_rules! provider {
    ($type:ty, read_only $(,)?) => {
        $crate::provider!(@export $type, read_only);
    };
    ($type:ty, two_way $(,)?) => {
        $crate::provider!(@export $type, read_only two_way);
    };
    ($type:ty, two_way_push $(,)?) => {
        $crate::provider!(@export $type, read_only two_way push);
    };
    (@export $type:ty, $($part:ident)+) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Component = $crate::export::component::Component<$type>;
            $($crate::export::component::$part::export!(Component with_types_in $crate::export::component::$part);)+
        };
    };
    (
        $type:ty, $level:ident,
        describe: $describe:path,
        open: $open:path,
        $(explain_failure: $explain:path,)?
        busy: $busy:path
        $(, events: $events:ident, changes: $changes:path)?
        $(, push: $push:ident)?
        $(,)?
    ) => {
        $crate::provider!($type, $level);

        impl $crate::Provider for $type {
            fn describe() -> $crate::descriptions::Description {
                $describe()
            }

            fn open(connection: &$crate::types::Connection) -> Result<$crate::types::Opened, $crate::types::Failure> {
                $open(connection)
            }

            $(
                fn explain_failure(
                    connection: &$crate::types::Connection,
                    error: &$crate::types::SignInError,
                ) -> $crate::types::Failure {
                    $explain(connection, error)
                }
            )?

            fn busy(
                connection: &$crate::types::Connection,
                whose: &$crate::types::Whose,
                window: $crate::types::Window,
            ) -> Result<$crate::types::BusyAnswers, $crate::types::Failure> {
                $busy(connection, whose, window)
            }
        }

        $(
            impl $crate::TwoWay for $type {
                fn create(
                    connection: &$crate::types::Connection,
                    calendar: &str,
                    draft: &$crate::types::Draft,
                    write: $crate::Write<'_>,
                ) -> Result<$crate::types::OneEvent, $crate::types::Failure> {
                    $events::create(connection, calendar, draft, write)
                }

                fn get(
                    connection: &$crate::types::Connection,
                    event: $crate::EventRef<'_>,
                ) -> Result<$crate::types::OneEvent, $crate::types::Failure> {
                    $events::get(connection, event)
                }

                fn get_many(
                    connection: &$crate::types::Connection,
                    calendar: &str,
                    ids: &[String],
                ) -> Result<$crate::types::FetchedEvents, $crate::types::Failure> {
                    $events::get_many(connection, calendar, ids)
                }

                fn update(
                    connection: &$crate::types::Connection,
                    event: $crate::EventRef<'_>,
                    patch: &$crate::types::Patch,
                    write: $crate::Write<'_>,
                ) -> Result<$crate::types::OneEvent, $crate::types::Failure> {
                    $events::update(connection, event, patch, write)
                }

                fn cancel(
                    connection: &$crate::types::Connection,
                    event: $crate::EventRef<'_>,
                    write: $crate::Write<'_>,
                ) -> Result<$crate::types::Done, $crate::types::Failure> {
                    $events::cancel(connection, event, write)
                }

                fn respond(
                    connection: &$crate::types::Connection,
                    event: $crate::EventRef<'_>,
                    rsvp: $crate::types::Rsvp,
                    write: $crate::Write<'_>,
                ) -> Result<$crate::types::OneEvent, $crate::types::Failure> {
                    $events::respond(connection, event, rsvp, write)
                }

                fn changes(
                    connection: &$crate::types::Connection,
                    calendar: &str,
                    page: $crate::ChangesPage<'_>,
                ) -> Result<$crate::types::Batch, $crate::types::Failure> {
                    $changes(connection, calendar, page)
                }
            }
        )?

        $(
            impl $crate::Push for $type {
                fn subscribe(
                    connection: &$crate::types::Connection,
                    calendar: &str,
                    callback: $crate::Callback<'_>,
                ) -> Result<$crate::types::Subscribed, $crate::types::Failure> {
                    $push::subscribe(connection, calendar, callback)
                }

                fn renew(
                    connection: &$crate::types::Connection,
                    calendar: &str,
                    subscription: &$crate::types::Subscription,
                    callback: $crate::Callback<'_>,
                ) -> Result<$crate::types::Subscribed, $crate::types::Failure> {
                    $push::renew(connection, calendar, subscription, callback)
                }

                fn confirm(
                    connection: &$crate::types::Connection,
                    subscription: &$crate::types::Subscription,
                    code: &str,
                ) -> Result<$crate::types::Subscribed, $crate::types::Failure> {
                    $push::confirm(connection, subscription, code)
                }

                fn unsubscribe(
                    connection: &$crate::types::Connection,
                    subscription: &$crate::types::Subscription,
                ) -> Result<$crate::types::Done, $crate::types::Failure> {
                    $push::unsubscribe(connection, subscription)
                }

                fn parse_notification(
                    headers: &[(String, Vec<u8>)],
                    query: &str,
                    body: &[u8],
                ) -> $crate::types::Notification {
                    $push::parse_notification(headers, query, body)
                }
            }
        )?
    };
}
