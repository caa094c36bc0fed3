//! The handlers of the API, a file for each resource.
//!
//! A handler parses the request, calls one function of the domain and shows the result; rules are in the domain. The
//! first line of a handler's comment is the operation's summary in the OpenAPI document, the rest its description.

pub(super) mod about;
pub(super) mod busy;
pub(super) mod connections;
pub(super) mod health;
mod lookup;
pub(super) mod meetings;
pub(super) mod organisations;
pub(super) mod people;
pub(super) mod programs;
mod responses;
pub(super) mod service_accounts;
pub(super) mod stuck;
pub(super) mod tokens;
