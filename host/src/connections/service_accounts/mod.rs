//! Service accounts: how an organisation connects its people (M17).
//!
//! Threat: one credential that opens every calendar of an organisation, in the wrong hands; and a way around the rule that
//! nobody connects a calendar for another person (M12). Decision: the organisation's IT gives access to the organisation's
//! own mailboxes, and every step verifies that. Only an administrator of the organisation, a person, saves a service
//! account. Only people with an address in one of the organisation's mail domains, which the operator adds, are connected,
//! each under their own address; no request names a mailbox. A person who connected a calendar themself keeps it, and a
//! person who disconnects is not connected again. An account is probed before it is saved.
//!
//! The granted sign-in decides between two kinds: a *delegated* account has a key that gets a token for each mailbox (RFC
//! 7523, RFC 6749 §4.4); a *shared* account is one mailbox that people share their free/busy times with, and has one token
//! for all. A shared account never writes, even if its token could.
//!
//! The files, in the order in which they may use each other: `account` the values, `grant`, [`store`], `mailbox` how a
//! mailbox is called, [`token`] tokens for mailboxes, [`probe`](mod@probe), [`save`](mod@save), [`shared`] a mailbox at its
//! service's own page, `members` connecting people, one job each. Rejected: one token for all calls with the mailbox as an
//! argument, with which a mistake in a provider would show one person another's calendar.

mod account;
mod grant;
mod mailbox;
mod members;
mod probe;
mod save;
pub mod shared;
pub mod store;
pub mod token;

pub use account::{Kind, ServiceAccount};
pub use grant::kind_of;
pub use members::{connect_all, connect_person};
pub use probe::{AccountCredential, InvitationTest, NewAccount, ProbeReport, administers, probe};
pub use save::{Overview, accounts, remove, save};
pub use shared::begin;

pub use super::error::{AccountError, RequestedAccess};
