//! What may be used in one place only. Each is a door that is easy to watch because there is just one.

use super::rust::{Kind, Token, tokens};
use super::{Findings, Tree};

/// The sandbox is `plugins`; nothing of what it is made of gets out.
pub fn wasmtime_only_in_plugins(tree: &Tree) -> Findings {
    let is_wasmtime = |token: &Token| {
        token.word().is_some_and(|word| matches!(word, "wasmtime" | "wasmtime_wasi" | "wasmtime_wasi_http"))
    };
    outside(tree, "host/src/", &["host/src/plugins/"], is_wasmtime, "wasmtime belongs in host/src/plugins/")
}

/// All queries of a table stand in one file or one folder.
pub fn sql_only_in_stores(tree: &Tree) -> Findings {
    let is_sql = |token: &Token| matches!(&token.kind, Kind::Literal(text) if reads_as_sql(text));
    outside(
        tree,
        "host/src/",
        &["host/src/db/", "host/src/db.rs", "/store.rs", "/store/"],
        is_sql,
        "SQL belongs in a store.rs, a folder store or in db",
    )
}

/// Below `http`, nothing knows that there is a web server.
pub fn axum_only_in_http(tree: &Tree) -> Findings {
    let is_axum = |token: &Token| token.word() == Some("axum");
    outside(tree, "host/src/", &["host/src/http/"], is_axum, "axum belongs in host/src/http/")
}

/// A test that sleeps is slow when it works and wrong when the machine is busy.
pub fn tests_do_not_sleep(tree: &Tree) -> Findings {
    let sleeps = |token: &Token| token.word().is_some_and(|word| matches!(word, "sleep" | "sleep_until" | "sleep_ms"));
    outside(tree, "tests/", &["tests/guests/"], sleeps, "a test waits for what it expects, not for time to pass")
}

/// No statement changes an entry of the audit log, and one deletes entries, by their age.
pub fn audit_entries_are_only_added(tree: &Tree) -> Findings {
    let is_change = |token: &Token| match &token.kind {
        Kind::Literal(text) => {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            text.contains("update audit_entries")
                || text.contains("delete from audit_entries") && !text.contains("where recorded_at < $1")
        }
        _ => false,
    };
    outside(tree, "host/src/", &[], is_change, "entries of the audit log are only added, and deleted by age")
}

/// The tokens of `root` that `is_meant` knows, in files that none of `places` names: a folder, a file, the end of a path
/// (with a slash in front), or a folder anywhere (with a slash on both sides).
fn outside(tree: &Tree, root: &str, places: &[&str], is_meant: impl Fn(&Token) -> bool, why: &str) -> Findings {
    let mut findings = Findings::new();
    for (path, text) in tree.rust().filter(|(path, _)| path.starts_with(root)) {
        let is_in = |place: &str| {
            let is_anywhere = place.starts_with('/') && place.ends_with('/') && path.contains(place);
            is_anywhere || path.starts_with(place) || (place.starts_with('/') && path.ends_with(place))
        };
        if places.iter().any(|place| is_in(place)) {
            continue;
        }
        match tokens(text) {
            Ok(tokens) => {
                let lines = tokens.iter().filter(|token| is_meant(token)).map(|token| token.line);
                findings.extend(lines.map(|line| format!("{path}:{line}: {why}")));
            }
            Err(error) => findings.push(format!("{path}: {error}")),
        }
    }
    findings
}

/// Whether a string begins as a statement does and goes on like one: English also begins with "update".
fn reads_as_sql(literal: &str) -> bool {
    let text = literal.trim_start_matches(|begin: char| matches!(begin, 'r' | '#' | '"') || begin.is_whitespace());
    let text = text.to_lowercase();
    let words: Vec<_> = text.split_whitespace().collect();
    match words.as_slice() {
        ["select", rest @ ..] => {
            rest.contains(&"from") || rest.first().is_some_and(|word| word.starts_with(char::is_numeric))
        }
        ["insert" | "replace", "into", ..] | ["delete", "from", ..] | ["pragma", ..] => true,
        ["update", _, "set", ..] => true,
        ["with", _, "as", ..] => text.contains("select"),
        ["create" | "alter" | "drop", "table" | "index" | "unique" | "view" | "trigger", ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Tree, audit_entries_are_only_added, axum_only_in_http, reads_as_sql, sql_only_in_stores, tests_do_not_sleep,
        wasmtime_only_in_plugins,
    };

    #[test]
    fn a_statement_that_changes_an_entry_is_found() {
        let findings = |sql: &str| {
            let text = format!("fn f() {{ execute!(tx, \"{sql}\") }}");
            audit_entries_are_only_added(&Tree::of(&[("host/src/audit/store.rs", &text)])).len()
        };
        assert_eq!(findings("insert into audit_entries (id) values ($1)"), 0);
        assert_eq!(findings("delete from audit_entries where recorded_at < $1"), 0);
        assert_eq!(findings("delete from audit_entries where id = $1"), 1);
        assert_eq!(findings("update audit_entries set act = $1"), 1);
    }

    #[test]
    fn wasmtime_outside_plugins_is_found() {
        let text = "use wasmtime::Engine;\nfn f(s: &wasmtime_wasi_http::S) {}";
        let at = |path: &str| wasmtime_only_in_plugins(&Tree::of(&[(path, text)]));
        assert_eq!(at("host/src/cli/mod.rs").len(), 2);
        assert!(at("host/src/cli/mod.rs")[0].starts_with("host/src/cli/mod.rs:1: "));
        assert!(at("host/src/plugins/engine.rs").is_empty());
        assert!(at("host/benches/bare.rs").is_empty());
    }

    #[test]
    fn sql_outside_a_store_is_found() {
        let text = "fn f() { run(\"select id from meetings\"); }";
        let at = |path: &str| sql_only_in_stores(&Tree::of(&[(path, text)])).len();
        assert_eq!(at("host/src/meetings/cancel.rs"), 1);
        assert_eq!(at("host/src/meetings/not_a_store.rs"), 1);
        assert_eq!(at("host/src/meetings/not_a_store/list.rs"), 1);
        assert_eq!(at("host/src/meetings/store.rs"), 0);
        assert_eq!(at("host/src/meetings/store/list.rs"), 0);
        assert_eq!(at("host/src/db/mod.rs"), 0);
    }

    #[test]
    fn sql_is_told_from_english() {
        for sql in [
            "\"select 1\"",
            "r#\"\n  SELECT a\n  FROM b\"#",
            "\"insert into a values (1)\"",
            "\"update a set b = 1\"",
            "\"delete from a\"",
            "\"create unique index a on b (c)\"",
            "\"with a as (select 1) select * from a\"",
        ] {
            assert!(reads_as_sql(sql), "{sql}");
        }
        for english in
            ["\"select a calendar\"", "\"update the plugin\"", "\"with care\"", "\"create a meeting\"", "'s'", "1"]
        {
            assert!(!reads_as_sql(english), "{english}");
        }
    }

    #[test]
    fn axum_outside_http_is_found() {
        let at = |path: &str| axum_only_in_http(&Tree::of(&[(path, "use axum::Router;")])).len();
        assert_eq!((at("host/src/sync/push.rs"), at("host/src/http/mod.rs")), (1, 0));
    }

    #[test]
    fn a_test_that_sleeps_is_found() {
        let text = "async fn f() { tokio::time::sleep(d).await; } // sleep";
        let at = |path: &str| tests_do_not_sleep(&Tree::of(&[(path, text)])).len();
        assert_eq!((at("tests/it/a.rs"), at("tests/src/a.rs"), at("host/src/jobs/mod.rs")), (1, 1, 0));
    }
}
