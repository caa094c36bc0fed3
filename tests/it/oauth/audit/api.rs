//! Every route of the API that is not for reading.

use super::{DESCRIPTION, Expected, GIL, Scene, TITLE};
use anyhow::{Context as _, ensure};
use chronus_host::{
    audit::{Act, AuthorKind, Means, SubjectKind},
    auth::tokens::{self, Holder, NewToken},
    http::ROUTES,
    ids::{MeetingId, TokenId},
};
use chronus_tests::OPERATOR;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Who sends a request.
#[derive(Clone, Copy)]
enum Sender {
    Operator,
    Integration,
    Ann,
    Gil,
}

/// A route, a request that succeeds, and what it leaves.
struct Row {
    method: &'static str,
    path: &'static str,
    by: Sender,
    body: Option<Value>,
    act: Act,
    subject: SubjectKind,
}

fn row(method: &'static str, path: &'static str, by: Sender, body: Value, act: Act, subject: SubjectKind) -> Row {
    let body = Some(body).filter(|body| !body.is_null());
    Row { method, path, by, body, act, subject }
}

/// Every route, in the order of the requests. The last rows connect everybody.
fn rows(scene: &Scene) -> Vec<Row> {
    use Sender::{Ann, Gil, Integration, Operator};
    let world = &scene.world;
    let person = json!({ "email": "new@school.example", "name": "New", "zone": "UTC", "role": "participant" });
    let meeting = json!({
        "program": world.program, "owner": world.ann, "attendees": [world.ben], "title": TITLE,
        "description": DESCRIPTION, "start": "2027-03-01T10:00:00Z", "end": "2027-03-01T11:00:00Z", "zone": "UTC",
    });
    let token = json!({ "person": world.ann, "name": "of a child", "scopes": ["busy-read"] });
    let account = json!({ "sign_in": "service-account", "mailbox": GIL, "key": scene.key.to_string() });
    let accounts = "/v1/organisations/{organisation}/service-accounts/{provider}";
    let probe = "/v1/organisations/{organisation}/service-accounts/{provider}/probe";
    let member = "/v1/programs/{program}/members/{member}";
    let connection = "/v1/people/{person}/connection";
    let form = json!({ "provider": "idle", "sign_in": "none" });
    let none = Value::Null;
    vec![
        row(
            "POST",
            "/v1/organisations",
            Operator,
            json!({ "name": "Other" }),
            Act::OrganisationCreated,
            SubjectKind::Organisation,
        ),
        row(
            "POST",
            "/v1/programs",
            Integration,
            json!({ "name": "Second" }),
            Act::ProgramCreated,
            SubjectKind::Program,
        ),
        row(
            "PATCH",
            "/v1/programs/{program}",
            Integration,
            json!({ "two_way": true }),
            Act::ProgramChanged,
            SubjectKind::Program,
        ),
        row("PUT", member, Integration, json!({ "role": "participant" }), Act::MembershipSet, SubjectKind::Person),
        row("DELETE", member, Integration, none.clone(), Act::MembershipRemoved, SubjectKind::Person),
        row("POST", "/v1/people", Gil, person, Act::PersonCreated, SubjectKind::Person),
        row("PUT", connection, Ann, form, Act::CalendarConnected, SubjectKind::Connection),
        row("DELETE", connection, Ann, none.clone(), Act::CalendarDisconnected, SubjectKind::Connection),
        row("POST", "/v1/meetings", Ann, meeting, Act::MeetingScheduled, SubjectKind::Meeting),
        row(
            "PATCH",
            "/v1/meetings/{meeting}",
            Ann,
            json!({ "title": format!("{TITLE}!") }),
            Act::MeetingChanged,
            SubjectKind::Meeting,
        ),
        row("DELETE", "/v1/meetings/{meeting}", Ann, none.clone(), Act::MeetingCancelled, SubjectKind::Meeting),
        row("POST", "/v1/tokens", Ann, token, Act::TokenCreated, SubjectKind::Token),
        row("DELETE", "/v1/tokens/{token}", Ann, none.clone(), Act::TokenRevoked, SubjectKind::Token),
        row("POST", probe, Gil, account.clone(), Act::ServiceAccountTried, SubjectKind::Provider),
        row("PUT", accounts, Gil, account, Act::ServiceAccountSaved, SubjectKind::ServiceAccount),
        row("DELETE", accounts, Gil, none, Act::ServiceAccountRemoved, SubjectKind::ServiceAccount),
    ]
}

/// What the requests name.
struct Names {
    meeting: MeetingId,
    token: TokenId,
}

impl Names {
    fn path(&self, scene: &Scene, row: &Row) -> String {
        let world = &scene.world;
        row.path
            .replace("{organisation}", &world.organisation.to_string())
            .replace("{provider}", "google")
            .replace("{program}", &world.program.to_string())
            .replace("{member}", &scene.gil.to_string())
            .replace("{person}", &world.ann.to_string())
            .replace("{meeting}", &self.meeting.to_string())
            .replace("{token}", &self.token.to_string())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_that_acts_leaves_an_entry() -> anyhow::Result<()> {
    let mut scene = Scene::new().await?;
    let acting = ROUTES.iter().filter(|route| !["GET", "HEAD"].contains(&route.method));
    let acting: BTreeSet<_> = acting.map(|route| (route.method, route.path.to_owned())).collect();
    let rows = rows(&scene);
    let listed = rows.iter().map(|row| (row.method, row.path.replace("{member}", "{person}")));
    ensure!(listed.collect::<BTreeSet<_>>() == acting, "a route is without its row, or a row without its route");

    let (ann, gil, organisation) = (scene.world.ann, scene.gil, scene.world.organisation);
    let tokens = [
        scene.token(Holder::Operator).await?,
        scene.token(Holder::Integration(organisation)).await?,
        scene.token(scene.person(ann)).await?,
        scene.token(scene.person(gil)).await?,
    ];
    let meeting = scene.world.schedule(ann, TITLE, "2027-03-02").await?;
    let holder = scene.person(ann);
    let new = NewToken { holder, name: "to be revoked".into(), scopes: holder.scopes(), expires_at: None };
    let token = tokens::issue(&scene.world.app.db, &OPERATOR, new).await?.0.id;
    let names = Names { meeting, token };
    for row in rows {
        let (token, author, person) = match row.by {
            Sender::Operator => (&tokens[0], AuthorKind::Operator, None),
            Sender::Integration => (&tokens[1], AuthorKind::Integration, None),
            Sender::Ann => (&tokens[2], AuthorKind::Person, Some(ann)),
            Sender::Gil => (&tokens[3], AuthorKind::Person, Some(gil)),
        };
        let before = scene.ids().await?;
        let (method, path) = (Method::from_bytes(row.method.as_bytes())?, names.path(&scene, &row));
        let answer = scene.host.client(token)?.send(method, &path, row.body.as_ref()).await?;
        ensure!(answer.status.is_success(), "{} {}: {answer:?}", row.method, row.path);
        if let Some(secret) = answer.body["secret"].as_str() {
            scene.secrets.push(secret.to_owned());
        }
        let expected = Expected { author, means: Means::Api, person, act: row.act, subject: row.subject };
        let entry = scene.has(&before, expected).await.with_context(|| format!("{} {}", row.method, row.path))?;
        ensure!(entry.name.as_deref() == Some("of a test"), "{entry:?}");
        let own = entry.organisation == Some(organisation);
        ensure!(own || matches!(row.by, Sender::Operator), "{entry:?}");
    }
    scene.tells_nothing().await
}
