//! Roles, the lifetime of tokens, and lists in pages.

use super::world::World;
use anyhow::{Context, ensure};
use chronus_host::{
    auth::{
        Scope,
        tokens::{Holder, MAX_GENERATIONS},
    },
    people::{self, Member, MemberRole},
};
use chronus_tests::OPERATOR;
use jiff::SignedDuration;
use serde_json::{Value, json};

#[tokio::test]
async fn roles_decide_and_the_person_alone_makes_their_tokens() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ours = &world.ours;
    let token = |person: Option<String>, scopes: &[&str]| {
        let mut body = json!({"name": "A", "scopes": scopes});
        if let Some(person) = person {
            body["person"] = person.into();
        }
        body
    };
    let someone = |name: &str, role: &str| json!({"email": format!("{name}@example.org"), "name": name, "zone": "UTC", "role": role});
    let (ann, gil) = (ours.person.to_string(), ours.admin.to_string());
    let (integration, admin, person) = (&ours.integration, &ours.as_admin, &ours.as_person);
    let members = format!("/v1/programs/{}/members/{gil}", ours.program);
    let cases = [
        (person, "GET", "/v1/people", None, 403, "role-missing"),
        (admin, "GET", "/v1/people", None, 200, ""),
        (integration, "POST", "/v1/people", Some(someone("fay", "participant")), 201, ""),
        (person, "POST", "/v1/programs", Some(json!({"name": "Mine"})), 403, "role-missing"),
        (person, "PUT", &members, Some(json!({"role": "participant"})), 403, "role-missing"),
        (admin, "PUT", &members, Some(json!({"role": "participant"})), 200, ""),
        (integration, "POST", "/v1/tokens", Some(token(Some(ann.clone()), &["busy-read"])), 403, "not-the-person"),
        (admin, "POST", "/v1/tokens", Some(token(Some(ann.clone()), &["connection-write"])), 403, "not-the-person"),
        (&world.operator, "POST", "/v1/tokens", Some(token(None, &["busy-read"])), 403, "more-than-own"),
        (person, "POST", "/v1/tokens", Some(token(None, &["busy-read"])), 403, "role-missing"),
        (person, "POST", "/v1/tokens", Some(token(Some(ann), &["connection-write"])), 201, ""),
        (admin, "POST", "/v1/tokens", Some(token(None, &["connection-write"])), 422, "invalid-scopes"),
        (&world.operator, "GET", "/v1/programs", None, 400, "organisation-not-named"),
        (&world.operator, "POST", "/v1/tokens", Some(token(None, &["organisation-read"])), 201, ""),
    ];
    for (token, method, address, body, status, code) in cases {
        let ask = world.ask(method, address, Some(token))?;
        let answer = if let Some(body) = &body { ask.json(body) } else { ask }.send().await?;
        let checked =
            if code.is_empty() { answer.has_status(status).map(drop) } else { answer.is_problem(status, code) };
        checked.with_context(|| format!("{body:?}"))?;
    }
    // A new program administrator has the role from the next request on.
    let promoted = Member { program: ours.program, person: ours.person, role: MemberRole::ProgramAdmin };
    people::put_member(&world.app.db, &OPERATOR, promoted).await?;
    world.ask("PUT", &members, Some(person))?.json(&json!({"role": "participant"})).send().await?.has_status(200)?;
    Ok(())
}

/// S9 of the security review: a token with the scope `organisation-write` made a global administrator, who could sign in
/// and use the accounts of the organisation. No token of anybody makes an administrator of any kind.
#[tokio::test]
async fn no_token_makes_an_administrator() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ours = &world.ours;
    people::put_member(
        &world.app.db,
        &OPERATOR,
        Member { program: ours.program, person: ours.person, role: MemberRole::ProgramAdmin },
    )
    .await?;
    let write = [Scope::OrganisationWrite].into();
    let integration = world.token(Holder::Integration(ours.organisation), write).await?;
    let members = format!("/v1/programs/{}/members/{}", ours.program, ours.admin);
    for token in [&integration, &world.operator, &ours.as_admin] {
        let eve = json!({"organisation": ours.organisation.to_string(), "email": "eve@example.org", "name": "Eve",
            "zone": "UTC", "role": "global-admin"});
        world.ask("POST", "/v1/people", Some(token))?.json(&eve).send().await?.is_problem(403, "not-by-token")?;
    }
    for token in [&integration, &world.operator, &ours.as_admin, &ours.as_person] {
        let role = json!({"role": "program-admin"});
        world.ask("PUT", &members, Some(token))?.json(&role).send().await?.is_problem(403, "not-by-token")?;
    }
    let people = world.ask("GET", "/v1/people", Some(&ours.integration))?.send().await?.has_status(200)?;
    ensure!(!people.to_string().contains("eve@"), "{people}");
    world.ask("GET", &members, Some(&ours.integration))?.send().await?.is_problem(404, "not-found")
}

#[tokio::test]
async fn a_participant_sees_their_own() -> anyhow::Result<()> {
    let world = World::new().await?;
    let person = &world.ours.as_person;
    let new = json!({"name": "Another"});
    world.ask("POST", "/v1/programs", Some(&world.ours.integration))?.json(&new).send().await?.has_status(201)?;
    let seen = world.ask("GET", "/v1/programs", Some(person))?.send().await?.has_status(200)?;
    ensure!(seen["items"].as_array().is_some_and(|items| items.len() == 1), "{seen}");
    ensure!(seen["items"][0]["id"] == *world.ours.program.to_string(), "{seen}");
    let tokens = world.ask("GET", "/v1/tokens", Some(person))?.send().await?.has_status(200)?;
    ensure!(tokens["items"].as_array().is_some_and(|items| items.len() == 1), "{tokens}");
    let revoke = format!("/v1/tokens/{}", world.ours.token);
    world.ask("DELETE", &revoke, Some(person))?.send().await?.is_problem(403, "role-missing")?;
    let me = world.ask("GET", "/v1/me", Some(person))?.send().await?.has_status(200)?;
    ensure!(me["kind"] == "person" && me["person"] == *world.ours.person.to_string(), "{me}");
    ensure!(me["programs"][0]["role"] == "participant" && me["role"] == "participant", "{me}");
    Ok(())
}

#[tokio::test]
async fn a_token_ends_when_it_should() -> anyhow::Result<()> {
    let world = World::new().await?;
    let integration = Some(&*world.ours.integration);
    let new = json!({"name": "Short", "scopes": ["busy-read"], "expires_at": "2026-03-29T01:00:59Z"});
    let made = world.ask("POST", "/v1/tokens", integration)?.json(&new).send().await?.has_status(201)?;
    let short = made["secret"].as_str().context("no secret")?.to_owned();
    let me = || async { world.ask("GET", "/v1/me", Some(&short))?.send().await };
    ensure!(me().await?.has_status(200)?["scopes"] == json!(["busy-read"]));
    let listed = world.ask("GET", "/v1/tokens", integration)?.send().await?;
    ensure!(!listed.text.contains(&short) && !listed.text.contains("hash"), "{}", listed.text);
    world.clock.advance(SignedDuration::from_secs(59));
    me().await?.has_status(200)?;
    world.clock.advance(SignedDuration::from_secs(1));
    me().await?.is_problem(401, "unauthenticated")?;

    let scopes = [Scope::OrganisationWrite, Scope::OrganisationRead].into();
    let second = world.token(Holder::Integration(world.ours.organisation), scopes).await?;
    let me = world.ask("GET", "/v1/me", Some(&second))?.send().await?.has_status(200)?;
    let own = format!("/v1/tokens/{}", me["token"].as_str().context("no id")?);
    world.ask("DELETE", &own, Some(&second))?.send().await?.has_status(204)?;
    world.ask("GET", "/v1/me", Some(&second))?.send().await?.is_problem(401, "unauthenticated")?;
    // Revoking a revoked token is not an error.
    world.ask("DELETE", &own, integration)?.send().await?.has_status(204)?;
    let operators = world.ask("GET", "/v1/me", Some(&world.operator))?.send().await?.has_status(200)?;
    let operators = format!("/v1/tokens/{}", operators["token"].as_str().context("no id")?);
    world.ask("DELETE", &operators, integration)?.send().await?.is_problem(404, "not-found")?;
    Ok(())
}

/// S10 of the security review: a token with six seconds to live created one that lived for ever, and revoking the first
/// left the second.
#[tokio::test]
async fn a_token_ends_with_the_token_that_created_it() -> anyhow::Result<()> {
    let world = World::new().await?;
    let create = async |by: &str, expires_at: Option<&str>| {
        let new = json!({"name": "Child", "scopes": ["organisation-write"], "expires_at": expires_at});
        world.ask("POST", "/v1/tokens", Some(by))?.json(&new).send().await
    };
    let secret = |created: &Value| anyhow::Ok(created["secret"].as_str().context("no secret")?.to_owned());
    let status = async |token: &str| anyhow::Ok(world.ask("GET", "/v1/me", Some(token))?.send().await?.status);

    let parent = create(&world.ours.integration, Some("2026-03-29T01:00:06Z")).await?.has_status(201)?;
    ensure!(parent["token"]["parent"].is_string(), "{parent}");
    let parent_secret = secret(&parent)?;
    create(&parent_secret, Some("2026-03-29T01:00:07Z")).await?.is_problem(422, "invalid-expiry")?;
    let child = create(&parent_secret, None).await?.has_status(201)?;
    ensure!(child["token"]["expires_at"] == "2026-03-29T01:00:06Z", "{child}");
    ensure!(child["token"]["parent"] == parent["token"]["id"], "{child}");
    let earlier = create(&parent_secret, Some("2026-03-29T01:00:05Z")).await?.has_status(201)?;
    ensure!(earlier["token"]["expires_at"] == "2026-03-29T01:00:05Z", "{earlier}");
    world.clock.advance(SignedDuration::from_secs(7));
    for token in [&parent, &child, &earlier] {
        ensure!(status(&secret(token)?).await? == 401, "{token}");
    }

    // A line of descent: revoking one token ends what comes after it, and nothing else.
    let mut line = vec![create(&world.ours.integration, None).await?.has_status(201)?];
    for generation in 0..3 {
        let by = secret(&line[generation])?;
        line.push(create(&by, None).await?.has_status(201)?);
    }
    let revoked = format!("/v1/tokens/{}", line[1]["token"]["id"].as_str().context("no id")?);
    world.ask("DELETE", &revoked, Some(&world.ours.integration))?.send().await?.has_status(204)?;
    for (generation, expected) in [200, 401, 401, 401].into_iter().enumerate() {
        ensure!(status(&secret(&line[generation])?).await? == expected, "{generation}");
    }
    let listed = world.ask("GET", "/v1/tokens", Some(&world.ours.integration))?.send().await?.has_status(200)?;
    let listed = listed["items"].as_array().context("no items")?;
    ensure!(listed.iter().all(|token| token["expires_at"].is_string()), "every token expires: {listed:?}");
    let is_revoked = |id: &Value| listed.iter().any(|token| token["id"] == *id && token["revoked_at"].is_string());
    ensure!(line[1..].iter().all(|token| is_revoked(&token["token"]["id"])), "{listed:?}");
    Ok(())
}

/// S10 of the security review: nothing told who had created a token, and a line of tokens had no end.
#[tokio::test]
async fn a_token_says_who_created_it_and_a_line_of_tokens_has_an_end() -> anyhow::Result<()> {
    let world = World::new().await?;
    let create = async |by: &str| {
        let new = json!({"name": "Child", "scopes": ["organisation-write"]});
        world.ask("POST", "/v1/tokens", Some(by))?.json(&new).send().await
    };
    let by_admin = create(&world.ours.as_admin).await?.has_status(201)?;
    ensure!(by_admin["token"]["created_by"] == *world.ours.admin.to_string(), "{by_admin}");
    // World's own tokens were created on the command line, a year before they end.
    let mut newest = world.ours.integration.clone();
    for _ in 1..MAX_GENERATIONS {
        let created = create(&newest).await?.has_status(201)?;
        ensure!(created["token"]["created_by"].is_null(), "{created}");
        ensure!(created["token"]["expires_at"] == "2027-03-29T00:59:59Z", "{created}");
        newest = created["secret"].as_str().context("no secret")?.to_owned();
    }
    create(&newest).await?.is_problem(403, "too-many-generations")
}

#[tokio::test]
async fn a_list_is_read_page_by_page() -> anyhow::Result<()> {
    let world = World::new().await?;
    let integration = Some(&*world.ours.integration);
    let mut made = vec![world.ours.program.to_string()];
    for name in ["A", "B", "C", "D"] {
        // Ids sort by creation time.
        world.clock.advance(SignedDuration::from_secs(1));
        let ask = world.ask("POST", "/v1/programs", integration)?.json(&json!({"name": name}));
        let program = ask.send().await?.has_status(201)?;
        made.push(program["id"].as_str().context("no id")?.to_owned());
    }
    for limit in [1, 2, 3, 5, 200] {
        let (mut seen, mut address) = (Vec::new(), format!("/v1/programs?limit={limit}"));
        loop {
            let page = world.ask("GET", &address, integration)?.send().await?.has_status(200)?;
            let items = page["items"].as_array().context("no items")?;
            ensure!(items.len() <= limit, "{page}");
            seen.extend(items.iter().filter_map(|item| item["id"].as_str()).map(str::to_owned));
            let Some(next) = page["next"].as_str() else { break };
            address = format!("/v1/programs?limit={limit}&after={next}");
        }
        ensure!(seen == made, "by {limit}: {seen:?} and not {made:?}");
    }
    Ok(())
}
