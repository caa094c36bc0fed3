//! `chronus stuck`: meetings that do not get to their owner's calendar by themselves.

use super::{
    author,
    database::{self, ConfigArgs},
    output::{self, CliError, Exit, line},
};
use crate::{
    db::{Db, Page},
    ids::{MeetingId, OrganisationId, PersonId},
    meetings::{
        plan::CopyState,
        stuck::{self, StuckMeeting},
    },
};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

const LIST: &str = "\
A meeting is stuck if the host does not try to write it any more: it waits for its owner
(waiting), the service refused it (refused), or its owner removed the event (gone).
Meetings that have ended are not listed. Running hosts try waiting and refused ones again
when a provider, the key file or a setting changes, when the owner connects a calendar,
and once a day.

With --json: {stuck: [{meeting, organisation, owner, state, reason, since}]}.";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List stuck meetings with the reason of each
    #[command(after_help = LIST)]
    List {
        /// The organisation, by name or id [default: all]
        #[arg(long, value_name = "ORGANISATION")]
        organisation: Option<String>,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Try stuck meetings again
    #[command(after_help = "With --json: {released: [meeting, …]}.")]
    Release {
        /// The id of the meeting; if its owner removed the event, it is created again
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        meeting: Option<String>,
        /// Try all waiting and refused meetings again
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

#[derive(Debug, Serialize)]
struct StuckOut {
    meeting: MeetingId,
    organisation: OrganisationId,
    owner: PersonId,
    state: &'static str,
    reason: String,
    since: Timestamp,
}

impl From<StuckMeeting> for StuckOut {
    fn from(StuckMeeting { meeting, organisation, owner, state, reason, since }: StuckMeeting) -> Self {
        Self { meeting, organisation, owner, state: state.as_str(), reason, since }
    }
}

/// Runs the command.
pub(super) async fn run(command: Command, as_json: bool) -> Result<Exit, CliError> {
    match command {
        Command::List { organisation, config } => {
            let db = database::open(&config.load()?).await?;
            let organisation = match organisation {
                Some(named) => Some(database::organisation(&db, &named).await?.id),
                None => None,
            };
            let listed: Vec<_> =
                stuck::list(&db, organisation, &Page::all()).await?.into_iter().map(StuckOut::from).collect();
            db.close().await;
            if as_json {
                output::json(&BTreeMap::from([("stuck", listed)]))?;
            } else {
                output::note(&format!("{} meetings are stuck", listed.len()));
                output::text(&listed.iter().map(row).collect::<Vec<_>>().join("\n"))?;
            }
        }
        Command::Release { meeting, config, .. } => {
            let meeting =
                meeting.map(|meeting| meeting.parse::<MeetingId>().map_err(|_| unknown(&meeting))).transpose()?;
            let db = database::open(&config.load()?).await?;
            let released = release(&db, meeting).await?;
            db.close().await;
            if let Some(meeting) = meeting.filter(|_| released.is_empty()) {
                return Err(unknown(&meeting.to_string()));
            }
            if as_json {
                output::json(&BTreeMap::from([("released", released)]))?;
            } else {
                let lines: Vec<_> = released.iter().map(|meeting| format!("{meeting} will be tried again")).collect();
                output::text(&lines.join("\n"))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// Releases one meeting, or all that wait or were refused.
async fn release(db: &Db, meeting: Option<MeetingId>) -> sqlx::Result<Vec<MeetingId>> {
    let wanted = match meeting {
        Some(meeting) => vec![meeting],
        None => {
            let listed = stuck::list(db, None, &Page::all()).await?;
            listed.into_iter().filter(|stuck| stuck.state != CopyState::Gone).map(|stuck| stuck.meeting).collect()
        }
    };
    let by = author::operator();
    let mut released = Vec::with_capacity(wanted.len());
    for meeting in wanted {
        if stuck::release(db, &by, meeting).await? {
            released.push(meeting);
        }
    }
    Ok(released)
}

fn row(stuck: &StuckOut) -> String {
    let StuckOut { meeting, organisation, owner, state, reason, since } = stuck;
    format!("{meeting}  {state} since {since}  organisation {organisation}, owner {owner}: {}", line(reason))
}

fn unknown(meeting: &str) -> CliError {
    CliError::input(
        "meeting",
        format!("`{meeting}` is not a stuck meeting; `chronus stuck list` lists the stuck meetings"),
    )
}
