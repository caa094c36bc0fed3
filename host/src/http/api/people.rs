//! `/v1/people` and `/v1/me`: people, and the actor behind a token.

use super::responses::Created;
use crate::{
    app::App,
    auth::{Action, Actor, AuthMethod, Principal, Scope, Scopes},
    http::{
        input::{Body, List, ListParams, PathIds, QueryParams},
        problem::{Code, Problem},
        schema::list_schema,
    },
    ids::{OrganisationId, PersonId, ProgramId, TokenId},
    people::{self, MemberRole, Person, Role},
};
use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Person, example = json!({
    "id": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e66", "organisation": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e65",
    "email": "ann@example.org", "name": "Ann", "zone": "Europe/Rome", "role": "participant",
    "created_at": "2026-11-23T09:00:00Z"
}))]
pub(in crate::http) struct PersonOut {
    id: PersonId,
    organisation: OrganisationId,
    email: String,
    name: String,
    /// IANA time zone name.
    zone: String,
    role: Role,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

list_schema!(PersonList of PersonOut);

impl From<Person> for PersonOut {
    fn from(Person { id, organisation, email, name, zone, role, created_at }: Person) -> Self {
        Self { id, organisation, email, name, zone, role, created_at }
    }
}

/// A new person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "email": "ann@example.org", "name": "Ann", "zone": "Europe/Rome", "role": "participant"
}))]
pub(in crate::http) struct NewPerson {
    /// The person's organisation; required for an operator token, and otherwise the token's own.
    organisation: Option<OrganisationId>,
    /// Unique in the organisation, regardless of case.
    #[schema(format = "email", max_length = 254)]
    email: String,
    /// One line without a space at either end.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$"
    )]
    name: String,
    /// IANA time zone name, such as Europe/Rome.
    #[schema(min_length = 1)]
    zone: String,
    /// `participant` if left out.
    role: Option<Role>,
}

/// The actor behind a token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Actor, example = json!({
    "kind": "person", "token": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e68", "scopes": ["busy-read", "meetings-read"],
    "expires_at": "2027-11-23T09:00:00Z", "organisation": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e65",
    "person": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e66", "role": "participant",
    "programs": [{ "program": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e67", "role": "participant" }]
}))]
pub(in crate::http) struct ActorOut {
    kind: ActorKind,
    token: TokenId,
    /// Scopes of the token.
    #[schema(value_type = Vec<Scope>)]
    scopes: Scopes,
    /// The time when the token expires.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Null for an operator.
    organisation: Option<OrganisationId>,
    /// Null unless the actor is a person.
    person: Option<PersonId>,
    /// Role in the organisation; null unless the actor is a person.
    role: Option<Role>,
    /// Memberships of the person.
    programs: Vec<ActorProgram>,
}

/// Kind of an actor.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum ActorKind {
    Operator,
    Integration,
    Person,
}

/// A membership of the actor.
#[derive(Debug, Serialize, ToSchema)]
struct ActorProgram {
    program: ProgramId,
    role: MemberRole,
}

/// Gets the actor behind the token.
///
/// Allowed for: everybody with a token.
#[utoipa::path(get, path = "/v1/me", tag = "people", operation_id = "getCurrentActor",
    responses((status = 200, description = "The actor, with the scopes of the token.", body = ActorOut)))]
pub(in crate::http) async fn get_current_actor(
    Actor { method, principal, scopes, expires_at }: Actor,
) -> Result<Json<ActorOut>, Problem> {
    let (AuthMethod::Token(token), Some(expires_at)) = (method, expires_at) else {
        return Err(Problem::internal("an API request is not authenticated by a token"));
    };
    let (kind, organisation, person, role, programs) = match principal {
        Principal::Operator => (ActorKind::Operator, None, None, None, Vec::new()),
        Principal::Integration(organisation) => (ActorKind::Integration, Some(organisation), None, None, Vec::new()),
        Principal::Person { organisation, person, role, programs } => {
            (ActorKind::Person, Some(organisation), Some(person), Some(role), programs)
        }
    };
    let programs = programs.into_iter().map(|(program, role)| ActorProgram { program, role }).collect();
    Ok(Json(ActorOut { kind, token, scopes, expires_at, organisation, person, role, programs }))
}

/// Lists the people of an organisation.
///
/// Allowed for: operators, integrations and global administrators.
#[utoipa::path(get, path = "/v1/people", tag = "people", operation_id = "listPeople",
    params(ListParams),
    responses((status = 200, description = "A page of people, the oldest first.", body = PersonList)))]
pub(in crate::http) async fn list_people(
    State(app): State<App>,
    actor: Actor,
    QueryParams(params): QueryParams<ListParams>,
) -> Result<Json<List<PersonOut>>, Problem> {
    let organisation = actor.organisation(params.organisation)?;
    let page = params.page();
    actor.may(Action::SeeOrganisation(organisation))?;
    let rows = people::list(&app.db, organisation, &page.rows::<PersonId>()?).await?;
    page.list(rows, |person| person.id.to_string(), PersonOut::from)
}

/// Creates a person.
///
/// No other person of the organisation may have the same email address, and the address must be one to
/// which mail can be sent; the zone must be an IANA time zone name.
///
/// Allowed for: operators, integrations and global administrators. Nobody can create a global administrator with a token:
/// a global administrator does that in a browser.
#[utoipa::path(post, path = "/v1/people", tag = "people", operation_id = "createPerson",
    request_body = NewPerson,
    responses((status = 201, description = "The person was created.", body = PersonOut,
        headers(("Location" = String, description = "Path of the person.")))))]
pub(in crate::http) async fn create_person(
    State(app): State<App>,
    actor: Actor,
    Body(NewPerson { organisation, email, name, zone, role }): Body<NewPerson>,
) -> Result<Created<PersonOut>, Problem> {
    let organisation = actor.organisation(organisation)?;
    actor.may(Action::ManageOrganisation(organisation))?;
    let role = role.unwrap_or(Role::Participant);
    if role == Role::GlobalAdmin {
        actor.may(Action::MakeGlobalAdmin(organisation))?;
    }
    let person =
        people::add(&app.db, &actor.author(), organisation, people::NewPerson { email, name, zone, role }).await?;
    Ok(Created::at(format!("/v1/people/{}", person.id), person.into()))
}

/// Gets a person.
///
/// Allowed for: the person, operators, integrations and global administrators.
#[utoipa::path(get, path = "/v1/people/{person}", tag = "people", operation_id = "getPerson",
    params(("person" = PersonId, Path, description = "Id of the person.")),
    responses((status = 200, description = "The person.", body = PersonOut)))]
pub(in crate::http) async fn get_person(
    State(app): State<App>,
    actor: Actor,
    PathIds(person): PathIds<PersonId>,
) -> Result<Json<PersonOut>, Problem> {
    let person = people::get(&app.db, actor.reach(), person).await?.ok_or(Problem::new(Code::NotFound))?;
    actor.may(Action::SeePerson(&person))?;
    Ok(Json(person.into()))
}
