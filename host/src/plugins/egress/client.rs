//! The client that carries requests: connection pools, TLS, and the second layer of egress.
//!
//! Threat: a name that passes the first layer and resolves to an address inside; a pooled connection or a TLS ticket
//! that one organisation's call takes over from another's. Decision: a resolver that gives the connector only
//! addresses that the policy allows, and one client (pool, tickets) for each organisation and provider; the trust
//! anchors are loaded once and shared. Redirects are not followed and no proxy of the environment is used: both
//! would send a credential where the policy has not looked. Rejected: resolving first and connecting by address,
//! which needs TLS names and `Host` done by hand.

use super::address::AddressPolicy;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::{ClientConfig, client::Resumption, pki_types::CertificateDer};
use rustls_platform_verifier::Verifier;
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The most (organisation, provider) pairs that keep connections open.
const MOST_POOLS: usize = 512;

/// Why the clients could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The trust anchors cannot be used.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP client refuses its settings.
    #[error("the HTTP client cannot be set up: {0}")]
    Http(#[from] reqwest::Error),
}

/// Whom TLS trusts: the machine's own anchors, and what the operator adds for a service with a private authority.
#[derive(Debug, Clone)]
pub struct Tls(ClientConfig);

impl Tls {
    /// Trust for the machine's anchors and these certificates (DER).
    ///
    /// # Errors
    /// If a certificate cannot be used.
    pub fn new(extra: Vec<CertificateDer<'static>>) -> Result<Self, ClientError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = Verifier::new_with_extra_roots(extra, provider.clone())?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Self(config))
    }

    /// The same trust, with a store of session tickets of its own.
    fn separate(&self) -> ClientConfig {
        let mut config = self.0.clone();
        config.resumption = Resumption::in_memory_sessions(64);
        config
    }
}

/// Where names are looked up.
#[derive(Debug, Clone, Default)]
pub enum Names {
    /// The system's resolver.
    #[default]
    System,
    /// A fixed table, for tests of names that lead to private addresses: each look-up gives the next of the lists.
    Table(Arc<Mutex<HashMap<String, Vec<Vec<IpAddr>>>>>),
}

impl Names {
    async fn look_up(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        match self {
            Self::System => Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()),
            Self::Table(table) => {
                let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
                let answers = table.get_mut(name).ok_or(std::io::ErrorKind::NotFound)?;
                let answer = if answers.len() > 1 { answers.remove(0) } else { answers.concat() };
                Ok(answer)
            }
        }
    }
}

/// A name resolved to addresses of which none is allowed.
#[derive(Debug, thiserror::Error)]
#[error("every address of the name is private or reserved, {address} for one")]
pub(super) struct AddressDenied {
    pub(super) address: IpAddr,
}

/// The second layer: only allowed addresses reach the connector.
struct Guarded {
    names: Names,
    policy: AddressPolicy,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, policy) = (self.names.clone(), self.policy.clone());
        Box::pin(async move {
            let found = names.look_up(name.as_str()).await?;
            let denied = found.iter().copied().find(|&address| !policy.allows(address));
            let allowed: Vec<_> = found.into_iter().filter(|&address| policy.allows(address)).collect();
            match denied {
                Some(address) if allowed.is_empty() => Err(AddressDenied { address }.into()),
                _ => Ok(Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs),
            }
        })
    }
}

/// The clients of one organisation and provider.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    /// Dials allowed addresses only.
    pub(super) guarded: reqwest::Client,
    /// Dials what the operator mapped a service to.
    pub(super) mapped: reqwest::Client,
}

/// All clients of a host.
#[derive(Debug)]
pub(in crate::plugins) struct Clients {
    tls: Tls,
    names: Names,
    policy: AddressPolicy,
    pools: Mutex<Pools>,
}

#[derive(Debug, Default)]
struct Pools {
    by_owner: HashMap<(String, String), (Pair, u64)>,
    uses: u64,
}

impl Clients {
    pub(in crate::plugins) fn new(tls: Tls, names: Names, policy: AddressPolicy) -> Self {
        Self { tls, names, policy, pools: Mutex::default() }
    }

    /// The clients of this organisation and provider. The least recently used ones make room for new ones.
    pub(super) fn of(&self, organisation: &str, provider: &str) -> Result<Pair, ClientError> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.uses += 1;
        let now = pools.uses;
        let key = (organisation.to_owned(), provider.to_owned());
        if let Some((pair, used)) = pools.by_owner.get_mut(&key) {
            *used = now;
            return Ok(pair.clone());
        }
        let guarded = Guarded { names: self.names.clone(), policy: self.policy.clone() };
        let pair =
            Pair { guarded: self.builder().dns_resolver(Arc::new(guarded)).build()?, mapped: self.builder().build()? };
        if pools.by_owner.len() >= MOST_POOLS {
            let oldest = pools.by_owner.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone());
            oldest.and_then(|key| pools.by_owner.remove(&key));
        }
        pools.by_owner.insert(key, (pair.clone(), now));
        Ok(pair)
    }

    fn builder(&self) -> reqwest::ClientBuilder {
        reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.separate())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(10))
            .pool_max_idle_per_host(16)
            .pool_idle_timeout(Duration::from_secs(60))
            .user_agent(concat!("chronus/", env!("CARGO_PKG_VERSION")))
    }
}
