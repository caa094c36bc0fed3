//! Finds the people and programs that a path names, for the actor of the request.
//!
//! A person or program of another organisation is "not found", so that nobody learns that it exists.

use crate::{
    app::App,
    auth::{Action, Actor},
    http::problem::{Code, Problem},
    ids::{PersonId, ProgramId},
    organisations::programs::{self, Program},
    people::{self, Person},
};

/// Finds a person whose calendar the actor may deal with. Operators may not.
pub(super) async fn find_person(app: &App, actor: &Actor, person: PersonId) -> Result<Person, Problem> {
    let organisation = actor.member_organisation()?;
    let person = app.db.read(async |tx| people::person(tx, organisation, person).await).await?;
    let person = person.ok_or(Problem::new(Code::NotFound))?;
    actor.may(Action::SeePerson(&person))?;
    Ok(person)
}

/// Finds a program of the actor's organisation; an operator finds every program.
pub(super) async fn find_program(app: &App, actor: &Actor, program: ProgramId) -> Result<Program, Problem> {
    programs::get(&app.db, actor.reach(), program).await?.ok_or(Problem::new(Code::NotFound))
}
