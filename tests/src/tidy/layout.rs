//! Where files are, how long they are, and that nothing in them is switched off.

use std::collections::BTreeSet;

use super::rust::{Token, tokens};
use super::{Findings, Tree};

/// The visible names at the top, apart from Cargo.lock: seven, and the two licences, which tools look for there.
const TOP_LEVEL: [&str; 9] =
    ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "host", "plugins-build", "providers", "tests", "wit"];

/// The longest file of Rust, in lines.
const LONGEST: usize = 600;

/// The top level has these names and no others; configuration of tools is in dotfiles.
pub fn top_level_names(tree: &Tree) -> Findings {
    let there: BTreeSet<_> = tree
        .paths()
        .filter_map(|path| path.split('/').next())
        .filter(|name| !name.starts_with('.') && *name != "Cargo.lock")
        .collect();
    let wanted = BTreeSet::from(TOP_LEVEL);
    let surplus = there
        .difference(&wanted)
        .map(|name| format!("{name}: does not belong at the top level, which has {}", TOP_LEVEL.join(" ")));
    let missing = wanted.difference(&there).map(|name| format!("{name}: is not there, or not tracked"));
    surplus.chain(missing).collect()
}

/// No file of Rust is too long to be read in one go.
pub fn rust_files_are_short(tree: &Tree) -> Findings {
    tree.rust()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| {
            format!("{path}: {lines} lines, and {LONGEST} is the most; which two things does it hold?")
        })
        .collect()
}

/// Every file of Rust begins by saying what it is for.
pub fn modules_have_headers(tree: &Tree) -> Findings {
    tree.rust()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| format!("{path}: begins without `//!`: which problem, what was decided, what was rejected?"))
        .collect()
}

/// A module with children is `foo/mod.rs`; there is no `foo.rs` beside a folder `foo`.
pub fn modules_have_one_place(tree: &Tree) -> Findings {
    tree.rust()
        .filter_map(|(path, _)| Some((path, path.strip_suffix(".rs")?)))
        .filter(|(_, stem)| {
            tree.paths().any(|other| other.strip_prefix(stem).is_some_and(|rest| rest.starts_with('/')))
        })
        .map(|(path, stem)| format!("{path}: stands beside a folder of its name; it belongs at {stem}/mod.rs"))
        .collect()
}

/// No lint is switched off without a reason, no test is skipped, no code is missing.
pub fn nothing_is_silenced(tree: &Tree) -> Findings {
    let mut findings = Findings::new();
    for (path, text) in tree.rust() {
        match tokens(text) {
            Ok(tokens) => findings.extend(silenced(&tokens).map(|(line, what)| format!("{path}:{line}: {what}"))),
            Err(error) => findings.push(format!("{path}: {error}")),
        }
    }
    findings
}

fn silenced(tokens: &[Token]) -> impl Iterator<Item = (usize, &'static str)> {
    let mut in_attribute = None;
    tokens.iter().enumerate().filter_map(move |(at, token)| {
        if token.is('[') && opens_attribute(tokens, at) {
            in_attribute = Some(0usize);
        }
        if let Some(depth) = in_attribute {
            let depth = depth + usize::from(token.is('[')) - usize::from(token.is(']') && depth > 0);
            in_attribute = (depth > 0).then_some(depth);
        }
        let called = tokens.get(at + 1).is_some_and(|next| next.is('!'));
        let what = match token.word()? {
            "allow" if in_attribute.is_some() => "a lint is silenced; use #[expect(lint, reason = \"…\")]",
            "ignore" if in_attribute.is_some() => {
                "a test is ignored; let it fail, or leave out its peer by CHRONUS_WITHOUT"
            }
            "todo" | "unimplemented" if called => "code is missing",
            _ => return None,
        };
        Some((token.line, what))
    })
}

/// Whether the `[` at `at` follows `#` or `#!`.
fn opens_attribute(tokens: &[Token], at: usize) -> bool {
    let before = |steps: usize| at.checked_sub(steps).and_then(|at| tokens.get(at));
    let is = |steps, mark| before(steps).is_some_and(|token| token.is(mark));
    is(1, '#') || (is(1, '!') && is(2, '#'))
}

#[cfg(test)]
mod tests {
    use super::{
        LONGEST, TOP_LEVEL, Tree, modules_have_headers, modules_have_one_place, nothing_is_silenced,
        rust_files_are_short, top_level_names,
    };

    #[test]
    fn a_surplus_or_missing_name_at_the_top_level_is_found() {
        let mut files: Vec<_> = TOP_LEVEL.iter().map(|name| (*name, "")).collect();
        files.extend([(".ci/run", ""), ("Cargo.lock", "")]);
        assert_eq!(top_level_names(&Tree::of(&files)), [""; 0]);
        files.push(("docs/a.md", ""));
        files.retain(|(name, _)| *name != "wit");
        assert_eq!(top_level_names(&Tree::of(&files)).len(), 2);
    }

    #[test]
    fn a_long_file_is_found() {
        let line = "// x\n";
        assert!(rust_files_are_short(&Tree::of(&[("a.rs", &line.repeat(LONGEST))])).is_empty());
        assert_eq!(rust_files_are_short(&Tree::of(&[("a.rs", &line.repeat(LONGEST + 1))])).len(), 1);
    }

    #[test]
    fn a_file_without_a_header_is_found() {
        let tree = Tree::of(&[("a.rs", "//! Good.\n"), ("b.rs", "/// Of an item.\nstruct S;\n"), ("c.py", "")]);
        assert_eq!(modules_have_headers(&tree).len(), 1);
    }

    #[test]
    fn a_file_beside_its_folder_is_found() {
        let good = [("a/mod.rs", ""), ("a/b.rs", ""), ("a/bc/mod.rs", "")];
        assert!(modules_have_one_place(&Tree::of(&good)).is_empty());
        assert_eq!(modules_have_one_place(&Tree::of(&[("a.rs", ""), ("a/b.rs", "")])).len(), 1);
    }

    #[test]
    fn what_is_silenced_is_found() {
        let findings = |text: &str| nothing_is_silenced(&Tree::of(&[("a.rs", text)])).len();
        assert_eq!(
            findings("#[expect(dead_code, reason = \"allow\")] fn allow() { let ignore = [1]; allow(ignore) }"),
            0
        );
        assert_eq!(findings("#[allow(dead_code)] fn f() {}"), 1);
        assert_eq!(findings("#![allow(dead_code)]"), 1);
        assert_eq!(findings("#[cfg_attr(test, allow(dead_code))] fn f() {}"), 1);
        assert_eq!(findings("#[test] #[ignore = \"slow\"] fn f() {}"), 1);
        assert_eq!(findings("fn f() { todo!() }"), 1);
        assert_eq!(findings("fn f() { unimplemented!(\"later\") }"), 1);
        assert_eq!(findings("// todo!()\nfn todo() { todo() }"), 0);
    }
}
