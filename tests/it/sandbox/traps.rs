//! A crash becomes a report with which the author can fix it, and ends only that call.

use super::{
    log,
    yard::{Ask, Yard, config, guest},
};
use chronus_host::plugins::{CallError, Sandbox, TrapReport};

async fn trap(yard: &Yard, ask: Ask) -> TrapReport {
    match yard.endures(ask).await {
        error @ CallError::Trapped(_) => {
            assert_eq!(error.code(), "provider-trapped");
            let CallError::Trapped(trap) = error else { unreachable!() };
            *trap
        }
        other => panic!("{} instead of a trap: {other}", other.code()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_tells_its_message_its_place_and_its_way() {
    let yard = Yard::new().await;
    let trap = trap(&yard, Ask::act("trap").say("n", 42)).await;
    assert_eq!((&*trap.plugin, &*trap.version), ("hostile", "6.6.6"));
    assert_eq!(trap.digest, yard.plugin.inspection().sha256);
    assert!(trap.code.contains("unreachable"), "{}", trap.code);
    assert!(trap.tail.contains("boom-42") && trap.tail.contains("hostile.rs:"), "{}", trap.tail);
    let named = |name: &str| trap.frames.iter().any(|frame| frame.contains(name));
    assert!(named("deep_thought") && trap.frames.len() <= 16, "{:#?}", trap.frames);
    // The text that an operator reads, and finds in the log under the same call.
    let text = trap.to_string();
    assert!(text.contains("boom-42") && text.contains(&trap.call), "{text}");
    let lines = log::of_call(&trap.call);
    let record: Vec<_> = lines.iter().filter(|line| line.contains("provider crashed")).collect();
    assert!(record.len() == 1 && record[0].contains(&trap.digest) && record[0].contains("boom-42"), "{lines:?}");
    let word: Vec<_> = lines.iter().filter(|line| line.starts_with("ERROR provider ")).collect();
    assert!(word.len() == 1 && word[0].contains("the provider panicked"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_of_every_kind_are_told_apart() {
    let yard = Yard::new().await;
    let unreachable = trap(&yard, Ask::act("unreachable")).await;
    assert!(unreachable.code.contains("unreachable") && unreachable.tail.is_empty(), "{unreachable:?}");
    let overflow = trap(&yard, Ask::act("overflow")).await;
    assert!(overflow.code.contains("call stack exhausted"), "{}", overflow.code);
    assert!(overflow.frames.iter().any(|frame| frame.contains("overflow")), "{:?}", overflow.frames);
    assert_ne!(unreachable.call, overflow.call);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_gives_up_leaves_its_last_words() {
    let sandbox = Sandbox::new(config()).unwrap();
    let plugin = sandbox.admit(&guest("foreign").await).await.unwrap();
    match Ask::act("exit").open(&plugin).await {
        Err(CallError::Trapped(trap)) => {
            assert!(trap.code.contains("exit"), "{}", trap.code);
            assert_eq!(trap.tail, "last words\n");
        }
        other => panic!("{other:?}"),
    }
    Ask::act("nothing").open(&plugin).await.unwrap();
    assert_eq!(sandbox.instances(), 0);
}
