//! vdirsyncer, which keeps a folder in step with a CalDAV server: how fast another reads a whole calendar.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::{Account, Peer, install};

/// vdirsyncer, installed.
#[derive(Debug)]
pub struct Vdirsyncer {
    program: PathBuf,
}

impl Vdirsyncer {
    /// Installs it if need be.
    pub async fn installed() -> anyhow::Result<Self> {
        let python = tokio::task::spawn_blocking(|| install::python(Peer::Vdirsyncer)).await??;
        Ok(Self { program: python.with_file_name("vdirsyncer") })
    }

    /// Reads a calendar (the last part of its path) for the first time into an empty folder: how long that takes, after
    /// it has found the calendar, and how many files there are.
    pub async fn first_sync(&self, account: &Account, calendar: &str) -> anyhow::Result<(Duration, usize)> {
        let folder = TempDir::new().context("making a folder for vdirsyncer")?;
        let Account { origin, user, password, start, .. } = account;
        let text = [
            "[general]\nstatus_path = \"status\"\n",
            &format!("[pair both]\na = \"here\"\nb = \"there\"\ncollections = [\"{calendar}\"]\n"),
            "[storage here]\ntype = \"filesystem\"\npath = \"here\"\nfileext = \".ics\"\n",
            &format!("[storage there]\ntype = \"caldav\"\nurl = \"{origin}{start}\"\n"),
            &format!("username = \"{user}\"\npassword = \"{password}\"\n"),
        ];
        fs::write(folder.path().join("config"), text.concat())?;
        // It asks whether to make the folder.
        self.run(&folder, "discover", "y\ny\n").await?;
        let began = Instant::now();
        self.run(&folder, "sync", "").await?;
        let took = began.elapsed();
        Ok((took, fs::read_dir(folder.path().join("here").join(calendar))?.count()))
    }

    async fn run(&self, folder: &TempDir, verb: &str, input: &str) -> anyhow::Result<()> {
        let mut command = Command::new(&self.program);
        command.current_dir(folder.path()).args(["-c", "config", "-v", "WARNING", verb]).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot start vdirsyncer")?;
        let mut stdin = child.stdin.take().context("it has no standard input")?;
        stdin.write_all(input.as_bytes()).await?;
        drop(stdin);
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            bail!("vdirsyncer {verb}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }
}
