//! The API from outside: every route refuses what it must, says why in one form, and writes nothing meanwhile.

mod document;
mod meetings;
mod rights;
mod routes;
mod served;
mod world;
