//! Values of variables that are entered on the command line, on a page and through the API.

use super::{super::pages::sign_in_link, *};
use chronus_tests::{command, host::Host, visitor::Visitor};
use reqwest::Method;
use serde_json::{Value, json};

const PAGE: &str = "/settings/organisation";

impl Scene {
    /// Runs a command; its output, and whether it succeeded.
    async fn run(&self, arguments: &[&str]) -> anyhow::Result<(Value, bool)> {
        let mut command = tokio::task::spawn_blocking(command).await??;
        let command = command.env("CHRONUS_CONFIG", self.config_file()?).args(arguments).arg("--json");
        let output = command.output().await?;
        let text = String::from_utf8(output.stdout)?;
        let value = serde_json::from_str(&text);
        Ok((value.with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?, output.status.success()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sets_and_lists_the_values_of_a_client() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let client = ["provider", "client", "directory", "--sign-in", "work", "--client-id", CLIENT];
    for (variables, part) in [
        (&[][..], "`tenant` is missing"),
        (&["--variable", "tenant=a/b"], "does not fit"),
        (&["--variable", "tenant=a", "--variable", "cloud=evil.example"], "must be one of"),
        (&["--variable", "tenant=a", "--variable", "tenant=b"], "given twice"),
        (&["--variable", "tenant=a", "--variable", "tenent=b"], "has no variable `tenent`"),
    ] {
        let (printed, done) = scene.run(&[&client[..], variables].concat()).await?;
        let message = printed["error"]["message"].as_str().unwrap_or_default();
        ensure!(!done && message.contains(part), "{part}: {printed}");
    }
    let variables = ["--variable", "tenant=school.example", "--variable", "cloud=gov.directory.example"];
    let (set, done) = scene.run(&[&client[..], &variables].concat()).await?;
    let expected = json!({ "cloud": "gov.directory.example", "tenant": "school.example" });
    ensure!(done && set["variables"] == expected, "{set}");
    let (listed, _) = scene.run(&["provider", "clients"]).await?;
    let clients = listed["clients"].as_array().context("a list")?;
    let of_directory = clients.iter().find(|client| client["provider"] == "directory").context("the client")?;
    assert_eq!(
        *of_directory,
        json!({ "provider": "directory", "sign_in": "work", "client_id": CLIENT, "variables": expected })
    );
    let page = scene.begin(&scene.browser()).await?;
    ensure!(page.path() == "/gov/school.example/authorize", "{page}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_enters_the_values_of_an_application() -> anyhow::Result<()> {
    let scene = Scene::at(Clock::System).await?;
    let gil = scene.administrator().await?.person().context("a person")?;
    let host = Host::start(&scene.config_file()?, &[]).await?;
    let visitor = Visitor::new(host.origin())?;
    visitor.sign_in(&sign_in_link(&host, "gil@school.example").await?).await?;
    let try_it = async |tenant: &str| {
        let page = visitor.get(PAGE).await?;
        let fields = [
            ("provider", "directory"),
            ("sign-in", "application"),
            ("mailbox", ANN),
            ("client-id", CLIENT),
            ("client-secret", CLIENT_SECRET),
            ("variable.tenant", tenant),
            ("variable.cloud", "gov.directory.example"),
            ("do", "test"),
        ];
        visitor.post(&page, PAGE, &fields).await
    };
    let wrong = try_it("A B").await?;
    ensure!(wrong.status == 422 && wrong.text.contains("value=\"A B\""), "{} {}", wrong.status, wrong.text);
    ensure!(wrong.text.contains("value=\"gov.directory.example\" selected"), "{}", wrong.text);
    ensure!(scene.directory.take_requests().is_empty(), "a request was sent");
    let tried = try_it("school.example").await?;
    ensure!(tried.status == 200 && tried.text.contains("The account works."), "{} {}", tried.status, tried.text);
    assert_eq!(scene.directory.take_requests(), ["gov/school.example/token client_credentials"]);

    let api = host.client(&scene.token(gil).await?)?;
    let path = format!("/v1/organisations/{}/service-accounts/directory", scene.organisation);
    let mut account = json!({ "sign_in": "application", "mailbox": ANN, "client_id": CLIENT,
        "client_secret": CLIENT_SECRET });
    let missing = api.send(Method::PUT, &path, Some(&account)).await?;
    ensure!(missing.body["code"] == "invalid-sign-in" && missing.body.to_string().contains("`tenant`"), "{missing:?}");
    account["variables"] = json!({ "tenant": "school.example" });
    api.send(Method::PUT, &path, Some(&account)).await?.good()?;
    let shown = api.get(&path).await?;
    assert_eq!(shown["variables"], json!({ "cloud": "login.directory.example", "tenant": "school.example" }));
    Ok(())
}
