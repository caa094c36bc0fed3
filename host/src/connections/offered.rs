//! The providers that can be connected at this moment.

use super::access::CalendarAccess;
use crate::plugins::registry::Provider;

/// A provider that is offered, granted and in use.
#[derive(Clone)]
pub struct OfferedProvider {
    /// Its id.
    pub id: String,
    /// The provider.
    pub provider: Provider,
}

/// Resolves ids of offered providers. An offered provider that is not in use, or whose grant is not accepted, cannot be
/// connected at this moment and is left out.
pub async fn offered_providers(
    calendars: &CalendarAccess,
    offered: impl IntoIterator<Item = String>,
) -> Vec<OfferedProvider> {
    let mut providers = Vec::new();
    for id in offered {
        if let Ok(provider) = calendars.registry.provider(&id).await {
            providers.push(OfferedProvider { id, provider });
        }
    }
    providers
}
