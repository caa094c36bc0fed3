//! An operator's client with a tenant: sign-in, refresh, revocation, and a version with another token endpoint.

use super::{super::world::refused, *};
use chronus_host::{connections::State, plugins::registry};

#[tokio::test]
async fn a_person_signs_in_at_the_tenant_of_the_client_and_stays_there() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    scene.register(&[("tenant", "school.example")]).await?;
    let page = scene.begin(&scene.browser()).await?;
    ensure!(page.path() == "/login/school.example/authorize", "{page}");
    let connection = scene.connect().await?;
    ensure!(connection.address.as_deref() == Some(MAIL), "{connection:?}");
    assert_eq!(fields_seen(&connection)?, "cloud=login.directory.example scope=busy tenant=school.example");
    assert_eq!(scene.renewed(scene.ann).await?, ["login/school.example/token refresh_token"]);

    // Another tenant is for new sign-ins. The token that she has is refreshed where it was issued.
    scene.register(&[("tenant", "other.example"), ("cloud", "gov.directory.example")]).await?;
    assert_eq!(scene.renewed(scene.ann).await?, ["login/school.example/token refresh_token"]);
    let again = scene.connect().await?;
    ensure!(again.id == connection.id, "it is the same account");
    assert_eq!(fields_seen(&again)?, "cloud=gov.directory.example scope=busy tenant=other.example");
    assert_eq!(scene.renewed(scene.ann).await?, ["gov/other.example/token refresh_token"]);
    Ok(())
}

/// The operator changes the tenant while somebody is at the service's page.
#[tokio::test]
async fn a_sign_in_ends_at_the_tenant_where_it_began() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    scene.register(&[("tenant", "school.example")]).await?;
    let callback = scene.callback(&scene.begin(&scene.browser()).await?).await?;
    scene.register(&[("tenant", "other.example")]).await?;
    scene.directory.take_requests();
    scene.finish(&scene.browser(), &callback).await?;
    assert_eq!(scene.directory.take_requests(), ["login/school.example/token authorization_code"]);
    Ok(())
}

#[tokio::test]
async fn without_a_value_that_fits_nothing_is_begun() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    for (variables, advice) in [
        (&[][..], "a value of `tenant` is missing (Tenant; See the overview page of the directory)"),
        (&[("tenant", "a/../b")], "the value of `tenant` (Tenant) does not fit"),
        (
            &[("tenant", "a"), ("cloud", "evil.example")],
            "must be one of login.directory.example, gov.directory.example",
        ),
    ] {
        // The command line refuses these values; they may also become unfit when another version is accepted.
        scene.register(variables).await?;
        let error = refused(scene.begin(&scene.browser()).await)?;
        ensure!(matches!(error, ConnectError::Variable(_)), "{error:?}");
        let text = error.advice();
        ensure!(text.contains(advice) && text.contains("--variable NAME=VALUE"), "{text}");
        ensure!(!text.contains("evil") && !text.contains("a/../b"), "{text}");
    }
    assert_eq!(scene.rows().await?["authorizations"], 0);
    ensure!(scene.directory.take_requests().is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_move_from_address_to_address_and_those_to_be_revoked_too() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    scene.register(&[("tenant", "school.example")]).await?;
    scene.connect().await?;
    let waiting = scene.moved().await?;
    let lines: Vec<_> = waiting.difference.iter().map(ToString::to_string).collect();
    let [from, to] = ["token", "tickt"].map(|end| format!("https://login.directory.example/school.example/{end}"));
    let line = format!("  sign-in work, from {from} to {to} without a new sign-in: 1 connection");
    ensure!(lines.contains(&line), "{lines:#?}");

    registry::accept(&scene.app.db, &OPERATOR, "directory", &waiting.sha256).await?;
    assert_eq!(scene.renewed(scene.ann).await?, ["login/school.example/tickt refresh_token"]);
    let connection = scene.connection(scene.ann).await?.context("it is kept")?;
    assert_eq!((connection.state, connection.token.context("a token")?.endpoint), (State::Connected, to.clone()));

    // No job runs yet, so the token waits to be revoked while the operator goes back to the first version.
    scene.disconnect(scene.ann).await?;
    let back = scene.add_waiting(&scene.component).await?;
    let lines: Vec<_> = back.difference.iter().map(ToString::to_string).collect();
    let line = format!("  sign-in work, from {to} to {from} without a new sign-in: 1 token of a former connection");
    ensure!(lines.contains(&line), "{lines:#?}");
    registry::accept(&scene.app.db, &OPERATOR, "directory", &back.sha256).await?;
    assert_eq!(scene.revocations().await?, ["login/school.example/revoke"]);
    Ok(())
}

/// The provider is removed and added again, and nothing says that the endpoint is that of the same service.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_not_revoked_at_an_endpoint_that_did_not_issue_it() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    scene.register(&[("tenant", "school.example")]).await?;
    scene.connect().await?;
    registry::remove(&scene.app.db, &OPERATOR, "directory", true).await?;
    scene.disconnect(scene.ann).await?;
    let waiting = scene.moved().await?;
    let line = "sign-in work, is not revoked, because nothing says which endpoint replaces \
                https://login.directory.example/school.example/token: 1 token of a former connection";
    ensure!(waiting.difference.iter().any(|shown| shown.what == line), "{:#?}", waiting.difference);
    registry::accept(&scene.app.db, &OPERATOR, "directory", &waiting.sha256).await?;
    ensure!(scene.revocations().await?.is_empty(), "it was sent");
    Ok(())
}

#[tokio::test]
async fn a_connection_whose_cloud_is_no_longer_granted_is_not_called() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    scene.register(&[("tenant", "school.example")]).await?;
    scene.connect().await?;
    // As if the version that an operator accepted had another list.
    let variables = r#"'{"cloud":"evil.example","tenant":"school.example"}'"#;
    ensure!(scene.database.plant(("connections", "variables"), variables, "1 = 1").await? == 1);
    scene.directory.take_requests();
    let busy = scene.busy_later(scene.ann).await?;
    ensure!(matches!(busy, Busy::Unknown { .. }), "{busy:?}");
    ensure!(scene.directory.take_requests().is_empty(), "a request was sent");
    Ok(())
}
