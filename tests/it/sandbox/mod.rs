//! The sandbox holds, whatever a guest does.
//!
//! Each test lets the guest `hostile` (or a component of a hostile form) do one thing, and checks three things: the failure
//! has the right type, the next call works, and a concurrent call was not disturbed.

#![expect(clippy::unwrap_used, reason = "tests and what only they use")]

mod admission; // What gets in, and what is refused before it runs.
mod alone; // Descriptors and memory of the whole process, in a process of their own.
mod answers; // Answers that break the contract.
mod breakers; // What fails again and again is left alone.
mod budgets; // Every part of a budget cuts.
mod concurrency; // Calls beside each other: room, waiting, cancelling.
mod connections; // Pools, organisations, trust.
mod egress; // Where requests may go, and what a refusal says.
mod exchanges; // Timeouts, errors and the span of one exchange.
mod log; // What everybody wrote to the log.
mod pauses; // The waits that services ask for.
mod secrets; // A guest that dumps all it can see finds no credential.
mod server; // A service that does what a test says.
mod services; // Services that do not stop, do not go on, or unpack to too much.
mod traps; // Crashes and their records.
mod yard; // A sandbox with the hostile guest in it.
