//! Chronus Calendar Host: sandboxed calendar providers behind one contract, and the service on top of them.
//!
//! The modules, in the order in which they may use each other (a module uses only those above it):

/// All parts together.
pub mod app;
/// The log of who did what.
pub mod audit;
/// Authentication and authorisation.
pub mod auth;
/// When people are free.
pub mod availability;
/// The values of the field.
pub mod calendar;
/// The command line.
pub mod cli;
/// The clock.
pub mod clock;
/// Every setting.
pub mod config;
/// Tests that check a provider against the promises of the contract.
pub mod conformance;
/// People's connected calendars.
pub mod connections;
/// The database.
pub mod db;
/// Fair sharing of sandboxes and workers.
pub mod fairness;
/// The API.
pub mod http;
/// The names of things.
pub mod ids;
/// Work that is done later, surely.
pub mod jobs;
/// URLs of this host for mails and services.
pub mod links;
/// Locks that stay usable after a panic.
pub mod locks;
/// Mail that we send.
pub mod mail;
/// Meetings, and their events in people's calendars.
pub mod meetings;
/// What an address tells about a machine.
pub mod network;
/// OAuth 2.0 as the client of calendar services.
pub mod oauth;
/// Work whose amount somebody else chose.
pub mod offload;
/// Organisations, their programs, mail domains and offers.
pub mod organisations;
/// People, and their roles.
pub mod people;
/// Running providers.
pub mod plugins;
/// How often anybody may do what costs others something.
pub mod rate_limits;
/// Secrets at rest.
pub mod secrets;
