//! People, their roles, and API tokens.
