//! The handlers of the API, a file for each resource.
//!
//! A handler parses the request, calls one function of the domain and shows the result. The files have no rules of
//! their own: those are in the domain. Which route leads to which handler is in the table of [`super`].

pub(super) mod busy;
pub(super) mod connections;
pub(super) mod health;
mod lookup;
pub(super) mod meetings;
pub(super) mod openapi;
pub(super) mod organisations;
pub(super) mod people;
pub(super) mod programs;
pub(super) mod service_accounts;
pub(super) mod tokens;
