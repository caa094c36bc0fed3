//! A component and a target, for the calls of one command.
//!
//! The provider's memo is passed from call to call and, with a memo file, from command to command. A new memo is written
//! at once, so that a later failure does not lose it.

use super::target::{MatchedTarget, Target};
use crate::cli::{
    component::LARGEST_COMPONENT,
    input, machine,
    output::{self, CliError},
};
use crate::{
    calendar::Window,
    plugins::{
        Access, Plugin,
        contract::{Account, Memo, Reply},
    },
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// The organisation of all connections on the command line.
pub(super) const ORGANISATION: &str = "command-line";

/// Arguments of every operation.
#[derive(Debug, clap::Args)]
pub(super) struct TargetArgs {
    /// A TOML file with the account: its server, sign-in and credential
    #[arg(long, value_name = "FILE")]
    pub(super) target: PathBuf,
    /// A file that stores the provider's memo between commands; created if it does not exist
    #[arg(long, value_name = "FILE")]
    pub(super) memo: Option<PathBuf>,
}

/// An admitted component, connected to a target.
pub(super) struct Session {
    pub(super) plugin: Plugin,
    pub(super) connected: MatchedTarget,
    memo_file: Option<PathBuf>,
}

impl Session {
    /// Reads the files of the arguments and admits the component.
    pub(super) async fn begin(
        file: &Path,
        TargetArgs { target, memo: memo_file }: TargetArgs,
    ) -> Result<Self, CliError> {
        let mut target = Target::read(&target)?;
        let memo = memo_file.as_deref().map(read_memo).transpose()?.flatten();
        let bytes = input::read(file, "the component", LARGEST_COMPONENT)?;
        let (egress, authorities) = (std::mem::take(&mut target.egress), std::mem::take(&mut target.authorities));
        if !egress.map.is_empty() {
            output::note(
                "note: egress.map is in force: requests go to other servers in place of the calendar services",
            );
        }
        let plugin = machine::sandbox(egress, authorities)?.admit(&bytes).await?;
        let mut connected = target.connect(plugin.description())?;
        connected.connection.memo = memo;
        Ok(Self { plugin, connected, memo_file })
    }

    /// Creates an access with the newest memo.
    pub(super) fn access(&self) -> Result<Arc<Access>, CliError> {
        let MatchedTarget { connection, credential, grant, budget, .. } = self.connected.clone();
        Ok(Access::new(ORGANISATION, connection, credential, grant, budget)?)
    }

    /// The time zone of the target.
    pub(super) fn zone(&self) -> &str {
        &self.connected.connection.zone
    }

    /// Takes the value of a reply, and stores its memo at once.
    pub(super) fn keep<T>(&mut self, reply: Reply<T>) -> Result<T, CliError> {
        if let Some(memo) = reply.memo {
            if let Some(path) = &self.memo_file {
                write_memo(path, &memo)?;
            }
            self.connected.connection.memo = Some(memo);
        }
        Ok(reply.value)
    }

    /// The named calendar, or the default calendar of the account.
    pub(super) async fn calendar(&mut self, named: Option<String>) -> Result<String, CliError> {
        if let Some(id) = named {
            return Ok(id);
        }
        let default = self.open().await?.calendars.into_iter().find(|calendar| calendar.is_default);
        default.map(|calendar| calendar.id).ok_or_else(|| {
            CliError::input(
                "calendar",
                "the account has no default calendar; name one with --calendar (the operation `account` lists the calendars)",
            )
        })
    }

    /// Opens the account of the target.
    pub(super) async fn open(&mut self) -> Result<Account, CliError> {
        let access = self.access()?;
        let reply = self.plugin.open(&access).await?;
        self.keep(reply)
    }

    /// Checks that the provider accepts a window of this length.
    pub(super) fn fits(&self, window: Window, most: u64) -> Result<(), CliError> {
        let seconds = window.end.as_second().saturating_sub(window.start.as_second()).unsigned_abs();
        if seconds <= most {
            return Ok(());
        }
        let (asked, days) = (seconds.div_ceil(86_400), most / 86_400);
        let what = format!(
            "the window has {asked} days, and this provider accepts at most {days}; use several shorter windows"
        );
        Err(CliError::input("window", what))
    }
}

/// The content of a memo file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemoFile {
    format: u32,
    data: String,
}

fn read_memo(path: &Path) -> Result<Option<Memo>, CliError> {
    if !path.exists() {
        return Ok(None);
    }
    let text = input::read_text(path, "the memo", 2 * Memo::MAX as u64)?;
    let parsed = serde_json::from_str::<MemoFile>(&text).ok();
    let memo =
        parsed.and_then(|MemoFile { format, data }| Some(Memo { format, data: BASE64_STANDARD.decode(data).ok()? }));
    memo.map(Some).ok_or_else(|| {
        let what = "is not a memo file of `chronus plugin call`; delete it: a memo only saves requests";
        CliError::input("memo", format!("{} {what}", path.display()))
    })
}

fn write_memo(path: &Path, memo: &Memo) -> Result<(), CliError> {
    let file = MemoFile { format: memo.format, data: BASE64_STANDARD.encode(&memo.data) };
    let text = serde_json::to_string(&file).unwrap_or_default();
    input::write(path, "the memo", text.as_bytes())
}

/// Creates a window that ends after its start.
pub(super) fn window(from: Timestamp, to: Timestamp) -> Result<Window, CliError> {
    if to <= from {
        let what = format!("the window ends at {to}, which is not after its start at {from}; use a --to after --from");
        return Err(CliError::input("window", what));
    }
    Ok(Window { start: from, end: to })
}
