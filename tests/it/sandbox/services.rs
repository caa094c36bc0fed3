//! Services that do not stop, do not go on, or send little that unpacks to much. A provider may be honest, and its service
//! not.

use super::{
    budgets::exhausted,
    server::{Reply, Server, answer, ok},
    yard::{Ask, SLACK, Yard},
};
use chronus_host::plugins::BudgetLimit;
use flate2::{Compression, write::GzEncoder};
use std::{
    io::Write,
    time::{Duration, Instant},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_answer_is_cut() {
    let yard = Yard::new().await;
    let endless = |head: &'static str, piece: &'static str| {
        Server::start(move |_| Reply::Endless(head.into(), piece.repeat(64).into()))
    };
    for server in [
        endless("HTTP/1.1 200 OK\r\n\r\n", "0123456789abcdef").await,
        endless("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "10\r\n0123456789abcdef\r\n").await,
        endless("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", "0123456789abcdef").await,
    ] {
        let ask = Ask::act("ask").to(&server).budget(|budget| budget.response_bytes = 1 << 20);
        let what = exhausted(&yard, ask).await;
        assert_eq!((what, what.code()), (BudgetLimit::ResponseBytes(1 << 20), "response-bytes-exhausted"));
        server.until(|counts| counts.open == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_summed_and_counted_as_they_unfold() {
    let yard = Yard::new().await;
    let packed = packed(&[b'a'; 1 << 20]);
    assert!(packed.len() < 10_000);
    let server = Server::start(move |seen| match &*seen.line {
        "GET /packed HTTP/1.1" => Reply::Bytes(answer(200, &[("content-encoding", "gzip")], &packed)),
        _ => ok(&"b".repeat(10_000)),
    });
    let server = server.await;
    let ask = |path: &str| {
        let ask = Ask::act("ask").url(&format!("{}{path}", server.origin()));
        ask.budget(|budget| budget.response_bytes = 100_000)
    };
    assert_eq!(exhausted(&yard, ask("/packed")).await, BudgetLimit::ResponseBytes(100_000));
    assert_eq!(ask("/").say("times", 10).open(&yard.plugin).await.unwrap().get("body").len(), 10_000);
    assert_eq!(exhausted(&yard, ask("/").say("times", 11)).await, BudgetLimit::ResponseBytes(100_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_go_on_is_left() {
    let yard = Yard::new().await;
    for begun in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome of it",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nsome\r\n",
    ] {
        let server = Server::start(|_| Reply::Stall(begun.into())).await;
        assert_left_after(200, &yard, Ask::act("ask").to(&server), &server).await;
    }
}

/// Each byte is progress, so no timeout between bytes ends this.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_drips_is_left() {
    let yard = Yard::new().await;
    for begun in [
        "H",
        "HTTP/1.1 200 OK\r\nx-slow: s",
        "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\ns",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nFFFFFF\r\ns",
    ] {
        let server = Server::start(|_| Reply::Drip(begun.into())).await;
        assert_left_after(400, &yard, Ask::act("ask").to(&server).say("between-bytes-ms", 100), &server).await;
    }
}

/// The call ends when its wall time is used up, and the server sees the end of the connection: no socket is left open.
async fn assert_left_after(wall_ms: u64, yard: &Yard, ask: Ask, server: &Server) {
    let wall = Duration::from_millis(wall_ms);
    let began = Instant::now();
    let what = exhausted(yard, ask.budget(|budget| budget.wall_ms = wall_ms)).await;
    assert_eq!((what, what.code()), (BudgetLimit::Wall(wall), "wall-exhausted"));
    assert!(began.elapsed() < wall + SLACK, "{:?}", began.elapsed());
    server.until(|counts| counts.connections == 1 && counts.open == 0).await;
}

/// A quarter of a megabyte on the wire, and 256 MiB when it is unpacked.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_unpacks_to_more_than_its_budget_is_cut() {
    let yard = Yard::new().await;
    let bomb = bomb();
    let server = Server::start(move |seen| {
        let coding = seen.line.split(' ').nth(1).unwrap().trim_start_matches('/').replace('+', ", ");
        Reply::Bytes(answer(200, &[("content-encoding", &coding)], &bomb))
    });
    let server = server.await;
    let ask = |coding: &str| {
        let ask = Ask::act("ask").url(&format!("{}/{coding}", server.origin()));
        ask.budget(|budget| budget.response_bytes = 4 << 20)
    };
    assert_eq!(exhausted(&yard, ask("gzip")).await, BudgetLimit::ResponseBytes(4 << 20));
    // The host asks for gzip only, once. Other codings would have to be unpacked by the provider, or by the scan for secrets.
    for coding in ["br", "zstd", "deflate", "gzip+gzip"] {
        let error = yard.endures(ask(coding)).await;
        assert_eq!(error.code(), "temporary", "{coding}: {error}");
    }
    server.until(|counts| counts.open == 0).await;
}

/// 256 MiB of zeros, as gzip.
pub(super) fn bomb() -> Vec<u8> {
    let piece = vec![0; 1 << 20];
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..256 {
        packer.write_all(&piece).unwrap();
    }
    packer.finish().unwrap()
}

/// Compresses with gzip.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}
