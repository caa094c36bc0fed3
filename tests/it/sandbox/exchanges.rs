//! One exchange with a service: the three timeouts of `wasi:http`, the errors that a provider gets, and the tracing span.

use super::{
    log,
    server::{Reply, Server, answer, ok},
    yard::{Ask, SLACK, Yard, config},
};
use chronus_host::plugins::{
    BudgetLimit, CallError, SandboxConfig,
    egress::{Credential, NameResolver},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

const TIMEOUT: Duration = Duration::from_millis(200);

/// The error that the guest received, after a check that it came at the timeout.
async fn error_at_the_timeout(yard: &Yard, ask: Ask) -> String {
    let began = Instant::now();
    let found = ask.say("shameless", "yes").open(&yard.plugin).await.unwrap();
    let elapsed = began.elapsed();
    assert!((TIMEOUT..TIMEOUT + SLACK).contains(&elapsed), "{elapsed:?}");
    found.get("error").to_owned()
}

/// Checks that the call ends at its own deadline and not earlier.
async fn ends_with_the_call(yard: &Yard, ask: Ask) {
    let wall = 2 * TIMEOUT;
    let ask = ask.budget(|budget| budget.wall_ms = u64::try_from(wall.as_millis()).unwrap());
    match ask.open(&yard.plugin).await {
        Err(CallError::Exhausted(limit)) => assert_eq!(limit, BudgetLimit::Wall(wall)),
        other => panic!("{other:?}"),
    }
}

fn milliseconds() -> u128 {
    TIMEOUT.as_millis()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connect_timeout_ends_a_handshake_and_no_exchange() {
    let yard = Yard::new().await;
    // The system accepts connections for this listener, and nothing answers the TLS handshake.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = Ask::act("ask").url(&format!("https://{}", listener.local_addr().unwrap()));
    let error = error_at_the_timeout(&yard, silent.clone().say("connect-ms", milliseconds())).await;
    assert!(error.contains("ConnectionTimeout"), "{error}");
    ends_with_the_call(&yard, silent.say("between-bytes-ms", milliseconds())).await;
    let server = Server::start(|_| Reply::Stall(Vec::new())).await;
    ends_with_the_call(&yard, Ask::act("ask").to(&server).say("connect-ms", milliseconds())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_byte_timeout_ends_the_wait_for_a_response_and_no_body() {
    let yard = Yard::new().await;
    let server = Server::start(|_| Reply::Stall(Vec::new())).await;
    let silent = Ask::act("ask").to(&server);
    let error = error_at_the_timeout(&yard, silent.clone().say("first-byte-ms", milliseconds())).await;
    assert!(error.contains("HttpResponseTimeout"), "{error}");
    ends_with_the_call(&yard, silent.say("between-bytes-ms", milliseconds())).await;
    let server = Server::start(|_| stalls_in_the_body()).await;
    ends_with_the_call(&yard, Ask::act("ask").to(&server).say("first-byte-ms", milliseconds())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_between_bytes_timeout_ends_a_body_that_stops() {
    let yard = Yard::new().await;
    let server = Server::start(|_| stalls_in_the_body()).await;
    let ask = Ask::act("ask").to(&server).say("between-bytes-ms", milliseconds());
    let error = error_at_the_timeout(&yard, ask).await;
    // The host writes the text of an error of a body's stream.
    assert!(error.contains("connection read timeout"), "{error}");
}

/// A response whose body stops after three of ten bytes.
fn stalls_in_the_body() -> Reply {
    let mut response = answer(200, &[], "0123456789");
    response.truncate(response.len() - 7);
    Reply::Stall(response)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_is_not_a_refused_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let known = ("localhost".to_owned(), vec![vec!["127.0.0.1".parse().unwrap()]]);
    let names = NameResolver::Table(Arc::new(Mutex::new(HashMap::from([known]))));
    let yard = Yard::with(SandboxConfig { names, ..config() }).await;
    let error = async |url: &str| {
        let ask = Ask::act("ask").url(url).say("shameless", "yes");
        ask.open(&yard.plugin).await.unwrap().get("error").to_owned()
    };
    let refused = error(&format!("http://localhost:{port}")).await;
    assert!(refused.contains("ConnectionRefused"), "{refused}");
    let unknown = error("https://unknown.example.net").await;
    assert!(unknown.contains("DnsError"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_one_span_that_tells_no_secret() {
    let (yard, server) = (Yard::new().await, Server::start(|_| ok("fine")).await);
    let port = server.address().port();
    let url = format!("{}/private-span-path?token=s3cret-span-query", server.origin());
    Ask::act("ask").url(&url).password("hunter22-span").open(&yard.plugin).await.unwrap();
    let spans = log::lines(&["SPAN", "guest_request", &format!("server.port={port}")]);
    let [span] = &spans[..] else { panic!("{spans:?}") };
    for field in
        ["otel.kind=client", "http.request.method=GET", "server.address=127.0.0.1", "provider=hostile", " call=c"]
    {
        assert!(span.contains(field), "{field} in {span}");
    }
    // With the space after it: `span=1` is also the beginning of `span=12`, which another test may have.
    let id = format!("{} ", span.split(' ').find(|word| word.starts_with("span=")).unwrap());
    assert_eq!(log::lines(&["RECORD", &id, "http.response.status_code=200"]).len(), 1);

    // The address of this connection is secret, and the provider's request contains a placeholder.
    let mut secret = Ask::act("ask").say("url", "https://connection.invalid/");
    secret.credential = Credential::Url(format!("{}/private-span-address", server.origin()).into());
    secret.open(&yard.plugin).await.unwrap();
    assert_eq!(log::lines(&["SPAN", "guest_request", "server.address=connection.invalid"]).len(), 1);
    assert_eq!(server.counts().requests, 2);
    for secret in ["private-span-path", "s3cret-span-query", "hunter22-span", "private-span-address"] {
        assert_eq!(log::lines(&[secret]), [""; 0], "{secret}");
    }
}
