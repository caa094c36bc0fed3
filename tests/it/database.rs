//! Both databases are one to the host: the same tables, made by the first host that starts, and one rule about calling out.

use chronus_host::{
    clock::Clock,
    plugins::{Access, Budget, CallError, CallTarget, egress::Credential, egress::EgressGrant, egress::EgressPolicy},
};
use chronus_tests::harness;
use chronus_tests::{
    components,
    database::{Database, Engine},
    peers::{self, Peer},
};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

#[tokio::test]
async fn hosts_that_start_together_bring_one_database_up_to_date() -> anyhow::Result<()> {
    for _ in 0..4 {
        let database = Database::fresh().await?;
        let open = || database.open(&Clock::System);
        let hosts = tokio::try_join!(open(), open(), open(), open())?;
        for db in [hosts.0, hosts.1, hosts.2, hosts.3] {
            db.begin().await?.commit().await?;
            db.close().await;
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_clock_of_the_database_is_that_of_a_test_or_a_real_one() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let clock = Clock::at("2026-03-29T00:59:59Z".parse()?);
    let mut tx = database.open(&clock).await?.begin().await?;
    assert_eq!(tx.now().await?, clock.now().as_microsecond());
    drop(tx);
    let mut tx = database.open(&Clock::System).await?.begin().await?;
    let behind = Clock::System.now().as_microsecond() - tx.now().await?;
    assert!(behind.abs() < 60_000_000, "the database is {behind} µs behind this machine, on which it is");
    Ok(())
}

/// A call made while this task has a transaction open, and one after it.
#[tokio::test]
async fn no_provider_is_called_inside_a_transaction() -> anyhow::Result<()> {
    let built = tokio::task::spawn_blocking(components).await??.guest("hostile")?;
    let plugin = harness::sandbox(EgressPolicy::default())?.admit(&std::fs::read(&built.path)?).await?;
    let fields = vec![("act".into(), "nothing".into())];
    let connection = CallTarget { zone: "UTC".into(), sign_in: "none".into(), fields, ..CallTarget::default() };
    let access =
        Access::new("organisation", connection, Credential::None, EgressGrant::default(), Budget::default()).unwrap();

    let database = Database::fresh().await?;
    let db = database.open(&Clock::System).await?;
    for tx in [db.begin().await?, db.begin_read().await?] {
        let error = plugin.open(&access).await.unwrap_err();
        assert!(matches!(&error, CallError::Host(why) if why.contains("transaction")), "{error}");
        drop(tx);
    }
    plugin.open(&access).await?;
    Ok(())
}

/// Runs itself in a process of its own, which is killed. Its standard error is also that of the script that runs the
/// server: it ends when both have.
#[tokio::test]
async fn no_server_outlives_the_process_that_started_it() -> anyhow::Result<()> {
    const ALONE: &str = "CHRONUS_TEST_ALONE";
    if peers::left_out(&[Peer::Postgres])? {
        return Ok(());
    }
    if std::env::var_os(ALONE).is_some() {
        eprintln!("{}", Database::on(Engine::Postgres).await?.address());
        return std::future::pending().await;
    }
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--exact", "database::no_server_outlives_the_process_that_started_it", "--nocapture"])
        .env(ALONE, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = said.find_map(|line| line.ok().filter(|line| line.starts_with("postgres://"))).unwrap();
    let (_, folder) = address.split_once("?host=").unwrap();
    assert!(Path::new(folder).join("data/postmaster.pid").exists(), "{folder}");
    child.kill()?;
    child.wait()?;
    assert_eq!(said.count(), 0);
    assert!(!Path::new(folder).exists(), "{folder} is left");
    Ok(())
}

/// A column: its table, its name, its type, and whether it may be empty.
type Column = (String, String, String, bool);
/// An index: its table, its name, its columns in order, whether it is unique, and whether it leaves rows out.
type Index = (String, String, String, bool, bool);

#[tokio::test]
async fn tables_and_indexes_are_the_same_on_both() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Postgres])? {
        return Ok(());
    }
    let file = Database::on(Engine::Sqlite).await?;
    file.open(&Clock::System).await?.close().await;
    let mut sqlite = SqliteConnection::connect(&file.address()).await?;
    let columns: BTreeSet<Column> = sqlx::query_as(
        "select t.name, c.name, lower(c.type), c.\"notnull\" = 0 and c.pk = 0 from pragma_table_list t
         join pragma_table_info(t.name) c where t.schema = 'main' and t.name not like '\\_%' escape '\\'
         and t.name not like 'sqlite\\_%' escape '\\'",
    )
    .fetch_all(&mut sqlite)
    .await?
    .into_iter()
    .collect();
    let indexes: BTreeSet<Index> = sqlx::query_as(
        "select t.name, i.name, (select group_concat(name, ',') from (
             select c.name from pragma_index_info(i.name) c order by c.seqno)), i.\"unique\", i.partial
         from pragma_table_list t join pragma_index_list(t.name) i where t.schema = 'main' and i.origin = 'c'",
    )
    .fetch_all(&mut sqlite)
    .await?
    .into_iter()
    .collect();
    assert!(columns.len() > 50 && indexes.len() > 5, "{columns:?} {indexes:?}");

    let server = Database::on(Engine::Postgres).await?;
    server.open(&Clock::System).await?.close().await;
    let mut postgres = PgConnection::connect(&server.address()).await?;
    let others: BTreeSet<Column> = sqlx::query_as(
        "select table_name::text, column_name::text, data_type::text, is_nullable = 'YES'
         from information_schema.columns where table_schema = 'public' and table_name not like '\\_%'",
    )
    .fetch_all(&mut postgres)
    .await?
    .into_iter()
    .collect();
    assert_eq!(columns, others);
    let others: BTreeSet<Index> = sqlx::query_as(
        "select t.relname::text, c.relname::text, (select string_agg(a.attname, ',' order by a.attnum) from pg_attribute a
             where a.attrelid = c.oid), i.indisunique, i.indpred is not null
         from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
         where t.relnamespace = 'public'::regnamespace
         and not exists (select 1 from pg_constraint where conindid = c.oid)",
    )
    .fetch_all(&mut postgres)
    .await?
    .into_iter()
    .collect();
    assert_eq!(indexes, others);
    Ok(())
}
