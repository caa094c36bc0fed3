//! Chronus Calendar Host: sandboxed calendar providers behind one contract, and the service on top of them.
//!
//! The modules, in the order in which they may use each other (a module uses only those above it):

/// The values of the field.
pub mod calendar;
/// The command line.
pub mod cli;
/// Running providers.
pub mod plugins;
