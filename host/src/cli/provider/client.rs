//! `chronus provider client`: the application that the operator has registered at a service.

use crate::cli::{
    database::{self, ConfigArgs},
    input,
    output::{self, CliError, Exit},
};
use crate::{
    connections::oauth::{
        self,
        clients::{self, Client, ClientError},
    },
    plugins::registry,
    secrets::Keyring,
};
use secrecy::SecretString;
use serde::Serialize;
use std::path::PathBuf;

const HELP: &str = "\
Register this host at the service first, with the address that people's browsers come
back to: `public-url` of the configuration, then /connect/callback/ and the provider's
id. The service then gives an id and a secret. A secret is no argument, since every user
of the machine could read it: it is read from a file, or from standard input for `-`.

With --json: {provider, sign_in, client_id}.";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The provider
    id: String,
    /// Which of its sign-ins
    #[arg(long, value_name = "SIGN-IN")]
    sign_in: String,
    /// The client's id at the service
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// The file that holds the client's secret and nothing else; `-` is standard input [default: it has none]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Serialize)]
struct Done<'a> {
    provider: &'a str,
    sign_in: &'a str,
    client_id: &'a str,
}

/// Runs the command.
pub(super) async fn run(args: &Args, as_json: bool) -> Result<Exit, CliError> {
    let config = args.config.load()?;
    let secret = args.secret_file.as_deref().map(secret).transpose()?;
    let keyring = Keyring::generate_at(&config.keys)?;
    let db = database::open(&config).await?;
    let granted = registry::granted(&db, &args.id).await?;
    let mut sign_ins = granted.iter().flat_map(|asks| &asks.sign_ins);
    if !sign_ins.any(|sign_in| sign_in.id == args.sign_in && oauth::code_grant(sign_in).is_some()) {
        let message = format!(
            "`{}` has no sign-in `{}` at its service's page that was accepted; `chronus plugin inspect` shows those that a \
             component asks for",
            args.id, args.sign_in
        );
        return Err(CliError::input("sign-in", message));
    }
    let client = Client { id: args.client_id.clone(), secret };
    clients::set(&db, &keyring, (&args.id, &args.sign_in), &client).await?;
    db.close().await;
    if as_json {
        output::json(&Done { provider: &args.id, sign_in: &args.sign_in, client_id: &args.client_id })?;
    } else {
        let (id, client) = (output::line(&args.id), output::line(&args.client_id));
        output::text(&format!("people connect {id} through the client {client}"))?;
    }
    Ok(Exit::Done)
}

fn secret(path: &std::path::Path) -> Result<SecretString, CliError> {
    const WHAT: &str = "the client's secret";
    const MOST: u64 = 4096;
    let text = if path.as_os_str() == "-" {
        let bytes = input::up_to(std::io::stdin().lock(), MOST);
        let bytes = bytes.map_err(|error| CliError::input("file", format!("{WHAT} cannot be read: {error}")))?;
        String::from_utf8(bytes).map_err(|_| CliError::input("file", format!("{WHAT} is not text")))?
    } else {
        input::read_text(path, WHAT, MOST)?
    };
    match text.trim() {
        "" => Err(CliError::input("file", format!("{WHAT} is empty"))),
        secret => Ok(secret.into()),
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        let message = error.to_string();
        match error {
            ClientError::NoProvider(_) => Self::input("provider", message),
            ClientError::Sealed(_) => Self::input("keys", message),
            ClientError::Database(error) => error.into(),
        }
    }
}
