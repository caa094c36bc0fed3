//! When people are free.
