//! A component and a target, from one call to the next.
//!
//! What one call learns, the next one uses: the provider's memo goes along from call to call and, if a file is named
//! for it, from command to command. A memo is written as soon as it comes, so that a failure afterwards does not lose
//! what was learned.

use super::target::{Connected, Target};
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

/// Whose connections these are; a command has no others beside it.
pub(super) const ORGANISATION: &str = "command-line";

/// What every operation needs.
#[derive(Debug, clap::Args)]
pub(super) struct On {
    /// Whose calendar, at which server, with which credential: a TOML file
    #[arg(long, value_name = "FILE")]
    pub(super) target: PathBuf,
    /// Keeps the provider's notes from one command to the next; made when it is not there
    #[arg(long, value_name = "FILE")]
    pub(super) memo: Option<PathBuf>,
}

/// An admitted component and a target, from one call to the next.
pub(super) struct Session {
    pub(super) plugin: Plugin,
    pub(super) connected: Connected,
    memo_file: Option<PathBuf>,
}

impl Session {
    /// Reads what the arguments name and admits the component.
    pub(super) async fn begin(file: &Path, On { target, memo: memo_file }: On) -> Result<Self, CliError> {
        let mut target = Target::read(&target)?;
        let memo = memo_file.as_deref().map(read_memo).transpose()?.flatten();
        let bytes = input::read(file, "the component", LARGEST_COMPONENT)?;
        let (egress, authorities) = (std::mem::take(&mut target.egress), std::mem::take(&mut target.authorities));
        if !egress.map.is_empty() {
            output::note("note: egress.map is in force: requests go to stand-ins, not to the services they name");
        }
        let plugin = machine::sandbox(egress, authorities)?.admit(&bytes).await?;
        let mut connected = target.connect(plugin.description())?;
        connected.connection.memo = memo;
        Ok(Self { plugin, connected, memo_file })
    }

    /// An access with the newest memo.
    pub(super) fn access(&self) -> Result<Arc<Access>, CliError> {
        let Connected { connection, credential, grant, budget } = self.connected.clone();
        Ok(Access::new(ORGANISATION, connection, credential, grant, budget)?)
    }

    /// The zone of the target.
    pub(super) fn zone(&self) -> &str {
        &self.connected.connection.zone
    }

    /// The result; a new memo is kept, at once, so that a failure afterwards does not lose it.
    pub(super) fn keep<T>(&mut self, reply: Reply<T>) -> Result<T, CliError> {
        if let Some(memo) = reply.memo {
            if let Some(path) = &self.memo_file {
                write_memo(path, &memo)?;
            }
            self.connected.connection.memo = Some(memo);
        }
        Ok(reply.value)
    }

    /// The calendar that was named, or the one that a new meeting goes to.
    pub(super) async fn calendar(&mut self, named: Option<String>) -> Result<String, CliError> {
        if let Some(id) = named {
            return Ok(id);
        }
        let default = self.open().await?.calendars.into_iter().find(|calendar| calendar.is_default);
        default.map(|calendar| calendar.id).ok_or_else(|| {
            CliError::input(
                "calendar",
                "the account has no default calendar; name one by --calendar (`account` lists them)",
            )
        })
    }

    /// The account behind the target.
    pub(super) async fn open(&mut self) -> Result<Account, CliError> {
        let access = self.access()?;
        let reply = self.plugin.open(&access).await?;
        self.keep(reply)
    }

    /// A window is no longer than the provider answers for.
    pub(super) fn fits(&self, window: Window, most: u64) -> Result<(), CliError> {
        let seconds = window.end.as_second().saturating_sub(window.start.as_second()).unsigned_abs();
        if seconds <= most {
            return Ok(());
        }
        let (asked, days) = (seconds.div_ceil(86_400), most / 86_400);
        let what =
            format!("the window has {asked} days; this provider answers for at most {days} at once: ask in parts");
        Err(CliError::input("window", what))
    }
}

/// A memo in a file.
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
        let what = "is no memo that `plugin call` wrote; a memo only saves requests, so delete the file";
        CliError::input("memo", format!("{} {what}", path.display()))
    })
}

fn write_memo(path: &Path, memo: &Memo) -> Result<(), CliError> {
    let file = MemoFile { format: memo.format, data: BASE64_STANDARD.encode(&memo.data) };
    let text = serde_json::to_string(&file).unwrap_or_default();
    input::write(path, "the memo", text.as_bytes())
}

/// A window that runs forward.
pub(super) fn window(from: Timestamp, to: Timestamp) -> Result<Window, CliError> {
    if to <= from {
        let what = format!("the window ends at {to}, which is not after its start at {from}; --to comes after --from");
        return Err(CliError::input("window", what));
    }
    Ok(Window { start: from, end: to })
}
