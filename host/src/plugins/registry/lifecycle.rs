//! Changing the providers of this deployment: add, accept, list, remove.
//!
//! Each change is one transaction that ends with an update guarded by the row's revision, so that two operators at once
//! do not undo each other. A component is admitted, and so run, before the transaction begins.

use super::{
    AddError, Added, Asks, ChangeError, Granted, Listed, Registry, State, Version, Voucher, Waiting, difference,
    needs_acceptance, store,
};
use crate::{
    db::{self, Db, Tx},
    plugins::{Plugin, admission::inspect},
};

/// How often a change is tried anew when others change the same provider.
const ATTEMPTS: usize = 5;

impl Registry {
    /// Adds a component: a new provider, or another version of one. With `accept`, all that it asks for is granted.
    ///
    /// # Errors
    /// If nobody trusted vouches for it, or it cannot be a provider here.
    pub async fn add(&self, bytes: &[u8], voucher: Voucher<'_>, accept: bool) -> Result<Added, AddError> {
        vouched(&inspect(bytes)?.sha256, voucher)?;
        let plugin = self.sandbox.admit(bytes).await?;
        let asks = Asks::of(&plugin);
        // What could not be granted is not kept either.
        Granted::all(asks.clone())?;
        for _ in 0..ATTEMPTS {
            let mut tx = self.db.begin().await?;
            if let Some(added) = add(&mut tx, (bytes, &plugin, &asks), accept).await? {
                tx.commit().await?;
                if let Added::Active { id } = &added {
                    self.loaded.put(id, plugin);
                }
                return Ok(added);
            }
        }
        Err(AddError::Contended(asks.id))
    }
}

/// The version of a provider that waits, and what it asks for beyond the grant.
///
/// # Errors
/// If there is no such provider, or nothing waits.
pub async fn waiting(db: &Db, id: &str) -> Result<Waiting, ChangeError> {
    let mut tx = db.begin_read().await?;
    let row = store::provider(&mut tx, id).await?.ok_or_else(|| ChangeError::Unknown(id.to_owned()))?;
    let sha256 = row.waiting_sha256.ok_or_else(|| ChangeError::NotWaiting(id.to_owned()))?;
    let component = store::component(&mut tx, &sha256).await?.ok_or(sqlx::Error::RowNotFound)?;
    let asks: Asks = db::from_json(&component.asks)?;
    let difference = difference(readable(row.granted.as_deref()).as_ref(), &asks);
    Ok(Waiting { id: row.id, sha256, version: component.version, difference })
}

/// Grants what the waiting component asks for, and uses it from now on. The digest is that of [`waiting`]:
/// nobody accepts what they were not shown.
///
/// # Errors
/// If there is no such provider, or that component does not wait.
pub async fn accept(db: &Db, id: &str, sha256: &str) -> Result<(), ChangeError> {
    let mut tx = db.begin().await?;
    let row = store::provider(&mut tx, id).await?.ok_or_else(|| ChangeError::Unknown(id.to_owned()))?;
    let not_waiting = || ChangeError::NotWaiting(id.to_owned());
    if row.waiting_sha256.as_deref() != Some(sha256) {
        return Err(not_waiting());
    }
    let component = store::component(&mut tx, sha256).await?.ok_or(sqlx::Error::RowNotFound)?;
    let asks: Asks = db::from_json(&component.asks)?;
    let change = store::Change {
        name: &asks.name,
        active_sha256: Some(sha256),
        waiting_sha256: None,
        granted: Some(&component.asks),
        granted_at: Some(tx.now().await?),
    };
    if !store::change(&mut tx, id, row.revision, change).await? {
        return Err(not_waiting());
    }
    Ok(tx.commit().await?)
}

/// What is granted to a provider; nothing if there is none, or nothing was accepted.
///
/// # Errors
/// If the database fails.
pub async fn granted(db: &Db, id: &str) -> sqlx::Result<Option<Asks>> {
    let row = store::provider(&mut db.begin_read().await?, id).await?;
    Ok(row.and_then(|row| readable(row.granted.as_deref())))
}

/// All providers, by id.
///
/// # Errors
/// If the database fails.
pub async fn list(db: &Db) -> sqlx::Result<Vec<Listed>> {
    let mut tx = db.begin_read().await?;
    let mut listed = Vec::new();
    for row in store::providers(&mut tx).await? {
        let active = version(&mut tx, row.active_sha256).await?;
        let waiting = version(&mut tx, row.waiting_sha256).await?;
        let state = match (&active, &waiting) {
            (Some(_), _) => State::Active,
            (None, Some(_)) => State::Waiting,
            (None, None) => State::Off,
        };
        let connections = store::connections(&mut tx, &row.id).await?;
        listed.push(Listed { id: row.id, name: row.name, state, active, waiting, connections });
    }
    Ok(listed)
}

/// Removes a provider; with `force` also while people are connected through it, whose connections then wait for it
/// to be added again.
///
/// # Errors
/// If there is none, or people are connected through it.
pub async fn remove(db: &Db, id: &str, force: bool) -> Result<(), ChangeError> {
    let mut tx = db.begin().await?;
    if store::provider(&mut tx, id).await?.is_none() {
        return Err(ChangeError::Unknown(id.to_owned()));
    }
    match store::connections(&mut tx, id).await? {
        0 => match store::delete_provider(&mut tx, id).await {
            // Somebody has connected since we counted.
            Err(error) if db::is_missing(&error) => {
                return Err(ChangeError::InUse { id: id.to_owned(), connections: 1 });
            }
            done => done?,
        },
        _ if force => store::turn_off(&mut tx, id).await?,
        connections => return Err(ChangeError::InUse { id: id.to_owned(), connections }),
    }
    tx.commit().await?;
    Ok(())
}

fn vouched(sha256: &str, voucher: Voucher<'_>) -> Result<(), AddError> {
    match voucher {
        Voucher::Signature(signature, keys) => Ok(signature.verify(sha256, keys)?),
        Voucher::Digest(given) if given.eq_ignore_ascii_case(sha256) => Ok(()),
        Voucher::Digest(_) => Err(AddError::Digest { found: sha256.to_owned() }),
    }
}

/// Keeps a component and decides whether it is used; nothing if somebody else changed the provider meanwhile.
async fn add(tx: &mut Tx, (bytes, plugin, asks): (&[u8], &Plugin, &Asks), accept: bool) -> sqlx::Result<Option<Added>> {
    let (id, sha256, version) = (asks.id.clone(), &*plugin.inspection().sha256, &*plugin.description().version);
    let (text, now) = (db::to_json(asks)?, tx.now().await?);
    let new = store::NewComponent { sha256, provider_id: &id, version, asks: &text, bytes };
    store::insert_component(tx, new, now).await?;
    store::insert_provider(tx, &id, &asks.name).await?;
    let row = store::provider(tx, &id).await?.ok_or(sqlx::Error::RowNotFound)?;
    if row.active_sha256.as_deref() == Some(sha256) && row.waiting_sha256.is_none() {
        return Ok(Some(Added::Same { id }));
    }
    let granted = readable(row.granted.as_deref());
    let difference = difference(granted.as_ref(), asks);
    let (change, added) = if granted.is_some() && !needs_acceptance(&difference) {
        let (active_sha256, granted) = (Some(sha256), row.granted.as_deref());
        let change = store::Change { name: &row.name, active_sha256, waiting_sha256: None, granted, granted_at: None };
        (change, Added::Active { id: id.clone() })
    } else if accept {
        let (active_sha256, granted) = (Some(sha256), Some(&*text));
        let change =
            store::Change { name: &asks.name, active_sha256, waiting_sha256: None, granted, granted_at: Some(now) };
        (change, Added::Active { id: id.clone() })
    } else {
        let (active_sha256, granted) = (row.active_sha256.as_deref(), row.granted.as_deref());
        let waiting_sha256 = Some(sha256);
        let change = store::Change { name: &row.name, active_sha256, waiting_sha256, granted, granted_at: None };
        let waiting = Waiting { id: id.clone(), sha256: sha256.to_owned(), version: version.to_owned(), difference };
        (change, Added::Waiting(waiting))
    };
    Ok(store::change(tx, &id, row.revision, change).await?.then_some(added))
}

/// A kept grant; one that cannot be read is none, so that everything is shown and must be accepted.
fn readable(text: Option<&str>) -> Option<Asks> {
    text.and_then(|text| serde_json::from_str(text).ok())
}

async fn version(tx: &mut Tx, sha256: Option<String>) -> sqlx::Result<Option<Version>> {
    let Some(sha256) = sha256 else { return Ok(None) };
    Ok(store::component(tx, &sha256).await?.map(|component| Version { version: component.version, sha256 }))
}
