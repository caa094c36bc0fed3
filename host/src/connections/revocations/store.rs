//! The SQL of `revocations`.

use super::Revocation;
use crate::{
    db::{self, Tx, execute, fetch},
    ids::RevocationId,
    secrets::{
        SealedValue,
        rotation::{SealedTable, sealed_table},
    },
};

/// Tokens that wait to be revoked.
pub const SEALED: SealedTable = sealed_table!("revocations", "organisation_id");

#[derive(sqlx::FromRow)]
struct Row {
    organisation_id: String,
    person_id: String,
    provider_id: String,
    sign_in: String,
    address: Option<String>,
    sealed: Vec<u8>,
}

pub(super) async fn insert(tx: &mut Tx, id: RevocationId, new: &Revocation, sealed: &SealedValue) -> sqlx::Result<()> {
    let now = tx.now().await?;
    execute!(
        tx,
        "insert into revocations (id, organisation_id, person_id, provider_id, sign_in, address, sealed, sealed_by,
                created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        id.to_string(),
        new.organisation.to_string(),
        new.person.to_string(),
        &new.provider,
        &new.sign_in,
        new.address.as_deref(),
        &sealed.bytes,
        &sealed.key,
        now,
    )?;
    Ok(())
}

/// A revocation and its sealed token.
pub(in crate::connections) async fn find(tx: &mut Tx, id: RevocationId) -> sqlx::Result<Option<(Revocation, Vec<u8>)>> {
    let row = fetch!(
        tx,
        optional,
        Row,
        "select organisation_id, person_id, provider_id, sign_in, address, sealed from revocations where id = $1",
        id.to_string(),
    )?;
    row.map(|row| {
        let revocation = Revocation {
            organisation: db::parsed(&row.organisation_id)?,
            person: db::parsed(&row.person_id)?,
            provider: row.provider_id,
            sign_in: row.sign_in,
            address: row.address,
        };
        Ok((revocation, row.sealed))
    })
    .transpose()
}

pub(in crate::connections) async fn delete(tx: &mut Tx, id: RevocationId) -> sqlx::Result<()> {
    execute!(tx, "delete from revocations where id = $1", id.to_string()).map(drop)
}
