//! `chronus provider clients`: the OAuth clients that the operator has registered.

use crate::cli::{
    database::{self, ConfigArgs},
    output::{self, CliError, Exit},
};
use crate::oauth::clients::{self, RegisteredClient};
use serde::Serialize;
use std::collections::BTreeMap;

const HELP: &str = "\
With --json: {clients: [{provider, sign_in, client_id, variables}]}. Secrets are
never shown.";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Serialize)]
struct ClientOut {
    provider: String,
    sign_in: String,
    client_id: String,
    variables: BTreeMap<String, String>,
}

impl From<RegisteredClient> for ClientOut {
    fn from(client: RegisteredClient) -> Self {
        let RegisteredClient { provider, sign_in, client_id, variables } = client;
        Self { provider, sign_in, client_id, variables }
    }
}

/// Runs the command.
pub(super) async fn run(args: &Args, as_json: bool) -> Result<Exit, CliError> {
    let db = database::open(&args.config.load()?).await?;
    let clients = db.read(async |tx| clients::list(tx).await).await?;
    db.close().await;
    let clients: Vec<_> = clients.into_iter().map(ClientOut::from).collect();
    if as_json {
        output::json(&BTreeMap::from([("clients", &clients)]))?;
    } else if clients.is_empty() {
        output::note("no clients; register one with `chronus provider client`");
    } else {
        output::text(&clients.iter().map(line).collect::<Vec<_>>().join("\n"))?;
    }
    Ok(Exit::Done)
}

fn line(client: &ClientOut) -> String {
    let ClientOut { provider, sign_in, client_id, variables } = client;
    let variables: String = variables.iter().map(|(name, value)| format!("  {name}={value}")).collect();
    output::line(&format!("{provider}  {sign_in}  {client_id}{variables}"))
}
