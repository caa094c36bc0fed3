//! The table `offers`.

use crate::db::{Tx, execute, fetch};

/// Inserts an offer. Returns false if it exists already, or if the provider, organisation or program does not exist.
pub(super) async fn insert(tx: &mut Tx, provider: &str, organisation: &str, program: &str) -> sqlx::Result<bool> {
    let now = tx.now().await?;
    let inserted = execute!(
        tx,
        "insert into offers (provider_id, organisation_id, program_id, created_at)
         select providers.id, organisations.id, $3, $4 from providers, organisations
         where providers.id = $1 and organisations.id = $2
           and ($3 = '' or exists (select 1 from programs where id = $3 and organisation_id = $2))
         on conflict (provider_id, organisation_id, program_id) do nothing",
        provider,
        organisation,
        program,
        now
    )?;
    Ok(inserted == 1)
}

/// Deletes an offer. Returns false if there was no such offer.
pub(super) async fn delete(tx: &mut Tx, provider: &str, organisation: &str, program: &str) -> sqlx::Result<bool> {
    let sql = "delete from offers where provider_id = $1 and organisation_id = $2 and program_id = $3";
    Ok(execute!(tx, sql, provider, organisation, program)? == 1)
}

/// Which parts of an offer exist.
pub(super) struct ExistingParts {
    pub(super) provider: bool,
    pub(super) organisation: bool,
    pub(super) program: bool,
}

pub(super) async fn existing_parts(
    tx: &mut Tx,
    provider: &str,
    organisation: &str,
    program: &str,
) -> sqlx::Result<ExistingParts> {
    let (provider, organisation, program) = fetch!(
        tx,
        one,
        (i64, i64, i64),
        "select (select count(*) from providers where id = $1), (select count(*) from organisations where id = $2),
                (select count(*) from programs where id = $3 and organisation_id = $2)",
        provider,
        organisation,
        program
    )?;
    Ok(ExistingParts { provider: provider > 0, organisation: organisation > 0, program: program > 0 })
}

/// The active providers that are offered in the whole organisation or in this program.
pub(super) async fn to_program(tx: &mut Tx, organisation: &str, program: &str) -> sqlx::Result<Vec<(String, String)>> {
    fetch!(
        tx,
        all,
        (String, String),
        "select id, name from providers
         where active_sha256 is not null and id in
           (select provider_id from offers where organisation_id = $1 and (program_id = '' or program_id = $2))
         order by id",
        organisation,
        program
    )
}

/// The active providers that are offered in the whole organisation or in a program of the person.
pub(super) async fn to_person(tx: &mut Tx, organisation: &str, person: &str) -> sqlx::Result<Vec<(String,)>> {
    fetch!(
        tx,
        all,
        (String,),
        "select id from providers
         where active_sha256 is not null and id in
           (select provider_id from offers where organisation_id = $1 and
              (program_id = '' or program_id in (select program_id from memberships where person_id = $2)))
         order by id",
        organisation,
        person
    )
}
