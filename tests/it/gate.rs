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

#[test]
fn this_checkout_has_the_scripts_that_the_workflow_calls() -> anyhow::Result<()> {
    let workflow = fs::read_to_string(repo_root().join(".github/workflows/ci.yml"))?;
    assert!(workflow.contains("run: .ci/run"));
    assert!(Path::new(&repo_root().join(".ci/run")).is_file());
    Ok(())
}
