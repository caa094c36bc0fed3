//! The account through the API of a host that is a process of its own: who may, what is answered, and no secret anywhere.

use super::{
    super::world::{ANN, World, until},
    GIL, School,
};
use anyhow::{Context as _, ensure};
use chronus_host::{
    auth::tokens::{self, Holder, NewToken},
    clock::Clock,
};
use chronus_tests::{OPERATOR, host::Host};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

impl School {
    async fn token(&self, holder: Holder) -> anyhow::Result<String> {
        let new = NewToken { holder, name: "of a test".into(), scopes: holder.scopes(), expires_at: None };
        Ok(tokens::issue(&self.app.db, &OPERATOR, new).await?.1.expose_secret().to_owned())
    }
}

#[tokio::test]
async fn it_is_saved_through_the_api_and_tells_no_secret() -> anyhow::Result<()> {
    let school = School::of(World::at(Clock::System, &[]).await?).await?;
    let organisation = school.organisation;
    let person = |person| Holder::Person { organisation, person };
    let host = Host::start(&school.config_file()?, &[]).await?;
    let admin = host.client(&school.token(person(school.gil)).await?)?;
    let ann = host.client(&school.token(person(school.ann)).await?)?;
    let integration = host.client(&school.token(Holder::Integration(organisation)).await?)?;
    let path = format!("/v1/organisations/{organisation}/service-accounts/google");
    let body = json!({ "sign_in": "service-account", "mailbox": GIL, "key": school.key.to_string() });

    // Neither a key of the organisation's nor a participant names a mailbox.
    let mut answers = String::new();
    for client in [&ann, &integration] {
        for (method, path) in [(Method::POST, format!("{path}/probe")), (Method::PUT, path.clone())] {
            let answer = client.send(method, &path, Some(&body)).await?;
            ensure!((answer.status.as_u16(), &answer.body["code"]) == (403, &json!("role-missing")), "{answer:?}");
        }
        // Nor does either by way of a connection.
        let connection = format!("/v1/people/{}/connection", school.ann);
        let by_key = json!({ "provider": "google", "sign_in": "service-account" });
        let answer = client.send(Method::PUT, &connection, Some(&by_key)).await?;
        ensure!(answer.status.is_client_error(), "{answer:?}");
        let subject = json!({ "provider": "google", "sign_in": "service-account", "subject": GIL });
        let answer = client.send(Method::PUT, &connection, Some(&subject)).await?;
        ensure!(matches!(answer.body["code"].as_str(), Some("malformed-body" | "scope-missing")), "{answer:?}");
        answers.push_str(&answer.body.to_string());
    }
    let wrong = json!({ "sign_in": "service-account", "mailbox": "eve@elsewhere.example",
        "key": school.key.to_string() });
    let answer = admin.send(Method::PUT, &path, Some(&wrong)).await?;
    ensure!(answer.body["code"] == "mailbox-elsewhere", "{answer:?}");
    let browser = json!({ "sign_in": "google", "mailbox": GIL, "key": "{}" });
    let answer = admin.send(Method::PUT, &path, Some(&browser)).await?;
    ensure!(answer.body["code"] == "needs-browser", "{answer:?}");

    let probed = admin.post(&format!("{path}/probe"), &body).await?;
    ensure!(probed["inviting"] == "works" && probed["abilities"]["write"] == true, "{probed}");
    let saved = admin.send(Method::PUT, &path, Some(&body)).await?.good()?;
    ensure!(saved["probe"]["kind"] == "delegated", "{saved}");
    let mine = format!("/v1/people/{}/connection", school.ann);
    until("ann is connected", || async {
        Ok(ann.send(Method::GET, &mine, None).await?.body["by_organisation"] == true)
    })
    .await?;
    // Ann, ben and gil, each by a job of their own; the number does not change after that.
    until("everybody is connected", || async { Ok(admin.get(&path).await?["people"] == 3) }).await?;
    let shown = ann.get(&mine).await?;
    ensure!(shown["address"] == ANN && shown["level"] == "read", "{shown}");
    let accounts = admin.get(path.trim_end_matches("/google")).await?;
    ensure!(accounts["domains"] == json!(["school.example"]), "{accounts}");
    ensure!(accounts["items"][0]["id"] == saved["id"], "{accounts}");
    ensure!(admin.get(&path).await? == accounts["items"][0], "the account itself");
    answers.push_str(&[&probed, &saved.clone(), &shown, &accounts].map(Value::to_string).concat());

    let stored = secrets(&school)?;
    ensure!(admin.send(Method::DELETE, &path, None).await?.status == 204);
    let gone = ann.send(Method::GET, &mine, None).await?;
    ensure!(gone.body["code"] == "not-connected", "{gone:?}");
    let log = host.stop().await?;
    let told = |secret: &String| log.contains(secret) || answers.contains(secret);
    ensure!(!stored.iter().any(told), "a log or an answer tells a secret");
    school.database.holds_none(&stored).await
}

/// Tokens that were given, and a part of the private key.
fn secrets(school: &School) -> anyhow::Result<Vec<String>> {
    let mut secrets = school.google.secrets();
    ensure!(secrets.len() >= 3, "tokens were given: {}", secrets.len());
    let key = school.key["private_key"].as_str().context("it has a key")?;
    secrets.extend(key.lines().filter(|line| !line.starts_with("-----")).map(str::to_owned));
    Ok(secrets)
}
