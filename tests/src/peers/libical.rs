//! libical, the C library that most calendar programs of desktops stand on: how fast it is. The Debian package is used;
//! `tests/peers/libical.c` is what is asked.

use anyhow::{Context, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::{Peer, WITHOUT, script};
use crate::checkout::repo_root;

/// The program, compiled; it goes when this is dropped.
#[derive(Debug)]
pub struct Libical {
    folder: TempDir,
}

impl Libical {
    /// Compiles it, as the package was: optimised.
    pub async fn build() -> anyhow::Result<Self> {
        let folder = TempDir::new().context("making a folder for libical")?;
        let source = repo_root().join("tests/peers/libical.c");
        let mut command = Command::new("cc");
        command.args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"]).arg(folder.path().join("libical"));
        let output = command.arg(source).arg("-lical").output().await.context("starting cc")?;
        if !output.status.success() {
            bail!(
                "libical.c was not compiled. Debian: apt-get install build-essential libical-dev. Without this peer: {WITHOUT}={}\n{}",
                Peer::Libical.name(),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(Self { folder })
    }

    /// How long it takes from a text to the occurrences in a window, so many times: `{"seconds": […], "occurrences": …}`.
    pub async fn run(&self, text: &str, from: Timestamp, until: Timestamp, times: usize) -> anyhow::Result<Value> {
        let calendar = self.folder.path().join("calendar.ics");
        tokio::fs::write(&calendar, text).await?;
        let at = |moment: Timestamp| moment.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut command = Command::new(self.folder.path().join("libical"));
        command.arg(calendar).args([at(from), at(until), times.to_string()]);
        script::run(command, super::server::PATIENCE, "libical", &Value::Null).await
    }
}
