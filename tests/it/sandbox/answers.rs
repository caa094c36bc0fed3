//! Answers that break the contract are reported as such, and no part of them is used.

use super::yard::{Ask, Yard};
use chronus_host::{
    calendar::Window,
    plugins::{CallError, contract::BusyTargets},
};

fn day() -> Window {
    Window { start: "2026-01-01T00:00:00Z".parse().unwrap(), end: "2026-01-02T00:00:00Z".parse().unwrap() }
}

fn broken<T: std::fmt::Debug>(outcome: Result<T, CallError>, part: &str) {
    match outcome {
        Err(error @ CallError::BadAnswer(_)) => {
            assert_eq!(error.code(), "provider-bad-answer");
            assert!(error.to_string().contains(part), "{error}");
        }
        other => panic!("{part}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_cannot_be_are_refused() {
    let yard = Yard::new().await;
    for (act, part) in [
        ("month-13", "month 13"),
        ("backwards", "ends on 2026-01-01 and starts on 2026-01-02"),
        ("nameless", "without a UID"),
        ("conflict", "without an id"),
    ] {
        broken(yard.plugin.get(&Ask::act(act).access(), "work", "id").await, part);
    }
    yard.plugin.get(&Ask::act("nothing").access(), "work", "id").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn intervals_that_cannot_be_are_refused() {
    let yard = Yard::new().await;
    let whose = || BusyTargets::Calendars(vec!["work".into()]);
    broken(yard.plugin.busy(&Ask::act("backwards").access(), whose(), day()).await, "an interval that ends at");
    broken(yard.plugin.busy(&Ask::act("nothing").access(), whose(), day()).await, "an instant of 9223372036854775807");
}

#[tokio::test(flavor = "multi_thread")]
async fn memos_and_cursors_are_bounded() {
    let yard = Yard::new().await;
    let memo = |bytes: usize| Ask::act("memo").say("n", bytes).access();
    broken(yard.plugin.get(&memo((64 << 10) + 1), "work", "id").await, "a memo of 65537 bytes");
    let kept = yard.plugin.get(&memo(64 << 10), "work", "id").await.unwrap().memo.unwrap();
    assert_eq!(kept.data.len(), 64 << 10);
    let cursor = |bytes: usize| Ask::act("cursor").say("n", bytes).access();
    broken(yard.plugin.changes(&cursor((1 << 20) + 1), "work", None, day(), 1).await, "a cursor of 1048577 bytes");
    let page = yard.plugin.changes(&cursor(1 << 20), "work", None, day(), 1).await.unwrap().value;
    assert_eq!(page.next.len(), 1 << 20);
}
