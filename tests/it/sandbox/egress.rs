//! Which requests may leave. A refused request sends no packet, and the error names the line of configuration that would
//! allow it: the tests add that line and try again.

use super::{
    log,
    server::{Reply, Server, answer, ok},
    yard::{Ask, Yard, config},
};
use chronus_host::{
    calendar::{Attendee, BusyKind, Draft, Span, Status, ZonedTime},
    plugins::{
        CallError, Denial, EgressRule, Remedy, SandboxConfig,
        contract::{Notify, SignInError},
        egress::{Credential, EgressMap, EgressPolicy, NameResolver},
    },
};
use std::{collections::HashMap, net::IpAddr, sync::Arc};

/// The denial of the call.
async fn denied(yard: &Yard, ask: Ask) -> Denial {
    match yard.endures(ask).await {
        CallError::Denied(denial) => denial,
        other => panic!("{} instead of a refusal: {other}", other.code()),
    }
}

/// Adds the line that a denial suggests to the grant of the call or to the policy of the host.
fn apply(remedy: &str, ask: &mut Ask, policy: &mut EgressPolicy) {
    let line: toml::Table = remedy.parse().unwrap_or_else(|error| panic!("{remedy}: {error}"));
    let list = |table: &str, key: &str| -> Vec<String> {
        let list = line.get(table).and_then(|table| table.get(key)).and_then(|list| list.as_array());
        list.into_iter().flatten().map(|value| value.as_str().unwrap().to_owned()).collect()
    };
    ask.grant.hosts.extend(list("grant", "hosts").iter().map(|host| host.parse().unwrap()));
    ask.grant.read_only_posts.extend(list("grant", "read-only-posts").iter().map(|post| post.parse().unwrap()));
    for network in list("egress", "networks") {
        policy.addresses.networks.push(network.parse().unwrap());
    }
}

/// With the line that the denial suggests, the call succeeds.
async fn mended_by(denial: &Denial, mut ask: Ask, mut policy: EgressPolicy, names: NameResolver) {
    let remedy = denial.remedy.as_deref().unwrap_or_else(|| panic!("no remedy: {denial}"));
    apply(remedy, &mut ask, &mut policy);
    let yard = Yard::with(SandboxConfig { egress: policy, names, ..config() }).await;
    let found = ask.open(&yard.plugin).await.unwrap_or_else(|error| panic!("{remedy}, but then: {error}"));
    assert_eq!(found.get("status"), "200");
}

/// A resolver with these names.
fn names(entries: &[(&str, &[&[&str]])]) -> NameResolver {
    let parse = |list: &&[&str]| list.iter().map(|address| address.parse::<IpAddr>().unwrap()).collect::<Vec<_>>();
    let entries = entries.iter().map(|(name, lists)| ((*name).to_owned(), lists.iter().map(parse).collect()));
    NameResolver::Table(Arc::new(std::sync::Mutex::new(entries.collect::<HashMap<_, _>>())))
}

/// A call with a request to an address that is not granted.
fn ungranted(server: &Server) -> Ask {
    let mut ask = Ask::act("ask").to(server);
    ask.grant.hosts.clear();
    ask
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_granted() {
    let (yard, server) = (Yard::new().await, Server::start(|_| ok("fine")).await);
    let ask = ungranted(&server).password("hunter22-hosts");
    let denial = denied(&yard, ask.clone()).await;
    assert_eq!((denial.rule, denial.rule.code()), (EgressRule::Host, "host-denied"));
    assert_eq!(denial.what, format!("GET {}", server.origin()));
    assert_eq!(server.counts().connections, 0);
    let line = log::lines(&["egress denied", "code=host-denied", &server.origin()]);
    assert!(line.len() == 1 && line[0].contains("provider=hostile") && line[0].contains(" call=c"), "{line:?}");
    assert!(line[0].contains(denial.remedy.as_deref().unwrap()), "{line:?}");
    mended_by(&denial, ask, config().egress, NameResolver::System).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_granted_host_beside_a_server_of_the_persons_own() {
    let (yard, server) = (Yard::new().await, Server::start(|_| ok("fine")).await);
    let mut ask = Ask::act("ask").to(&server).password("hunter22-own");
    ask.connection.server = Some("https://dav.example.net".into());
    // The host is granted, but the connection's secret is for another server.
    let denial = denied(&yard, ask.clone()).await;
    assert_eq!((denial.rule, server.counts().connections), (EgressRule::Host, 0));
    mended_by(&denial, ask, config().egress, NameResolver::System).await;
}

/// The sign-in's credential opens every mailbox of the organisation.
#[tokio::test(flavor = "multi_thread")]
async fn a_credential_for_many_mailboxes_opens_one() {
    let (yard, server) = (Yard::new().await, Server::start(|_| ok("fine")).await);
    let ask = |path: &str| {
        let mut ask = Ask::act("ask").url(&format!("{}{path}", server.origin())).password("hunter22-mailboxes");
        ask.connection.subject = Some("ann@example.com".into());
        let below = format!("{}/users/{{subject}}/", server.origin()).parse().unwrap();
        ask.grant.subject_paths.insert(ask.connection.sign_in.clone(), vec![below]);
        ask
    };
    for path in ["/users/bob@example.com/events", "/users", "/users/ann@example.com/..%2Fbob@example.com/events"] {
        let denial = denied(&yard, ask(path)).await;
        assert_eq!((denial.rule.code(), server.counts().connections), ("mailbox-denied", 0), "{path}");
    }
    ask("/users/ann%40example.com/events").open(&yard.plugin).await.unwrap();
    assert_eq!(server.counts().requests, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_are_the_hosts() {
    let (yard, server) = (Yard::new().await, Server::start(|_| ok("fine")).await);
    for name in [
        "authorization",
        "Authorization",
        "cookie",
        "proxy-authorization",
        "x-goog-api-key",
        "x-goog-iam-authority-selector",
        "x-api-key",
        "range",
        "if-range",
        "connection",
        "transfer-encoding",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "x-forwarded-for",
        "forwarded",
        "sec-fetch-site",
    ] {
        let denial = denied(&yard, Ask::act("ask").to(&server).say("header", format!("{name}: x"))).await;
        assert_eq!((denial.rule, denial.rule.code()), (EgressRule::Header, "header-denied"), "{name}");
        assert!(denial.what.contains(&name.to_ascii_lowercase()), "{denial}");
    }
    // A value that would begin another header is invalid.
    let error = yard.endures(Ask::act("ask").to(&server).say("header", "x-a: b\r\nauthorization: c")).await;
    assert_eq!(error.code(), "temporary", "{error}");
    assert_eq!(server.counts().connections, 0);
    // Headers that runtimes add are replaced; all others pass.
    let ask = Ask::act("ask").to(&server).say("header", "host: evil.example.org").say("header", "content-length: 0");
    ask.say("header", "depth: 1").say("header", "if-match: \"x\"").open(&yard.plugin).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!(seen.header("host"), Some(&*server.address().to_string()));
    assert_eq!((seen.header("depth"), seen.header("if-match")), (Some("1"), Some("\"x\"")));
    assert_eq!(seen.headers.iter().filter(|(name, _)| name == "host").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_answers_are_no_offence() {
    let yard = Yard::new().await;
    let headers = [("via", "1.1 proxy"), ("x-goog-hash", "x"), ("set-cookie", "session=s3cret"), ("etag", "\"1\"")];
    let server = Server::start(move |seen| match seen.connection {
        0 => Reply::Bytes([answer(200, &[&headers[..], &[("connection", "close")]].concat(), "")].concat()),
        _ => Reply::Pieces(vec![b"no http at all\r\n\r\n".to_vec()]),
    });
    let server = server.await;
    let found = Ask::act("ask").to(&server).open(&yard.plugin).await.unwrap();
    let given: Vec<_> = found.all("header").collect();
    assert_eq!(given, ["etag: \"1\""]);
    // The provider fails because of the service; no request was refused.
    let error = yard.endures(Ask::act("ask").to(&server)).await;
    assert!(matches!(&error, CallError::Failure(failure) if failure.remedy == Remedy::Temporary), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_by_its_literal_in_every_spelling() {
    let server = Server::start(|_| ok("fine")).await;
    let port = server.address().port();
    let closed = EgressPolicy::default();
    let yard = Yard::with(SandboxConfig { egress: closed.clone(), ..config() }).await;
    let refused = async |url: &str| match Ask::act("ask").url(url).password("hunter22-literal").open(&yard.plugin).await
    {
        Err(CallError::Denied(denial)) => denial,
        other => panic!("{url}: {other:?}"),
    };
    for host in [
        "127.0.0.1",
        "127.1",
        "127.255.255.254",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "0.0.0.0",
        "0",
        "[::]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "224.0.0.1",
        "255.255.255.255",
    ] {
        for scheme in ["https", "http"] {
            let denial = refused(&format!("{scheme}://{host}:{port}/")).await;
            let scheme_first = scheme == "http" && denial.rule == EgressRule::Scheme;
            assert!(denial.rule == EgressRule::Address || scheme_first, "{scheme}://{host}: {denial}");
        }
    }
    assert_eq!(server.counts().connections, 0);
    let denial = refused(&server.origin()).await;
    assert_eq!(
        (denial.rule.code(), denial.remedy.as_deref()),
        ("address-denied", Some("egress.networks = [\"127.0.0.1/32\"]"),)
    );
    mended_by(&denial, Ask::act("ask").to(&server), closed, NameResolver::System).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_by_a_name() {
    let server = Server::start(|_| ok("fine")).await;
    let closed = EgressPolicy::default();
    let all = || {
        names(&[
            ("localhost", &[&["127.0.0.1"]]),
            ("metadata.example.net", &[&["169.254.169.254"]]),
            ("many.example.net", &[&["10.0.0.1", "fd00::1", "::1", "0.0.0.0"]]),
            ("nip.example.net", &[&["::ffff:127.0.0.1"]]),
        ])
    };
    let config = SandboxConfig { egress: closed.clone(), names: all(), ..config() };
    let yard = Yard::with(config).await;
    let local = format!("http://localhost:{}", server.address().port());
    for url in [&*local, "https://metadata.example.net", "https://many.example.net", "https://nip.example.net"] {
        let ask = Ask::act("ask").url(url).password("hunter22-name");
        let Err(CallError::Denied(denial)) = ask.open(&yard.plugin).await else { panic!("{url}") };
        assert_eq!(denial.rule, EgressRule::Address, "{url}");
        assert_eq!(denial.what, format!("GET {url}"));
    }
    assert_eq!(server.counts().connections, 0);
    let ask = Ask::act("ask").url(&local);
    let denial = match ask.open(&yard.plugin).await {
        Err(CallError::Denied(denial)) => denial,
        other => panic!("{other:?}"),
    };
    mended_by(&denial, ask, closed, all()).await;
    assert_eq!(server.counts().requests, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_changes_its_mind() {
    // The open address stands for a public server, the closed one for an internal server.
    let outside = Server::start(|_| Reply::Bytes(answer(200, &[("connection", "close")], "outside"))).await;
    let port = outside.address().port();
    let inside = Server::at("127.0.0.2".parse().unwrap(), port, |_| ok("inside")).await;
    let url = format!("http://localhost:{port}");
    let ask = Ask::act("ask").url(&url).password("hunter22-rebind");
    let with =
        async |lists: &[&[&str]]| Yard::with(SandboxConfig { names: names(&[("localhost", lists)]), ..config() }).await;
    // One lookup for each connection: a second lookup after the check would lead to the internal server, or be refused.
    let yard = with(&[&["127.0.0.1"], &["127.0.0.2"]]).await;
    assert_eq!(ask.open(&yard.plugin).await.unwrap().get("body"), "outside");
    outside.until(|counts| counts.open == 0).await;
    assert_eq!(denied(&yard, ask.clone()).await.rule, EgressRule::Address);
    // Of several addresses, only the allowed ones are tried.
    let yard = with(&[&["127.0.0.2", "127.0.0.1"]]).await;
    assert_eq!(ask.open(&yard.plugin).await.unwrap().get("body"), "outside");
    assert_eq!(inside.counts().connections, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_told_and_not_followed() {
    let (yard, target) = (Yard::new().await, Server::start(|_| ok("followed")).await);
    let places = ["http://169.254.169.254/latest/meta-data/".to_owned(), target.origin(), "/elsewhere".to_owned()];
    for (status, place) in [301, 302, 303, 307, 308].into_iter().zip(places.iter().cycle()) {
        let location = place.clone();
        let server = Server::start(move |_| Reply::Bytes(answer(status, &[("location", &location)], ""))).await;
        let found = Ask::act("ask").to(&server).password("hunter22-redirect").open(&yard.plugin).await.unwrap();
        assert_eq!(found.get("status"), status.to_string());
        assert!(found.all("header").any(|header| header == format!("location: {place}")), "{found:?}");
        assert_eq!(server.counts().requests, 1);
    }
    assert_eq!(target.counts().connections, 0);
    let mut there = Ask::act("ask").url(&places[0]);
    assert_eq!(denied(&yard, there.clone()).await.rule, EgressRule::Scheme);
    there.grant.hosts.clear();
    assert_eq!(denied(&yard, there).await.rule, EgressRule::Host);
}

#[tokio::test(flavor = "multi_thread")]
async fn schemes_users_and_tunnels() {
    let (yard, server) = (Yard::new().await, Server::start(|_| ok("fine")).await);
    let rule = async |ask: Ask| denied(&yard, ask).await.rule;
    assert_eq!(rule(Ask::act("ask").url("http://dav.example.net/")).await, EgressRule::Scheme);
    let mut ftp = Ask::act("ask").to(&server);
    ftp.connection.fields.retain(|(name, _)| name != "url");
    for scheme in ["ftp", "file", "ws", "gopher"] {
        let denial = denied(&yard, ftp.clone().say("url", format!("{scheme}://{}/", server.address()))).await;
        assert_eq!((denial.rule, denial.rule.code()), (EgressRule::Uri, "uri-denied"), "{scheme}");
    }
    let user = format!("http://ann:hunter22-userinfo@{}/", server.address());
    let error = yard.endures(ftp.say("url", user)).await;
    assert_eq!(error.code(), "uri-denied", "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter22-userinfo"), "{error}");
    assert_eq!(log::lines(&["hunter22-userinfo"]), [""; 0]);
    assert_eq!(server.counts().connections, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_that_write_in_calls_that_read() {
    let (yard, server) = (Yard::new().await, Server::start(|_| ok("fine")).await);
    let ask = |method: &str| Ask::act("ask").to(&server).say("method", method);
    for method in [
        "PUT",
        "DELETE",
        "POST",
        "PATCH",
        "MKCOL",
        "MKCALENDAR",
        "PROPPATCH",
        "MOVE",
        "COPY",
        "LOCK",
        "get",
        "CONNECT",
        "TRACE",
    ] {
        let denial = denied(&yard, ask(method)).await;
        assert_eq!((denial.rule, denial.rule.code()), (EgressRule::Method, "method-denied"), "{method}");
        assert!(denial.what.starts_with(method), "{denial}");
    }
    // In a call that writes they pass, except for the methods that no call may use.
    let at = |second| ZonedTime { at: jiff::Timestamp::from_second(second).unwrap(), zone: "UTC".into() };
    let draft = || Draft {
        uid: "uid".into(),
        title: String::new(),
        description: String::new(),
        location: String::new(),
        url: String::new(),
        organiser: None,
        when: Span::Timed { start: at(0), end: at(60) },
        busy: BusyKind::Busy,
        status: Status::Confirmed,
        attendees: Vec::<Attendee>::new(),
        recurrence: vec![],
    };
    for method in ["CONNECT", "TRACE"] {
        match yard.plugin.create(&ask(method).access(), "work", "key", draft(), Notify::None).await {
            Err(CallError::Denied(denial)) => assert_eq!(denial.rule, EgressRule::Method),
            other => panic!("{method}: {other:?}"),
        }
    }
    assert_eq!(server.counts().connections, 0);
    for method in ["PUT", "DELETE", "POST", "MKCOL"] {
        yard.plugin.create(&ask(method).access(), "work", "key", draft(), Notify::None).await.unwrap();
    }
    let denial = denied(&yard, ask("POST")).await;
    mended_by(&denial, ask("POST"), config().egress, NameResolver::System).await;
    // Another path of the same host needs a line of its own.
    assert_eq!(denial.remedy, Some(format!("grant.read-only-posts = [\"{}/\"]", server.origin())));
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_that_are_pure_by_contract_send_nothing() {
    let (yard, server) = (Yard::new().await, Server::start(|_| ok("fine")).await);
    let error = SignInError { status: None, error: "x".into(), description: String::new(), fields: vec![] };
    for shameless in ["no", "yes"] {
        let ask = Ask::act("ask").to(&server).say("shameless", shameless);
        match yard.plugin.explain_failure(&ask.access(), error.clone()).await {
            Err(CallError::Denied(denial)) => assert_eq!(denial.rule, EgressRule::Method),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(server.counts().connections, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_explains_only_what_it_can_have_caused() {
    let (yard, server) = (Yard::new().await, Server::start(|_| ok("fine")).await);
    // The guest continued without the refused request, and succeeded.
    let found = ungranted(&server).say("shameless", "yes").open(&yard.plugin).await.unwrap();
    assert!(found.get("error").contains("Denied"), "{found:?}");
    // The guest continued, and the service refused the credential.
    let error = yard.endures(ungranted(&server).say("blame", "reconnect")).await;
    assert!(matches!(&error, CallError::Failure(failure) if failure.remedy == Remedy::Reconnect), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_mapped_goes_there_with_the_credential_and_nothing_else_does() {
    let server = Server::start(|seen| match seen.line.split(' ').nth(1) {
        Some("/sandbox/moved") => {
            let host = seen.header("host").unwrap();
            Reply::Bytes(answer(302, &[("location", &format!("http://{host}/sandbox/new?a=b"))], ""))
        }
        _ => ok("mapped"),
    });
    let (server, other) = (server.await, Server::start(|_| ok("other")).await);
    let to = format!("{}/sandbox", server.origin());
    let pairs = [("https://dav.example.org/v3", &*to), ("https://other.example.com", &*other.origin())];
    let egress = EgressPolicy { map: EgressMap::new(pairs).unwrap(), ..config().egress };
    let config = SandboxConfig { egress, names: names(&[]), ..config() };
    let yard = Yard::with(config).await;
    let ask = |url: &str| {
        let mut ask = Ask::act("ask").url(url).password("open sesame");
        ask.credential = Credential::Basic { user: "Aladdin".into(), secret: "open sesame".into() };
        ask
    };
    assert_eq!(ask("https://dav.example.org/v3/x?y=z").open(&yard.plugin).await.unwrap().get("body"), "mapped");
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "GET /sandbox/x?y=z HTTP/1.1");
    // The pair of RFC 7617, section 2.
    assert_eq!(seen.header("authorization"), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    // A redirect of the service is returned with the origin that the provider knows.
    let found = ask("https://dav.example.org/v3/moved").open(&yard.plugin).await.unwrap();
    assert!(found.all("header").any(|header| header == "location: https://dav.example.org/v3/new?a=b"), "{found:?}");
    // Without a grant, a mapped origin is refused too; a granted origin that is not mapped is not affected by the map.
    let mut ungranted = ask("https://dav.example.org/v3/x");
    ungranted.grant.hosts.clear();
    assert_eq!(denied(&yard, ungranted).await.rule, EgressRule::Host);
    let beside = yard.endures(ask("https://dav.example.org/v2/x")).await;
    assert_eq!(beside.code(), "temporary", "{beside}");
    // The secret for a person's own server is not sent to another granted host.
    let mut own = ask("https://other.example.com/");
    own.connection.server = Some("https://dav.example.org".into());
    assert_eq!(denied(&yard, own).await.rule, EgressRule::Host);
    assert_eq!((server.counts().requests, other.counts().connections), (2, 0));
}
