//! A table with one row for each route. The test fails for a route without a row and for a row without a route.
//!
//! Each route is tested by its row alone: requests without a token, without the scope or from another organisation are
//! refused; malformed requests get a problem and write nothing to the database. At the end, the valid request of the row
//! is sent and succeeds, which shows that the earlier requests were refused for the intended reason.

use super::world::{SECRET, Side, World};
use anyhow::{Context, ensure};
use chronus_host::{
    auth::tokens::Holder,
    http::{ROUTES, RouteAuth},
    rate_limits::Rate,
};
use serde_json::{Value, json};

/// The actor that sends the valid request.
#[derive(Clone, Copy, PartialEq)]
enum Sender {
    Nobody,
    Operator,
    Integration,
    Person,
    Admin,
}

/// A route and a valid request.
struct Row {
    method: &'static str,
    path: &'static str,
    by: Sender,
    /// The valid query and body.
    query: &'static str,
    body: Option<Value>,
    status: u16,
    /// Invalid parts of bodies, with the status and the code of the problem.
    wrong: Vec<(Value, u16, &'static str)>,
    /// Invalid queries, with the status and the code of the problem.
    wrong_queries: Vec<(&'static str, u16, &'static str)>,
    /// Whether the request may name an organisation.
    names_organisation: bool,
}

impl Row {
    fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The token alone determines the organisation.
    fn own_organisation(self) -> Self {
        Self { names_organisation: false, ..self }
    }

    fn wrong_query(mut self, query: &'static str, status: u16, code: &'static str) -> Self {
        self.wrong_queries.push((query, status, code));
        self
    }

    fn wrong(mut self, part: Value, status: u16, code: &'static str) -> Self {
        self.wrong.push((part, status, code));
        self
    }
}

fn get(path: &'static str, by: Sender, query: &'static str) -> Row {
    let names_organisation = by == Sender::Integration && !path.contains('{');
    let (wrong, wrong_queries) = (Vec::new(), Vec::new());
    Row { method: "GET", path, by, query, body: None, status: 200, wrong, wrong_queries, names_organisation }
}

fn delete(path: &'static str, by: Sender) -> Row {
    Row { method: "DELETE", status: 204, ..get(path, by, "") }
}

fn put(path: &'static str, by: Sender, body: Value) -> Row {
    Row { method: "PUT", body: Some(body), ..get(path, by, "") }
}

fn patch(path: &'static str, by: Sender, body: Value) -> Row {
    Row { method: "PATCH", ..put(path, by, body) }
}

fn post(path: &'static str, by: Sender, body: Value) -> Row {
    Row { method: "POST", body: Some(body), status: 201, ..get(path, by, "") }
}

/// Every route, in the order in which the valid requests are sent.
fn rows(side: &Side) -> Vec<Row> {
    // The rows of organisations come last because they remove the memberships.
    let mut rows = rows_of_calendars(side);
    rows.extend(rows_of_organisations());
    rows
}

/// Connections, busy times and meetings. No provider is offered here; the tests of `service` connect calendars.
fn rows_of_calendars(side: &Side) -> Vec<Row> {
    use Sender::{Integration, Person};
    let connection = "/v1/people/{person}/connection";
    let meeting = json!({
        "program": side.program, "owner": side.person, "attendees": [], "title": "Mentoring", "description": "",
        "start": "2027-03-01T10:00:00Z", "end": "2027-03-01T11:00:00+00:00", "zone": "Europe/Rome",
    });
    let unknown = "01900000-0000-7000-8000-000000000000";
    let pages = "?limit=1&after=01900000-0000-7000-8000-000000000000";
    vec![
        get("/v1/people/{person}/offers", Person, ""),
        get(connection, Person, "").status(404),
        put(connection, Person, json!({"provider": "nowhere", "sign_in": "form"}))
            .status(403)
            .wrong(json!({"secrets": {"password": 7}}), 400, "malformed-body")
            .wrong(json!({"fields": [SECRET]}), 400, "malformed-body")
            .wrong(json!({"secrets": {"password": SECRET}}), 403, "not-offered"),
        delete(connection, Person).status(404),
        get("/v1/people/{person}/busy", Integration, "?from=2027-03-01T00:00:00Z&to=2027-03-02T00:00:00%2B01:00")
            .wrong_query("?from=2027-03-01T00:00:00Z&to=2027-03-01T00:00:00Z", 422, "invalid-window")
            .wrong_query("?from=2027-03-01T00:00:00Z&to=2029-03-01T00:00:00Z", 422, "invalid-window")
            .wrong_query("?from=2027-03-01T00:00:00Z", 400, "malformed-query")
            .wrong_query("?from=hunter22&to=2027-03-01T00:00:00Z", 400, "malformed-query")
            .wrong_query("?from=2027-03-01&to=2027-03-02", 400, "malformed-query"),
        get("/v1/meetings", Integration, pages).own_organisation().wrong_query(
            "?person=hunter22",
            400,
            "malformed-query",
        ),
        post("/v1/meetings", Integration, meeting)
            .own_organisation()
            .wrong(json!({"title": " "}), 422, "invalid-meeting")
            .wrong(json!({"title": "a\nb"}), 422, "invalid-meeting")
            .wrong(json!({"description": "\u{7}"}), 422, "invalid-meeting")
            .wrong(json!({"zone": SECRET}), 422, "invalid-meeting")
            .wrong(json!({"end": "2027-03-01T10:00:00Z"}), 422, "invalid-meeting")
            .wrong(json!({"start": "2027-03-01T10:00:00"}), 400, "malformed-body")
            .wrong(json!({"start": SECRET}), 400, "malformed-body")
            .wrong(json!({"program": unknown}), 404, "not-found")
            .wrong(json!({"program": SECRET}), 400, "malformed-body")
            .wrong(json!({"owner": unknown}), 422, "not-a-member")
            .wrong(json!({"attendees": [side.admin]}), 422, "not-a-member"),
        get("/v1/meetings/{meeting}", Integration, ""),
        patch("/v1/meetings/{meeting}", Integration, json!({"title": "Mentoring"}))
            .wrong(json!({"title": ""}), 422, "invalid-meeting")
            .wrong(json!({"end": "2020-01-01T00:00:00Z"}), 422, "invalid-meeting")
            .wrong(json!({"start": SECRET}), 400, "malformed-body")
            .wrong(json!({"attendees": [unknown]}), 422, "not-a-member")
            .wrong(json!({"revision": 99}), 409, "stale-revision"),
        delete("/v1/meetings/{meeting}", Integration).status(200),
    ]
}

fn rows_of_organisations() -> Vec<Row> {
    use Sender::{Admin, Integration, Nobody, Operator};
    let accounts = "/v1/organisations/{organisation}/service-accounts";
    let account = "/v1/organisations/{organisation}/service-accounts/{provider}";
    let probe = "/v1/organisations/{organisation}/service-accounts/{provider}/probe";
    let key = json!({"sign_in": "key", "mailbox": "gil@example.org", "key": SECRET});
    let nothing = json!({"client_id": "a"});
    let expired = json!({"expires_at": "2026-03-29T00:59:59Z"});
    let pages = "?limit=1&after=01900000-0000-7000-8000-000000000000";
    vec![
        get("/health", Nobody, ""),
        get("/health/ready", Nobody, ""),
        get("/v1/openapi.json", Nobody, ""),
        get("/v1/problems", Nobody, ""),
        get("/v1/problems/{code}", Nobody, ""),
        get("/v1/me", Integration, ""),
        get("/v1/organisations", Operator, pages),
        post("/v1/organisations", Operator, json!({"name": "Third"}))
            .wrong(json!({"name": "Ours"}), 409, "name-taken")
            .wrong(json!({"name": " "}), 422, "invalid-name")
            .wrong(json!({"name": "a\u{0}b"}), 422, "invalid-name"),
        get(accounts, Admin, ""),
        get(account, Admin, "").status(404),
        // No provider is offered here; the tests of `oauth::service_accounts` save accounts.
        put(account, Admin, key.clone()).status(403).wrong(nothing.clone(), 422, "invalid-sign-in"),
        post(probe, Admin, key).status(403).wrong(nothing, 422, "invalid-sign-in"),
        delete(account, Admin).status(404),
        get("/v1/programs", Integration, pages),
        post("/v1/programs", Integration, json!({"name": "Coaching"}))
            .wrong(json!({"name": "Mentoring"}), 409, "name-taken")
            .wrong(json!({"name": "a\nb"}), 422, "invalid-name"),
        get("/v1/programs/{program}", Integration, ""),
        patch("/v1/programs/{program}", Integration, json!({"two_way": true}))
            .wrong(json!({"two_way": SECRET}), 400, "malformed-body")
            .wrong(json!({"name": "Other"}), 400, "malformed-body"),
        get("/v1/programs/{program}/members/{person}", Integration, ""),
        put("/v1/programs/{program}/members/{person}", Integration, json!({"role": "participant"}))
            .wrong(json!({"role": "program-admin"}), 403, "not-by-token")
            .wrong(json!({"role": SECRET}), 400, "malformed-body"),
        delete("/v1/programs/{program}/members/{person}", Integration),
        get("/v1/people", Integration, pages),
        post(
            "/v1/people",
            Integration,
            json!({"email": "ben@example.org", "name": "Ben", "zone": "Asia/Kathmandu", "role": "participant"}),
        )
        .wrong(json!({"email": "ANN@example.org"}), 409, "email-taken")
        .wrong(json!({"email": SECRET}), 422, "invalid-email")
        .wrong(json!({"name": ""}), 422, "invalid-name")
        .wrong(json!({"zone": SECRET}), 422, "invalid-zone")
        .wrong(json!({"role": "global-admin"}), 403, "not-by-token")
        .wrong(json!({"role": SECRET}), 400, "malformed-body"),
        get("/v1/people/{person}", Integration, ""),
        get("/v1/stuck-meetings", Integration, pages),
        get("/v1/tokens", Integration, pages),
        post("/v1/tokens", Integration, json!({"name": "Nightly", "scopes": ["busy-read"]}))
            .wrong(json!({"name": ""}), 422, "invalid-name")
            .wrong(json!({"scopes": []}), 422, "invalid-scopes")
            .wrong(json!({"scopes": ["connection-write"]}), 403, "more-than-own")
            .wrong(json!({"scopes": [SECRET]}), 400, "malformed-body")
            .wrong(json!({"expires_at": SECRET}), 400, "malformed-body")
            .wrong(expired, 422, "invalid-expiry"),
        delete("/v1/tokens/{token}", Integration),
    ]
}

#[tokio::test]
async fn every_route_refuses_what_it_must() -> anyhow::Result<()> {
    let world = World::with(|config| config.limits.set(Rate::BadTokens, 10_000)).await?;
    let rows = rows(&world.ours);
    let told: Vec<_> = rows.iter().map(|row| (row.method, row.path)).collect();
    for route in ROUTES {
        ensure!(told.contains(&(route.method, route.path)), "{} {} has no row here", route.method, route.path);
    }
    for row in &rows {
        let route = ROUTES.iter().find(|route| (route.method, route.path) == (row.method, row.path));
        let need = route.with_context(|| format!("{} {} is no route", row.method, row.path))?.need;
        let other = token_for_everything_else(&world, row, need).await?;
        let before = world.database.rows().await?;
        nobody_gets_in(&world, row, need).await?;
        if let Some(other) = other {
            let answer = good(&world, row, &world.ours.address(row.path), Some(&other)).await?;
            answer.is_problem(403, "scope-missing")?;
        }
        others_find_nothing(&world, row, need).await?;
        what_is_malformed_is_refused(&world, row).await?;
        ensure!(world.database.rows().await? == before, "{} {}: something was written", row.method, row.path);
        nothing_breaks(&world, row).await?;
    }
    let world = World::new().await?;
    for row in &self::rows(&world.ours) {
        let ask = world.ask(row.method, &(world.ours.address(row.path) + row.query), token(&world, row.by))?;
        let ask = if let Some(body) = &row.body { ask.json(body) } else { ask };
        ask.send().await?.has_status(row.status)?;
    }
    Ok(())
}

fn token(world: &World, by: Sender) -> Option<&str> {
    match by {
        Sender::Nobody => None,
        Sender::Operator => Some(&world.operator),
        Sender::Integration => Some(&world.ours.integration),
        Sender::Person => Some(&world.ours.as_person),
        Sender::Admin => Some(&world.ours.as_admin),
    }
}

/// The token of the same kind of actor in the other organisation.
fn their_token(world: &World, by: Sender) -> &str {
    match by {
        Sender::Person => &world.theirs.as_person,
        Sender::Admin => &world.theirs.as_admin,
        Sender::Nobody | Sender::Operator | Sender::Integration => &world.theirs.integration,
    }
}

/// Sends the valid request to this address with this token.
async fn good(world: &World, row: &Row, address: &str, token: Option<&str>) -> anyhow::Result<super::world::Answer> {
    let ask = world.ask(row.method, address, token)?;
    let ask = if let Some(body) = &row.body { ask.json(body) } else { ask };
    ask.send().await
}

/// A token with all scopes except the required one.
async fn token_for_everything_else(world: &World, row: &Row, need: RouteAuth) -> anyhow::Result<Option<String>> {
    let RouteAuth::Scope(scope) = need else { return Ok(None) };
    let organisation = world.ours.organisation;
    let holder = match row.by {
        Sender::Operator => Holder::Operator,
        Sender::Person => Holder::Person { organisation, person: world.ours.person },
        Sender::Admin => Holder::Person { organisation, person: world.ours.admin },
        Sender::Integration | Sender::Nobody => Holder::Integration(organisation),
    };
    let mut scopes = holder.scopes();
    scopes.remove(&scope);
    world.token(holder, scopes).await.map(Some)
}

/// Sends requests without a token and with invalid tokens.
async fn nobody_gets_in(world: &World, row: &Row, need: RouteAuth) -> anyhow::Result<()> {
    if need == RouteAuth::Nothing {
        return Ok(());
    }
    let address = world.ours.address(row.path);
    let good_token = token(world, row.by).unwrap_or_default();
    good(world, row, &address, None).await?.is_problem(401, "unauthenticated")?;
    let unknown = format!("chronus_{}", "A".repeat(43));
    for bad in [SECRET, "chronus_", &unknown, &good_token[1..], &format!("{good_token}x"), &good_token.to_uppercase()] {
        good(world, row, &address, Some(bad)).await?.is_problem(401, "unauthenticated")?;
    }
    for header in [good_token.to_owned(), format!("Basic {good_token}"), "Bearer".into()] {
        let ask = world.ask(row.method, &address, None)?.header("authorization", &header);
        ask.send().await?.is_problem(401, "unauthenticated")?;
    }
    Ok(())
}

/// Sends requests for resources of the other organisation, for unknown ids, and with another organisation's name.
async fn others_find_nothing(world: &World, row: &Row, need: RouteAuth) -> anyhow::Result<()> {
    if need == RouteAuth::Nothing {
        return Ok(());
    }
    let (ours, theirs) = (&world.ours, &world.theirs);
    if row.path.contains('{') {
        let (token, theirs_token) = (token(world, row.by), their_token(world, row.by));
        let address = |side: &Side| side.address(row.path) + row.query;
        good(world, row, &address(ours), Some(theirs_token)).await?.is_problem(404, "not-found")?;
        good(world, row, &address(theirs), token).await?.is_problem(404, "not-found")?;
        for name in ["{organisation}", "{program}", "{person}", "{token}", "{meeting}"]
            .into_iter()
            .filter(|name| row.path.contains(name))
        {
            let unknown = "01900000-0000-7000-8000-000000000000";
            let their = theirs.address(name);
            for id in [&their, unknown, "x", "%00", "..%2F..", &"9".repeat(5000), &ours.address(name).to_uppercase()] {
                let address = ours.address(&row.path.replace(name, id)) + row.query;
                good(world, row, &address, token).await?.is_problem(404, "not-found")?;
            }
        }
    } else if row.by == Sender::Operator {
        for token in [&ours.integration, &ours.as_admin, &ours.as_person] {
            good(world, row, row.path, Some(token)).await?.is_problem(403, "role-missing")?;
        }
    } else if row.method == "GET" {
        let answer = good(world, row, row.path, Some(&theirs.integration)).await?;
        ensure!(answer.status == 200 && !names(&answer.text, ours), "{}: tells of others: {}", row.path, answer.text);
        if row.names_organisation && !row.query.is_empty() {
            let address = format!("{}?organisation={}", row.path, ours.organisation);
            good(world, row, &address, Some(&theirs.integration)).await?.is_problem(404, "not-found")?;
        }
    } else if !row.names_organisation {
        good(world, row, row.path, Some(&theirs.integration)).await?.is_problem(404, "not-found")?;
    } else if let Some(body) = &row.body {
        let mut body = body.clone();
        body["organisation"] = ours.organisation.to_string().into();
        let ask = world.ask(row.method, row.path, Some(&theirs.integration))?.json(&body);
        ask.send().await?.is_problem(404, "not-found")?;
        let ask = world.ask(row.method, row.path, Some(&ours.as_person))?.json(&body);
        ask.send().await?.is_problem(403, "role-missing")?;
    }
    Ok(())
}

/// Whether a text contains an id of this organisation.
fn names(text: &str, side: &Side) -> bool {
    let ids =
        [side.organisation.to_string(), side.program.to_string(), side.person.to_string(), side.admin.to_string()];
    ids.iter().any(|id| text.contains(id))
}

/// Sends malformed queries and bodies.
async fn what_is_malformed_is_refused(world: &World, row: &Row) -> anyhow::Result<()> {
    let (address, token) = (world.ours.address(row.path), token(world, row.by));
    let mut queries = vec!["?nonsense=1", "?limit", "?=", "?Limit=1"];
    if !row.query.is_empty() {
        queries.extend([
            "?limit=0",
            "?limit=201",
            "?limit=-1",
            "?limit=hunter22",
            "?limit=1&limit=2",
            "?after=hunter22",
        ]);
        queries.extend(["?after=", "?limit=99999999999999999999"]);
    }
    if row.names_organisation && !row.query.is_empty() {
        queries.extend(["?organisation=hunter22", "?organisation="]);
    }
    for query in queries {
        let answer = good(world, row, &format!("{address}{query}"), token).await?;
        answer.is_problem(400, "malformed-query")?;
    }
    for (query, status, code) in &row.wrong_queries {
        good(world, row, &format!("{address}{query}"), token).await?.is_problem(*status, code)?;
    }
    let Some(body) = &row.body else { return Ok(()) };
    let ask = || world.ask(row.method, &address, token);
    for kind in ["", "text/plain", "application/x-www-form-urlencoded", "application/problem+json", "hunter22"] {
        ask()?.body(kind, body.to_string()).send().await?.is_problem(415, "unsupported-media-type")?;
    }
    let large = format!("{}{body}", " ".repeat(256 << 10));
    ask()?.body("application/json", large).send().await?.is_problem(413, "too-large")?;
    let mut malformed = vec![
        Vec::new(),
        b"{".to_vec(),
        b"hunter22".to_vec(),
        b"\"hunter22\"".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"{\"name\": \"\xff\"}".to_vec(),
        "[".repeat(100_000).into_bytes(),
        format!("{body}{body}").into_bytes(),
    ];
    let fields: Vec<_> = body.as_object().into_iter().flat_map(|fields| fields.keys().cloned()).collect();
    let mut change = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        let mut fields = body.as_object().cloned().unwrap_or_default();
        change(&mut fields);
        malformed.push(Value::Object(fields).to_string().into_bytes());
    };
    change(&|fields| drop(fields.insert("hunter".into(), SECRET.into())));
    for field in &fields {
        change(&|fields| drop(fields.insert(field.clone(), json!({"a": SECRET}))));
        change(&|fields| drop(fields.insert(field.clone(), json!([[SECRET]]))));
        change(&|fields| drop(fields.insert(field.clone(), json!(7))));
    }
    for body in malformed {
        ask()?.body("application/json", body).send().await?.is_problem(400, "malformed-body")?;
    }
    for (part, status, code) in &row.wrong {
        let mut body = body.clone();
        for (name, value) in part.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        ask()?.json(&body).send().await?.is_problem(*status, code).with_context(|| part.to_string())?;
    }
    Ok(())
}

/// Sends unusual values in each field: each is accepted or refused, and none causes an internal error.
async fn nothing_breaks(world: &World, row: &Row) -> anyhow::Result<()> {
    let (address, token) = (world.ours.address(row.path), token(world, row.by));
    let Some(body) = &row.body else { return Ok(()) };
    let long = "x".repeat(200_000);
    let texts = ["", " ", "\u{0}", "a\u{0}b", "\u{202e}abc", "'; drop table people; --", "%s%n", "\u{1f600}", &long];
    let values = texts.map(Value::from).into_iter().chain([
        Value::Null,
        json!(true),
        json!(-1),
        json!(1e308),
        json!([]),
        json!([null]),
        json!({}),
        json!("9999-12-31T23:59:59Z"),
        json!("-009999-01-01T00:00:00Z"),
    ]);
    for value in values {
        for field in body.as_object().into_iter().flat_map(|fields| fields.keys()) {
            let mut body = body.clone();
            body[field] = value.clone();
            let answer = world.ask(row.method, &address, token)?.json(&body).send().await?;
            if !(200..300).contains(&answer.status) {
                answer
                    .problem()
                    .with_context(|| format!("{field}: {}", value.to_string().chars().take(50).collect::<String>()))?;
            }
        }
    }
    Ok(())
}
