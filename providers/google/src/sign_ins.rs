//! The ids of the two sign-ins. Each connection stores the one that it was made by.

/// A person connects their own account, or an organisation an account that people share their free/busy with.
pub(crate) const PERSON: &str = "google";

/// The organisation's service account acts for its people (domain-wide delegation).
pub(crate) const SERVICE_ACCOUNT: &str = "service-account";
