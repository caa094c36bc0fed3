//! Claims of the id token that a sign-in keeps: what the provider sees of them, and what is stored.

use super::{super::world::refused, service::IdToken, *};

#[tokio::test]
async fn named_claims_reach_the_provider_and_the_token_goes_nowhere() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    scene.register(&[("tenant", "school.example")]).await?;
    scene.directory.set_id_token(IdToken::Ours(1));
    let connection = scene.connect().await?;
    let fields = "cloud=login.directory.example guest=1 scope=busy tenant=school.example tid=school.example";
    assert_eq!(fields_seen(&connection)?, fields);
    // Neither the token nor a claim that is not kept is stored: the payload begins with this text.
    let payload = "eyJhdWQiOiJjaHJvbnVz";
    scene.database.holds_none(&[payload, "claim-of-the-directory"]).await?;

    // A reply to a refresh may have no id token, one for somebody else, or a new one.
    let guest = async || -> anyhow::Result<Option<String>> {
        scene.renewed(scene.ann).await?;
        let connection = scene.connection(scene.ann).await?.context("a connection")?;
        Ok(connection.fields.into_iter().find(|(name, _)| name == "guest").map(|(_, value)| value))
    };
    scene.directory.set_id_token(IdToken::None);
    assert_eq!(guest().await?.as_deref(), Some("1"));
    scene.directory.set_id_token(IdToken::Foreign);
    assert_eq!(guest().await?.as_deref(), Some("1"));
    scene.directory.set_id_token(IdToken::Ours(2));
    assert_eq!(guest().await?.as_deref(), Some("2"));
    scene.database.holds_none(&[payload, "claim-of-the-directory"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_another_application_connects_nobody() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    scene.register(&[("tenant", "school.example")]).await?;
    scene.directory.set_id_token(IdToken::Foreign);
    let callback = scene.callback(&scene.begin(&scene.browser()).await?).await?;
    let error = refused(scene.finish(&scene.browser(), &callback).await)?;
    ensure!(
        matches!(error, ConnectError::IdToken(_)) && !error.advice().contains("claim-of-the-directory"),
        "{error:?}"
    );
    ensure!(scene.connection(scene.ann).await?.is_none(), "she is connected");
    assert_eq!(scene.revocations().await?, ["login/school.example/revoke"]);
    Ok(())
}
