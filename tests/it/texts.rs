//! Every text that people read, in golden files: a change of a text shows in review.
//!
//! The files are in `tests/golden`: the help of every command, all problems of the API, the pages and the mails. Tests
//! never write them (`.cargo/config.toml` sets `INSTA_UPDATE=no`); a failure prints the difference, and how to accept it.
//! Texts of pages and mails that depend on a calendar service are rendered with sample data by tests beside the templates'
//! code (`cargo test --lib golden`), into the same folder.

use crate::pages::world::World;
use anyhow::ensure;
use chronus_host::{
    auth::sign_in::Account,
    ids::{OrganisationId, PersonId},
    links::Links,
    mail::{
        new_administrator::{self, NewAdministratorMail},
        reconnect::{self, ReconnectMail},
        sign_in,
    },
};
use chronus_tests::{repo_root, visitor::Visitor};
use reqwest::Method;
use serde_json::Value;
use std::fmt::Write as _;

/// Compares a text with its golden file.
fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(repo_root().join("tests/golden"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    eprintln!("to accept a changed text: INSTA_UPDATE=always cargo test --workspace --test it -- texts::");
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn the_help_of_every_command() -> anyhow::Result<()> {
    let mut root = chronus_host::cli::command().term_width(100);
    root.build();
    let (mut text, mut waiting) = (String::new(), vec![root]);
    while let Some(mut command) = waiting.pop() {
        let title = command.get_bin_name().unwrap_or("chronus").to_owned();
        write!(text, "## {title}\n\n{}\n\n", command.render_long_help().to_string().trim_end())?;
        let children = command.get_subcommands().filter(|child| child.get_name() != "help").cloned();
        let children: Vec<_> = children.collect();
        waiting.extend(children.into_iter().rev());
    }
    golden("cli_help", &text);
    Ok(())
}

#[tokio::test]
async fn every_problem_of_the_api() -> anyhow::Result<()> {
    let world = World::new().await?;
    let seen = world.visitor()?.get("/v1/problems").await?;
    ensure!(seen.status == 200, "{}", seen.text);
    let problems: Value = serde_json::from_str(&seen.text)?;
    golden("problems", &serde_json::to_string_pretty(&problems)?);
    Ok(())
}

#[tokio::test]
async fn every_page_that_needs_no_calendar() -> anyhow::Result<()> {
    let world = World::new().await?;
    let nobody = world.visitor()?;
    let link = world.link(world.ann, "/settings").await?;
    for (name, path) in [
        ("sign_in", "/sign-in"),
        ("sign_in_sent", "/sign-in/sent"),
        ("sign_in_link", &*link),
        ("link_used_up", "/sign-in/nothing"),
        ("not_found", "/nowhere"),
    ] {
        page(&nobody, name, path).await?;
    }
    let form = nobody.get("/sign-in").await?;
    let seen = nobody.post(&form, "/sign-in", &[("email", "ann"), ("return-to", "/settings")]).await?;
    golden("page_sign_in_invalid", &stable(&seen.text)?);
    let ann = world.signed_in(world.ann).await?;
    for (name, path) in [
        ("settings", "/settings"),
        ("calendar_nothing_offered", "/settings/calendar"),
        ("not_connected", "/settings/calendar/disconnect"),
        ("form_address", "/settings/calendar/form"),
        ("administrators_only", "/settings/organisation"),
        ("sign_in_over", "/connect/callback/nowhere"),
    ] {
        page(&ann, name, path).await?;
    }
    let foreign = ann.form("/settings/sign-out-elsewhere", &[])?.header("origin", "https://evil.example");
    golden("page_foreign_form", &stable(&ann.send(foreign).await?.text)?);
    Ok(())
}

#[test]
fn every_mail() -> anyhow::Result<()> {
    let own = Links::new("https://chronus.example.org".parse()?);
    let account = |organisation: &str| Account {
        person: PersonId::new(jiff::Timestamp::UNIX_EPOCH),
        name: "Ann".into(),
        email: "ann@example.org".into(),
        organisation: organisation.into(),
        organisation_id: OrganisationId::new(jiff::Timestamp::UNIX_EPOCH),
    };
    let links = [(account("Ours"), "abc".to_owned().into()), (account("Theirs"), "def".to_owned().into())];
    for (name, links) in [("mail_sign_in", &links[..1]), ("mail_sign_in_two_accounts", &links[..])] {
        golden(name, &format!("Subject: {}\n\n{}", sign_in::SUBJECT, sign_in::text(&own, links)?));
    }
    for (name, by_organisation) in [("mail_reconnect", false), ("mail_reconnect_organisation", true)] {
        let mail = ReconnectMail {
            name: "Ann",
            service: "Example Calendar",
            account: Some("ann@example.org"),
            by_organisation,
            url: "https://chronus.example.org/settings/calendar",
        };
        golden(name, &format!("Subject: {}\n\n{}", reconnect::SUBJECT, mail.text()?));
    }
    let by = Some(("Ben", "ben@example.org"));
    for (name, program, by) in
        [("mail_new_administrator", None, None), ("mail_new_administrator_program", Some("Mentoring"), by)]
    {
        let mail = NewAdministratorMail {
            recipient: "Gil",
            name: "Ann",
            email: "ann@example.org",
            organisation: "Example",
            program,
            by,
            origin: own.origin(),
        };
        golden(name, &format!("Subject: {}\n\n{}", new_administrator::SUBJECT, mail.text()?));
    }
    Ok(())
}

async fn page(visitor: &Visitor, name: &str, path: &str) -> anyhow::Result<()> {
    let seen = visitor.send(visitor.request(Method::GET, path)?).await?;
    golden(&format!("page_{name}"), &stable(&seen.text)?);
    Ok(())
}

/// A page without what differs between two runs.
fn stable(page: &str) -> anyhow::Result<String> {
    let page = replaced(page, "name=\"form-token\" value=\"", '"', "TOKEN");
    let page = replaced(&page, "rel=\"stylesheet\" href=\"/style/", '.', "STYLE");
    ensure!(page.contains("<h1>"), "not a page: {page}");
    Ok(page)
}

/// The text with each value between `before` and `end` replaced.
fn replaced(text: &str, before: &str, end: char, by: &str) -> String {
    let mut parts = text.split(before);
    let mut stable = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part.split_once(end).unwrap_or_default();
        stable.extend([before, by]);
        stable.push(end);
        stable.push_str(rest);
    }
    stable
}
