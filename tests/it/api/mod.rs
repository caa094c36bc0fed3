//! The API as third-party tools read it: validators, generators of clients, and a fuzzer.
//!
//! Problem: a document that is only compared with the code that made it may be invalid, and then nobody can generate a
//! client. Here validators by others find nothing in it, generated clients in two languages compile or run, and
//! schemathesis sends requests that are made from it.

mod clients;
mod document;
mod fuzz;
