//! What the gate must not leave out.
//!
//! The tests run on SQLite, and those that touch a database run once more on PostgreSQL. To run all of them twice would
//! double the time for nothing, so the gate names the modules; and a list that somebody keeps is wrong one day.

use super::rust::{Token, tokens};
use super::{Findings, Tree};

const GATE: &str = ".ci/run";
const TESTS: &str = "tests/it/";

/// Every module of tests with a database in it is run on the other database too.
pub fn databases_are_tried_on_both(tree: &Tree) -> Findings {
    let gate = tree.text(GATE).unwrap_or_default();
    // Comments aside, nothing else in it ends like this.
    let lines = gate.lines().skip_while(|line| !line.contains("CHRONUS_TEST_DB=postgres"));
    let named: Vec<_> = lines.flat_map(str::split_whitespace).filter(|word| word.ends_with("::")).collect();
    let mut findings = Findings::new();
    for (path, text) in tree.rust() {
        let Some(inside) = path.strip_prefix(TESTS).and_then(|inside| inside.strip_suffix(".rs")) else { continue };
        match tokens(text) {
            Ok(tokens) if !tokens.iter().any(|token| Token::word(token) == Some("Database")) => {}
            Ok(_) => {
                let module = format!("{}::", inside.trim_end_matches("/mod").replace('/', "::"));
                if !named.iter().any(|name| module.starts_with(name)) {
                    findings.push(format!("{GATE}: {path} has a database, and nothing runs {module} on PostgreSQL"));
                }
            }
            Err(error) => findings.push(format!("{path}: {error}")),
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{Tree, databases_are_tried_on_both};

    #[test]
    fn a_module_that_the_gate_leaves_out_is_found() {
        let findings = |gate: &str| {
            let uses = "use chronus_tests::database::Database;";
            databases_are_tried_on_both(&Tree::of(&[
                (".ci/run", gate),
                ("tests/it/jobs.rs", uses),
                ("tests/it/http/world.rs", uses),
                ("tests/it/peers.rs", "// A Database.\nuse chronus_tests::peers;"),
            ]))
            .len()
        };
        assert_eq!(findings("x\npart p env CHRONUS_TEST_DB=postgres cargo test -- \\\n    http:: jobs::\n"), 0);
        assert_eq!(findings("env CHRONUS_TEST_DB=postgres cargo test -- http::world:: jobs::"), 0);
        assert_eq!(findings("env CHRONUS_TEST_DB=postgres cargo test -- http::routes:: jobs::"), 1);
        assert_eq!(findings("cargo test -- http:: jobs::"), 2);
        assert_eq!(databases_are_tried_on_both(&Tree::of(&[("tests/it/a.rs", "fn {")])).len(), 1);
    }
}
