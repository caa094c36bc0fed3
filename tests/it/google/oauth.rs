//! OAuth, by requests-oauthlib and google-auth: what they need is given, and what nobody should have is refused.

use chronus_host::clock::Clock;
use chronus_tests::google::{Google, Strictness};
use chronus_tests::peers::{self, GoogleClient, Peer};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::world::{ANN, World};

const REDIRECT: &str = "http://127.0.0.1:9/oauth/callback";
const FREEBUSY: &str = "https://www.googleapis.com/auth/calendar.freebusy";
const EVENTS: &str = "https://www.googleapis.com/auth/calendar.events";

/// An application, by requests-oauthlib.
struct App<'a> {
    google: &'a Google,
    client: GoogleClient,
}

impl<'a> App<'a> {
    async fn new(google: &'a Google) -> anyhow::Result<Self> {
        google.add_client("app", "s3cret", "The <app>", &[REDIRECT]);
        Ok(Self { google, client: GoogleClient::oauth().await? })
    }

    async fn ask(&self, verb: &str, mut input: Value) -> anyhow::Result<Value> {
        let usual =
            json!({ "origin": self.google.origin(), "client_id": "app", "secret": "s3cret", "redirect": REDIRECT });
        for (name, value) in usual.as_object().into_iter().flatten() {
            if input[name].is_null() {
                input[name] = value.clone();
            }
        }
        self.client.ask(verb, &input).await
    }

    /// Ann consents to these scopes.
    async fn consent(&self, scopes: &[&str], parameters: Value) -> anyhow::Result<Value> {
        self.ask("consent", json!({ "scopes": scopes, "account": ANN, "parameters": parameters })).await
    }

    async fn exchange(&self, consent: &Value) -> anyhow::Result<Value> {
        let (code, verifier) = (&consent["parameters"]["code"], &consent["verifier"]);
        self.ask("exchange", json!({ "code": code, "verifier": verifier })).await
    }
}

fn offline() -> Value {
    json!({ "access_type": "offline", "login_hint": ANN })
}

#[tokio::test]
async fn a_code_serves_once_and_only_who_asked_for_it() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Google])? {
        return Ok(());
    }
    let world = World::new().await?;
    let app = App::new(&world.google).await?;
    let consent = app.consent(&["openid", "email", FREEBUSY], offline()).await?;
    assert_eq!((&consent["status"], &consent["address"]), (&json!(302), &json!(REDIRECT)));
    assert_eq!(consent["parameters"]["state"], consent["state"]);
    assert_eq!(consent["offered"], json!([FREEBUSY]), "who somebody is cannot be withheld");
    assert_eq!(consent["again"], 400, "a page is answered once");

    let code = &consent["parameters"]["code"];
    let verifier = &consent["verifier"];
    for (wrong, error) in [
        (json!({ "code": code, "verifier": "x".repeat(43) }), "invalid_grant"),
        (json!({ "code": code }), "invalid_grant"),
        (json!({ "code": code, "verifier": verifier, "redirect": "http://127.0.0.1:9/" }), "redirect_uri_mismatch"),
        (json!({ "code": code, "verifier": verifier, "secret": "guess" }), "invalid_client"),
        (json!({ "code": "4/0guess", "verifier": verifier }), "invalid_grant"),
    ] {
        assert_eq!(app.ask("exchange", wrong.clone()).await?["error"], error, "{wrong}");
    }
    let given = app.ask("exchange", json!({ "code": code, "verifier": verifier, "basic": true })).await?;
    let token = &given["token"];
    assert_eq!((&token["expires_in"], &token["token_type"]), (&json!(3599), &json!("Bearer")));
    let who = world.person_of(token["access_token"].as_str().unwrap_or_default());
    assert_eq!(
        who.userinfo().await?,
        (200, json!({ "id": "100000000000000000001", "email": ANN, "verified_email": true }))
    );

    let refresh = json!({ "refresh_token": token["refresh_token"] });
    assert!(app.ask("refresh", refresh.clone()).await?["token"]["access_token"].is_string());
    // Once more the code: somebody else has it, so nothing of what it gave is good any more.
    assert_eq!(app.exchange(&consent).await?["error"], "invalid_grant");
    assert_eq!(who.userinfo().await?.0, 401);
    let refused = app.ask("refresh", refresh).await?;
    assert_eq!(
        (&refused["error"], &refused["description"]),
        (&json!("invalid_grant"), &json!("Token has been expired or revoked."))
    );
    Ok(())
}

#[tokio::test]
async fn refresh_tokens_come_with_a_first_or_repeated_consent_alone() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Google])? {
        return Ok(());
    }
    let world = World::new().await?;
    let app = App::new(&world.google).await?;
    let lasting = async |scope: &str, parameters: Value| -> anyhow::Result<(bool, String)> {
        let given = app.exchange(&app.consent(&[scope], parameters).await?).await?;
        let scope = given["token"]["scope"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Ok((given["token"]["refresh_token"].is_string(), scope.collect::<Vec<_>>().join(" ")))
    };
    assert_eq!(lasting(FREEBUSY, json!({})).await?, (false, FREEBUSY.to_owned()), "online");
    world.google.revoke_everything(ANN);
    assert!(lasting(FREEBUSY, offline()).await?.0, "the first");
    assert!(!lasting(FREEBUSY, offline()).await?.0, "not the second");
    let incremental = json!({ "access_type": "offline", "prompt": "consent", "include_granted_scopes": "true" });
    assert_eq!(
        lasting(EVENTS, incremental).await?,
        (true, format!("{EVENTS} {FREEBUSY}")),
        "with what was granted before"
    );
    Ok(())
}

#[tokio::test]
async fn people_and_their_administrators_may_say_no() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Google])? {
        return Ok(());
    }
    let world = World::new().await?;
    let app = App::new(&world.google).await?;
    let request = |more: Value| {
        let mut request = json!({ "scopes": [FREEBUSY, EVENTS], "account": ANN, "parameters": offline() });
        for (name, value) in more.as_object().into_iter().flatten() {
            request[name] = value.clone();
        }
        request
    };
    let cancelled = app.ask("consent", request(json!({ "decision": "cancel" }))).await?;
    assert_eq!(cancelled["parameters"], json!({ "error": "access_denied", "state": cancelled["state"] }));
    let less = app.ask("consent", request(json!({ "left_out": [EVENTS] }))).await?;
    assert_eq!(less["parameters"]["scope"], FREEBUSY);
    assert_eq!(app.exchange(&less).await?["token"]["scope"], json!([FREEBUSY]));
    let none = app.ask("consent", request(json!({ "left_out": [EVENTS, FREEBUSY] }))).await?;
    assert_eq!(none["parameters"]["error"], "access_denied");
    world.google.block_apps("example.com", true);
    let blocked = app.ask("consent", request(json!({}))).await?;
    assert_eq!(blocked["parameters"], json!({ "error": "admin_policy_enforced", "state": blocked["state"] }));
    Ok(())
}

#[tokio::test]
async fn a_request_that_is_not_right_goes_nowhere() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Google])? {
        return Ok(());
    }
    let world = World::new().await?;
    let app = App::new(&world.google).await?;
    for (wrong, status, code) in [
        (json!({ "client_id": "nobody" }), 401, "invalid_client"),
        (json!({ "redirect": format!("{REDIRECT}/") }), 400, "redirect_uri_mismatch"),
        (json!({ "scopes": ["https://www.googleapis.com/auth/everything"] }), 400, "invalid_scope"),
        (json!({ "parameters": { "access_type": "sometimes" } }), 400, "invalid_request"),
        (json!({ "parameters": { "colour": "red" } }), 400, "invalid_request"),
    ] {
        let mut request = json!({ "scopes": [FREEBUSY], "account": ANN, "parameters": {} });
        for (name, value) in wrong.as_object().into_iter().flatten() {
            request[name] = value.clone();
        }
        let said = app.ask("consent", request).await?;
        assert_eq!((&said["status"], &said["address"]), (&json!(status), &json!("")), "{wrong}");
        assert!(said["page"].as_str().is_some_and(|page| page.contains(code)), "{wrong}: {said}");
    }
    let silent = app.consent(&[FREEBUSY], json!({ "prompt": "none" })).await?;
    assert_eq!(silent["parameters"]["error"], "interaction_required");
    let url = format!(
        "{}/o/oauth2/v2/auth?client_id=app&redirect_uri={REDIRECT}&response_type=code&scope={FREEBUSY}&state=s",
        world.google.origin(),
    );
    let without = world.browser().get(url).send().await?;
    assert_eq!(without.status(), 400, "without PKCE");
    assert!(without.text().await?.contains("code_challenge"));
    Ok(())
}

#[tokio::test]
async fn tokens_end() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Google])? {
        return Ok(());
    }
    let world = World::new().await?;
    let app = App::new(&world.google).await?;
    let consent = app.consent(&[EVENTS, "email"], offline()).await?;
    world.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(app.exchange(&consent).await?["error"], "invalid_grant", "a code after ten minutes");
    world.google.revoke_everything(ANN);
    let given = app.exchange(&app.consent(&[EVENTS, "email"], offline()).await?).await?;
    let text = |name: &str| given["token"][name].as_str().unwrap_or_default().to_owned();
    let (access, first) = (text("access_token"), text("refresh_token"));
    world.clock.advance(SignedDuration::from_secs(3598));
    assert_eq!(world.person_of(&access).userinfo().await?.0, 200);
    world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(world.person_of(&access).userinfo().await?.0, 401);

    // The oldest of more than a hundred ends without a word.
    for _ in 0..99 {
        world.google.issue_refresh(ANN, "app", &[EVENTS]);
    }
    assert!(app.ask("refresh", json!({ "refresh_token": first })).await?["token"].is_object());
    let last = world.google.issue_refresh(ANN, "app", &[EVENTS]);
    assert_eq!(app.ask("refresh", json!({ "refresh_token": first })).await?["error"], "invalid_grant");

    world.google.rotate_refresh_tokens("app", true);
    let rotated = app.ask("refresh", json!({ "refresh_token": last })).await?;
    assert_eq!(app.ask("refresh", json!({ "refresh_token": last })).await?["error"], "invalid_grant");
    let next = &rotated["token"]["refresh_token"];
    let revoked = app.ask("revoke", json!({ "token": next })).await?;
    assert_eq!((&revoked["status"], &revoked["body"]), (&json!(200), &json!({})));
    assert_eq!(app.ask("refresh", json!({ "refresh_token": next })).await?["error"], "invalid_grant");
    assert_eq!(app.ask("revoke", json!({ "token": next })).await?["body"]["error"], "invalid_token");
    assert_eq!(world.google.token_requests("refresh_token"), 5);
    Ok(())
}

/// google-auth takes the time from the machine, so the stand-in does too.
#[tokio::test]
async fn a_service_account_acts_for_people_whose_domain_lets_it() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Google])? {
        return Ok(());
    }
    let google = Google::start(Clock::System, Strictness::Documented).await?;
    google.add_user(ANN, "Ann Alto", "Europe/Rome");
    let robot = "robot@sandbox.iam.gserviceaccount.com";
    let key = google.add_service_account(robot)?;
    google.delegate(robot, "example.com", &["calendar.events"]);
    let client = GoogleClient::oauth().await?;
    let ask = async |key: &Value, scope: &str, subject: Option<&str>| {
        let input = json!({ "origin": google.origin(), "key": key, "scopes": [scope], "subject": subject });
        client.ask("service_account", &input).await
    };
    assert!(ask(&key, EVENTS, Some(ANN)).await?["token"].is_string());
    assert!(ask(&key, EVENTS, None).await?["token"].is_string(), "for itself");
    for (scope, subject, error) in [
        (FREEBUSY, ANN, "unauthorized_client"),
        (EVENTS, "nobody@example.com", "invalid_grant"),
        (EVENTS, "ann@elsewhere.example", "unauthorized_client"),
    ] {
        assert_eq!(ask(&key, scope, Some(subject)).await?["error"], error, "{scope} {subject}");
    }
    let mut other = key.clone();
    other["private_key"] = google.add_service_account("other@sandbox.iam.gserviceaccount.com")?["private_key"].clone();
    let refused = ask(&other, EVENTS, Some(ANN)).await?;
    assert_eq!(
        (&refused["error"], &refused["description"]),
        (&json!("invalid_grant"), &json!("Invalid JWT Signature."))
    );
    Ok(())
}
