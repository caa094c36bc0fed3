//! The SQL of `revocations`.

use super::{Revocation, SealedCredential};
use crate::{
    db::{self, Column, Tx, execute, fetch, string_enum},
    ids::RevocationId,
    secrets::{
        SealedValue,
        rotation::{SealedTable, sealed_table},
    },
};

/// Tokens that wait to be revoked.
pub const SEALED: SealedTable = sealed_table!("revocations", "organisation_id", "place_table", "place_row");

const PLACE_TABLE: Column = Column::of("revocations", "place_table");

string_enum! {
    /// The table for whose row a credential was sealed.
    pub enum PlaceTable {
        /// It was sealed to be revoked.
        Revocations = "revocations",
        /// It is the credential of a former connection.
        Connections = "connections",
        /// It is the credential of a former service account.
        ServiceAccounts = "service_accounts",
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    organisation_id: String,
    person_id: String,
    provider_id: String,
    sign_in: String,
    address: Option<String>,
    token_endpoint: String,
    variables: String,
    sealed: Vec<u8>,
    sealed_by: String,
    place_table: String,
    place_row: String,
}

pub(super) async fn insert(
    tx: &mut Tx,
    id: RevocationId,
    new: &Revocation,
    credential: &SealedCredential,
) -> sqlx::Result<()> {
    let now = tx.now().await?;
    execute!(
        tx,
        "insert into revocations (id, organisation_id, person_id, provider_id, sign_in, address, sealed, sealed_by,
                place_table, place_row, created_at, token_endpoint, variables)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        id.to_string(),
        new.organisation.to_string(),
        new.person.to_string(),
        &new.provider,
        &new.sign_in,
        new.address.as_deref(),
        &credential.value.bytes,
        &credential.value.key,
        credential.table.as_str(),
        &credential.row,
        now,
        &new.endpoint,
        db::to_json(&new.variables)?,
    )?;
    Ok(())
}

/// A revocation and its sealed credential.
pub(in crate::connections) async fn find(
    tx: &mut Tx,
    id: RevocationId,
) -> sqlx::Result<Option<(Revocation, SealedCredential)>> {
    let row = fetch!(
        tx,
        optional,
        Row,
        "select organisation_id, person_id, provider_id, sign_in, address, token_endpoint, variables, sealed, sealed_by,
                place_table, place_row
         from revocations where id = $1",
        id.to_string(),
    )?;
    row.map(|row| {
        let revocation = Revocation {
            organisation: db::parsed(&row.organisation_id)?,
            person: db::parsed(&row.person_id)?,
            provider: row.provider_id,
            sign_in: row.sign_in,
            address: row.address,
            endpoint: row.token_endpoint,
            variables: db::from_json(&row.variables)?,
        };
        let credential = SealedCredential {
            value: SealedValue { key: row.sealed_by, bytes: row.sealed },
            table: PLACE_TABLE.word(&row.place_table)?,
            row: row.place_row,
        };
        Ok((revocation, credential))
    })
    .transpose()
}

pub(in crate::connections) async fn delete(tx: &mut Tx, id: RevocationId) -> sqlx::Result<()> {
    execute!(tx, "delete from revocations where id = $1", id.to_string()).map(drop)
}
