//! What the tests and the demo share, so that neither grows a framework of its own.
//!
//! - `checkout`: the root and the components of this checkout, built once per process.
//! - `database`: an empty database for each test, on either engine.
//! - `peers`: software by other people that proves our work: CalDAV servers, an independent client, a reference for
//!   recurrences. Rejected: imitations of servers that can be had. They know only what we knew when we wrote them.
//! - `harness`: a sandbox, and a provider in it that is connected to an account.
//! - `listing`: a whole calendar, read for the first time and then again.
//! - `measure`: the result of a benchmark, from its rounds.
//! - `events`: any number of events for benchmarks, of the kinds that people have.
//! - `store`: a toy service for a toy provider with planted errors.
//! - `google`: a strict stand-in for Google, which checks every request and response by Google's description of its API.
//! - `random`: random choices that a seed repeats.
//! - `program`, `host`: the program of this checkout, and a running `chronus serve` with a client of its API.
//! - `jobs`: claiming a job without a runner.
//! - `visitor`: a browser without a window, for pages: cookies, and the tokens of forms.
//! - `wit`: the contract as text: the promises it numbers, and its normal form.
//! - `tidy`: the rules of the house as functions over the tracked files; `it/tidy.rs` applies them.

mod checkout;
pub mod database;
pub mod events;
pub mod google;
pub mod harness;
pub mod host;
pub mod jobs;
pub mod listing;
pub mod measure;
pub mod peers;
mod program;
pub mod random;
pub mod store;
pub mod stored;
pub mod tidy;
pub mod visitor;
pub mod wit;

pub use checkout::{Components, components, repo_root};
pub use program::{command, program};

use chronus_host::audit::Author;

/// Who makes the changes that a test begins with.
pub const OPERATOR: Author = Author::CommandLine(None);
