//! The one integration test binary: one link, and all tests run side by side.

mod api; // The API as tools by others read it: validators, generated clients, a fuzzer.
mod audit; // The audit log: an entry is there if and only if its act is.
mod cli; // The command line from outside: streams, exit codes, advice, and no secret in any of them.
mod conformance; // The suite covers the contract, finds every mistake, and holds for iCal against real servers.
mod database; // Both databases have the same tables, and nobody calls out inside a transaction.
mod frozen; // Components of every frozen version of the contract load, or are refused by its number.
mod gate; // The scripts in `.ci`: the changelog's gate, and what a part that fails or takes too long does.
mod google; // The stand-in for Google, driven by Google's own client and by other people's OAuth clients.
mod google_provider; // The Google provider holds the contract against the stand-in, and does what people need of it.
mod http; // The API: every route refuses what it must, in one form, and writes nothing meanwhile.
mod jobs; // Jobs are done once, one at a time in a lane, by a host that is alive.
mod languages; // Providers in JavaScript and Python keep the contract, and work in a host.
mod oauth; // Calendars are connected at the service's own page, and tokens go on from there.
mod occurrences; // Busy times are what recurring-ical-events and ical.js agree on, over the calendars of two test suites.
mod pages; // Pages refuse visitors without the right to see them, links work once, and mail reaches its address.
mod peers; // The software of others that proves our work: it starts, an independent client works with it, it ends.
mod read_only; // The suite for providers that only read: each mistake is found, and what proves little says so.
mod registry; // Providers are added, accepted, replaced and removed while calls go on.
mod rules; // Recurrence rules give what another engine gives, at random.
mod sandbox; // The sandbox holds, whatever a guest does.
mod schedule; // Periodic work is done once by all hosts together.
mod scheduling; // Over a server that schedules, invitations go out and answers come back, and the other way round.
mod secrets; // What is sealed opens in its row and nowhere else; keys change while it stays.
mod series; // A series that two clients change, occurrence by occurrence.
mod service; // The service, from outside: the program that is shipped, its API, a real calendar server.
mod shares; // Workers are shared by class, organisation and origin, on one host and on several.
mod sizes; // Components are below a megabyte.
mod stored; // Stored enums and flags: constraints, columns and enums agree.
mod sync; // A calendar of many events is listed once, and looked at again it costs next to nothing.
mod texts; // Every text that people read is in a golden file.
mod tidy; // The rules of the house, over the tracked files.
mod walk; // Providers and independent clients change a series at random, and a model agrees after each change.
