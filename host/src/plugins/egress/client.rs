//! The HTTP clients: connection pools, TLS, and the second layer of egress.
//!
//! Threat: a host name that passes the first layer and resolves to an internal address; a pooled connection or a TLS
//! ticket that the call of one organisation takes over from another's. Decision: a resolver gives the connector only
//! addresses that the policy allows, and each organisation and provider has its own client (pool, tickets). Trust anchors
//! are loaded once and shared. Redirects are not followed and no proxy of the environment is used: both would send a
//! credential to an address that the policy has not checked. Rejected: resolving first and connecting by address, which
//! needs the TLS server name and `Host` to be set by hand.

use super::{
    address::AddressPolicy,
    transport::{AddressDenied, NameNotFound, limit_connect},
};
use crate::locks;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::{ClientConfig, client::Resumption, pki_types::CertificateDer};
use rustls_platform_verifier::Verifier;
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};
use tower::util::MapFutureLayer;

/// The maximum number of owners that keep connections open.
const MAX_POOLS: usize = 512;

/// Why the HTTP clients cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The trust anchors cannot be used.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP client refuses its settings.
    #[error("the HTTP client cannot be set up: {0}")]
    Http(#[from] reqwest::Error),
}

/// For which organisation and provider a request is sent. HTTP connections are not shared between owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestOwner<'a> {
    /// The organisation.
    pub organisation: &'a str,
    /// The provider.
    pub provider: &'a str,
}

/// TLS trust anchors: those of the machine, and those that the operator adds for a private authority.
#[derive(Debug, Clone)]
pub struct TlsTrust(ClientConfig);

impl TlsTrust {
    /// Trusts the machine's anchors and these certificates (DER).
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

    /// The same trust with a separate store of session tickets.
    fn separate(&self) -> ClientConfig {
        let mut config = self.0.clone();
        config.resumption = Resumption::in_memory_sessions(64);
        config
    }
}

/// How host names are resolved.
#[derive(Debug, Clone, Default)]
pub enum NameResolver {
    /// By the system.
    #[default]
    System,
    /// By a fixed table, for tests of names that resolve to private addresses. Each look-up takes the next list; the last
    /// list stays.
    Table(Arc<Mutex<HashMap<String, Vec<Vec<IpAddr>>>>>),
}

impl NameResolver {
    async fn look_up(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        match self {
            Self::System => Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()),
            Self::Table(table) => {
                let mut table = locks::lock(table);
                let lists = table.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
                Ok(if lists.len() > 1 { lists.remove(0) } else { lists.concat() })
            }
        }
    }
}

/// Resolves host names and passes on only the allowed addresses.
struct PolicyResolver {
    names: NameResolver,
    /// `None` for destinations that the operator chose by `egress.map`.
    policy: Option<AddressPolicy>,
}

impl Resolve for PolicyResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, policy) = (self.names.clone(), self.policy.clone());
        Box::pin(async move {
            let allows = |address| policy.as_ref().is_none_or(|policy| policy.allows(address));
            let found = names.look_up(name.as_str()).await.map_err(NameNotFound)?;
            let denied = found.iter().copied().find(|&address| !allows(address));
            let allowed: Vec<_> = found.into_iter().filter(|&address| allows(address)).collect();
            match denied {
                Some(address) if allowed.is_empty() => Err(AddressDenied { address }.into()),
                _ => Ok(Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs),
            }
        })
    }
}

/// The clients of one owner.
#[derive(Debug, Clone)]
pub(super) struct ClientPair {
    /// Connects to allowed addresses only.
    pub(super) guarded: reqwest::Client,
    /// Connects to the destinations of `egress.map`.
    pub(super) mapped: reqwest::Client,
}

/// All clients of a host.
#[derive(Debug)]
pub(in crate::plugins) struct Clients {
    tls: TlsTrust,
    names: NameResolver,
    policy: AddressPolicy,
    pools: Mutex<Pools>,
}

#[derive(Debug, Default)]
struct Pools {
    /// By organisation and provider.
    by_owner: HashMap<(String, String), Pool>,
    uses: u64,
}

#[derive(Debug)]
struct Pool {
    clients: ClientPair,
    last_use: u64,
}

impl Clients {
    pub(in crate::plugins) fn new(tls: TlsTrust, names: NameResolver, policy: AddressPolicy) -> Self {
        Self { tls, names, policy, pools: Mutex::default() }
    }

    /// The clients of this owner. New owners replace the least recently used one.
    pub(super) fn for_owner(&self, owner: RequestOwner<'_>) -> Result<ClientPair, ClientError> {
        let mut pools = locks::lock(&self.pools);
        pools.uses += 1;
        let now = pools.uses;
        let key = (owner.organisation.to_owned(), owner.provider.to_owned());
        if let Some(pool) = pools.by_owner.get_mut(&key) {
            pool.last_use = now;
            return Ok(pool.clients.clone());
        }
        let guarded = PolicyResolver { names: self.names.clone(), policy: Some(self.policy.clone()) };
        let mapped = PolicyResolver { names: NameResolver::System, policy: None };
        let clients = ClientPair { guarded: self.client(guarded)?, mapped: self.client(mapped)? };
        if pools.by_owner.len() >= MAX_POOLS {
            let oldest = pools.by_owner.iter().min_by_key(|(_, pool)| pool.last_use).map(|(key, _)| key.clone());
            oldest.and_then(|key| pools.by_owner.remove(&key));
        }
        pools.by_owner.insert(key, Pool { clients: clients.clone(), last_use: now });
        Ok(clients)
    }

    fn client(&self, resolver: PolicyResolver) -> Result<reqwest::Client, ClientError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.separate())
            .dns_resolver(Arc::new(resolver))
            .connector_layer(MapFutureLayer::new(limit_connect))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(10))
            .pool_max_idle_per_host(16)
            .pool_idle_timeout(Duration::from_secs(60))
            .user_agent(concat!("chronus/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(client)
    }
}
