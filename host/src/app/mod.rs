//! All parts together.
