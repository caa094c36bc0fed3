//! Every table of the database is in `host/PRIVACY.md`, which says whose data it holds and for how long.
//!
//! A table that nobody has on such a list is kept for ever, and is missing when a person asks what is stored.

use std::collections::BTreeSet;

use super::{Findings, Tree};

const PAGE: &str = "host/PRIVACY.md";
const MIGRATIONS: &str = "host/migrations/";

/// Each `create table` of the migrations has a row on the page with no empty cell, and each row has a table.
pub fn every_table_names_its_data(tree: &Tree) -> Findings {
    let Some(page) = tree.text(PAGE) else { return vec![format!("{PAGE} is missing")] };
    let migrations = tree.texts().filter(|(path, _)| path.starts_with(MIGRATIONS));
    let created: BTreeSet<&str> = migrations.flat_map(|(_, sql)| sql.lines().filter_map(created_table)).collect();
    let mut findings = Findings::new();
    let mut told = BTreeSet::new();
    for (line, cells) in (1..).zip(page.lines()).filter_map(|(line, text)| Some((line, row(text)?))) {
        if cells.len() != 4 || cells.iter().any(|cell| cell.is_empty()) {
            findings.push(format!("{PAGE}:{line}: a row has four cells: table, whose data, what, until"));
        }
        if let Some(table) = cells.first().and_then(|cell| cell.strip_prefix('`')?.strip_suffix('`')) {
            told.insert(table);
        }
    }
    findings.extend(created.difference(&told).map(|table| format!("{PAGE}: the table `{table}` has no row")));
    findings.extend(told.difference(&created).map(|table| format!("{PAGE}: no migration creates the table `{table}`")));
    findings
}

/// The table that a line of SQL creates.
fn created_table(line: &str) -> Option<&str> {
    line.strip_prefix("create table ")?.split([' ', '(']).next()
}

/// The cells of a row whose first cell is code.
fn row(line: &str) -> Option<Vec<&str>> {
    line.starts_with("| `").then(|| line.trim_matches('|').split('|').map(str::trim).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_without_a_row_and_a_row_without_a_table_are_found() {
        let sql = "create table people (\n    id text primary key\n);\ncreate table jobs (\n);\n";
        let found = |page: &str| every_table_names_its_data(&Tree::of(&[("host/migrations/1.sql", sql), (PAGE, page)]));
        let both = "| `people` | person | name | stays |\n| `jobs` | operator | work | done |\n";
        assert_eq!(found(both), [""; 0]);
        let one = "| `people` | person | name | stays |\n| `gone` | person | name | |\n";
        let [cells, missing, left] = &found(one)[..] else { panic!("{:?}", found(one)) };
        assert!(cells.contains(":2: a row has four cells"), "{cells}");
        assert!(missing.contains("`jobs` has no row") && left.contains("`gone`"), "{missing} {left}");
    }
}
