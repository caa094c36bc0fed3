//! `chronus provider client`: the OAuth client that the operator has registered at a service.

use crate::cli::{
    author,
    database::{self, ConfigArgs},
    input,
    output::{self, CliError, Exit},
};
use crate::{
    app,
    oauth::{Client, ClientError, SignInRef, clients, token::is_code_grant},
    plugins::{
        endpoints::{VariableValues, resolve_entered},
        registry,
    },
};
use secrecy::SecretString;
use serde::Serialize;
use std::path::PathBuf;

const HELP: &str = "\
First register this host as an application at the calendar service, with the redirect
URI <public-url>/connect/callback/<provider id>. The service then issues a client id
and a secret. The secret is read from a file or standard input, because every user of
this machine can read command-line arguments.

Some services have other addresses for each organisation or country: their sign-ins
have variables, such as a tenant, which `chronus plugin inspect` shows. Set each that
has no preset value. The command replaces the previous client with its values;
calendars that are connected keep theirs.

With --json: {provider, sign_in, client_id, variables}.";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Args {
    /// The id of the provider
    id: String,
    /// The id of the sign-in, as `chronus plugin inspect` shows it
    #[arg(long, value_name = "SIGN-IN")]
    sign_in: String,
    /// The client id that the service issued
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// A file that contains only the client secret; `-` is standard input [default: no secret]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The value of a variable in the sign-in's addresses, such as tenant=example.org; may be repeated
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<NamedValue>,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Serialize)]
struct ClientOut<'a> {
    provider: &'a str,
    sign_in: &'a str,
    client_id: &'a str,
    variables: &'a VariableValues,
}

/// An argument `NAME=VALUE`.
#[derive(Debug, Clone)]
struct NamedValue {
    name: String,
    value: String,
}

/// Runs the command.
pub(super) async fn run(args: &Args, as_json: bool) -> Result<Exit, CliError> {
    let config = args.config.load()?;
    let secret = args.secret_file.as_deref().map(secret).transpose()?;
    let db = database::open(&config).await?;
    let by = author::operator();
    let keyring = app::open_keyring(&db, &by, &config.keys).await?;
    let granted = registry::granted(&db, &args.id).await?;
    let mut sign_ins = granted.iter().flat_map(|asks| &asks.sign_ins);
    let Some(granted) = sign_ins.find(|sign_in| sign_in.id == args.sign_in && is_code_grant(sign_in)) else {
        let message = format!(
            "`{}` has no accepted OAuth sign-in `{}`; `chronus plugin inspect` shows the sign-ins of a component, and \
             `chronus provider grant` accepts them",
            args.id, args.sign_in
        );
        return Err(CliError::input("sign-in", message));
    };
    let mut variables = VariableValues::new();
    for NamedValue { name, value } in &args.variables {
        if variables.insert(name.clone(), value.clone()).is_some() {
            return Err(CliError::input("variable", format!("`{name}` is given twice; leave one out")));
        }
    }
    resolve_entered(granted, &variables).map_err(|error| {
        CliError::input("variable", format!("{error}; set the values with `--variable NAME=VALUE`"))
    })?;
    let client = Client { id: args.client_id.clone(), secret, variables };
    let sign_in = SignInRef { provider: &args.id, sign_in: &args.sign_in };
    clients::set(&db, &by, &keyring, sign_in, &client).await?;
    db.close().await;
    if as_json {
        output::json(&ClientOut {
            provider: &args.id,
            sign_in: &args.sign_in,
            client_id: &client.id,
            variables: &client.variables,
        })?;
    } else {
        let (id, client) = (output::line(&args.id), output::line(&args.client_id));
        output::text(&format!("{id} now uses the OAuth client {client}"))?;
    }
    Ok(Exit::Done)
}

fn variable(text: &str) -> Result<NamedValue, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok(NamedValue { name: name.to_owned(), value: value.to_owned() }),
        _ => Err("it must have the form NAME=VALUE".to_owned()),
    }
}

fn secret(path: &std::path::Path) -> Result<SecretString, CliError> {
    const WHAT: &str = "the client secret";
    const MOST: u64 = 4096;
    let text = if path.as_os_str() == "-" {
        let bytes = input::up_to(std::io::stdin().lock(), MOST);
        let bytes = bytes.map_err(|error| CliError::input("file", format!("cannot read {WHAT}: {error}")))?;
        String::from_utf8(bytes).map_err(|_| CliError::input("file", format!("{WHAT} is not UTF-8 text")))?
    } else {
        input::read_text(path, WHAT, MOST)?
    };
    match text.trim() {
        "" => Err(CliError::input("file", format!("{WHAT} is empty; write the secret to the file"))),
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
