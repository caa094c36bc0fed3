//! `/v1/programs`: the programs of an organisation, and their members.

use super::lookup::find_program;
use crate::{
    app::App,
    auth::{Action, Actor},
    http::{
        input::{Body, Created, List, ListParams, PathIds, QueryParams},
        problem::{Code, Problem},
    },
    ids::{OrganisationId, PersonId, ProgramId},
    organisations::programs::{self, Program},
    people::{self, Member, MemberRole},
};
use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A program.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Program)]
pub(in crate::http) struct ProgramOut {
    id: ProgramId,
    organisation: OrganisationId,
    name: String,
    /// Whether its meetings are written into people's calendars, and whoever connects one is asked for that.
    two_way: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Program> for ProgramOut {
    fn from(Program { id, organisation, name, two_way, created_at }: Program) -> Self {
        Self { id, organisation, name, two_way, created_at }
    }
}

/// What to change of a program.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ProgramChange {
    /// Whether its meetings are written into people's calendars. Whoever is connected stays so, and gives more only when
    /// they connect again.
    two_way: bool,
}

/// A new program.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewProgram {
    /// Whose; an operator must say it.
    organisation: Option<OrganisationId>,
    /// No other program of the organisation has it.
    name: String,
}

/// A person in a program.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Member)]
pub(in crate::http) struct MemberOut {
    program: ProgramId,
    person: PersonId,
    role: MemberRole,
}

impl From<Member> for MemberOut {
    fn from(Member { program, person, role }: Member) -> Self {
        Self { program, person, role }
    }
}

/// What a person is to be in a program.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Membership {
    role: MemberRole,
}

/// The programs of an organisation; a participant's own.
#[utoipa::path(get, path = "/v1/programs", tag = "programs", operation_id = "listPrograms",
    params(ListParams), responses((status = 200, body = List<ProgramOut>)))]
pub(in crate::http) async fn list_programs(
    State(app): State<App>,
    actor: Actor,
    QueryParams(asked): QueryParams<ListParams>,
) -> Result<Json<List<ProgramOut>>, Problem> {
    let organisation = actor.organisation(asked.organisation)?;
    let part = asked.part();
    let all = actor.may(Action::SeeOrganisation(organisation)).is_ok();
    let member = if all { None } else { actor.person() };
    let found = programs::list(&app.db, organisation, member, &part.page::<ProgramId>()?).await?;
    part.answer(found, |program| program.id.to_string(), ProgramOut::from)
}

/// Makes a program.
#[utoipa::path(post, path = "/v1/programs", tag = "programs", operation_id = "addProgram",
    request_body = NewProgram, responses((status = 201, body = ProgramOut)))]
pub(in crate::http) async fn create_program(
    State(app): State<App>,
    actor: Actor,
    Body(new): Body<NewProgram>,
) -> Result<Created<ProgramOut>, Problem> {
    let organisation = actor.organisation(new.organisation)?;
    actor.may(Action::ManageOrganisation(organisation))?;
    Ok(Created(programs::add(&app.db, organisation, &new.name).await?.into()))
}

/// A program.
#[utoipa::path(get, path = "/v1/programs/{program}", tag = "programs", operation_id = "getProgram",
    params(("program" = ProgramId, Path)), responses((status = 200, body = ProgramOut)))]
pub(in crate::http) async fn get_program(
    State(app): State<App>,
    actor: Actor,
    PathIds(program): PathIds<ProgramId>,
) -> Result<Json<ProgramOut>, Problem> {
    let program = find_program(&app, &actor, program).await?;
    actor.may(Action::SeeProgram(&program))?;
    Ok(Json(program.into()))
}

/// Changes a program's settings. Its own administrators may.
#[utoipa::path(patch, path = "/v1/programs/{program}", tag = "programs", operation_id = "changeProgram",
    params(("program" = ProgramId, Path)), request_body = ProgramChange, responses((status = 200, body = ProgramOut)))]
pub(in crate::http) async fn update_program(
    State(app): State<App>,
    actor: Actor,
    PathIds(program): PathIds<ProgramId>,
    Body(ProgramChange { two_way }): Body<ProgramChange>,
) -> Result<Json<ProgramOut>, Problem> {
    let program = find_program(&app, &actor, program).await?;
    actor.may(Action::ManageProgram(&program))?;
    let program = programs::set_two_way(&app.db, program.organisation, program.id, two_way).await?;
    Ok(Json(program.ok_or(Problem::new(Code::NotFound))?.into()))
}

/// What a person is in a program.
#[utoipa::path(get, path = "/v1/programs/{program}/members/{person}", tag = "programs", operation_id = "getMember",
    params(("program" = ProgramId, Path), ("person" = PersonId, Path)), responses((status = 200, body = MemberOut)))]
pub(in crate::http) async fn get_member(
    State(app): State<App>,
    actor: Actor,
    PathIds((program, person)): PathIds<(ProgramId, PersonId)>,
) -> Result<Json<MemberOut>, Problem> {
    let program = find_program(&app, &actor, program).await?;
    actor.may(Action::SeeProgram(&program))?;
    let member = people::member(&app.db, program.id, person).await?;
    Ok(Json(member.ok_or(Problem::new(Code::NotFound))?.into()))
}

/// Makes a person a member, or gives the member another role.
#[utoipa::path(put, path = "/v1/programs/{program}/members/{person}", tag = "programs", operation_id = "putMember",
    params(("program" = ProgramId, Path), ("person" = PersonId, Path)),
    request_body = Membership, responses((status = 200, body = MemberOut)))]
pub(in crate::http) async fn set_member(
    State(app): State<App>,
    actor: Actor,
    PathIds((program, person)): PathIds<(ProgramId, PersonId)>,
    Body(Membership { role }): Body<Membership>,
) -> Result<Json<MemberOut>, Problem> {
    let program = find_program(&app, &actor, program).await?;
    actor.may(Action::ManageProgram(&program))?;
    let member = Member { program: program.id, person, role };
    people::put_member(&app.db, member).await?;
    Ok(Json(member.into()))
}

/// Ends a membership.
#[utoipa::path(delete, path = "/v1/programs/{program}/members/{person}", tag = "programs",
    operation_id = "removeMember", params(("program" = ProgramId, Path), ("person" = PersonId, Path)),
    responses((status = 204)))]
pub(in crate::http) async fn remove_member(
    State(app): State<App>,
    actor: Actor,
    PathIds((program, person)): PathIds<(ProgramId, PersonId)>,
) -> Result<StatusCode, Problem> {
    let program = find_program(&app, &actor, program).await?;
    actor.may(Action::ManageProgram(&program))?;
    people::remove_member(&app.db, program.id, person).await?;
    Ok(StatusCode::NO_CONTENT)
}
