//! `/v1/people` and `/v1/me`.

use crate::{
    app::App,
    auth::{Action, Actor, AuthMethod, Principal, Scopes},
    http::{
        input::{Body, Created, List, ListParams, PathIds, QueryParams},
        problem::{Code, Problem},
    },
    ids::{OrganisationId, PersonId, ProgramId, TokenId},
    people::{self, MemberRole, NewPerson, Person, Role},
};
use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Person)]
pub(in crate::http) struct PersonOut {
    id: PersonId,
    organisation: OrganisationId,
    email: String,
    name: String,
    /// An IANA name.
    zone: String,
    role: Role,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Person> for PersonOut {
    fn from(Person { id, organisation, email, name, zone, role, created_at }: Person) -> Self {
        Self { id, organisation, email, name, zone, role, created_at }
    }
}

/// A new person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPerson)]
pub(in crate::http) struct PersonIn {
    /// Whose; an operator must say it.
    organisation: Option<OrganisationId>,
    /// No other person of the organisation has it.
    email: String,
    name: String,
    /// An IANA name, such as Europe/Rome.
    zone: String,
    /// A participant, if it is not said.
    role: Option<Role>,
}

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Me {
    kind: Kind,
    token: TokenId,
    scopes: Scopes,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    organisation: Option<OrganisationId>,
    person: Option<PersonId>,
    role: Option<Role>,
    programs: Vec<MyProgram>,
}

/// Whose a token is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Operator,
    Integration,
    Person,
}

/// What the person is in a program.
#[derive(Debug, Serialize, ToSchema)]
struct MyProgram {
    program: ProgramId,
    role: MemberRole,
}

/// Who asks: what the token stands for, and what it is for.
#[utoipa::path(get, path = "/v1/me", tag = "people", operation_id = "me", responses((status = 200, body = Me)))]
pub(in crate::http) async fn get_current_actor(
    Actor { method, principal, scopes, expires_at }: Actor,
) -> Result<Json<Me>, Problem> {
    let AuthMethod::Token(token) = method else {
        return Err(Problem::internal("something else than a token opened the API"));
    };
    let (kind, organisation, person, role, programs) = match principal {
        Principal::Operator => (Kind::Operator, None, None, None, Vec::new()),
        Principal::Integration(organisation) => (Kind::Integration, Some(organisation), None, None, Vec::new()),
        Principal::Person { organisation, person, role, programs } => {
            (Kind::Person, Some(organisation), Some(person), Some(role), programs)
        }
    };
    let programs = programs.into_iter().map(|(program, role)| MyProgram { program, role }).collect();
    Ok(Json(Me { kind, token, scopes, expires_at, organisation, person, role, programs }))
}

/// The people of an organisation.
#[utoipa::path(get, path = "/v1/people", tag = "people", operation_id = "listPeople",
    params(ListParams), responses((status = 200, body = List<PersonOut>)))]
pub(in crate::http) async fn list_people(
    State(app): State<App>,
    actor: Actor,
    QueryParams(asked): QueryParams<ListParams>,
) -> Result<Json<List<PersonOut>>, Problem> {
    let organisation = actor.organisation(asked.organisation)?;
    let part = asked.part();
    actor.may(Action::SeeOrganisation(organisation))?;
    let found = people::list(&app.db, organisation, &part.page::<PersonId>()?).await?;
    part.answer(found, |person| person.id.to_string(), PersonOut::from)
}

/// Makes a person.
#[utoipa::path(post, path = "/v1/people", tag = "people", operation_id = "addPerson",
    request_body = PersonIn, responses((status = 201, body = PersonOut)))]
pub(in crate::http) async fn create_person(
    State(app): State<App>,
    actor: Actor,
    Body(PersonIn { organisation, email, name, zone, role }): Body<PersonIn>,
) -> Result<Created<PersonOut>, Problem> {
    let organisation = actor.organisation(organisation)?;
    actor.may(Action::ManageOrganisation(organisation))?;
    let role = role.unwrap_or(Role::Participant);
    if role == Role::GlobalAdmin {
        actor.may(Action::MakeGlobalAdmin(organisation))?;
    }
    let new = NewPerson { email, name, zone, role };
    Ok(Created(people::add(&app.db, organisation, new).await?.into()))
}

/// A person.
#[utoipa::path(get, path = "/v1/people/{person}", tag = "people", operation_id = "getPerson",
    params(("person" = PersonId, Path)), responses((status = 200, body = PersonOut)))]
pub(in crate::http) async fn get_person(
    State(app): State<App>,
    actor: Actor,
    PathIds(person): PathIds<PersonId>,
) -> Result<Json<PersonOut>, Problem> {
    let person = people::get(&app.db, actor.reach(), person).await?.ok_or(Problem::new(Code::NotFound))?;
    actor.may(Action::SeePerson(&person))?;
    Ok(Json(person.into()))
}
