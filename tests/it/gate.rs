//! The gate's own scripts, each tried where it must refuse: a check that never fails looks like one that passes.

use anyhow::{Context, ensure};
use chronus_tests::repo_root;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};
use tempfile::TempDir;

/// A repository of its own in a temporary folder.
struct Repository(TempDir);

impl Repository {
    fn new() -> anyhow::Result<Self> {
        let repository = Self(TempDir::new()?);
        repository.git(&["init", "--quiet"])?;
        Ok(repository)
    }

    fn git(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let output = Command::new("git")
            .args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(self.0.path())
            .output()?;
        ensure!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Commits another content of a file.
    fn change(&self, path: &str, message: &str) -> anyhow::Result<()> {
        let file = self.0.path().join(path);
        fs::create_dir_all(file.parent().context("a file is in a folder")?)?;
        let before = fs::read_to_string(&file).unwrap_or_default();
        fs::write(&file, format!("{before}{message}\n"))?;
        self.git(&["add", path])?;
        self.git(&["commit", "--quiet", "--message", message])
    }

    fn changelog(&self) -> anyhow::Result<(bool, String)> {
        let path = self.0.path().to_str().context("the path is UTF-8")?;
        script(".ci/changelog", &[path])
    }
}

/// Runs a script of this checkout: whether it succeeded, and what it printed.
fn script(path: &str, arguments: &[&str]) -> anyhow::Result<(bool, String)> {
    let Output { status, stdout, stderr } = Command::new(repo_root().join(path)).args(arguments).output()?;
    Ok((status.success(), String::from_utf8([stdout, stderr].concat())?))
}

#[test]
fn a_visible_change_needs_a_line_in_the_changelog() -> anyhow::Result<()> {
    let repository = Repository::new()?;
    repository.change("host/src/cli/mod.rs", "cli: Begin")?;
    let (passed, text) = repository.changelog()?;
    assert!(!passed && text.contains("is not in any commit"), "{text}");

    repository.change("host/CHANGELOG.md", "changelog: Begin")?;
    repository.change("host/src/jobs/mod.rs", "jobs: Change what nobody sees")?;
    assert!(repository.changelog()?.0);

    for path in [
        "host/src/cli/mod.rs",
        "host/src/http/pages/mod.rs",
        "host/templates/a.html",
        "host/migrations/1.sql",
        "wit/a.wit",
    ] {
        repository.change(path, "area: Move code\n\nChangelog: none")?;
        let (passed, text) = repository.changelog()?;
        assert!(passed, "{path}: {text}");
        repository.change(path, "area: Change a message")?;
        let (passed, text) = repository.changelog()?;
        assert!(!passed && text.contains("area: Change a message") && !text.contains("Move code"), "{path}: {text}");
        repository.change("host/CHANGELOG.md", "changelog: Mention the message")?;
        assert!(repository.changelog()?.0, "{path}");
    }
    Ok(())
}

/// Runs a script that sources `parts.sh`, in a repository of its own: whether it succeeded, and what it printed.
fn parts(text: &str) -> anyhow::Result<(bool, String)> {
    let repository = Repository::new()?;
    let scripts = repository.0.path().join(".ci");
    repository.change(".ci/empty", "ci: Begin")?;
    fs::copy(repo_root().join(".ci/parts.sh"), scripts.join("parts.sh"))?;
    fs::write(scripts.join("try"), format!(". \"$(dirname \"$0\")/parts.sh\"\n{text}"))?;
    let Output { status, stdout, stderr } = Command::new("bash").arg(scripts.join("try")).output()?;
    Ok((status.success(), String::from_utf8([stdout, stderr].concat())?))
}

/// A command that takes as long as it says: bash's own clock is moved.
const TAKES: &str = "takes() { SECONDS=$((SECONDS + $1)); }\n";

#[test]
fn a_part_that_fails_or_takes_too_long_ends_the_gate_with_its_name() -> anyhow::Result<()> {
    let (passed, text) = parts(&format!("{TAKES}part one 2 takes 111\npart 'the other' 2 takes 171"))?;
    assert!(passed && text.contains("passed at"), "{text}");
    assert!(text.contains("one                1:5"), "{text}");
    assert!(text.contains("2  over its budget"), "{text}");
    assert!(text.contains("total              4:4"), "{text}");

    let (passed, text) = parts(&format!("{TAKES}part slow 2 takes 185\npart never 1 true"))?;
    assert!(!passed && text.contains("slow took 3:0") && text.contains("its budget is 2 min"), "{text}");
    assert!(text.contains("FAILED in slow (exit code 1)") && !text.contains("never"), "{text}");

    let (passed, text) = parts("part wrong 1 sh -c 'exit 7'\npart never 1 true")?;
    assert!(!passed && text.contains("FAILED in wrong (exit code 7)") && !text.contains("never"), "{text}");
    Ok(())
}

#[test]
fn chosen_parts_run_alone_and_must_exist() -> anyhow::Result<()> {
    let (passed, text) = parts("chosen=('the other')\npart one 1 false\npart 'the other' 1 true")?;
    assert!(passed && text.contains("(only the other): passed at"), "{text}");
    assert!(!text.contains("=== one"), "{text}");

    let (passed, text) = parts("chosen=(one three)\npart one 1 true\npart two 1 true")?;
    assert!(!passed && text.contains("none is called 'three' (exit code 2)"), "{text}");
    Ok(())
}

#[test]
fn of_two_lines_side_by_side_both_must_succeed() -> anyhow::Result<()> {
    let (passed, text) = parts("part both 1 side_by_side 'printf 1 >a' 'printf 2 >b'\ncat a b")?;
    assert!(passed && text.contains("12"), "{text}");
    for lines in ["'exit 3' true", "true 'exit 3'"] {
        let (passed, text) = parts(&format!("part both 1 side_by_side {lines}"))?;
        assert!(!passed && text.contains("FAILED in both (exit code 3)"), "{text}");
    }
    Ok(())
}

#[test]
fn the_slowest_tests_are_listed() -> anyhow::Result<()> {
    let log = "test a::quick ... ok <0.100s>\ntest b::slow ... ok <12.345s>\ntest c - should panic ... ok <3.000s>\n\
               test d ... FAILED <4.000s>\ntest result: ok. 4 passed; 0 failed; finished in 15.00s\n";
    let (_, text) = parts(&format!("slowest=3\nprintf '%s' '{log}' >target/ci/sqlite.tests\n"))?;
    let table: Vec<_> = text.lines().skip_while(|line| !line.contains("slowest tests")).skip(1).take(4).collect();
    assert_eq!(table, ["     12.3  b::slow (sqlite)", "      4.0  d (sqlite)", "      3.0  c (sqlite)", ""], "{text}");
    Ok(())
}

#[test]
fn cargos_runner_asks_tests_for_their_times() -> anyhow::Result<()> {
    let test = std::env::current_exe()?;
    let test = test.to_str().context("the path is UTF-8")?;
    let (passed, text) = script(".ci/timed", &[test, "--exact", "gate::no_alias_is_quiet"])?;
    assert!(passed && text.contains("gate::no_alias_is_quiet ... ok <"), "{text}");
    assert_eq!(script(".ci/timed", &["echo", "as it is"])?, (true, "as it is\n".to_owned()));
    Ok(())
}

#[test]
fn no_alias_is_quiet() -> anyhow::Result<()> {
    let config: toml::Table = fs::read_to_string(repo_root().join(".cargo/config.toml"))?.parse()?;
    let aliases = config["alias"].as_table().context("aliases are a table")?;
    for name in ["chronus", "demo", "plugins"] {
        let alias = aliases[name].as_str().context("an alias is text")?;
        assert!(alias.starts_with("run ") && !alias.contains("quiet") && !alias.contains(" -q"), "{name}: {alias}");
    }
    Ok(())
}

#[test]
fn this_checkout_has_the_scripts_that_the_workflow_calls() -> anyhow::Result<()> {
    let workflow = fs::read_to_string(repo_root().join(".github/workflows/ci.yml"))?;
    assert!(workflow.contains("run: .ci/run"));
    assert!(Path::new(&repo_root().join(".ci/run")).is_file());
    Ok(())
}
