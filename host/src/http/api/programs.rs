//! `/v1/programs`: programs of an organisation, and their members.

use super::{lookup::find_program, responses::Created};
use crate::{
    app::App,
    auth::{Action, Actor},
    http::{
        input::{Body, List, ListParams, PathIds, QueryParams},
        problem::{Code, Problem},
        schema::list_schema,
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
#[schema(as = Program, example = json!({
    "id": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e67", "organisation": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e65",
    "name": "Mentoring", "two_way": false, "created_at": "2026-11-23T09:00:00Z"
}))]
pub(in crate::http) struct ProgramOut {
    id: ProgramId,
    organisation: OrganisationId,
    name: String,
    /// Whether people of the program who connect a calendar are asked for permission to write meetings into it.
    two_way: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

list_schema!(ProgramList of ProgramOut);

impl From<Program> for ProgramOut {
    fn from(Program { id, organisation, name, two_way, created_at }: Program) -> Self {
        Self { id, organisation, name, two_way, created_at }
    }
}

/// A change of a program.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "two_way": true }))]
pub(in crate::http) struct ProgramChange {
    /// Whether people of the program who connect a calendar are asked for permission to write meetings into it. Existing
    /// connections keep their access until the person connects again.
    two_way: bool,
}

/// A new program.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Mentoring" }))]
pub(in crate::http) struct NewProgram {
    /// The program's organisation; required for an operator token, and otherwise the token's own.
    organisation: Option<OrganisationId>,
    /// Unique in the organisation; one line without a space at either end.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$"
    )]
    name: String,
}

/// A member of a program.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Member, example = json!({
    "program": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e67", "person": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e66",
    "role": "participant"
}))]
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

/// The role of a member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "role": "participant" }))]
pub(in crate::http) struct Membership {
    role: MemberRole,
}

/// Lists the programs of an organisation.
///
/// Participants get the programs of which they are members.
///
/// Allowed for: everybody with a token; operators must name an organisation.
#[utoipa::path(get, path = "/v1/programs", tag = "programs", operation_id = "listPrograms",
    params(ListParams),
    responses((status = 200, description = "A page of programs, the oldest first.", body = ProgramList)))]
pub(in crate::http) async fn list_programs(
    State(app): State<App>,
    actor: Actor,
    QueryParams(params): QueryParams<ListParams>,
) -> Result<Json<List<ProgramOut>>, Problem> {
    let organisation = actor.organisation(params.organisation)?;
    let page = params.page();
    let all = actor.may(Action::SeeOrganisation(organisation)).is_ok();
    let member = if all { None } else { actor.person() };
    let rows = programs::list(&app.db, organisation, member, &page.rows::<ProgramId>()?).await?;
    page.list(rows, |program| program.id.to_string(), ProgramOut::from)
}

/// Creates a program.
///
/// No other program of the organisation may have the same name.
///
/// Allowed for: operators, integrations and global administrators.
#[utoipa::path(post, path = "/v1/programs", tag = "programs", operation_id = "createProgram",
    request_body = NewProgram,
    responses((status = 201, description = "The program was created.", body = ProgramOut,
        headers(("Location" = String, description = "Path of the program.")))))]
pub(in crate::http) async fn create_program(
    State(app): State<App>,
    actor: Actor,
    Body(new): Body<NewProgram>,
) -> Result<Created<ProgramOut>, Problem> {
    let organisation = actor.organisation(new.organisation)?;
    actor.may(Action::ManageOrganisation(organisation))?;
    let program = programs::add(&app.db, &actor.author(), organisation, &new.name).await?;
    Ok(Created::at(format!("/v1/programs/{}", program.id), program.into()))
}

/// Gets a program.
///
/// Allowed for: members of the program, operators, integrations and global administrators.
#[utoipa::path(get, path = "/v1/programs/{program}", tag = "programs", operation_id = "getProgram",
    params(("program" = ProgramId, Path, description = "Id of the program.")),
    responses((status = 200, description = "The program.", body = ProgramOut)))]
pub(in crate::http) async fn get_program(
    State(app): State<App>,
    actor: Actor,
    PathIds(program): PathIds<ProgramId>,
) -> Result<Json<ProgramOut>, Problem> {
    let program = find_program(&app, &actor, program).await?;
    actor.may(Action::SeeProgram(&program))?;
    Ok(Json(program.into()))
}

/// Changes the settings of a program.
///
/// Allowed for: administrators of the program, operators, integrations and global administrators.
#[utoipa::path(patch, path = "/v1/programs/{program}", tag = "programs", operation_id = "updateProgram",
    params(("program" = ProgramId, Path, description = "Id of the program.")), request_body = ProgramChange,
    responses((status = 200, description = "The changed program.", body = ProgramOut)))]
pub(in crate::http) async fn update_program(
    State(app): State<App>,
    actor: Actor,
    PathIds(program): PathIds<ProgramId>,
    Body(ProgramChange { two_way }): Body<ProgramChange>,
) -> Result<Json<ProgramOut>, Problem> {
    let program = find_program(&app, &actor, program).await?;
    actor.may(Action::ManageProgram(&program))?;
    let program = programs::set_two_way(&app.db, &actor.author(), program.organisation, program.id, two_way).await?;
    Ok(Json(program.ok_or(Problem::new(Code::NotFound))?.into()))
}

/// Gets a member of a program.
///
/// Allowed for: members of the program, operators, integrations and global administrators.
#[utoipa::path(get, path = "/v1/programs/{program}/members/{person}", tag = "programs", operation_id = "getMember",
    params(("program" = ProgramId, Path, description = "Id of the program."),
        ("person" = PersonId, Path, description = "Id of the person.")),
    responses((status = 200, description = "The member.", body = MemberOut)))]
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

/// Adds a person to a program.
///
/// If the person is a member already, the role is changed.
///
/// Allowed for: administrators of the program, operators, integrations and global administrators. Nobody can make a person
/// an administrator of the program with a token: an administrator does that in a browser.
#[utoipa::path(put, path = "/v1/programs/{program}/members/{person}", tag = "programs", operation_id = "setMember",
    params(("program" = ProgramId, Path, description = "Id of the program."),
        ("person" = PersonId, Path, description = "Id of the person.")),
    request_body = Membership, responses((status = 200, description = "The member.", body = MemberOut)))]
pub(in crate::http) async fn set_member(
    State(app): State<App>,
    actor: Actor,
    PathIds((program, person)): PathIds<(ProgramId, PersonId)>,
    Body(Membership { role }): Body<Membership>,
) -> Result<Json<MemberOut>, Problem> {
    let program = find_program(&app, &actor, program).await?;
    actor.may(Action::ManageProgram(&program))?;
    if role == MemberRole::ProgramAdmin {
        actor.may(Action::MakeProgramAdmin(&program))?;
    }
    let member = Member { program: program.id, person, role };
    people::put_member(&app.db, &actor.author(), member).await?;
    Ok(Json(member.into()))
}

/// Removes a member from a program.
///
/// Allowed for: administrators of the program, operators, integrations and global administrators.
#[utoipa::path(delete, path = "/v1/programs/{program}/members/{person}", tag = "programs",
    operation_id = "removeMember",
    params(("program" = ProgramId, Path, description = "Id of the program."),
        ("person" = PersonId, Path, description = "Id of the person.")),
    responses((status = 204, description = "The person is no longer a member.")))]
pub(in crate::http) async fn remove_member(
    State(app): State<App>,
    actor: Actor,
    PathIds((program, person)): PathIds<(ProgramId, PersonId)>,
) -> Result<StatusCode, Problem> {
    let program = find_program(&app, &actor, program).await?;
    actor.may(Action::ManageProgram(&program))?;
    people::remove_member(&app.db, &actor.author(), program.id, person).await?;
    Ok(StatusCode::NO_CONTENT)
}
