//! A wait that a service asks for holds back the calls that it binds, and no others.

use super::{
    server::{Reply, Server, answer},
    yard::{Ask, Yard},
};
use chronus_host::plugins::CallError;

/// The result of a call of a connection of the organisation.
async fn call(yard: &Yard, ask: &Ask, connection: &str) -> Result<(), CallError> {
    let access = ask.access().with_connection(format!("{} {connection}", ask.organisation));
    yard.plugin.open(&access).await.map(|_| ())
}

fn wait(scope: &str, organisation: &'static str) -> Ask {
    Ask { organisation, ..Ask::act("wait").say("ms", 60_000).say("scope", scope) }
}

fn nothing(organisation: &'static str, sign_in: &str) -> Ask {
    let mut ask = Ask { organisation, ..Ask::act("nothing") };
    ask.connection.sign_in = sign_in.into();
    ask
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_binds_the_calls_of_its_scope() {
    // By the scope: whether another connection of the same sign-in, of another sign-in, and of another organisation wait.
    for (scope, expected) in [
        ("connection", [false, false, false]),
        ("organisation", [true, false, false]),
        ("provider", [true, true, true]),
    ] {
        let yard = Yard::new().await;
        let told = call(&yard, &wait(scope, "one"), "told").await.unwrap_err();
        assert!(matches!(told, CallError::Failure(_)) && told.code() == "slow-down", "{scope}: {told}");
        let own = call(&yard, &nothing("one", "none"), "told").await.unwrap_err();
        let CallError::Paused(wait) = own else { panic!("{scope}: {own}") };
        assert!((50..=60).contains(&wait.as_secs()), "{scope}: {wait:?}");
        assert_eq!((own.code(), own.pause()), ("slow-down", Some(wait)));
        let mut found = Vec::new();
        for (organisation, sign_in) in [("one", "none"), ("one", "other"), ("two", "none")] {
            found.push(call(&yard, &nothing(organisation, sign_in), "other").await.is_err());
        }
        assert_eq!(found, expected, "{scope}");
        // Somebody who is only connecting is not kept from it.
        nothing("one", "none").open(&yard.plugin).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_a_connection_has_for_its_own_speaks_for_no_other() {
    let yard = Yard::new().await;
    let server = Server::start(|_| Reply::Bytes(answer(200, &[], "well"))).await;
    let to_own = |mut ask: Ask| {
        ask.connection.server = Some(server.origin());
        ask
    };
    call(&yard, &to_own(wait("provider", "one")), "told").await.unwrap_err();
    let found = call(&yard, &to_own(nothing("one", "none")), "beside").await;
    assert!(matches!(found, Err(CallError::Paused(_))), "{found:?}");
    call(&yard, &nothing("one", "none"), "elsewhere").await.unwrap();
    call(&yard, &to_own(nothing("two", "none")), "other").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_wait_ends() {
    let yard = Yard::new().await;
    call(&yard, &Ask::act("wait").say("ms", 0), "told").await.unwrap_err();
    call(&yard, &Ask::act("nothing"), "told").await.unwrap();
}
