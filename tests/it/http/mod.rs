//! The API from outside: every route refuses what it must, says why in one form, and writes nothing meanwhile.

mod answers;
mod document;
mod documented;
mod limits;
mod meetings;
mod outage;
mod rights;
mod routes;
mod served;
pub(crate) mod world;
