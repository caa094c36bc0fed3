//! Each limit of a budget ends a call, and the error names the limit.

use super::{
    admission::with_memory,
    log,
    server::{Reply, Server, answer, ok},
    yard::{Ask, SLACK, Yard, config, guest},
};
use chronus_host::{
    calendar::Window,
    plugins::{Budget, BudgetLimit, CallError, Sandbox, contract::BusyTargets},
};
use std::time::{Duration, Instant};

/// The limit that the call reached.
pub(super) async fn exhausted(yard: &Yard, ask: Ask) -> BudgetLimit {
    match yard.endures(ask).await {
        CallError::Exhausted(what) => what,
        other => panic!("{} instead of a spent budget: {other}", other.code()),
    }
}

/// The message names the limit to raise, and with a higher limit the call succeeds.
async fn mended_by(yard: &Yard, ask: Ask, what: BudgetLimit, value: u64) {
    let text = what.to_string();
    let key = text.rsplit_once("budget.").expect("no key in the message").1.trim_end_matches('`');
    let budget: Budget = toml::from_str(&format!("{key} = {value}")).unwrap();
    Ask { budget, ..ask }.open(&yard.plugin).await.unwrap_or_else(|error| panic!("{text}, but then: {error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_spins_is_stopped() {
    let yard = Yard::new().await;
    let began = Instant::now();
    let what = exhausted(&yard, Ask::act("spin").budget(|budget| budget.cpu_ms = 50)).await;
    assert_eq!((what, what.code()), (BudgetLimit::Cpu(Duration::from_millis(50)), "cpu-exhausted"));
    assert!(began.elapsed() < Duration::from_millis(50) + SLACK, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_is_not_computing() {
    let yard = Yard::new().await;
    // Each pause is longer than a tick, so a counter of ticks would reach forty.
    let naps = Ask::act("nap").say("n", 40).say("ms", 6).budget(|budget| budget.cpu_ms = 60);
    let found = naps.open(&yard.plugin).await.unwrap();
    assert_eq!(found.get("naps"), "40");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_sleeps_is_stopped() {
    let yard = Yard::new().await;
    let began = Instant::now();
    let sleeper = Ask::act("nap").say("n", 1).say("ms", 3_600_000).budget(|budget| budget.wall_ms = 100);
    let what = exhausted(&yard, sleeper).await;
    assert_eq!((what, what.code()), (BudgetLimit::Wall(Duration::from_millis(100)), "wall-exhausted"));
    assert!(began.elapsed() < Duration::from_millis(100) + SLACK, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_hoards_memory_is_stopped() {
    let yard = Yard::new().await;
    let what = exhausted(&yard, Ask::act("hog").budget(|budget| budget.memory_bytes = 8 << 20)).await;
    assert_eq!((what, what.code()), (BudgetLimit::Memory(8 << 20), "memory-exhausted"));
    // More than the pool reserves for one memory.
    let what = exhausted(&yard, Ask::act("hog").budget(|budget| budget.memory_bytes = 1 << 30)).await;
    assert_eq!(what, BudgetLimit::Memory(1 << 30));
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_summed_over_all_memories() {
    let sandbox = Sandbox::new(config()).unwrap();
    let plugin = sandbox.admit(&with_memory(&guest("hostile").await, 64)).await.unwrap();
    let nothing = |bytes| Ask::act("nothing").budget(move |budget| budget.memory_bytes = bytes);
    // Each memory alone would fit.
    match nothing(5 << 20).open(&plugin).await {
        Err(CallError::Exhausted(BudgetLimit::Memory(limit))) => assert_eq!(limit, 5 << 20),
        other => panic!("{other:?}"),
    }
    assert_eq!(sandbox.instances(), 0);
    nothing(8 << 20).open(&plugin).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted() {
    let yard = Yard::new().await;
    let server = Server::start(|_| ok("fine")).await;
    let flood = Ask::act("flood").to(&server).budget(|budget| (budget.requests, budget.cpu_ms) = (3, 500));
    let what = exhausted(&yard, flood.clone().say("n", 1_000_000)).await;
    assert_eq!((what, what.code()), (BudgetLimit::Requests(3), "requests-exhausted"));
    assert_eq!(server.seen().len(), 3);
    // A guest that handles the refusal and continues does not fail.
    let found = flood.clone().say("n", 5).open(&yard.plugin).await.unwrap();
    assert_eq!(found.get("answered"), "3");
    let ask = Ask::act("ask").to(&server).say("times", 5);
    assert_eq!(exhausted(&yard, ask.clone().budget(|budget| budget.requests = 4)).await, BudgetLimit::Requests(4));
    mended_by(&yard, ask, what, 5).await;
}

/// S6 of the security review: each refused request of a loop was a line of the log, 85,000 in one call.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_in_a_loop_use_up_requests_and_write_few_lines() {
    let yard = Yard::new().await;
    let origin = "https://refused-in-a-loop.example";
    let flood = Ask::act("flood").say("url", origin).say("n", 1_000_000);
    let what = exhausted(&yard, flood.budget(|budget| (budget.requests, budget.cpu_ms) = (50, 500))).await;
    assert_eq!(what, BudgetLimit::Requests(50));
    let first = log::lines(&[origin]);
    assert_eq!(first.len(), 1, "{first:?}");
    let call = first[0].split(' ').find_map(|word| word.strip_prefix("call=")).expect("the line names the call");
    let all = log::of_call(call);
    assert!(all.len() < 20 && all.iter().any(|line| line.contains("further refusals")), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn request_bodies_are_bounded() {
    let yard = Yard::new().await;
    let server = Server::start(|_| ok("fine")).await;
    let ask = Ask::act("ask").to(&server).say("method", "PROPFIND");
    let small = |ask: Ask| ask.budget(|budget| budget.request_bytes = 64 << 10);
    let what = exhausted(&yard, small(ask.clone().say("body", 1_u32 << 30))).await;
    assert_eq!((what, what.code()), (BudgetLimit::RequestBytes(64 << 10), "request-bytes-exhausted"));
    assert_eq!(server.counts().connections, 0, "a part of it was sent");
    // Exactly at the limit, with a content length: old servers do not understand chunks.
    small(ask.clone().say("body", 64 << 10)).open(&yard.plugin).await.unwrap();
    assert_eq!(server.seen()[0].header("content-length"), Some("65536"));
    assert_eq!(server.seen()[0].header("transfer-encoding"), None);
    mended_by(&yard, ask.say("body", 100_000), what, 100_000).await;
}

/// S5 of the security review: each body was bounded, and all together were 2 GB of the host's memory.
#[tokio::test(flavor = "multi_thread")]
async fn request_bodies_under_way_are_bounded_together() {
    let yard = Yard::new().await;
    let server = Server::start(|_| Reply::Stall(vec![])).await;
    let ask = |act: &str| Ask::act(act).to(&server).say("method", "PROPFIND").say("body", 64 << 10);
    let pile = ask("pile-up").say("n", 480).say("then-nap-ms", 500).budget(|budget| budget.held_bytes = 256 << 10);
    let found = pile.open(&yard.plugin).await.unwrap();
    assert_eq!(found.get("started"), "480");
    let sent = server.counts().requests;
    assert!((1..=4).contains(&sent), "{sent} bodies of 64 KiB were held at once");
    let what = exhausted(&yard, ask("ask").budget(|budget| budget.held_bytes = 1000)).await;
    assert_eq!((what, what.code()), (BudgetLimit::HeldBytes(1000), "held-bytes-exhausted"));
    let answering = Server::start(|_| ok("fine")).await;
    let ask = Ask::act("ask").to(&answering).say("method", "PROPFIND").say("body", 64 << 10);
    mended_by(&yard, ask, what, 100_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_are_bounded_both_ways() {
    let yard = Yard::new().await;
    let what = exhausted(&yard, Ask::act("header").say("n", 100_000)).await;
    assert_eq!((what, what.code()), (BudgetLimit::HeaderBytes(64 << 10), "header-bytes-exhausted"));
    mended_by(&yard, Ask::act("header").say("n", 100_000), what, 200_000).await;

    let server = Server::start(|_| Reply::Bytes(answer(200, &[("x-huge", &"v".repeat(100_000))], ""))).await;
    let what = exhausted(&yard, Ask::act("ask").to(&server)).await;
    assert_eq!(what, BudgetLimit::HeaderBytes(64 << 10));
    mended_by(&yard, Ask::act("ask").to(&server), what, 200_000).await;
    // Above the client's own limit, the failure is the server's and comes at once.
    let server = Server::start(|_| Reply::Endless("HTTP/1.1 200 OK\r\n".into(), "x-more: v\r\n".into())).await;
    let error = yard.endures(Ask::act("ask").to(&server)).await;
    assert_eq!(error.code(), "temporary", "{error}");
    server.until(|counts| counts.open == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_are_bounded() {
    let yard = Yard::new().await;
    let what = exhausted(&yard, Ask::act("fields").say("n", 1_000_000)).await;
    assert_eq!((what, what.code()), (BudgetLimit::Handles(4096), "handles-exhausted"));
    mended_by(&yard, Ask::act("fields").say("n", 5000), what, 6000).await;

    let server = Server::start(|_| Reply::Stall(Vec::new())).await;
    let pile = Ask::act("pile-up").to(&server).say("n", 1_000_000).budget(|budget| budget.handles = 64);
    assert_eq!(exhausted(&yard, pile).await, BudgetLimit::Handles(64));
    // Requests in progress end with the call.
    server.until(|counts| counts.open == 0).await;
}

/// S4 and S19 of the security review: what fits into its bytes may still be a million items for the host to work on.
#[tokio::test(flavor = "multi_thread")]
async fn the_records_of_a_result_are_bounded() {
    let yard = Yard::new().await;
    let window =
        Window { start: "2026-01-01T00:00:00Z".parse().unwrap(), end: "2026-01-02T00:00:00Z".parse().unwrap() };
    let busy = async |n: usize| {
        let ask = Ask::act("items").say("n", n).budget(|budget| budget.result_bytes = 96 << 20);
        yard.plugin.busy(&ask.access(), BusyTargets::Calendars(vec!["work".into()]), window).await
    };
    match busy(1_000_000).await {
        Err(CallError::Exhausted(what @ BudgetLimit::Records { limit: 200_000, needed: 1_000_001 })) => {
            assert_eq!(what.code(), "records-exhausted");
            assert!(what.to_string().contains("`budget.records`"), "{what}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(yard.sandbox.instances(), 0);
    let found = busy(100_000).await.unwrap().value;
    assert_eq!(found[0].outcome.as_ref().unwrap().intervals.len(), 100_000);
}

/// S19 of the security review: 20 names of a megabyte were stored, and read again at each call and page.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_small() {
    let yard = Yard::new().await;
    let calendars = |n: usize, bytes: usize| Ask::act("calendars").say("n", n).say("bytes", bytes);
    for (ask, part) in [
        (calendars(20, 1 << 20), "a calendar's name of 1048576 bytes; at most 1024 are accepted"),
        (calendars(1001, 10), "1001 calendars; at most 1000 are accepted"),
    ] {
        match yard.endures(ask).await {
            CallError::BadAnswer(what) => assert_eq!(what, part),
            other => panic!("{other:?}"),
        }
    }
    calendars(1000, 1024).open(&yard.plugin).await.unwrap();
}

/// GHSA-5m8g-xhq4-4h93: each empty write to standard error stayed in a queue of the host.
#[tokio::test(flavor = "multi_thread")]
async fn empty_writes_to_standard_error_are_kept_nowhere() {
    let sandbox = Sandbox::new(config()).unwrap();
    let plugin = sandbox.admit(&guest("foreign").await).await.unwrap();
    let mutter = Ask::act("mutter").budget(|budget| budget.cpu_ms = 300);
    match mutter.open(&plugin).await {
        Err(CallError::Exhausted(BudgetLimit::Cpu(_))) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(sandbox.instances(), 0);
    Ask::act("nothing").open(&plugin).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_bounded() {
    let yard = Yard::new().await;
    let what = exhausted(&yard, Ask::act("bloat").say("n", 40 << 20)).await;
    assert_eq!((what, what.code()), (BudgetLimit::ResultBytes(32 << 20), "result-bytes-exhausted"));
    let shout = Ask::act("shout").say("n", 40 << 20);
    mended_by(&yard, shout.clone(), what, 50 << 20).await;
    // Values that the guest passes to the host during the call count as well.
    assert_eq!(exhausted(&yard, shout).await, BudgetLimit::ResultBytes(32 << 20));
    let error = yard.endures(Ask::act("random").say("n", 1_u32 << 30)).await;
    assert_eq!(error.code(), "provider-trapped", "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_are_counted_cut_and_the_rest_is_said() {
    let yard = Yard::new().await;
    Ask::act("log").say("n", 12_345).budget(|budget| budget.log_lines = 7).open(&yard.plugin).await.unwrap();
    let said = log::lines(&["log lines dropped", "dropped=12338"]);
    assert_eq!(said.len(), 1, "{said:?}");
    let call = said[0].split(' ').find_map(|word| word.strip_prefix("call=")).unwrap();
    let lines: Vec<_> = log::of_call(call).into_iter().filter(|line| line.contains("chatter")).collect();
    assert_eq!(lines.len(), 7, "{lines:?}");
    assert!(
        lines[0].starts_with("INFO provider ") && lines[0].contains("plugin=hostile version=6.6.6"),
        "{}",
        lines[0]
    );

    Ask::act("shout").say("n", 1 << 20).open(&yard.plugin).await.unwrap();
    let shout = log::lines(&["AAAAAAAA"]);
    assert!(shout.len() == 1 && shout[0].len() < 5_000, "{}", shout[0].len());
}
