//! Connections to services: reused by the next call, never shared between organisations, and verified by certificate.

use super::{
    log,
    server::{Reply, Server, answer, ok},
    yard::{Ask, Yard, config},
};
use chronus_host::plugins::{
    SandboxConfig,
    egress::{NameResolver, TlsTrust},
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

#[tokio::test(flavor = "multi_thread")]
async fn calls_one_after_the_other_share_a_connection() {
    let (yard, server) = (Yard::new().await, Server::start(|_| ok("fine")).await);
    let ask = Ask::act("ask").to(&server).say("times", 2);
    for _ in 0..100 {
        ask.open(&yard.plugin).await.unwrap();
    }
    let counts = server.counts();
    assert_eq!(counts.requests, 200);
    assert!(counts.connections <= 4, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn organisations_never_share_one() {
    let (yard, server) = (Yard::new().await, Server::start(|_| ok("fine")).await);
    let of = |organisation: &'static str| Ask { organisation, ..Ask::act("ask").to(&server).password(organisation) };
    for organisation in ["acme", "initech", "acme", "umbrella", "initech", "acme"].into_iter().cycle().take(30) {
        of(organisation).open(&yard.plugin).await.unwrap();
    }
    let mut owners: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for seen in server.seen() {
        owners.entry(seen.connection).or_default().push(seen.header("authorization").unwrap().to_owned());
    }
    for (connection, owners) in &mut owners {
        owners.dedup();
        assert_eq!(owners.len(), 1, "connection {connection} carried {owners:?}");
    }
    assert!((3..=6).contains(&owners.len()), "{owners:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_not_used_again_after_a_call_was_cut_off() {
    let yard = Yard::new().await;
    let server = Server::start(|seen| match seen.connection {
        // The response to the first call comes after the call was cancelled.
        0 => Reply::Stall(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nfir".to_vec()),
        _ => ok("second"),
    });
    let server = server.await;
    let ask = Ask::act("ask").to(&server);
    assert_eq!(yard.endures(ask.clone().budget(|budget| budget.wall_ms = 150)).await.code(), "wall-exhausted");
    assert_eq!(ask.open(&yard.plugin).await.unwrap().get("body"), "second");
}

/// A private certificate authority and the servers that it certifies.
struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap().der().clone();
        Self { certificate, issuer: Issuer::new(parameters, key) }
    }

    async fn server(&self, name: &str) -> Server {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Server::tls(certificate.der().clone(), key, |_| Reply::Bytes(answer(200, &[], "trusted"))).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_authority_counts_only_where_it_is_configured() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = authority.server("dav.example.net").await;
    let port = server.address().port();
    let names = || {
        let entry = |name: &str| (name.to_owned(), vec![vec!["127.0.0.1".parse().unwrap()]]);
        let table = HashMap::from([entry("dav.example.net"), entry("else.example.net")]);
        NameResolver::Table(Arc::new(Mutex::new(table)))
    };
    let trusting = async |certificates: Vec<CertificateDer<'static>>| {
        let tls = TlsTrust::new(certificates).unwrap();
        Yard::with(SandboxConfig { tls, names: names(), ..config() }).await
    };
    let ask = |name: &str| {
        Ask::act("ask").url(&format!("https://{name}:{port}")).password("hunter22-tls").say("shameless", "yes")
    };
    for yard in [trusting(vec![]).await, trusting(vec![other.certificate.clone()]).await] {
        let found = ask("dav.example.net").open(&yard.plugin).await.unwrap();
        assert!(found.get("error").contains("TlsCertificateError"), "{found:?}");
    }
    let yard = trusting(vec![other.certificate, authority.certificate.clone()]).await;
    let found = ask("dav.example.net").open(&yard.plugin).await.unwrap();
    assert_eq!(found.get("body"), "trusted");
    // A certificate of a trusted authority is refused under another name.
    let found = ask("else.example.net").open(&yard.plugin).await.unwrap();
    assert!(found.get("error").contains("TlsCertificateError"), "{found:?}");
    // Only the server with the right certificate received the password.
    assert_eq!(server.counts().requests, 1);
    assert_eq!(log::lines(&["hunter22-tls"]), [""; 0]);
}
