//! People's connected calendars: connecting, disconnecting, and the access with which providers are called.
//!
//! Threat: a connection that does not work, belongs to another person, or reveals its credential. Decision: nothing is
//! stored before the provider has opened the account with exactly what will be stored; a person has one connection, which
//! a unique index guarantees, and creates it themself; the credential is sealed for its row and opened only to build an
//! [`Access`](crate::plugins::Access). The account's latest answer says what a connection can do. Rejected: storing first
//! and verifying later, which leaves dead connections that look alive; several connections per person, which no page
//! explains.
//!
//! The files, in the order in which they may use each other: [`connection`] the values, `error`, [`store`], [`access`] how a
//! provider is called, `explain` what a refusal means, [`approvals`] domains whose administrators must approve first,
//! `attempts` how often connecting may fail, `revocations` tokens to revoke, [`offered`] what people may connect,
//! `establish` from a credential to a stored connection, `form` and [`code_grant`] the two ways in which a person connects,
//! [`service_accounts`] how an organisation does, [`tokens`] refresh, `session` a person's calendar ready to be called,
//! [`smoke`] a new version of a provider tried, then [`reopen`], `disconnect`, [`revoke`], [`callback`] and [`notice`].

pub mod access;
pub mod approvals;
mod attempts;
pub mod callback;
pub mod code_grant;
pub mod connection;
mod disconnect;
mod error;
mod establish;
mod explain;
mod form;
pub mod notice;
pub mod offered;
pub mod reopen;
mod revocations;
pub mod revoke;
pub mod service_accounts;
mod session;
pub mod smoke;
pub mod store;
pub mod tokens;

pub use access::{CalendarAccess, NotCallable};
pub use callback::{CallbackOutcome, finish};
pub use code_grant::{BeginRequest, begin};
pub use connection::{Connection, State};
pub use disconnect::{DisconnectError, disconnect, page_to_withdraw, page_to_withdraw_later};
pub use error::{AccountError, ConnectError, RequestedAccess};
pub use form::{FormSignIn, connect};
pub use offered::{OfferedProvider, offered_providers};
pub use revocations::store::{PlaceTable, SEALED as SEALED_REVOCATIONS};
pub use session::CalendarSession;
