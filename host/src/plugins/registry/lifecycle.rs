//! Changing the providers of this deployment: add, accept, list, remove.
//!
//! Problem: two operators may change a provider at the same time. Decision: each change is one transaction that ends with an
//! update guarded by the revision of the row, and is tried again if the revision has changed. A component is admitted, and so
//! run, before the transaction begins. Rejected: a lock, which a crashed process would keep.

use super::{
    AddError, AddOutcome, ChangeError, DifferenceLine, GrantError, IssuingEndpoint, PendingVersion, Provenance,
    Provider, ProviderGrant, ProviderStamp, ProviderState, ProviderSummary, Registry, RegistryError, RequestedGrant,
    VersionSummary, difference,
    moves::{self, CredentialMoves},
    needs_acceptance, step_back, store,
};
use crate::{
    audit::{self, Act, Author, Entry, Subject, Values},
    db::{self, Db, Tx},
    plugins::{Plugin, admission::inspect},
};

/// How often a change is tried when others change the same provider.
const MAX_ATTEMPTS: usize = 5;

/// An admitted component that is not stored yet, or waits.
pub struct NewVersion {
    bytes: Vec<u8>,
    plugin: Plugin,
    request: RequestedGrant,
}

impl NewVersion {
    /// The id of the provider.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.request.id
    }

    /// The provider as it is called once everything that the version requests is granted.
    ///
    /// # Errors
    /// If the request cannot be granted.
    pub fn provider(&self) -> Result<Provider, GrantError> {
        let granted = ProviderGrant::new(self.request.clone())?.into();
        Ok(Provider { id: self.request.id.clone(), plugin: self.plugin.clone(), granted })
    }
}

impl Registry {
    /// Adds a component: a new provider, or another version of one. With `accept`, everything that it requests is granted.
    ///
    /// # Errors
    /// If its provenance is not accepted, or it cannot be a provider on this host.
    pub async fn add(
        &self,
        by: &Author,
        bytes: &[u8],
        provenance: Provenance<'_>,
        accept: bool,
    ) -> Result<AddOutcome, AddError> {
        let new = self.admit(bytes, provenance).await?;
        self.store(by, new, accept).await
    }

    /// Checks a component, and stores nothing.
    ///
    /// # Errors
    /// If its provenance is not accepted, or it cannot be a provider on this host.
    pub async fn admit(&self, bytes: &[u8], provenance: Provenance<'_>) -> Result<NewVersion, AddError> {
        check_provenance(&inspect(bytes)?.sha256, provenance)?;
        let plugin = self.sandbox.admit(bytes).await?;
        let request = RequestedGrant::from_plugin(&plugin);
        // A component whose request cannot be granted is not stored.
        ProviderGrant::new(request.clone())?;
        Ok(NewVersion { bytes: bytes.to_owned(), plugin, request })
    }

    /// The component that waits to be accepted, loaded.
    ///
    /// # Errors
    /// If it does not load.
    pub async fn load_waiting(&self, waiting: &PendingVersion) -> Result<NewVersion, RegistryError> {
        let plugin = self.compile(&waiting.sha256).await;
        let plugin = plugin.map_err(|error| RegistryError::Load(waiting.id.clone(), error))?;
        let request = RequestedGrant::from_plugin(&plugin);
        Ok(NewVersion { bytes: Vec::new(), plugin, request })
    }

    /// Whether the version would be used at once, without anybody's consent.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn needs_no_consent(&self, new: &NewVersion) -> sqlx::Result<bool> {
        self.db
            .read(async |tx| {
                let Some(row) = store::provider(tx, &new.request.id).await? else { return Ok(false) };
                let lines = lines(tx, &row, &new.request, &new.plugin.description().version).await?;
                Ok(row.accepted_grant.is_some() && !needs_acceptance(&lines))
            })
            .await
    }

    /// Stores an admitted component, and uses it if that needs no consent, or if everything is accepted.
    ///
    /// # Errors
    /// If the database fails, or if others keep changing the provider.
    pub async fn store(&self, by: &Author, new: NewVersion, accept: bool) -> Result<AddOutcome, AddError> {
        let NewVersion { bytes, plugin, request } = new;
        let candidate = Candidate { bytes: &bytes, plugin: &plugin, request: &request };
        for _ in 0..MAX_ATTEMPTS {
            let mut tx = self.db.begin().await?;
            if let Some(added) = add(&mut tx, by, candidate, accept).await? {
                tx.commit().await?;
                if let AddOutcome::Active { id } = &added.outcome {
                    self.plugins.insert(id, &added.generation, plugin);
                }
                return Ok(added.outcome);
            }
        }
        Err(AddError::Contended(request.id))
    }
}

/// The version of a provider that waits to be accepted.
///
/// # Errors
/// If there is no such provider, or no version waits.
pub async fn waiting(db: &Db, id: &str) -> Result<PendingVersion, ChangeError> {
    let mut tx = db.begin_read().await?;
    let row = store::provider(&mut tx, id).await?.ok_or_else(|| ChangeError::Unknown(id.to_owned()))?;
    let sha256 = row.waiting_sha256.clone().ok_or_else(|| ChangeError::NotWaiting(id.to_owned()))?;
    let component = store::component(&mut tx, &sha256).await?.ok_or(sqlx::Error::RowNotFound)?;
    let request: RequestedGrant = db::from_json(&component.requested_grant)?;
    let mut difference = lines(&mut tx, &row, &request, &component.version).await?;
    difference.extend(credential_moves(&mut tx, &row, &request).await?.lines());
    Ok(PendingVersion { id: row.id, sha256, version: component.version, difference })
}

/// Grants what the waiting component requests, and uses it from now on. The digest is the one that [`waiting`] returned, so
/// that an operator accepts only what was shown.
///
/// # Errors
/// If there is no such provider, or no component with this digest waits.
pub async fn accept(db: &Db, by: &Author, id: &str, sha256: &str) -> Result<(), ChangeError> {
    let mut tx = db.begin().await?;
    accept_in(&mut tx, by, id, sha256).await?;
    Ok(tx.commit().await?)
}

/// Like [`accept`], in the caller's transaction, which also moves the stored credentials to the endpoints that are granted
/// now.
///
/// # Errors
/// If there is no such provider, or no component with this digest waits.
pub async fn accept_in(tx: &mut Tx, by: &Author, id: &str, sha256: &str) -> Result<(), ChangeError> {
    let row = store::provider(tx, id).await?.ok_or_else(|| ChangeError::Unknown(id.to_owned()))?;
    let not_waiting = || ChangeError::NotWaiting(id.to_owned());
    if row.waiting_sha256.as_deref() != Some(sha256) {
        return Err(not_waiting());
    }
    let component = store::component(tx, sha256).await?.ok_or(sqlx::Error::RowNotFound)?;
    let request: RequestedGrant = db::from_json(&component.requested_grant)?;
    let change = store::ProviderUpdate {
        name: &request.name,
        active_sha256: Some(sha256),
        waiting_sha256: None,
        accepted_grant: Some(&component.requested_grant),
        accepted_at: Some(tx.now().await?),
    };
    let version_change = VersionChange::of(tx, &row, &change).await?;
    if !store::change(tx, &row, change).await? {
        return Err(not_waiting());
    }
    // After the change, which locks the provider: a connection that is stored now waits for the lock and is then refused.
    let moves = credential_moves(tx, &row, &request).await?;
    moves.apply(tx, by, id).await?;
    audit::record(tx, version_change.entry(by, Act::GrantAccepted, id, &moves)).await?;
    Ok(())
}

/// Whether the accepted grant of a provider has this sign-in, and if an endpoint is given, with this token endpoint. No other
/// grant is accepted until the transaction ends. A credential is stored only if this holds: one that was made while an
/// operator accepted another grant is not among those that were moved.
///
/// # Errors
/// If the database fails.
pub async fn has_endpoint(
    tx: &mut Tx,
    id: &str,
    sign_in: &str,
    endpoint: Option<IssuingEndpoint<'_>>,
) -> sqlx::Result<bool> {
    let granted = stored_grant(store::locked_grant(tx, id).await?.as_deref());
    Ok(granted.is_some_and(|granted| moves::has_endpoint(&granted, sign_in, endpoint)))
}

/// The token endpoint that a token of an earlier grant is bound to now: that of its place in the present grant, as if the token
/// had been stored when the grant was accepted. An endpoint without an heir stays, and is not granted.
///
/// # Errors
/// If the database fails.
pub async fn present_endpoint(
    tx: &mut Tx,
    issued_by: &RequestedGrant,
    sign_in: &str,
    endpoint: IssuingEndpoint<'_>,
) -> sqlx::Result<String> {
    let granted = stored_grant(store::locked_grant(tx, &issued_by.id).await?.as_deref());
    let heir = granted.and_then(|granted| moves::heir(issued_by, &granted, sign_in, endpoint));
    Ok(heir.unwrap_or_else(|| endpoint.url.to_owned()))
}

/// What is granted to a provider. `None` if there is no such provider, or no version was accepted.
///
/// # Errors
/// If the database fails.
pub async fn granted(db: &Db, id: &str) -> sqlx::Result<Option<RequestedGrant>> {
    let row = db.read(async |tx| store::provider(tx, id).await).await?;
    Ok(row.and_then(|row| stored_grant(row.accepted_grant.as_deref())))
}

/// The providers that can be called, by id, each with the state of its row, which changes whenever the provider does.
///
/// # Errors
/// If the database fails.
pub async fn in_use(db: &Db) -> sqlx::Result<Vec<(String, ProviderStamp)>> {
    let rows = db.read(async |tx| store::providers(tx).await).await?;
    let active = rows.into_iter().filter(|row| row.active_sha256.is_some());
    Ok(active.map(|row| (row.id.clone(), row.stamp())).collect())
}

/// The number of connections and service accounts that use a provider.
///
/// # Errors
/// If the database fails.
pub async fn connections(db: &Db, id: &str) -> sqlx::Result<i64> {
    db.read(async |tx| store::connections(tx, id).await).await
}

/// All providers, by id.
///
/// # Errors
/// If the database fails.
pub async fn list(db: &Db) -> sqlx::Result<Vec<ProviderSummary>> {
    db.read(async |tx| {
        let mut listed = Vec::new();
        for row in store::providers(tx).await? {
            let active = version(tx, row.active_sha256).await?;
            let waiting = version(tx, row.waiting_sha256).await?;
            let state = match (&active, &waiting) {
                (Some(_), _) => ProviderState::Active,
                (None, Some(_)) => ProviderState::Waiting,
                (None, None) => ProviderState::Off,
            };
            let connections = store::connections(tx, &row.id).await?;
            listed.push(ProviderSummary { id: row.id, name: row.name, state, active, waiting, connections });
        }
        Ok(listed)
    })
    .await
}

/// Removes a provider. With `force` also if connections use it; they fail until the provider is added again.
///
/// # Errors
/// If there is no such provider, or connections use it and `force` is not set.
pub async fn remove(db: &Db, by: &Author, id: &str, force: bool) -> Result<(), ChangeError> {
    let mut tx = db.begin().await?;
    let row = store::provider(&mut tx, id).await?.ok_or_else(|| ChangeError::Unknown(id.to_owned()))?;
    let before = versions(&mut tx, row.active_sha256.as_deref(), row.waiting_sha256.as_deref()).await?;
    let connections = store::connections(&mut tx, id).await?;
    match connections {
        0 => match store::delete_provider(&mut tx, id).await {
            // A connection was made after the count.
            Err(error) if db::is_missing(&error) => {
                return Err(ChangeError::InUse { id: id.to_owned(), connections: 1 });
            }
            done => done?,
        },
        _ if force => store::turn_off(&mut tx, id).await?,
        connections => return Err(ChangeError::InUse { id: id.to_owned(), connections }),
    }
    let entry = Entry::new(by, Act::PluginRemoved, Subject::provider(id));
    audit::record(&mut tx, entry.before(before).after(Values::new().forced(connections > 0))).await?;
    tx.commit().await?;
    Ok(())
}

fn check_provenance(sha256: &str, provenance: Provenance<'_>) -> Result<(), AddError> {
    match provenance {
        Provenance::Signature(signature, keys) => Ok(signature.verify(sha256, keys)?),
        Provenance::Digest(given) if given.eq_ignore_ascii_case(sha256) => Ok(()),
        Provenance::Digest(_) => Err(AddError::Digest { found: sha256.to_owned() }),
    }
}

/// An admitted component that is to be added.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    bytes: &'a [u8],
    plugin: &'a Plugin,
    request: &'a RequestedGrant,
}

/// What became of a component, and the generation of its provider.
struct StoredComponent {
    outcome: AddOutcome,
    generation: String,
}

/// Stores a component and decides whether it is used. `None` if another operator changed the provider meanwhile.
async fn add(
    tx: &mut Tx,
    by: &Author,
    candidate: Candidate<'_>,
    accept: bool,
) -> sqlx::Result<Option<StoredComponent>> {
    let Candidate { bytes, plugin, request } = candidate;
    let (id, sha256, version) = (request.id.clone(), &*plugin.inspection().sha256, &*plugin.description().version);
    let (text, now) = (db::to_json(request)?, tx.now().await?);
    let new = store::NewComponent { sha256, provider_id: &id, version, requested_grant: &text, bytes };
    store::insert_component(tx, new, now).await?;
    store::insert_provider(tx, &id, &request.name).await?;
    let row = store::provider(tx, &id).await?.ok_or(sqlx::Error::RowNotFound)?;
    if row.active_sha256.as_deref() == Some(sha256) && row.waiting_sha256.is_none() {
        return Ok(Some(StoredComponent { outcome: AddOutcome::Same { id }, generation: row.generation }));
    }
    let granted = stored_grant(row.accepted_grant.as_deref());
    let mut difference = lines(tx, &row, request, version).await?;
    let (change, outcome, is_accepted) = if granted.is_some() && !needs_acceptance(&difference) {
        let (active_sha256, accepted_grant) = (Some(sha256), row.accepted_grant.as_deref());
        let change = store::ProviderUpdate {
            name: &row.name,
            active_sha256,
            waiting_sha256: None,
            accepted_grant,
            accepted_at: None,
        };
        (change, AddOutcome::Active { id: id.clone() }, false)
    } else if accept {
        let (active_sha256, accepted_grant) = (Some(sha256), Some(&*text));
        let change = store::ProviderUpdate {
            name: &request.name,
            active_sha256,
            waiting_sha256: None,
            accepted_grant,
            accepted_at: Some(now),
        };
        (change, AddOutcome::Active { id: id.clone() }, true)
    } else {
        let (active_sha256, accepted_grant) = (row.active_sha256.as_deref(), row.accepted_grant.as_deref());
        let waiting_sha256 = Some(sha256);
        difference.extend(credential_moves(tx, &row, request).await?.lines());
        let change =
            store::ProviderUpdate { name: &row.name, active_sha256, waiting_sha256, accepted_grant, accepted_at: None };
        let waiting =
            PendingVersion { id: id.clone(), sha256: sha256.to_owned(), version: version.to_owned(), difference };
        (change, AddOutcome::Waiting(waiting), false)
    };
    let version_change = VersionChange::of(tx, &row, &change).await?;
    if !store::change(tx, &row, change).await? {
        return Ok(None);
    }
    let moves = if is_accepted { credential_moves(tx, &row, request).await? } else { CredentialMoves::default() };
    moves.apply(tx, by, &row.id).await?;
    audit::record(tx, version_change.entry(by, Act::PluginAdded, &row.id, &moves)).await?;
    Ok(Some(StoredComponent { outcome, generation: row.generation }))
}

/// The versions of a provider before and after a change. Its grant is that of the versions, which their digests name.
struct VersionChange {
    before: Values,
    after: Values,
}

impl VersionChange {
    async fn of(tx: &mut Tx, row: &store::ProviderRow, change: &store::ProviderUpdate<'_>) -> sqlx::Result<Self> {
        let before = versions(tx, row.active_sha256.as_deref(), row.waiting_sha256.as_deref()).await?;
        let after = versions(tx, change.active_sha256, change.waiting_sha256).await?;
        Ok(Self { before, after })
    }

    fn entry<'a>(self, by: &'a Author, act: Act, id: &str, moves: &CredentialMoves) -> Entry<'a> {
        Entry::new(by, act, Subject::provider(id)).before(self.before).after(moves.values(self.after))
    }
}

/// What becomes of the stored credentials if this request is granted.
async fn credential_moves(
    tx: &mut Tx,
    row: &store::ProviderRow,
    request: &RequestedGrant,
) -> sqlx::Result<CredentialMoves> {
    moves::plan(tx, &row.id, stored_grant(row.accepted_grant.as_deref()).as_ref(), request).await
}

/// What is in use and what waits.
async fn versions(tx: &mut Tx, active: Option<&str>, waiting: Option<&str>) -> sqlx::Result<Values> {
    let component = match active {
        Some(sha256) => store::component(tx, sha256).await?,
        None => None,
    };
    let version = component.as_ref().map(|component| &*component.version);
    let values = Values::new().optional(version, Values::version).optional(active, Values::sha256);
    Ok(values.optional(waiting, Values::waiting_sha256))
}

/// How a version differs from the grant, and from the version in use.
async fn lines(
    tx: &mut Tx,
    row: &store::ProviderRow,
    request: &RequestedGrant,
    version: &str,
) -> sqlx::Result<Vec<DifferenceLine>> {
    let present = match &row.active_sha256 {
        Some(sha256) => store::component(tx, sha256).await?,
        None => None,
    };
    let mut lines: Vec<_> = present.and_then(|present| step_back(&present.version, version)).into_iter().collect();
    lines.extend(difference(stored_grant(row.accepted_grant.as_deref()).as_ref(), request));
    Ok(lines)
}

/// Parses a stored grant. A grant that cannot be read counts as missing, so everything is shown and must be accepted.
fn stored_grant(text: Option<&str>) -> Option<RequestedGrant> {
    text.and_then(|text| serde_json::from_str(text).ok())
}

async fn version(tx: &mut Tx, sha256: Option<String>) -> sqlx::Result<Option<VersionSummary>> {
    let Some(sha256) = sha256 else { return Ok(None) };
    Ok(store::component(tx, &sha256).await?.map(|component| VersionSummary { version: component.version, sha256 }))
}
