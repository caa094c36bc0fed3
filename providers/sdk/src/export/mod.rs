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
/// for each entry, and a module for `events` (`create`, `get`, `get_many`, `find`,
/// `occurrence`, `update`, `cancel`, `respond`) and for `push`
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

            fn open(connection: &$crate::values::Connection) -> Result<$crate::values::AccountReply, $crate::values::Failure> {
                $open(connection)
            }

            $(
                fn explain_failure(
                    connection: &$crate::values::Connection,
                    error: &$crate::values::SignInError,
                ) -> $crate::values::Failure {
                    $explain(connection, error)
                }
            )?

            fn busy(
                connection: &$crate::values::Connection,
                targets: &$crate::values::BusyTargets,
                window: $crate::values::Window,
            ) -> Result<$crate::values::BusyReply, $crate::values::Failure> {
                $busy(connection, targets, window)
            }
        }

        $(
            impl $crate::TwoWay for $type {
                fn create(
                    connection: &$crate::values::Connection,
                    calendar: &str,
                    draft: &$crate::values::Draft,
                    write: $crate::Write<'_>,
                ) -> Result<$crate::values::EventReply, $crate::values::Failure> {
                    $events::create(connection, calendar, draft, write)
                }

                fn get(
                    connection: &$crate::values::Connection,
                    event: $crate::EventRef<'_>,
                ) -> Result<$crate::values::EventReply, $crate::values::Failure> {
                    $events::get(connection, event)
                }

                fn get_many(
                    connection: &$crate::values::Connection,
                    calendar: &str,
                    ids: &[String],
                ) -> Result<$crate::values::EventsReply, $crate::values::Failure> {
                    $events::get_many(connection, calendar, ids)
                }

                fn find(
                    connection: &$crate::values::Connection,
                    uid: &str,
                ) -> Result<$crate::values::FindReply, $crate::values::Failure> {
                    $events::find(connection, uid)
                }

                fn occurrence(
                    connection: &$crate::values::Connection,
                    occurrence: $crate::OccurrenceRef<'_>,
                ) -> Result<$crate::values::EventReply, $crate::values::Failure> {
                    $events::occurrence(connection, occurrence)
                }

                fn update(
                    connection: &$crate::values::Connection,
                    event: $crate::EventRef<'_>,
                    patch: &$crate::values::Patch,
                    write: $crate::Write<'_>,
                ) -> Result<$crate::values::EventReply, $crate::values::Failure> {
                    $events::update(connection, event, patch, write)
                }

                fn cancel(
                    connection: &$crate::values::Connection,
                    event: $crate::EventRef<'_>,
                    write: $crate::Write<'_>,
                ) -> Result<$crate::values::WriteReply, $crate::values::Failure> {
                    $events::cancel(connection, event, write)
                }

                fn respond(
                    connection: &$crate::values::Connection,
                    event: $crate::EventRef<'_>,
                    rsvp: $crate::values::Rsvp,
                    write: $crate::Write<'_>,
                ) -> Result<$crate::values::EventReply, $crate::values::Failure> {
                    $events::respond(connection, event, rsvp, write)
                }

                fn changes(
                    connection: &$crate::values::Connection,
                    calendar: &str,
                    page: $crate::ChangesPage<'_>,
                ) -> Result<$crate::values::ChangesReply, $crate::values::Failure> {
                    $changes(connection, calendar, page)
                }
            }
        )?

        $(
            impl $crate::Push for $type {
                fn subscribe(
                    connection: &$crate::values::Connection,
                    calendar: &str,
                    callback: $crate::Callback<'_>,
                ) -> Result<$crate::values::SubscriptionReply, $crate::values::Failure> {
                    $push::subscribe(connection, calendar, callback)
                }

                fn renew(
                    connection: &$crate::values::Connection,
                    calendar: &str,
                    subscription: &$crate::values::Subscription,
                    callback: $crate::Callback<'_>,
                ) -> Result<$crate::values::SubscriptionReply, $crate::values::Failure> {
                    $push::renew(connection, calendar, subscription, callback)
                }

                fn confirm(
                    connection: &$crate::values::Connection,
                    subscription: &$crate::values::Subscription,
                    code: &str,
                ) -> Result<$crate::values::SubscriptionReply, $crate::values::Failure> {
                    $push::confirm(connection, subscription, code)
                }

                fn unsubscribe(
                    connection: &$crate::values::Connection,
                    subscription: &$crate::values::Subscription,
                ) -> Result<$crate::values::WriteReply, $crate::values::Failure> {
                    $push::unsubscribe(connection, subscription)
                }

                fn parse_notification(
                    request: &$crate::values::CallbackRequest,
                ) -> $crate::values::Notification {
                    $push::parse_notification(request)
                }
            }
        )?
    };
}
