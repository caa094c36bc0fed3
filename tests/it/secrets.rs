//! Secrets at rest: what is sealed opens in its row and nowhere else, and keys change while it stays.

use crate::registry::{connect, organisation, person};
use anyhow::{Context, ensure};
use chronus_host::{
    app::SEALED_TABLES,
    clock::Clock,
    connections::store::SEALED,
    db::Db,
    ids::{ConnectionId, OrganisationId},
    plugins::{
        admission::inspect,
        egress::EgressPolicy,
        registry::{Provenance, Registry},
    },
    secrets::{
        Keyring, KeyringError, OpenError, Place,
        rotation::{self, Batch, RotationReport},
    },
};
use chronus_tests::{
    OPERATOR,
    database::{Database, Engine},
};
use jiff::SignedDuration;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};
use tempfile::TempDir;

/// Columns of bytes that hold no sealed value: digests, components and notes of providers.
const PLAIN_BYTES: &[&str] =
    &["components.bytes", "connections.memo", "sessions.hash", "sign_in_links.hash", "tokens.hash"];

/// A sealed value that rotation leaves out, because it lives for minutes.
const SHORT_LIVED: &str = "authorizations.sealed";

/// A database with two organisations of three connections each, whose credentials are sealed, and the key file.
struct SealedDatabase {
    database: Database,
    db: Db,
    keys: PathBuf,
    connections: Vec<(OrganisationId, ConnectionId)>,
    _folder: TempDir,
}

impl SealedDatabase {
    async fn new() -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let keys = folder.path().join("chronus.keys");
        let keyring = Keyring::generate_at(&keys)?;
        let database = Database::fresh().await?;
        let clock = Clock::at("2026-03-29T00:00:00Z".parse()?);
        let db = database.open(&clock).await?;
        let registry = Registry::new(db.clone(), Arc::new(chronus_tests::harness::sandbox(EgressPolicy::default())?));
        let bytes = crate::registry::asking("asking", "1.0.0", &[]).await?;
        registry.add(&OPERATOR, &bytes, Provenance::Digest(&inspect(&bytes)?.sha256), true).await?;
        let mut connections = Vec::new();
        for name in ["One", "Two"] {
            let first = organisation(&db, name).await?;
            let others =
                [person(&db, first.0, "ben@example.org").await?, person(&db, first.0, "cat@example.org").await?];
            for person in [first.1, others[0], others[1]] {
                clock.advance(SignedDuration::from_secs(1));
                let id = ConnectionId::new(clock.now());
                let secret = [("password".to_owned(), SecretString::from(password(connections.len())))];
                let sealed = keyring.seal_map(&SEALED.place(first.0, id), &secret.into());
                connect(&database, (first.0, person), "asking", &id, &sealed.bytes, &sealed.key).await?;
                connections.push((first.0, id));
            }
        }
        Ok(Self { database, db, keys, connections, _folder: folder })
    }

    /// As a host that has just started.
    fn keyring(&self) -> anyhow::Result<Keyring> {
        Ok(Keyring::read(&self.keys)?)
    }

    /// What is kept: id, sealed value and key.
    async fn rows(&self) -> anyhow::Result<Vec<(String, Vec<u8>, String)>> {
        const SELECT: &str = "select id, sealed, sealed_by from connections order by id";
        Ok(if Engine::of_this_run()? == Engine::Sqlite {
            let mut connection = SqliteConnection::connect(&self.database.address()).await?;
            sqlx::query_as(SELECT).fetch_all(&mut connection).await?
        } else {
            let mut connection = PgConnection::connect(&self.database.address()).await?;
            sqlx::query_as(SELECT).fetch_all(&mut connection).await?
        })
    }

    /// Every credential opens and is the one that was sealed.
    async fn all_open(&self) -> anyhow::Result<()> {
        let keyring = self.keyring()?;
        for (number, (_, bytes, key)) in self.rows().await?.iter().enumerate() {
            let (organisation, id) = self.connections[number];
            let secrets = keyring.open_map(&SEALED.place(organisation, id), bytes)?;
            let secret = secrets.get("password").context("the password is there")?;
            ensure!(secret.expose_secret() == password(number) && *key == keyring.primary(), "connection {number}");
        }
        Ok(())
    }

    /// Adds a key and seals with it from now on.
    fn new_key(&self) -> Result<String, KeyringError> {
        let id = Keyring::add(&self.keys)?;
        Keyring::use_key(&self.keys, &id)?;
        Ok(id)
    }

    /// Takes all keys but the first out of the file.
    fn drop_old_keys(&self) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(&self.keys)?;
        // The file keeps its owner's mode.
        Ok(std::fs::write(&self.keys, text.lines().next().context("there is a key")?)?)
    }
}

fn password(number: usize) -> String {
    format!("hunter2{number} \"secret\"")
}

#[tokio::test]
async fn a_sealed_value_opens_in_no_other_row_organisation_or_column() -> anyhow::Result<()> {
    let sealed = SealedDatabase::new().await?;
    sealed.all_open().await?;
    let keyring = sealed.keyring()?;
    let rows = sealed.rows().await?;
    for (number, (_, bytes, _)) in rows.iter().enumerate() {
        ensure!(!bytes.windows(7).any(|part| part == b"hunter2"), "the password is to be read");
        let (organisation, id) = sealed.connections[number];
        let others = sealed.connections.iter().filter(|other| **other != (organisation, id));
        let rows = others.clone().map(|other| SEALED.place(other.0, other.1));
        let half = others
            .map(|other| SEALED.place(other.0, id))
            .filter(|place| place.organisation != organisation.to_string());
        let text = (organisation.to_string(), id.to_string());
        let columns =
            ["sealed_by", "memo", "account"].map(|column| Place::new(&*text.0, "connections", &*text.1, column));
        let tables = ["people", "tokens"].map(|table| Place::new(&*text.0, table, &*text.1, "sealed"));
        let mut tried = 0;
        for elsewhere in rows.chain(half).chain(columns).chain(tables) {
            tried += 1;
            assert_eq!(keyring.open_map(&elsewhere, bytes).unwrap_err(), OpenError::Wrong, "{elsewhere:?}");
            let rewrapped = sealed.new_key().and_then(|_| Keyring::read(&sealed.keys))?;
            assert_eq!(rewrapped.rewrap(&elsewhere, bytes).unwrap_err(), OpenError::Wrong, "{elsewhere:?}");
        }
        assert_eq!(tried, 5 + 3 + 3 + 2);
    }
    Ok(())
}

#[tokio::test]
async fn a_rotation_that_was_stopped_goes_on_and_the_old_key_can_go() -> anyhow::Result<()> {
    let sealed = SealedDatabase::new().await?;
    let before = sealed.rows().await?;
    // A host that started before the new key came.
    let running = sealed.keyring()?;
    let new = sealed.new_key()?;
    let (mut rotated, keyring) = (RotationReport::default(), sealed.keyring()?);
    rotation::rotate_batch(&sealed.db, &OPERATOR, &keyring, &SEALED, Batch { after: "", limit: 2 }, &mut rotated)
        .await?
        .context("there was something to do")?;
    assert_eq!(rotated.rewrapped, 2);
    let by_new = |rows: &[(String, Vec<u8>, String)]| rows.iter().filter(|(.., key)| *key == new).count();
    let half = sealed.rows().await?;
    assert_eq!(by_new(&half), 2);
    // Here it was stopped; the host that runs opens both kinds.
    for (number, (_, bytes, _)) in half.iter().enumerate() {
        let (organisation, id) = sealed.connections[number];
        running.open_map(&SEALED.place(organisation, id), bytes)?;
    }
    let rotated = rotation::rotate(&sealed.db, &OPERATOR, &sealed.keyring()?, &SEALED_TABLES).await?;
    assert_eq!(rotated, RotationReport { rewrapped: 4, ..RotationReport::default() });
    assert_eq!(
        rotation::rotate(&sealed.db, &OPERATOR, &sealed.keyring()?, &SEALED_TABLES).await?,
        RotationReport::default()
    );
    let after = sealed.rows().await?;
    assert_eq!(by_new(&after), 6);
    assert!(before.iter().zip(&after).all(|(old, new)| old.1 != new.1));
    sealed.drop_old_keys()?;
    sealed.all_open().await
}

#[tokio::test]
async fn what_does_not_open_is_told_and_stops_nothing() -> anyhow::Result<()> {
    let sealed = SealedDatabase::new().await?;
    // One value stands in another's row, one names a key that is not there any more.
    sealed
        .database
        .run(
            "update connections set sealed = (select sealed from connections order by id limit 1) \
             where id = (select max(id) from connections)",
        )
        .await?;
    sealed.new_key()?;
    let rotated = rotation::rotate(&sealed.db, &OPERATOR, &sealed.keyring()?, &SEALED_TABLES).await?;
    assert_eq!((rotated.rewrapped, rotated.left, rotated.failed.len()), (5, 1, 1));
    assert_eq!(rotated.failed[0].id, sealed.connections[5].1.to_string());
    assert!(rotated.failed[0].error.contains("another row"), "{:?}", rotated.failed);
    sealed.drop_old_keys()?;
    sealed.new_key()?;
    let rotated = rotation::rotate(&sealed.db, &OPERATOR, &sealed.keyring()?, &SEALED_TABLES).await?;
    assert_eq!((rotated.rewrapped, rotated.left), (5, 1));
    assert!(rotated.failed[0].error.contains("not in the key file"), "{:?}", rotated.failed);
    Ok(())
}

/// A credential that a host renews between reading and writing is left as the host wrote it.
#[tokio::test]
async fn what_was_renewed_meanwhile_is_not_undone() -> anyhow::Result<()> {
    let sealed = SealedDatabase::new().await?;
    sealed.new_key()?;
    let keyring = Arc::new(sealed.keyring()?);
    let [rotated, others] = [(), ()].map(|()| {
        let (db, keyring) = (sealed.db.clone(), keyring.clone());
        tokio::spawn(async move { rotation::rotate(&db, &OPERATOR, &keyring, &SEALED_TABLES).await })
    });
    let (rotated, others) = (rotated.await??, others.await??);
    assert_eq!(rotated.rewrapped + others.rewrapped, 6);
    assert_eq!((rotated.left, others.left), (0, 0));
    let secrets: BTreeMap<_, _> = [("password".to_owned(), SecretString::from(password(0)))].into();
    ensure!(
        keyring.seal_map(&SEALED.place(sealed.connections[0].0, sealed.connections[0].1), &secrets).key
            == keyring.primary()
    );
    sealed.all_open().await
}

#[tokio::test]
async fn every_column_with_sealed_values_is_rotated() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    database.open(&Clock::System).await?.close().await;
    let columns = crate::stored::columns(&database).await?;
    let columns: Vec<_> = columns.iter().map(|(table, column, kind)| [&**table, &**column, &**kind]).collect();
    let tables = SEALED_TABLES.map(|table| table.name);
    assert_eq!(rotation_gaps(&columns, &tables), Vec::<String>::new());
    Ok(())
}

#[test]
fn a_column_that_rotation_leaves_out_is_found() {
    let schema = || {
        let sealed = ["connections", "revocations"]
            .map(|table| [[table, "sealed", "bytea"], [table, "sealed_by", "text"]])
            .concat();
        let plain = [["tokens", "hash", "bytea"], ["authorizations", "sealed", "bytea"], ["people", "name", "text"]];
        [sealed, plain.to_vec()].concat()
    };
    let with = |column| [schema(), vec![column]].concat();
    let without = |column: &str| schema().into_iter().filter(|[_, name, _]| *name != column).collect::<Vec<_>>();
    let tables = ["connections", "revocations"];
    assert_eq!(rotation_gaps(&schema(), &tables), Vec::<String>::new());
    // A table is missing in the list: its value, and the id of its key.
    assert_eq!(rotation_gaps(&schema(), &tables[..1]).len(), 2);
    assert_eq!(rotation_gaps(&with(["rooms", "sealed", "bytea"]), &tables), ["rooms.sealed is not rotated"]);
    assert_eq!(rotation_gaps(&with(["rooms", "secret", "bytea"]), &tables), ["rooms.secret is not rotated"]);
    assert_eq!(rotation_gaps(&with(["rooms", "sealed_by", "text"]), &tables), ["rooms.sealed_by is not rotated"]);
    // A second value in a table whose first one is rotated.
    assert_eq!(rotation_gaps(&with(["connections", "key", "bytea"]), &tables), ["connections.key is not rotated"]);
    // A table of the list without the columns that rotation reads.
    assert_eq!(rotation_gaps(&without("sealed_by"), &tables).len(), 2);
    assert_eq!(rotation_gaps(&schema(), &["connections", "revocations", "rooms"]).len(), 2);
    assert_eq!(rotation_gaps(&schema(), &["connections", "revocations", "revocations"]).len(), 1);
}

/// Compares the columns of a database (table, name, type) with the tables that rotation knows. A column of bytes counts as
/// sealed unless it is listed as plain.
fn rotation_gaps(columns: &[[&str; 3]], tables: &[&str]) -> Vec<String> {
    let rotated: BTreeSet<_> = tables.iter().copied().collect();
    let mut gaps = Vec::new();
    if rotated.len() < tables.len() {
        gaps.push("a table is rotated twice".to_owned());
    }
    for [table, column, kind] in columns {
        let name = format!("{table}.{column}");
        let is_sealed = (*kind == "bytea" && !PLAIN_BYTES.contains(&&*name)) || column.starts_with("sealed");
        let is_rotated = rotated.contains(table) && matches!(*column, "sealed" | "sealed_by");
        if is_sealed && !is_rotated && name != SHORT_LIVED {
            gaps.push(format!("{name} is not rotated"));
        }
    }
    for table in rotated {
        for needed in [[table, "sealed", "bytea"], [table, "sealed_by", "text"]] {
            if !columns.contains(&needed) {
                gaps.push(format!("{table} has no column {} of type {}", needed[1], needed[2]));
            }
        }
    }
    gaps
}
