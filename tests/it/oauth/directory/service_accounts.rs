//! An organisation's application with a tenant, which connects its people.

use super::{super::world::until, *};
use chronus_host::{
    app::work,
    auth::{Actor, Principal},
    connections::service_accounts::{self, AccountCredential, AccountError, NewAccount},
    organisations::domains,
    people::{self, NewPerson, Role},
    plugins::registry,
};

impl Scene {
    /// An administrator of the organisation, which has a mail domain.
    pub(super) async fn administrator(&self) -> anyhow::Result<Actor> {
        domains::add(&self.app.db, &OPERATOR, self.organisation, "school.example").await?;
        let (email, zone, role) = ("gil@school.example".to_owned(), "Europe/Rome".to_owned(), Role::GlobalAdmin);
        let new = NewPerson { email, name: "Gil".into(), zone, role };
        let gil = people::add(&self.app.db, &OPERATOR, self.organisation, new).await?.id;
        let mut actor = self.actor(gil);
        if let Principal::Person { role, .. } = &mut actor.principal {
            *role = Role::GlobalAdmin;
        }
        Ok(actor)
    }
}

fn application(variables: &[(&str, &str)]) -> NewAccount {
    NewAccount {
        provider: "directory".into(),
        sign_in: "application".into(),
        secret: AccountCredential::Client { id: CLIENT.into(), secret: CLIENT_SECRET.into() },
        mailbox: ANN.into(),
        variables: values(variables),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_gets_its_tokens_at_the_tenant_of_the_organisation() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let gil = scene.administrator().await?;
    let save = async |variables: &[(&str, &str)]| {
        service_accounts::save(&scene.app.calendars, &gil, scene.organisation, &application(variables)).await
    };
    for (variables, part) in [
        (&[][..], "`tenant` is missing"),
        (&[("tenant", "A/B")], "`tenant` (Tenant) does not fit"),
        (&[("tenant", "a"), ("tenent", "a")], "has no variable `tenent`"),
    ] {
        let error = save(variables).await.err().context("it was saved")?;
        let text = error.advice();
        ensure!(matches!(error, AccountError::Variable(_)) && text.contains(part), "{text}");
    }
    ensure!(scene.directory.take_requests().is_empty(), "a request was sent");

    let account = save(&[("tenant", "school.example"), ("cloud", "gov.directory.example")]).await?.0;
    assert_eq!(account.endpoint, "https://gov.directory.example/school.example/token");
    let runner = work::start(&scene.app).await?;
    let connected = async |tenant: &str| {
        until("ann and ben are connected", || async {
            // What a busy machine put off comes later, by a clock that stands still.
            scene.clock.advance(SignedDuration::from_millis(500));
            for person in [scene.ann, scene.ben] {
                let connection = scene.connection(person).await?;
                let token = connection.and_then(|connection| connection.token);
                if token.is_none_or(|token| token.variables.get("tenant").map(String::as_str) != Some(tenant)) {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .await
    };
    connected("school.example").await?;
    let ann = scene.connection(scene.ann).await?.context("a connection")?;
    assert_eq!(fields_seen(&ann)?, "cloud=gov.directory.example tenant=school.example");

    // Saved with another tenant, it connects everybody again.
    save(&[("tenant", "college.example")]).await?;
    connected("college.example").await?;
    runner.shutdown().await;
    assert_eq!(scene.renewed(scene.ann).await?, ["login/college.example/token client_credentials"]);

    // The account and the connections follow the accepted endpoint together.
    let waiting = scene.moved().await?;
    let line = "sign-in application, from https://login.directory.example/college.example/token to \
                https://login.directory.example/college.example/tickt without a new sign-in: 3 connections and 1 service \
                account";
    ensure!(waiting.difference.iter().any(|shown| shown.what == line), "{:#?}", waiting.difference);
    registry::accept(&scene.app.db, &OPERATOR, "directory", &waiting.sha256).await?;
    assert_eq!(scene.renewed(scene.ann).await?, ["login/college.example/tickt client_credentials"]);
    Ok(())
}
