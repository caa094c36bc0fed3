//! `chronus token`: API tokens, above all the first ones.
//!
//! Through the API, a token can create only tokens with the same or fewer rights. This command needs no token, because it
//! opens the database, so the first tokens come from here. A token is printed once, to standard output.

use super::{
    author,
    database::{self, ConfigArgs},
    input,
    output::{self, CliError, Exit},
};
use crate::{
    auth::{
        Scope, Scopes,
        tokens::{self, Holder, NewToken, Token, TokenError},
    },
    db::{Db, Page},
    ids::{OrganisationId, PersonId, TokenId},
};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Create a token and print it; it is not shown again
    Create(Create),
    /// List tokens, without their secrets
    List {
        /// The id or name of the organisation [default: list operator tokens]
        #[arg(long, value_name = "ORGANISATION")]
        organisation: Option<String>,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Revoke a token; it stops working at once
    Revoke {
        /// The id of the token, as `chronus token list` shows it
        token: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

#[derive(Debug, clap::Args)]
#[group(id = "holder", required = true, multiple = false, args = ["operator", "organisation"])]
pub(super) struct Create {
    /// Create an operator token, which manages organisations and providers and cannot access calendars
    #[arg(long)]
    operator: bool,
    /// Create an integration token for the organisation with this id or name
    #[arg(long, value_name = "ORGANISATION")]
    organisation: Option<String>,
    /// Create a personal token for the person with this id or email address in the organisation
    #[arg(long, value_name = "PERSON", requires = "organisation")]
    person: Option<String>,
    /// A scope: organisation-read, organisation-write, busy-read, meetings-read, meetings-write, connection-read or
    /// connection-write; can be repeated [default: every scope of this kind of token]
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<Scope>,
    /// A name to recognise the token by
    #[arg(long, default_value = "created on the command line")]
    name: String,
    /// The time when the token expires, in RFC 3339 format [default: in 365 days]
    #[arg(long, value_name = "TIME", value_parser = input::instant)]
    expires: Option<Timestamp>,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Serialize)]
struct Out {
    id: TokenId,
    organisation: Option<OrganisationId>,
    person: Option<PersonId>,
    name: String,
    scopes: Scopes,
    created_at: Timestamp,
    expires_at: Timestamp,
    revoked_at: Option<Timestamp>,
    parent: Option<TokenId>,
    created_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl Out {
    fn of(token: Token, secret: Option<String>) -> Self {
        let Token { id, holder, name, scopes, created_at, expires_at, revoked_at, parent, created_by } = token;
        let (organisation, person) = (holder.organisation(), holder.person());
        Self { id, organisation, person, name, scopes, created_at, expires_at, revoked_at, parent, created_by, secret }
    }

    fn line(&self) -> String {
        let scopes = self.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ");
        let standing = if self.revoked_at.is_some() { "  revoked" } else { "" };
        let name = output::line(&self.name);
        format!("{}  {name}  {scopes}  expires {}{standing}", self.id, self.expires_at)
    }
}

/// Runs the command.
pub(super) async fn run(command: Command, as_json: bool) -> Result<Exit, CliError> {
    match command {
        Command::Create(args) => {
            let (token, secret) = create(args).await?;
            if as_json {
                output::json(&Out::of(token, Some(secret)))?;
            } else {
                let Token { id, expires_at, .. } = token;
                output::note(&format!(
                    "token {id}; it expires at {expires_at}, is not stored and cannot be printed again:"
                ));
                output::text(&secret)?;
            }
        }
        Command::List { organisation, config } => {
            let db = database::open(&config.load()?).await?;
            let organisation = match organisation {
                Some(named) => Some(database::organisation(&db, &named).await?.id),
                None => None,
            };
            let found = tokens::all(&db, organisation, &Page::all()).await?;
            let out: Vec<_> = found.into_iter().map(|token| Out::of(token, None)).collect();
            if as_json {
                output::json(&BTreeMap::from([("tokens", out)]))?;
            } else {
                output::text(&out.iter().map(Out::line).collect::<Vec<_>>().join("\n"))?;
            }
        }
        Command::Revoke { token, config } => {
            let id = token.parse::<TokenId>();
            let id = id
                .map_err(|error| CliError::input("token", format!("{error}; `chronus token list` lists the tokens")))?;
            let db = database::open(&config.load()?).await?;
            tokens::revoke_any(&db, &author::operator(), id).await?;
            if as_json {
                output::json(&BTreeMap::from([("revoked", id)]))?;
            } else {
                output::text(&format!("revoked {id}"))?;
            }
        }
    }
    Ok(Exit::Done)
}

async fn create(args: Create) -> Result<(Token, String), CliError> {
    let db = database::open(&args.config.load()?).await?;
    let holder = match &args.organisation {
        None => Holder::Operator,
        Some(named) => holder(&db, named, args.person.as_deref()).await?,
    };
    let scopes = if args.scope.is_empty() { holder.scopes() } else { args.scope.into_iter().collect() };
    let new = NewToken { holder, name: args.name, scopes, expires_at: args.expires };
    let (token, secret) = tokens::issue(&db, &author::operator(), new).await?;
    Ok((token, secret.expose_secret().to_owned()))
}

async fn holder(db: &Db, organisation: &str, person: Option<&str>) -> Result<Holder, CliError> {
    let organisation = database::organisation(db, organisation).await?;
    let Some(named) = person else { return Ok(Holder::Integration(organisation.id)) };
    let person = database::person(db, &organisation, named).await?;
    Ok(Holder::Person { organisation: organisation.id, person: person.id })
}

impl From<TokenError> for CliError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Database(error) => error.into(),
            TokenError::Name(_) => Self::input("name", error.to_string()),
            TokenError::Expiry | TokenError::OutlivesParent(_) => Self::input("expires", error.to_string()),
            TokenError::NoScope | TokenError::Scope(_) => Self::input("scope", error.to_string()),
            TokenError::NoToken => Self::input("token", format!("{error}; `chronus token list` lists the tokens")),
            TokenError::NoHolder => Self::input("token", error.to_string()),
            TokenError::TooManyGenerations | TokenError::MoreThanOwn(_) | TokenError::Forbidden(_) => {
                Self::failed("refused", error.to_string())
            }
        }
    }
}
