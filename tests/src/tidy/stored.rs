//! Stored enums are decoded strictly.

use super::rust::{Kind, Token, tokens};
use super::{Findings, Tree};
use crate::stored::{Form, STORED, Stored};
use std::collections::BTreeSet;

/// Every column of the table of stored enums is decoded by `Column`, every `Column` that decodes words or flags is in the
/// table, and no store compares, parses or defaults such a column of a row by itself: `row.status == "…"` is how an
/// unknown status became a known one.
pub fn stored_enums_are_strict(tree: &Tree) -> Findings {
    strict(tree, STORED)
}

fn strict(tree: &Tree, stored: &[Stored]) -> Findings {
    let mut findings = Findings::new();
    let mut decoded = BTreeSet::new();
    let is_store = |path: &str| path.ends_with("/store.rs") || path.contains("/store/");
    let stores = tree.rust().filter(|(path, _)| path.starts_with("host/src/") && is_store(path));
    for (path, text) in stores {
        let tokens = match tokens(text) {
            Ok(tokens) => tokens,
            Err(error) => {
                findings.push(format!("{path}: {error}"));
                continue;
            }
        };
        let columns = declared(&tokens);
        for (constant, table, column) in &columns {
            let is_used = |name: &str| (0..tokens.len()).any(|at| is_call(&tokens, at, constant.as_deref(), name));
            if ["word", "words", "flag"].iter().any(|name| is_used(name)) {
                decoded.insert((table.clone(), column.clone()));
            }
        }
        for stored in stored {
            let lenient = |at: &usize| is_lenient(&tokens, *at, stored.column);
            findings.extend((0..tokens.len()).filter(lenient).map(|at| {
                format!(
                    "{path}:{}: decode `{}` by db::Column, so that an unknown value is an error",
                    tokens[at].line, stored.column
                )
            }));
        }
    }
    for stored in stored {
        if !decoded.remove(&(stored.table.to_owned(), stored.column.to_owned())) {
            let how = match stored.form {
                Form::Word => "word",
                Form::List => "words",
                Form::Flag => "flag",
            };
            findings.push(format!(
                "tests/src/stored.rs: no store decodes {}.{} by Column::of(…).{how}(…)",
                stored.table, stored.column
            ));
        }
    }
    let unlisted = decoded.into_iter();
    findings
        .extend(unlisted.map(|(table, column)| format!("tests/src/stored.rs: {table}.{column} is not in the table")));
    findings
}

/// The columns that a file names by `Column::of("table", "column")`, with the constant that holds each.
fn declared(tokens: &[Token]) -> Vec<(Option<String>, String, String)> {
    let text = |at: usize| match tokens.get(at).map(|token| &token.kind) {
        Some(Kind::Literal(text)) => Some(text.trim_matches('"').to_owned()),
        _ => None,
    };
    let found = (0..tokens.len()).filter_map(|at| {
        let is_path = word(tokens, at) == Some("Column") && word(tokens, at + 3) == Some("of");
        let (table, column) = (text(at + 5)?, text(at + 7)?);
        // `const NAME: Column = Column::of(…)`
        let constant = (at >= 4 && tokens[at - 1].is('=')).then(|| word(tokens, at - 4)).flatten();
        is_path.then(|| (constant.map(ToOwned::to_owned), table, column))
    });
    found.collect()
}

/// Whether a column decodes at this place: `NAME.word(…)`, `Column::of(…).word(…)` or `decode(Column::of(…), …)`.
fn is_call(tokens: &[Token], at: usize, constant: Option<&str>, method: &str) -> bool {
    let begins = match constant {
        Some(constant) => word(tokens, at) == Some(constant),
        None => tokens[at].is(')') && at >= 8 && word(tokens, at - 8) == Some("Column"),
    };
    let next = |mark| tokens.get(at + 1).is_some_and(|token| token.is(mark));
    begins && (next(',') || (next('.') && word(tokens, at + 2) == Some(method)))
}

/// Whether `row.column` or `self.column` stands at this place and is compared, parsed, matched or given a default.
fn is_lenient(tokens: &[Token], at: usize, column: &str) -> bool {
    let is_mark = |at: usize, mark| tokens.get(at).is_some_and(|token| token.is(mark));
    let reads = matches!(word(tokens, at), Some("row" | "self"))
        && is_mark(at + 1, '.')
        && word(tokens, at + 2) == Some(column);
    let compared = ['=', '!', '<', '>'].iter().any(|mark| is_mark(at + 3, *mark));
    let by_itself = is_mark(at + 3, '.')
        && matches!(
            word(tokens, at + 4),
            Some("as_str" | "parse" | "eq" | "ne" | "unwrap_or" | "unwrap_or_default" | "unwrap_or_else")
        );
    reads && (compared || by_itself || (at > 0 && word(tokens, at - 1) == Some("match")))
}

fn word(tokens: &[Token], at: usize) -> Option<&str> {
    tokens.get(at).and_then(Token::word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Stored] = &[Stored { table: "meetings", column: "status", form: Form::Word, words: &["on", "off"] }];

    fn findings(store: &str) -> Findings {
        strict(&Tree::of(&[("host/src/meetings/store.rs", store)]), TABLE)
    }

    #[test]
    fn a_lenient_enum_is_found() {
        let strict = r#"
            const STATUS: Column = Column::of("meetings", "status");
            fn a(row: Row) -> sqlx::Result<Status> { STATUS.word(&row.status) }
            fn b(row: Row) -> sqlx::Result<Option<Status>> { row.status.as_deref().map(|it| STATUS.word(it)).transpose() }
            fn c(row: Row) -> sqlx::Result<Status> { Column::of("meetings", "status").word(&row.status) }
        "#;
        assert_eq!(findings(strict), Findings::new());
        let lenient = [
            r#"fn d(row: Row) -> Status { if row.status == "on" { Status::On } else { Status::Off } }"#,
            "fn d(self) -> Status { self.status.parse().unwrap_or(Status::Off) }",
            r#"fn d(row: Row) -> Status { match row.status.as_str() { "on" => Status::On, _ => Status::Off } }"#,
        ];
        for lenient in lenient {
            assert_eq!(findings(&format!("{strict}{lenient}")).len(), 1, "{lenient}");
        }
        // Nobody decodes it.
        assert_eq!(findings("").len(), 1);
        // It is decoded and not in the table.
        let unlisted = r#"fn d(row: Row) -> sqlx::Result<bool> { Column::of("meetings", "late").flag(row.late) }"#;
        assert_eq!(findings(&format!("{strict}{unlisted}")).len(), 1);
    }
}
