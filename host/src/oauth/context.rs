//! The services that OAuth code needs, and the reference to a sign-in.

use super::single_flight::SingleFlight;
use crate::{audit::Values, clock::Clock, db::Db, plugins::registry::Registry, secrets::Keyring};

/// References to the host's services.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The database.
    pub db: &'a Db,
    /// The providers and their grants.
    pub registry: &'a Registry,
    /// Seals tokens and client secrets.
    pub keyring: &'a Keyring,
    /// The clock.
    pub clock: &'a Clock,
    /// The refreshes that are running in this process.
    pub refreshes: &'a SingleFlight,
}

/// A sign-in of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInRef<'a> {
    /// The provider's id.
    pub provider: &'a str,
    /// The id of the sign-in, unique within the provider.
    pub sign_in: &'a str,
}

impl SignInRef<'_> {
    /// The values of the sign-in that the audit log shows.
    #[must_use]
    pub fn values(&self) -> Values {
        Values::new().provider(self.provider).sign_in(self.sign_in)
    }
}
