//! Stored enums and flags: the constraints of the database have the words of the enums, and no column is left out.

use anyhow::{Context as _, ensure};
use chronus_host::clock::Clock;
use chronus_tests::{
    database::{Database, Engine},
    stored::{Form, STORED},
};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet};

/// Columns of text that are not ids and hold no enum: names, addresses, digests, JSON.
const TEXTS: &[&str] = &[
    "audit_entries.after_values",
    "audit_entries.author_name",
    "audit_entries.before_values",
    "authorizations.redirect_uri",
    "authorizations.sign_in",
    "authorizations.state_hash",
    "authorizations.variables",
    "components.requested_grant",
    "components.sha256",
    "components.version",
    "connections.account",
    "connections.address",
    "connections.fields",
    "connections.refresh_lease",
    "connections.sealed_by",
    "connections.server",
    "connections.sign_in",
    "connections.subject",
    "connections.token_endpoint",
    "connections.variables",
    "connections.zone",
    "event_copies.account",
    "event_copies.calendar",
    "event_copies.etag",
    "event_copies.problem",
    "event_copies.sent",
    "jobs.dedupe",
    "jobs.effect",
    "jobs.error",
    "jobs.lane",
    "jobs.lease_owner",
    "jobs.organisation",
    "jobs.origin",
    "key_checks.sealed_by",
    "meetings.description",
    "meetings.event_key",
    "meetings.request_key",
    "meetings.request_sha256",
    "meetings.title",
    "meetings.uid",
    "meetings.zone",
    "needed_approvals.domain",
    "needed_approvals.link",
    "oauth_clients.sealed_by",
    "oauth_clients.sign_in",
    "oauth_clients.variables",
    "organisation_domains.domain",
    "organisations.name",
    "people.email",
    "people.name",
    "people.zone",
    "programs.name",
    "providers.accepted_grant",
    "providers.active_sha256",
    "providers.generation",
    "providers.name",
    "providers.waiting_sha256",
    "rate_limit_hosts.host",
    "rate_limit_slots.subject",
    "revocations.address",
    "revocations.place_row",
    "revocations.sealed_by",
    "revocations.sign_in",
    "revocations.token_endpoint",
    "revocations.variables",
    "schedule.task",
    "service_accounts.client",
    "service_accounts.fields",
    "service_accounts.mailbox",
    "service_accounts.refresh_lease",
    "service_accounts.saved_by",
    "service_accounts.sealed_by",
    "service_accounts.sign_in",
    "service_accounts.token_endpoint",
    "service_accounts.variables",
    "sign_in_links.return_to",
    "sign_in_requests.email",
    "sign_in_requests.return_to",
    "tokens.name",
];

/// Columns of numbers that are neither instants (`…_at`) nor flags.
const NUMBERS: &[&str] = &[
    "connections.memo_format",
    "connections.memo_revision",
    "connections.memo_state_format",
    "connections.refresh_until",
    "event_copies.agreed_revision",
    "jobs.attempts",
    "jobs.fence",
    "jobs.lease_until",
    "jobs.not_before",
    "meetings.revision",
    "providers.revision",
    "rate_limit_hosts.lease_until",
    "rate_limit_slots.slot",
    "service_accounts.refresh_until",
];

#[tokio::test]
async fn every_constraint_has_the_words_of_its_enum() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    database.open(&Clock::System).await?.close().await;
    let listed = |form| STORED.iter().filter(move |stored| (stored.form == Form::List) == form);
    let expected: BTreeMap<_, Vec<_>> = listed(false)
        .map(|stored| {
            (format!("{}.{}", stored.table, stored.column), stored.words.iter().map(ToString::to_string).collect())
        })
        .collect();
    assert_eq!(constraints(&database).await?, expected);
    Ok(())
}

/// A new column with words or a flag has a row in the table of stored enums; any other is named above on purpose.
#[tokio::test]
async fn every_column_of_a_database_is_accounted_for() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    database.open(&Clock::System).await?.close().await;
    let (mut texts, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for (table, column, kind) in columns(&database).await? {
        let name = format!("{table}.{column}");
        match kind.as_str() {
            "text" if column != "id" && !column.ends_with("_id") => drop(texts.insert(name)),
            "bigint" if !column.ends_with("_at") => drop(numbers.insert(name)),
            "text" | "bigint" | "bytea" => {}
            other => anyhow::bail!("{name} is {other}"),
        }
    }
    let stored = |is_flag| {
        let of_kind = STORED.iter().filter(move |stored| (stored.form == Form::Flag) == is_flag);
        of_kind.map(|stored| format!("{}.{}", stored.table, stored.column))
    };
    let named = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(texts, stored(false).chain(named(TEXTS)).collect::<BTreeSet<_>>());
    assert_eq!(numbers, stored(true).chain(named(NUMBERS)).collect::<BTreeSet<_>>());
    Ok(())
}

/// The words of each column's constraint.
async fn constraints(database: &Database) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let mut found = BTreeMap::new();
    match Engine::of_this_run()? {
        Engine::Sqlite => {
            let mut connection = SqliteConnection::connect(&database.address()).await?;
            let tables = "select name, sql from sqlite_master where type = 'table' and sql is not null";
            for (table, sql) in sqlx::query_as::<_, (String, String)>(tables).fetch_all(&mut connection).await? {
                for check in sql.split("check (").skip(1) {
                    let (words, _) = check.split_once("))").with_context(|| format!("{table}: {check}"))?;
                    insert(&mut found, &table, words)?;
                }
            }
        }
        Engine::Postgres => {
            let mut connection = PgConnection::connect(&database.address()).await?;
            let checks = "select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint
                          where contype = 'c' and connamespace = 'public'::regnamespace";
            for (table, check) in sqlx::query_as::<_, (String, String)>(checks).fetch_all(&mut connection).await? {
                let words = check.trim_start_matches("CHECK").trim_matches([' ', '(', ')']);
                insert(&mut found, &table, words)?;
            }
        }
    }
    Ok(found)
}

/// Takes `status in ('a', 'b'`, or what PostgreSQL makes of it.
fn insert(found: &mut BTreeMap<String, Vec<String>>, table: &str, check: &str) -> anyhow::Result<()> {
    let (column, list) = check.split_once(' ').with_context(|| format!("{table}: {check}"))?;
    let words: Vec<_> = if list.contains('\'') {
        list.split('\'').skip(1).step_by(2).map(ToOwned::to_owned).collect()
    } else {
        list.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty()).map(ToOwned::to_owned).collect()
    };
    let earlier = found.insert(format!("{table}.{column}"), words);
    ensure!(earlier.is_none(), "{table}.{column} has two constraints");
    Ok(())
}

/// Every column of the host's tables: table, name and type.
pub(crate) async fn columns(database: &Database) -> anyhow::Result<Vec<(String, String, String)>> {
    Ok(match Engine::of_this_run()? {
        Engine::Sqlite => {
            let mut connection = SqliteConnection::connect(&database.address()).await?;
            let columns = "select t.name, c.name, lower(c.type) from pragma_table_list t
                join pragma_table_info(t.name) c where t.schema = 'main' and t.name not like '\\_%' escape '\\'
                and t.name not like 'sqlite\\_%' escape '\\'";
            sqlx::query_as(columns).fetch_all(&mut connection).await?
        }
        Engine::Postgres => {
            let mut connection = PgConnection::connect(&database.address()).await?;
            let columns = "select table_name::text, column_name::text, data_type::text
                from information_schema.columns where table_schema = 'public' and table_name not like '\\_%'";
            sqlx::query_as(columns).fetch_all(&mut connection).await?
        }
    })
}
