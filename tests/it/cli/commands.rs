//! Every command, found by reading the help, and what each refuses.

use super::{
    Run, SECRET,
    operator::{Deployment, refuses},
};
use anyhow::{Context, ensure};

/// The commands without subcommands, found by reading the help of each.
fn leaves(path: &[String]) -> anyhow::Result<Vec<Vec<String>>> {
    let arguments: Vec<_> = path.iter().map(String::as_str).chain(["--help"]).collect();
    let help = Run::new()?.arguments(&arguments).end()?;
    help.has_code(0)?;
    let text = help.stdout();
    let Some((_, list)) = text.split_once("\nCommands:\n") else { return Ok(vec![path.to_vec()]) };
    let names = list.lines().take_while(|line| !line.is_empty()).filter_map(|line| {
        // A line that continues the one before is indented further.
        let name = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?;
        name.split_whitespace().next()
    });
    let mut found = Vec::new();
    for name in names.filter(|name| *name != "help") {
        found.extend(leaves(&[path, &[name.to_owned()]].concat())?);
    }
    Ok(found)
}

#[tokio::test]
async fn every_command_refuses_what_it_does_not_know() -> anyhow::Result<()> {
    let all = tokio::task::spawn_blocking(|| leaves(&[])).await??;
    ensure!(all.len() > 20 && all.iter().any(|command| command.join(" ") == "token revoke"), "{all:?}");
    for command in all {
        let arguments: Vec<_> = command.iter().map(String::as_str).chain(["--nonsense", SECRET]).collect();
        let run = Run::new()?.arguments(&arguments).arguments(&["--json"]).end()?;
        refuses(&run, "--nonsense").with_context(|| command.join(" "))?;
    }
    Ok(())
}

#[tokio::test]
async fn what_makes_no_organisation_person_or_token_is_refused_with_advice_and_changes_nothing() -> anyhow::Result<()> {
    let deployment = Deployment::new().await?;
    deployment.json(0, &["organisation", "add", "One"])?;
    deployment.json(0, &["program", "add", "Mentoring", "--organisation", "One"])?;
    let before = deployment.database.rows().await?;
    let unknown = "01900000-0000-7000-8000-000000000000";
    let person = |email: &'static str, zone: &'static str| {
        ["person", "add", "--organisation", "One", "--email", email, "--name", "Ann", "--zone", zone]
    };
    let good = person("ann@example.org", "Europe/Rome");
    let with = |arguments: &[&'static str], more: &[&'static str]| [arguments, more].concat();
    let token = ["token", "create", "--organisation", "One"];
    let cases: Vec<(Vec<&str>, &str)> = vec![
        (vec!["organisation", "add"], "<NAME>"),
        (vec!["organisation", "add", " "], "name"),
        (vec!["organisation", "add", "a\nb"], "name"),
        (vec!["organisation", "list", "everything"], "everything"),
        (vec!["program", "add", "Coaching"], "--organisation"),
        (vec!["program", "add", "Coaching", "--organisation", "Two"], "organisation list"),
        (vec!["program", "list", "--organisation", unknown], "organisation list"),
        (person("no address", "Europe/Rome").to_vec(), "ann@example.org"),
        (person("ann@example.org", "Rome").to_vec(), "Europe/Rome"),
        (with(&good, &["--role", "king"]), "global-admin"),
        (with(&good, &["--program", "Coaching"]), "program list"),
        (with(&good, &["--program", "Mentoring", "--program-role", "king"]), "program-admin"),
        (vec!["person", "list"], "--organisation"),
        (vec!["token", "create"], "--operator"),
        (with(&token, &["--operator"]), "cannot be used with"),
        (with(&token, &["--person", "nobody@example.org"]), "person list"),
        (with(&token, &["--scope", "everything"]), "meetings-write"),
        (with(&token, &["--scope", "connection-write"]), "connection-write"),
        (with(&token, &["--expires", "tomorrow"]), "RFC 3339"),
        (with(&token, &["--expires", "2001-01-01T00:00:00Z"]), "in the future"),
        (vec!["token", "revoke", "mine"], "token list"),
        (vec!["token", "revoke", unknown], "token list"),
        (vec!["token", "list", "--organisation", "Two"], "organisation list"),
    ];
    let mut wrong = Vec::new();
    for (arguments, advice) in cases {
        let run = deployment.run(&arguments)?.arguments(&["--json"]).end()?;
        // All failures are reported together.
        if let Err(error) = refuses(&run, advice) {
            wrong.push(format!("{}: {error:#}", arguments.join(" ")));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    // These are valid, but the names are taken.
    for taken in [&["organisation", "add", "One"][..], &["program", "add", "Mentoring", "--organisation", "One"]] {
        ensure!(deployment.json(1, taken)?["error"]["code"] == "name-taken");
    }
    ensure!(deployment.database.rows().await? == before, "something was written");
    Ok(())
}
