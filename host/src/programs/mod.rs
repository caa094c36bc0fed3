//! Organisations and their programs.
