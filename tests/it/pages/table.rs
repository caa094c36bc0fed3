//! One row for every page. A page without a row fails, and so does a row without a page.
//!
//! The general rules are checked for each row: a browser without a session is redirected to the sign-in page, a form
//! that is not ours does nothing, and every response has the security headers. In the end the request of the row is made
//! and works, so that the refusals before had no other reason.

use super::world::{SESSION, World};
use anyhow::{Context, ensure};
use chronus_host::http::{PAGES, PageAuth};
use chronus_tests::visitor::{PageResponse, TOKEN, Visitor};
use reqwest::Method;

/// A page, and a request that works.
struct Row {
    method: &'static str,
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    status: u16,
}

impl Row {
    fn address(&self, link: &str, style: &str) -> String {
        let address = self.path.replace("/sign-in/{link}", link).replace("/style/{name}", style);
        address.replace("{provider}", "nowhere")
    }
}

const fn get(path: &'static str, status: u16) -> Row {
    Row { method: "GET", path, fields: &[], status }
}

const fn post(path: &'static str, fields: &'static [(&'static str, &'static str)], status: u16) -> Row {
    Row { method: "POST", path, fields, status }
}

/// Every page, in the order in which the good requests are made, by one browser.
const ROWS: &[Row] = &[
    get("/", 303),
    get("/style/{name}", 200),
    get("/sign-in", 303),
    post("/sign-in", &[("email", "ann@example.org")], 303),
    get("/sign-in/sent", 200),
    get("/sign-in/{link}", 200),
    post("/sign-in/{link}", &[], 303),
    get("/settings", 200),
    post("/settings/sign-out-elsewhere", &[], 303),
    get("/settings/calendar", 200),
    // No provider is offered here, and no calendar is connected; `service::browser` tests those cases.
    post("/settings/calendar/form", &[("provider", "nowhere"), ("sign-in", "form")], 403),
    post("/settings/calendar/connect", &[("provider", "nowhere"), ("sign-in", "page")], 403),
    get("/connect/callback/{provider}", 403),
    get("/connect/approval/{provider}", 200),
    get("/settings/calendar/disconnect", 404),
    post("/settings/calendar/disconnect", &[], 404),
    // For administrators, and ann is not one; `pages::administrators` tests the page.
    get("/settings/administrators", 403),
    post("/settings/administrators", &[("email", "ben@example.org"), ("program", "")], 403),
    // For global administrators, and ann is not one; `oauth::service_accounts` tests the page.
    get("/settings/organisation", 403),
    post("/settings/organisation", &[("provider", "nowhere"), ("sign-in", "key"), ("do", "test")], 403),
    post("/settings/organisation/shared", &[("provider", "nowhere"), ("sign-in", "page")], 403),
    post("/settings/organisation/remove", &[("provider", "nowhere")], 403),
    post("/sign-out", &[], 303),
];

/// A page with a form token, for a browser with or without a session.
fn page_with_form(signed_in: bool) -> &'static str {
    if signed_in { "/settings" } else { "/sign-in" }
}

#[tokio::test]
async fn every_page_refuses_what_it_must() -> anyhow::Result<()> {
    let world = World::new().await?;
    let told: Vec<_> = ROWS.iter().map(|row| (row.method, row.path)).collect();
    for page in PAGES {
        ensure!(told.contains(&(page.method, page.path)), "{} {} has no row here", page.method, page.path);
    }
    let (ann, ben) = (world.signed_in(world.ann).await?, world.signed_in(world.ben).await?);
    let token = world.token().await?;
    let link = world.link(world.ann, "/settings").await?;
    let style = style_of(&ann, "/settings").await?;
    for row in ROWS {
        let page = PAGES.iter().find(|page| (page.method, page.path) == (row.method, row.path));
        let need = page.with_context(|| format!("{} {} is no page", row.method, row.path))?.auth;
        let address = row.address(&link, &style);
        let before = world.database.rows().await?;
        let what = format!("{} {}", row.method, row.path);
        if need == PageAuth::Session {
            nobody_gets_in(&world, row, &address, &token).await.context(what.clone())?;
        }
        if row.method == "POST" {
            let signed_in = need == PageAuth::Session;
            let nobody = world.visitor()?;
            let whose = if signed_in { &ann } else { &nobody };
            foreign_forms_do_nothing(whose, &ben, row, &address, signed_in).await.context(what.clone())?;
        }
        ensure!(world.database.rows().await? == before, "{what}: something was written");
    }
    for row in ROWS {
        let address = row.address(&link, &style);
        let seen = match row.method {
            "GET" => ann.get(&address).await?,
            _ => ann.post(&ann.get(page_with_form(true)).await?, &address, row.fields).await?,
        };
        ensure!(seen.status == row.status, "{} {}: {} {}", row.method, row.path, seen.status, seen.text);
        is_a_page(&seen).with_context(|| format!("{} {}", row.method, row.path))?;
    }
    Ok(())
}

/// Opens the page without a session, with an unknown session, and with an API token in every possible place.
async fn nobody_gets_in(world: &World, row: &Row, address: &str, token: &str) -> anyhow::Result<()> {
    let unknown = "A".repeat(43);
    for cookie in ["", "chronus", token, &unknown] {
        let visitor = world.visitor()?;
        if !cookie.is_empty() {
            visitor.set_cookie(SESSION, cookie);
        }
        let form = visitor.get("/sign-in").await?.token()?;
        let request = match row.method {
            "GET" => visitor.request(Method::GET, address)?,
            _ => visitor.form(address, &[row.fields, &[(TOKEN, &form)]].concat())?.header("origin", &world.origin),
        };
        let seen = visitor.send(request.bearer_auth(token)).await?;
        let there = seen.location.as_deref().unwrap_or_default();
        ensure!(seen.status == 303 && there.split('?').next() == Some("/sign-in"), "{} {there}", seen.status);
        if row.method == "GET" {
            // Nobody is redirected to a callback of a service.
            let wanted = match address.starts_with("/connect/") {
                true => "/sign-in".to_owned(),
                false => format!("/sign-in?return-to={}", address.replace('/', "%2F")),
            };
            ensure!(there == wanted, "{there} and not {wanted}");
        }
    }
    Ok(())
}

/// Sends forms from another site, and forms of another person's page.
async fn foreign_forms_do_nothing(
    visitor: &Visitor,
    other: &Visitor,
    row: &Row,
    address: &str,
    signed_in: bool,
) -> anyhow::Result<()> {
    let page = visitor.get(page_with_form(signed_in)).await?;
    let (ours, theirs) = (page.token()?, other.get("/settings").await?.token()?);
    let refused = |seen: PageResponse, why: &str| {
        ensure!(
            seen.status == 403 && seen.text.contains("was sent from another site or from an outdated page"),
            "{why}: {}",
            seen.text
        );
        is_a_page(&seen)
    };
    for token in [None, Some(""), Some("A"), Some(&*theirs), visitor.cookie(SESSION).as_deref()] {
        let fields: Vec<_> = row.fields.iter().copied().chain(token.map(|token| (TOKEN, token))).collect();
        let request = visitor.form(address, &fields)?.header("sec-fetch-site", "same-origin");
        refused(visitor.send(request).await?, &format!("{token:?}"))?;
    }
    let fields: Vec<_> = row.fields.iter().copied().chain([(TOKEN, &*ours)]).collect();
    for headers in [
        &[][..],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")],
    ] {
        let mut request = visitor.form(address, &fields)?;
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        refused(visitor.send(request).await?, &format!("{headers:?}"))?;
    }
    // A body that is not a form does nothing either.
    let request = visitor.request(Method::POST, address)?.header("content-type", "application/json").body("{}");
    refused(visitor.send(request.header("sec-fetch-site", "same-origin")).await?, "JSON")
}

/// Checks the headers of every response of a page.
fn is_a_page(seen: &PageResponse) -> anyhow::Result<()> {
    let header = |name: &str| seen.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    ensure!(header("x-content-type-options") == "nosniff" && !header("x-request-id").is_empty(), "{:?}", seen.headers);
    if !header("content-type").starts_with("text/html") {
        return Ok(());
    }
    let policy = header("content-security-policy");
    for part in
        ["default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
    {
        ensure!(policy.split("; ").any(|other| other == part), "{part}: {policy}");
    }
    ensure!(header("cache-control") == "no-store" && header("referrer-policy") == "same-origin", "{:?}", seen.headers);
    ensure!(header("x-frame-options") == "DENY", "{:?}", seen.headers);
    ensure!(!seen.text.contains("<script") && !seen.text.contains(" style="), "{}", seen.text);
    ensure!(seen.text.contains("<html lang=\"en\">") && seen.text.contains("<main "), "{}", seen.text);
    Ok(())
}

#[tokio::test]
async fn what_is_nowhere_is_a_page_for_people() -> anyhow::Result<()> {
    let world = World::new().await?;
    let visitor = world.visitor()?;
    for (method, path, status) in [
        ("GET", "/nowhere", 404),
        ("GET", "/v2/people", 404),
        ("GET", "/%00", 404),
        ("GET", "/style/other.css", 404),
        ("GET", "/sign-in/nothing", 410),
        ("PUT", "/settings", 405),
        ("GET", "/sign-out", 405),
    ] {
        let seen = visitor.send(visitor.request(method.parse()?, path)?).await?;
        ensure!(seen.status == status, "{method} {path}: {} {}", seen.status, seen.text);
        ensure!(seen.text.contains("<h1>"), "{method} {path}: {}", seen.text);
        is_a_page(&seen).with_context(|| format!("{method} {path}"))?;
    }
    // Browsers can cache the file for ever, because its name changes with its content.
    let seen = visitor.get(&style_of(&visitor, "/sign-in").await?).await?;
    ensure!(seen.headers["cache-control"] == "public, max-age=31536000, immutable", "{:?}", seen.headers);
    Ok(())
}

/// The address of the style sheet of a page.
async fn style_of(visitor: &Visitor, page: &str) -> anyhow::Result<String> {
    let page = visitor.get(page).await?.text;
    let (_, rest) = page.split_once("rel=\"stylesheet\" href=\"").context("no style sheet")?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}

/// Text from outside is escaped in a page.
#[tokio::test]
async fn nothing_from_outside_becomes_part_of_a_page() -> anyhow::Result<()> {
    let world = World::new().await?;
    let visitor = world.visitor()?;
    let evil = "\"><script>alert(1)</script>";
    let page = visitor.get("/sign-in").await?;
    let seen = visitor.post(&page, "/sign-in", &[("email", evil), ("return-to", evil)]).await?;
    ensure!(seen.status == 422 && !seen.text.contains("<script") && seen.text.contains("&#60;script"), "{}", seen.text);
    let page = visitor.get("/sign-in?return-to=https%3A%2F%2Fevil.example%2F").await?;
    ensure!(page.status == 200 && !page.text.contains("evil.example"), "{}", page.text);
    Ok(())
}
