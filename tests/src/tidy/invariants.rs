//! What ARCHITECTURE.md says cannot happen, a test says too.
//!
//! The section `## Invariants` is a list; each of its lines ends with the name of the test that fails when the line is
//! no longer true. Where a rule of this module has no line there, the page is not the whole truth either.

use std::collections::BTreeSet;

use super::rust::{Token, tokens};
use super::{Findings, Tree};

const PAGE: &str = "host/ARCHITECTURE.md";
const TESTS: &str = "tests/it/";

/// Every invariant names a test that exists, and every rule of the house is named.
pub fn invariants_are_tests(tree: &Tree) -> Findings {
    let Some(page) = tree.text(PAGE) else {
        return vec![format!(
            "{PAGE} is missing: it needs a section `## Invariants` whose lines each end with a test: `- No … (`tidy::layers`)`"
        )];
    };
    let mut findings = Findings::new();
    let tests = match test_names(tree) {
        Ok(tests) => tests,
        Err(finding) => return vec![finding],
    };
    let mut named = BTreeSet::new();
    let invariants = invariants(page);
    if invariants.is_empty() {
        findings.push(format!("{PAGE}: there is no list under `## Invariants`"));
    }
    for (line, invariant) in invariants {
        match last_code(&invariant) {
            Some(test) if tests.contains(test) => {
                named.insert(test.to_owned());
            }
            Some(test) => findings.push(format!("{PAGE}:{line}: there is no test {test} in {TESTS}")),
            None => findings.push(format!("{PAGE}:{line}: the invariant does not end with the name of its test")),
        }
    }
    let unnamed = tests.iter().filter(|test| test.starts_with("tidy::") && !named.contains(*test));
    findings.extend(unnamed.map(|test| format!("{PAGE}: no invariant ends with `{test}`")));
    findings
}

/// The items of the list, each with its first line and its text in one line.
fn invariants(page: &str) -> Vec<(usize, String)> {
    let mut items: Vec<(usize, String)> = Vec::new();
    let section = (1..).zip(page.lines()).skip_while(|(_, line)| line.trim_end() != "## Invariants").skip(1);
    for (number, line) in section.take_while(|(_, line)| !line.starts_with("## ")) {
        if let Some(text) = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")) {
            items.push((number, text.trim().to_owned()));
        } else if let Some((_, item)) = items.last_mut().filter(|_| line.starts_with(' ')) {
            item.push(' ');
            item.push_str(line.trim());
        }
    }
    items
}

/// The code at the end of a text, brackets and full stops aside.
fn last_code(text: &str) -> Option<&str> {
    let text = text.trim_end_matches(['.', ')', ' ']).strip_suffix('`')?;
    Some(text.rsplit_once('`')?.1)
}

/// The tests of the one binary, as `cargo test` names them.
pub(super) fn test_names(tree: &Tree) -> Result<BTreeSet<String>, String> {
    let mut names = BTreeSet::new();
    for (path, text) in tree.rust() {
        let Some(inside) = path.strip_prefix(TESTS).and_then(|inside| inside.strip_suffix(".rs")) else { continue };
        let file = inside.trim_end_matches("/mod").split('/').filter(|name| *name != "main").map(str::to_owned);
        let file: Vec<_> = file.collect();
        let tokens = tokens(text).map_err(|error| format!("{path}: {error}"))?;
        for (modules, name) in test_functions(&tokens) {
            let full: Vec<_> = file.iter().chain(modules).map(String::as_str).chain([name]).collect();
            names.insert(full.join("::"));
        }
    }
    Ok(names)
}

/// Functions under an attribute whose path ends with `test`: `#[test]`, `#[tokio::test(flavor = "…")]`.
fn test_functions(tokens: &[Token]) -> Vec<(&[String], &str)> {
    let mut functions = Vec::new();
    let mut is_test = false;
    for (at, token) in tokens.iter().enumerate() {
        if token.is('#') && tokens.get(at + 1).is_some_and(|next| next.is('[')) {
            let path = tokens.iter().skip(at + 2).take_while(|part| part.is(':') || part.word().is_some());
            is_test |= path.last().and_then(Token::word) == Some("test");
        } else if token.word() == Some("fn") && is_test {
            functions.extend(tokens.get(at + 1).and_then(|name| Some((&*name.modules, name.word()?))));
            is_test = false;
        }
    }
    functions
}

#[cfg(test)]
mod tests {
    use super::{Tree, invariants_are_tests, test_names};

    const TESTS: &str =
        "#[test]\nfn layers() {}\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn waits() {}\nfn helper() {}";

    fn findings(page: &str) -> Vec<String> {
        invariants_are_tests(&Tree::of(&[("host/ARCHITECTURE.md", page), ("tests/it/tidy.rs", TESTS)]))
    }

    #[test]
    fn tests_are_found_by_their_full_names() {
        let inner = "#[cfg(test)] mod deep { #[test] #[should_panic] pub fn here() {} }";
        let tree = Tree::of(&[("tests/it/tidy.rs", TESTS), ("tests/it/a/mod.rs", inner), ("tests/it/a/b.rs", TESTS)]);
        let names: Vec<_> = test_names(&tree).unwrap().into_iter().collect();
        assert_eq!(names, ["a::b::layers", "a::b::waits", "a::deep::here", "tidy::layers", "tidy::waits"]);
    }

    #[test]
    fn a_whole_list_is_good() {
        let page = "# A\n## Invariants\n\n- Nothing `leads` right,\n  ever. `tidy::layers`\n- Waits (`tidy::waits`).\n\n## B\n- c";
        assert_eq!(findings(page), [""; 0]);
    }

    #[test]
    fn what_is_missing_is_found() {
        let unknown = findings("## Invariants\n- A. `tidy::layers`\n- B. `tidy::helper`\n- C. `tidy::waits`");
        assert_eq!(unknown, ["host/ARCHITECTURE.md:3: there is no test tidy::helper in tests/it/"]);
        let without = findings("## Invariants\n- A. `tidy::layers`\n- B\n- C. `tidy::waits`");
        assert_eq!(without, ["host/ARCHITECTURE.md:3: the invariant does not end with the name of its test"]);
        let unnamed = findings("## Invariants\n- A. `tidy::layers`");
        assert_eq!(unnamed, ["host/ARCHITECTURE.md: no invariant ends with `tidy::waits`"]);
        assert_eq!(findings("# Nothing").len(), 3);
        assert_eq!(invariants_are_tests(&Tree::default()).len(), 1);
    }
}
