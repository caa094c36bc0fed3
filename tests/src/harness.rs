//! Shared by tests and benchmarks of providers: a sandbox, and a provider in it that is connected to an account.

use crate::peers::Account;
use crate::{components, repo_root};
use anyhow::Context;
use chronus_host::plugins::egress::{Credential, EgressGrant, EgressMap, EgressPolicy, NameResolver, TlsTrust};
use chronus_host::plugins::{Access, Budget, CallTarget, Plugin, Sandbox, SandboxConfig};
use std::sync::Arc;

/// The server's origin as the provider knows it; the egress map leads to the real server.
pub const SERVER: &str = "https://dav.example.org";

/// A new sandbox for each test, because connections belong to a test's runtime and must not outlive it. Compiled code is
/// shared through a folder of the checkout.
pub fn sandbox(egress: EgressPolicy) -> anyhow::Result<Sandbox> {
    Ok(Sandbox::new(SandboxConfig {
        concurrent_calls: 8,
        cache: Some(repo_root().join("target/code")),
        egress,
        tls: TlsTrust::new(Vec::new())?,
        names: NameResolver::System,
    })?)
}

/// A policy that maps [`SERVER`] to this origin.
pub fn mapped_to(origin: &str) -> anyhow::Result<EgressPolicy> {
    Ok(EgressPolicy { map: EgressMap::new([(SERVER, origin)])?, ..EgressPolicy::default() })
}

/// The iCal provider, connected to an account of a CalDAV server whose owner lives in this zone.
pub async fn ical(account: &Account, zone: &str) -> anyhow::Result<(Plugin, Arc<Access>)> {
    let built = tokio::task::spawn_blocking(components).await??.provider("ical")?;
    let plugin = sandbox(mapped_to(&account.origin)?)?.admit(&std::fs::read(&built.path)?).await?;
    let connection = CallTarget {
        sign_in: "caldav".into(),
        server: Some(SERVER.into()),
        zone: zone.into(),
        fields: vec![("username".into(), account.user.clone())],
        ..CallTarget::default()
    };
    Ok((plugin, access(account, connection)?))
}

/// The access of this connection to an account.
pub fn access(account: &Account, connection: CallTarget) -> anyhow::Result<Arc<Access>> {
    let credential = Credential::Basic { user: account.user.clone(), secret: account.password.clone().into() };
    let access = Access::new("organisation", connection, credential, EgressGrant::default(), Budget::default());
    access.context("the access to the test account")
}
