//! A guest that dumps everything that it can see finds no credential, and results, failures, log lines and output contain
//! none.

use super::{
    log,
    server::{RecordedRequest, Reply, Server, answer, ok},
    yard::{Ask, Findings, Yard, guest},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use chronus_host::plugins::{CallError, EgressRule, TokenRenewal, egress::Credential};
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use secrecy::ExposeSecret as _;
use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A password with all characters that formats escape.
const PASSWORD: &str = "pass/\"word\\&<é>-7 staple";

/// A password in the form of services' app passwords.
const APP_PASSWORD: &str = "abcd-efgh-ijkl-mnop";

/// Fails if the text holds one of the passwords in any form in which it could be read.
pub(super) fn assert_clean(place: &str, text: &str) {
    for password in [PASSWORD, APP_PASSWORD] {
        let pair = BASE64_STANDARD.encode(format!("ann:{password}"));
        let percent: String = url::form_urlencoded::byte_serialize(password.as_bytes()).collect();
        let json = serde_json::to_string(password).unwrap();
        // Also in the forms of Rust's `Debug` and of a memory image that was read byte by byte.
        let debug = format!("{password:?}");
        let bytes: String = password.bytes().map(char::from).collect();
        for form in [
            password,
            pair.trim_end_matches('='),
            &percent,
            &percent.replace('+', "%20"),
            json.trim_matches('"'),
            debug.trim_matches('"'),
            &bytes,
            &BASE64_STANDARD.encode(password),
        ] {
            if let Some(at) = text.find(form) {
                let start = text.floor_char_boundary(at.saturating_sub(80));
                panic!("{place} holds the credential as {form}: …{}", &text[start..at]);
            }
        }
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

fn deflate(text: &str) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

/// All ways in which the server below leaks the credential, each with its own path.
const ECHOES: [&str; 20] = [
    "/plain",
    "/error",
    "/pieces",
    "/chunks",
    "/gzip",
    "/gzip-pieces",
    "/gzip-twice",
    "/deflate",
    "/header",
    "/header-name",
    "/location",
    "/www-authenticate",
    "/password",
    "/percent",
    "/json",
    "/json-ascii",
    "/html",
    "/base64-of-all",
    "/in-the-middle",
    "/late",
];

/// The ways that are refused because they cannot be searched; the others are detected.
const UNREADABLE: [&str; 2] = ["/gzip-twice", "/deflate"];

fn echo(seen: &RecordedRequest) -> Reply {
    let all = seen.text();
    let authorization = seen.header("authorization").unwrap_or("none").to_owned();
    let pair = authorization.strip_prefix("Basic ").and_then(|pair| BASE64_STANDARD.decode(pair).ok());
    let pair = String::from_utf8(pair.unwrap_or_default()).unwrap();
    let password = pair.split_once(':').map_or("none", |(_, password)| password);
    let with = |headers: &[(&str, &str)], body: &str| Reply::Bytes(answer(200, headers, body));
    let coded = |coding: &str, body: Vec<u8>| answer(200, &[("content-encoding", coding)], body);
    let pieces = |bytes: Vec<u8>, size| Reply::Pieces(bytes.chunks(size).map(<[u8]>::to_vec).collect());
    let json = serde_json::to_string(&[password]).unwrap();
    match seen.line.split(' ').nth(1).unwrap_or_default() {
        "/plain" => ok(&all),
        "/error" => Reply::Bytes(answer(500, &[], &all)),
        "/pieces" => pieces(answer(200, &[], &all), 7),
        "/chunks" => {
            let chunks = all.as_bytes().chunks(5).map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
            Reply::Pieces([head].into_iter().chain(chunks).chain([b"0\r\n\r\n".to_vec()]).collect())
        }
        "/gzip" => Reply::Bytes(coded("gzip", gzip(&all))),
        "/gzip-pieces" => pieces(coded("gzip", gzip(&all)), 3),
        "/gzip-twice" => Reply::Bytes(coded("gzip, gzip", gzip(&all))),
        "/deflate" => Reply::Bytes(coded("deflate", deflate(&all))),
        "/header" => with(&[("x-echo", &authorization)], ""),
        "/header-name" if password == APP_PASSWORD => with(&[(&format!("x-{password}"), "1")], ""),
        "/location" => {
            Reply::Bytes(answer(302, &[("location", &format!("https://e.example/?a={}", &authorization[6..]))], ""))
        }
        "/www-authenticate" => {
            Reply::Bytes(answer(401, &[("www-authenticate", &format!("Basic realm=\"{authorization}\""))], ""))
        }
        "/password" => ok(&format!("Wrong password: {password}")),
        "/percent" => {
            ok(&url::form_urlencoded::byte_serialize(password.as_bytes()).collect::<String>().to_ascii_lowercase())
        }
        "/json" => ok(&json),
        "/json-ascii" => ok(&json.replace('é', "\\u00e9")),
        "/html" => {
            let text = password.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
            ok(&format!("<td>{text}</td>"))
        }
        "/base64-of-all" => ok(&BASE64_STANDARD.encode(format!("{{\"seen\": \"{password}\"}}"))),
        "/in-the-middle" => ok(&format!("{}{password}{}", "-".repeat(70_000), "-".repeat(70_000))),
        "/late" => ok(&format!("{}{}", "x".repeat(1 << 20), &authorization[6..])),
        // Not searched, because the guest never receives them.
        "/cookie" => with(&[("set-cookie", &format!("session={authorization}"))], "cookie"),
        "/trailer" => Reply::Bytes(
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-echo\r\n\r\n7\r\ntrailer\r\n0\r\nx-echo: {authorization}\r\n\r\n")
                .into_bytes(),
        ),
        "/reason" => Reply::Bytes(format!("HTTP/1.1 200 {authorization}\r\ncontent-length: 6\r\n\r\nreason").into_bytes()),
        _ => ok("clean"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_repeats_the_credential_is_cut_however_it_does() {
    let (yard, server) = (Yard::new().await, Server::start(echo).await);
    for path in ECHOES {
        for password in [PASSWORD, APP_PASSWORD] {
            if path == "/header-name" && password == PASSWORD {
                continue;
            }
            let ask = Ask::act("ask").url(&format!("{}{path}", server.origin())).password(password);
            let error = ask.open(&yard.plugin).await.expect_err(path);
            assert_clean(path, &format!("{error} {error:?}"));
            match error {
                CallError::Denied(denial) => {
                    assert_eq!((denial.rule, denial.rule.code()), (EgressRule::Leak, "leak-denied"), "{path}");
                    assert!(!UNREADABLE.contains(&path));
                }
                other => assert!(other.code() == "temporary" && UNREADABLE.contains(&path), "{path}: {other}"),
            }
        }
    }
    for path in ["cookie", "trailer", "reason", "clean"] {
        let ask = Ask::act("ask").url(&format!("{}/{path}", server.origin())).password(PASSWORD);
        let found = ask.open(&yard.plugin).await.unwrap();
        assert_eq!(found.get("body"), path);
        assert_clean(path, &format!("{found:?}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_of_attaching_a_secret_is_watched() {
    let (yard, server) = (Yard::new().await, Server::start(|seen| ok(&seen.text())).await);
    let secret = "0123456789abcdef-token";
    for credential in [
        Credential::Header { name: "authorization".parse().unwrap(), prefix: "Bearer ".into(), secret: secret.into() },
        Credential::Header { name: "x-token".parse().unwrap(), prefix: String::new(), secret: secret.into() },
        Credential::Query { name: "key".into(), secret: secret.into() },
    ] {
        let ask = Ask { credential, ..Ask::act("ask").to(&server) };
        let error = ask.open(&yard.plugin).await.unwrap_err();
        assert_eq!(error.code(), "leak-denied", "{error}");
        let seen = server.seen().pop().unwrap();
        assert!(seen.text().contains(secret), "it was not attached");
    }
    assert_eq!(log::lines(&[secret]), [""; 0]);
}

/// A token that expires during a call: the guest does not notice, and finds neither the old nor the new token, in its
/// memory or elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_behind_the_guests_back() {
    const TOKENS: [&str; 2] = ["0123456789abcdef-ended", "fedcba9876543210-fresh"];
    let yard = Yard::new().await;
    let server = Server::start(|seen| {
        let authorization = seen.header("authorization").unwrap_or_default().to_owned();
        match authorization.strip_prefix("Bearer ") {
            Some(token) if token != TOKENS[1] => Reply::Bytes(answer(401, &[], &authorization)),
            _ if seen.line.contains("/echo") => ok(&authorization),
            _ => ok("clean"),
        }
    })
    .await;
    let header = || "authorization".parse().unwrap();
    let credential = Credential::Header { name: header(), prefix: "Bearer ".into(), secret: TOKENS[0].into() };
    let asked = Arc::new(AtomicUsize::new(0));
    let renewal = |to: Option<&'static str>| {
        let asked = asked.clone();
        TokenRenewal::new(move |refused| {
            assert_eq!(refused.expose_secret(), TOKENS[0]);
            asked.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move { to.map(Into::into) })
        })
    };
    let mut ask = Ask { credential, ..Ask::act("dump").to(&server) }.budget(|budget| budget.log_lines = 10_000);
    for path in ["/clean", "/echo", "/clean"] {
        ask = ask.say("url", format!("{}{path}", server.origin()));
    }
    let found = Ask::dump(&yard.plugin, &ask.access().with_renewal(renewal(Some(TOKENS[1])))).await.unwrap();
    assert!(found.all("body").any(|body| body == "clean"), "{found:?}");
    assert_eq!(asked.load(Ordering::Relaxed), 1, "the second request has the new one from the beginning");
    for (number, text) in texts(&found).enumerate() {
        assert!(!TOKENS.iter().any(|token| text.contains(token)), "text {number} holds a token");
    }
    assert_eq!(log::lines(&[TOKENS[0]]).len() + log::lines(&[TOKENS[1]]).len(), 0);

    // If there is no new token, the guest gets the refusal, and a credential in it is still removed.
    let ask = Ask { credential: ask.credential, ..Ask::act("ask").to(&server) };
    let error = yard.plugin.open(&ask.access().with_renewal(renewal(None))).await.unwrap_err();
    assert_eq!((error.code(), asked.load(Ordering::Relaxed)), ("leak-denied", 2), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_address_stays_one() {
    let (yard, server) = (Yard::new().await, Server::start(echo).await);
    let secret = "private-0123456789abcdef";
    let ask = |origin: &str, path: &str| {
        let credential = Credential::Url(format!("{origin}/{secret}{path}").into());
        let ask = Ask { credential, ..Ask::act("ask").say("url", "https://connection.invalid/") };
        ask.say("shameless", "yes")
    };
    let found = ask(&server.origin(), "/basic.ics").open(&yard.plugin).await.unwrap();
    assert_eq!(found.get("body"), "clean");
    assert_eq!(server.seen()[0].line, format!("GET /{secret}/basic.ics HTTP/1.1"));
    let telling = Server::start(|seen| ok(&seen.text())).await;
    let found = ask(&telling.origin(), "/basic.ics").open(&yard.plugin).await.unwrap();
    assert!(found.all("body").next().is_none(), "{found:?}");
    // The address is not revealed by a failure either.
    let closed = { Server::start(echo).await.origin() };
    let dead = ask(&closed, "/x").open(&yard.plugin).await.unwrap();
    let inside = ask("https://10.0.0.1", "/x").open(&yard.plugin).await.unwrap();
    let nowhere = ask("https://nowhere.invalid", "/x").open(&yard.plugin).await.unwrap();
    for found in [dead, inside, nowhere] {
        assert!(!format!("{found:?}").contains(secret) && found.all("error").count() == 1, "{found:?}");
    }
    assert_eq!(log::lines(&[secret]), [""; 0]);
}

/// The whole test, which runs in a separate process: `alone` checks the output of that process.
pub(super) async fn dump() {
    let (yard, server) = (Yard::new().await, Server::start(echo).await);
    for password in [PASSWORD, APP_PASSWORD] {
        let mut ask = Ask::act("dump").to(&server).password(password).budget(|budget| budget.log_lines = 10_000);
        ask.connection.server = Some(server.origin());
        ask.connection.address = Some("ann@example.org".into());
        ask.connection.fields.push(("username".into(), "ann".into()));
        for path in ECHOES.iter().chain(&["/cookie", "/trailer", "/reason", "/clean"]) {
            ask = ask.say("url", format!("{}{path}", server.origin()));
        }
        let found = Ask::dump(&yard.plugin, &ask.access()).await.unwrap();
        // The guest did search: its own arguments are in its memory, and so are the values that it may have.
        let memory: String = found.all("memory").collect();
        assert!(memory.len() > 1 << 20 && memory.contains("ann@example.org") && memory.contains("trailer"));
        assert!(server.seen().iter().any(|seen| seen.header("authorization").is_some()));
        assert_clean("what it found", &format!("{found:?}"));
        for (number, text) in texts(&found).enumerate() {
            assert_clean(&format!("text {number}"), text);
        }
        // The dump may also end in a trap.
        let error = Ask::act("trap").say("n", 42).password(password).open(&yard.plugin).await.unwrap_err();
        assert_clean("the record of a crash", &format!("{error} {error:?}"));
        assert_clean("an access", &format!("{:?}", ask.access()));
    }
    let foreign = yard.sandbox.admit(&guest("foreign").await).await.unwrap();
    let found = Ask::act("look").to(&server).password(PASSWORD).open(&foreign).await.unwrap();
    assert_clean("the environment", &format!("{found:?}"));
    assert!(log::lines(&["dump"]).len() > 10);
    assert_clean("the log", &log::all().join("\n"));
}

fn texts(found: &Findings) -> impl Iterator<Item = &str> {
    ["connection", "status", "header", "body", "error", "memory"].into_iter().flat_map(|kind| found.all(kind))
}
