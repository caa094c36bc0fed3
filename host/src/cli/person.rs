//! `chronus person`: creates and lists people, and changes their roles.

use super::{
    author,
    database::{self, ConfigArgs},
    output::{self, CliError, Exit},
};
use crate::{
    db::{Db, Page},
    ids::{OrganisationId, PersonId},
    organisations::{Organisation, programs::Program},
    people::{self, Member, MemberRole, NewPerson, Person, PersonError, Role, administrators},
};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Create a person
    Add(Add),
    /// Change the roles of a person; the other administrators are told by email of a new administrator
    Role(SetRole),
    /// List the people of an organisation
    List {
        /// The id or name of the organisation
        #[arg(long, value_name = "ORGANISATION")]
        organisation: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The id or name of the organisation
    #[arg(long, value_name = "ORGANISATION")]
    organisation: String,
    /// The email address, which must be unique in the organisation
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// The person's name
    #[arg(long)]
    name: String,
    /// The IANA time zone, such as Europe/Rome
    #[arg(long)]
    zone: String,
    /// The role in the organisation: participant or global-admin
    #[arg(long, default_value_t = Role::Participant)]
    role: Role,
    /// The id or name of a program to join; can be repeated
    #[arg(long, value_name = "PROGRAM")]
    program: Vec<String>,
    /// The role in these programs: participant or program-admin
    #[arg(long, value_name = "ROLE", default_value_t = MemberRole::Participant)]
    program_role: MemberRole,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, clap::Args)]
#[group(id = "roles", required = true, multiple = true, args = ["role", "program"])]
pub(super) struct SetRole {
    /// The id or email address of the person
    person: String,
    /// The id or name of the organisation
    #[arg(long, value_name = "ORGANISATION")]
    organisation: String,
    /// The role in the organisation: participant or global-admin
    #[arg(long)]
    role: Option<Role>,
    /// The id or name of a program, which the person joins if they are not a member; can be repeated
    #[arg(long, value_name = "PROGRAM", requires = "program_role")]
    program: Vec<String>,
    /// The role in these programs: participant or program-admin
    #[arg(long, value_name = "ROLE", requires = "program")]
    program_role: Option<MemberRole>,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Serialize)]
struct Out {
    id: PersonId,
    organisation: OrganisationId,
    email: String,
    name: String,
    zone: String,
    role: Role,
    created_at: Timestamp,
}

impl From<Person> for Out {
    fn from(Person { id, organisation, email, name, zone, role, created_at }: Person) -> Self {
        Self { id, organisation, email, name, zone, role, created_at }
    }
}

/// Runs the command.
pub(super) async fn run(command: Command, as_json: bool) -> Result<Exit, CliError> {
    let line = |out: &Out| format!("{}  {}  {}  {}", out.id, out.email, output::line(&out.name), out.role);
    match command {
        Command::Add(args) => {
            let out = Out::from(add(args).await?);
            if as_json { output::json(&out)? } else { output::text(&line(&out))? }
        }
        Command::Role(args) => {
            let out = Out::from(set_role(args).await?);
            if as_json { output::json(&out)? } else { output::text(&line(&out))? }
        }
        Command::List { organisation, config } => {
            let db = database::open(&config.load()?).await?;
            let organisation = database::organisation(&db, &organisation).await?;
            let found = people::list(&db, organisation.id, &Page::all()).await?;
            let out: Vec<_> = found.into_iter().map(Out::from).collect();
            if as_json {
                output::json(&BTreeMap::from([("people", out)]))?;
            } else {
                output::text(&out.iter().map(line).collect::<Vec<_>>().join("\n"))?;
            }
        }
    }
    Ok(Exit::Done)
}

async fn add(args: Add) -> Result<Person, CliError> {
    let db = database::open(&args.config.load()?).await?;
    let organisation = database::organisation(&db, &args.organisation).await?;
    // Found before the person is created, so that a wrong name leaves nothing behind.
    let programs = programs(&db, &organisation, &args.program).await?;
    let new = NewPerson { email: args.email, name: args.name, zone: args.zone, role: args.role };
    let by = author::operator();
    let person = people::add(&db, &by, organisation.id, new).await?;
    for program in programs {
        let member = Member { program: program.id, person: person.id, role: args.program_role };
        people::put_member(&db, &by, member).await?;
    }
    Ok(person)
}

async fn set_role(args: SetRole) -> Result<Person, CliError> {
    let db = database::open(&args.config.load()?).await?;
    let organisation = database::organisation(&db, &args.organisation).await?;
    let mut person = database::person(&db, &organisation, &args.person).await?;
    let programs = programs(&db, &organisation, &args.program).await?;
    let by = author::operator();
    if let Some(role) = args.role {
        person = administrators::set_role(&db, &by, organisation.id, person.id, role).await?;
    }
    let role = args.program_role.unwrap_or(MemberRole::Participant);
    for program in programs {
        people::put_member(&db, &by, Member { program: program.id, person: person.id, role }).await?;
    }
    Ok(person)
}

async fn programs(db: &Db, organisation: &Organisation, named: &[String]) -> Result<Vec<Program>, CliError> {
    let mut programs = Vec::new();
    for named in named {
        programs.push(database::program(db, organisation, named).await?);
    }
    Ok(programs)
}

impl From<PersonError> for CliError {
    fn from(error: PersonError) -> Self {
        match error {
            PersonError::Database(error) => error.into(),
            PersonError::Taken => Self::failed("email-taken", error.to_string()),
            PersonError::Name(_) => Self::input("name", error.to_string()),
            PersonError::Email => Self::input("email", error.to_string()),
            PersonError::Zone => Self::input("zone", error.to_string()),
            PersonError::NoOrganisation | PersonError::NoPerson => Self::input("person", error.to_string()),
        }
    }
}
