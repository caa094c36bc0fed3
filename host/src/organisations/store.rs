//! The table `organisations`.

use super::Organisation;
use crate::db::{Page, Tx, execute, fetch, instant, parsed};

#[derive(sqlx::FromRow)]
struct OrganisationRow {
    id: String,
    name: String,
    created_at: i64,
}

impl TryFrom<OrganisationRow> for Organisation {
    type Error = sqlx::Error;

    fn try_from(row: OrganisationRow) -> sqlx::Result<Self> {
        Ok(Self { id: parsed(&row.id)?, name: row.name, created_at: instant(row.created_at) })
    }
}

pub(super) async fn insert(tx: &mut Tx, organisation: &Organisation) -> sqlx::Result<()> {
    let Organisation { id, name, created_at } = organisation;
    let sql = "insert into organisations (id, name, created_at) values ($1, $2, $3)";
    execute!(tx, sql, id.to_string(), name, created_at.as_microsecond()).map(drop)
}

pub(super) async fn list(tx: &mut Tx, page: &Page) -> sqlx::Result<Vec<Organisation>> {
    let sql = "select id, name, created_at from organisations where id > $1 order by id limit $2";
    let rows = fetch!(tx, all, OrganisationRow, sql, page.after(), page.limit())?;
    rows.into_iter().map(Organisation::try_from).collect()
}

/// An id takes precedence over a name.
pub(super) async fn find(tx: &mut Tx, id_or_name: &str) -> sqlx::Result<Option<Organisation>> {
    let sql = "select id, name, created_at from organisations where id = $1 or name = $1 \
               order by case when id = $1 then 0 else 1 end limit 1";
    fetch!(tx, optional, OrganisationRow, sql, id_or_name)?.map(Organisation::try_from).transpose()
}
