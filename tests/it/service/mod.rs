//! The service, from outside: the program that is shipped, its API, a real calendar server, and another client.

mod booked; // A booked day is never told as free, whatever the calendar server is like.
mod browser; // What people do in a real browser, and that axe-core finds nothing wrong.
mod crowded; // A provider returns all that it may, and the host goes on answering.
mod disk; // The disk is full and has room again, and every booking that was accepted arrives.
mod example; // The smallest provider keeps the contract and makes a person busy in a host.
mod fair; // One organisation's calendar server hangs, and no other organisation waits for it.
mod flow; // Connect, busy, meet, move, cancel; what is refused; what no log and no byte of the database tells.
mod hosts; // Two hosts of one database share the work, and one takes over from the other.
mod keys; // Hosts with different keys leave no meeting behind.
mod kills; // The host is killed wherever it hurts, and every meeting still has exactly one event.
mod others; // What other people and services do to a meeting's event, and to the access to it.
mod pages; // The pages of the program, step by step; no link, session or password is told.
mod running; // Providers change under a host that answers.
mod versions; // Wrong versions of a provider do not come into use, or what they refused is tried again.
pub(crate) mod world; // An organisation with people, a host, a calendar server.
