//! No file needs, by way of others, itself.
//!
//! Two files that use each other are one file in two pieces: neither can be read, tested or moved without the other. So
//! the files of a crate are a graph without circles. An edge leads from a file to the file that *has* the item it names:
//! a name that `mod.rs` only passes on (`pub use`) counts as a use of the file behind it, and passing it on is no use at
//! all. A folder's `mod.rs` declares the files below it and cannot be had without them, so what it uses of them is no edge;
//! that they use its types is one. Tests inside a file are left out; they may use whatever they test with.
//!
//! The graph is read from tokens: `use` trees, and paths in code whose first name is `crate`, `self`, `super`, a module
//! below, or a module that was imported. Methods and types that are only inferred leave no trace, which is fine: code
//! that calls a method has named its type somewhere. Rejected: the compiler's own view, which needs a nightly.

use std::collections::{BTreeMap, BTreeSet};

use super::rust::{Kind, Token, tokens};
use super::{Findings, Tree};

/// No circle of imports between the files of a crate.
pub fn no_import_circles(tree: &Tree) -> Findings {
    let mut findings = Findings::new();
    for root in roots(tree) {
        let graph = match Graph::read(tree, &root) {
            Ok(graph) => graph,
            Err(finding) => {
                findings.push(finding);
                continue;
            }
        };
        findings.extend(graph.circles().into_iter().map(|circle| {
            let steps: Vec<_> = circle.iter().map(ToString::to_string).collect();
            format!("{root}: {} files need each other: {}", circle.len(), steps.join("; "))
        }));
    }
    findings
}

/// The folders with a `lib.rs`, but for those of tests.
fn roots(tree: &Tree) -> Vec<String> {
    let libs = tree.paths().filter_map(|path| path.strip_suffix("lib.rs")).filter(|root| root.ends_with("/src/"));
    libs.filter(|root| !root.starts_with("tests/")).map(str::to_owned).collect()
}

/// A module, by the names from the crate's root.
type Module = Vec<String>;

/// One use of a file by another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) to: String,
}

impl std::fmt::Display for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{} uses `{}` of {}", self.from, self.line, self.name, self.to)
    }
}

/// Which file uses which, within one crate.
pub(super) struct Graph {
    /// For each pair of files the first use.
    pub(super) edges: BTreeMap<(String, String), Edge>,
}

struct File {
    /// From the root of the crate.
    path: String,
    uses: Vec<Use>,
    code: Vec<(usize, Vec<String>)>,
}

/// One branch of a `use` tree.
struct Use {
    line: usize,
    path: Vec<String>,
    /// What the file calls it; `*` for a glob.
    alias: String,
    is_public: bool,
}

impl Graph {
    /// Reads the files below `root`, which ends with a slash.
    pub(super) fn read(tree: &Tree, root: &str) -> Result<Self, String> {
        let mut files = BTreeMap::new();
        for (path, text) in tree.rust() {
            let Some(inside) = path.strip_prefix(root) else { continue };
            let is_test = inside.trim_end_matches(".rs").split('/').any(|part| part == "tests");
            // The program only starts the library.
            if is_test || inside == "main.rs" || inside.starts_with("bin/") {
                continue;
            }
            let tokens = tokens(text).map_err(|error| format!("{path}: {error}"))?;
            let tokens: Vec<_> =
                tokens.into_iter().filter(|token| !token.modules.iter().any(|module| module == "tests")).collect();
            let (uses, code) = (read_uses(&tokens), read_paths(&tokens));
            files.insert(module(inside), File { path: inside.to_owned(), uses, code });
        }
        Ok(Self { edges: edges(&files) })
    }

    /// One circle of each knot of files, shortest first.
    fn circles(&self) -> Vec<Vec<Edge>> {
        let mut circles = Vec::new();
        let mut seen = BTreeSet::new();
        for (from, to) in self.edges.keys() {
            if seen.contains(from) {
                continue;
            }
            // The shortest way back is the circle that is easiest to understand.
            if let Some(circle) = self.way(to, from) {
                let first = self.edges[&(from.clone(), to.clone())].clone();
                let circle: Vec<_> = std::iter::once(first).chain(circle).collect();
                seen.extend(circle.iter().map(|edge| edge.from.clone()));
                circles.push(circle);
            }
        }
        circles.sort_by_key(Vec::len);
        circles
    }

    fn way(&self, from: &str, to: &str) -> Option<Vec<Edge>> {
        let mut came: BTreeMap<&str, &Edge> = BTreeMap::new();
        let mut next = std::collections::VecDeque::from([from]);
        while let Some(at) = next.pop_front() {
            if at == to {
                let mut way = Vec::new();
                let mut at = at;
                while at != from {
                    let edge = came[at];
                    way.push(edge.clone());
                    at = &edge.from;
                }
                way.reverse();
                return Some(way);
            }
            for edge in self.edges.values().filter(|edge| edge.from == at) {
                if edge.to != from && !came.contains_key(edge.to.as_str()) {
                    came.insert(&edge.to, edge);
                    next.push_back(&edge.to);
                }
            }
        }
        None
    }
}

fn edges(files: &BTreeMap<Module, File>) -> BTreeMap<(String, String), Edge> {
    let mut edges = BTreeMap::new();
    for (module, file) in files {
        // Modules that were imported, and modules below.
        let mut names: BTreeMap<&str, Module> = BTreeMap::new();
        for used in &file.uses {
            if let Some(full) = absolute(files, module, &BTreeMap::new(), &used.path)
                && files.contains_key(&full)
            {
                names.insert(&used.alias, full);
            }
        }
        let used =
            file.uses.iter().filter(|used| !used.is_public).map(|used| (used.line, &used.path, used.alias == "*"));
        let code = file.code.iter().map(|(line, path)| (*line, path, false));
        for (line, path, is_glob) in used.chain(code) {
            let Some(full) = absolute(files, module, &names, path) else { continue };
            let Some((owner, name)) = owner(files, &full, is_glob, 0) else { continue };
            // A folder's `mod.rs` stands on its parts.
            if !owner.starts_with(module) {
                let to = &files[owner].path;
                edges.entry((file.path.clone(), to.clone())).or_insert_with(|| Edge {
                    from: file.path.clone(),
                    line,
                    name,
                    to: to.clone(),
                });
            }
        }
    }
    edges
}

/// A path from the crate's root. `None` if it leads out of the crate.
fn absolute(
    files: &BTreeMap<Module, File>,
    module: &[String],
    names: &BTreeMap<&str, Module>,
    path: &[String],
) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    let mut full = match first.as_str() {
        "crate" => Vec::new(),
        "self" => module.to_vec(),
        "super" => module.split_last()?.1.to_vec(),
        name => match names.get(name) {
            Some(imported) => imported.clone(),
            None => {
                let below: Vec<_> = module.iter().cloned().chain([name.to_owned()]).collect();
                files.contains_key(&below).then_some(below)?
            }
        },
    };
    for name in rest {
        if name == "super" {
            full.pop()?;
        } else {
            full.push(name.clone());
        }
    }
    Some(full)
}

/// The module that has the item of a path, and the item's name. None for a module itself: only what is in it counts.
fn owner<'a>(
    files: &'a BTreeMap<Module, File>,
    full: &[String],
    is_glob: bool,
    depth: usize,
) -> Option<(&'a [String], String)> {
    let length = (0..=full.len()).rev().find(|length| files.contains_key(&full[..*length]))?;
    let (module, file) = files.get_key_value(&full[..length])?;
    let Some(name) = full.get(length) else { return is_glob.then(|| (module.as_slice(), "*".to_owned())) };
    // Passed on from elsewhere.
    let passed = file.uses.iter().filter(|used| used.is_public && used.alias == *name);
    for used in passed {
        let target = absolute(files, module, &BTreeMap::new(), &used.path)?;
        if depth < 8 {
            return owner(files, &[target, full[length + 1..].to_vec()].concat(), false, depth + 1);
        }
    }
    Some((module, name.clone()))
}

fn module(inside: &str) -> Module {
    let stem = inside.trim_end_matches(".rs").trim_end_matches("/mod");
    if stem == "lib" { Module::new() } else { stem.split('/').map(str::to_owned).collect() }
}

/// All branches of all `use` items.
fn read_uses(tokens: &[Token]) -> Vec<Use> {
    let mut uses = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.word() == Some("use") {
            // `pub use` and `pub(in …) use`.
            let is_public = at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|before| {
                before.word() == Some("pub") || (before.is(')') && opened_by_pub(tokens, at - 1))
            });
            branches(tokens, at + 1, &[], is_public, &mut uses);
        }
    }
    uses
}

/// Whether the bracket that closes at `at` was opened after `pub`.
fn opened_by_pub(tokens: &[Token], at: usize) -> bool {
    let open = tokens[..at].iter().rposition(|token| token.is('('));
    open.and_then(|open| tokens.get(open.checked_sub(1)?)).and_then(Token::word) == Some("pub")
}

/// Reads one tree; where it ends.
fn branches(tokens: &[Token], mut at: usize, before: &[String], is_public: bool, uses: &mut Vec<Use>) -> usize {
    let mut path = before.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(at) {
        match &token.kind {
            Kind::Word(word) if word == "as" => {
                let alias = tokens.get(at + 1).and_then(Token::word).unwrap_or("_").to_owned();
                uses.push(Use { line, path, alias, is_public });
                return at + 2;
            }
            // `a::{self}` is `a`.
            Kind::Word(word) if word == "self" && !path.is_empty() => at += 1,
            Kind::Word(word) => {
                path.push(word.clone());
                at += 1;
            }
            Kind::Mark(':') => at += 1,
            Kind::Mark('*') => {
                uses.push(Use { line, path, alias: "*".to_owned(), is_public });
                return at + 1;
            }
            Kind::Mark('{') => {
                at += 1;
                while tokens.get(at).is_some_and(|token| !token.is('}')) {
                    at = branches(tokens, at, &path, is_public, uses);
                    if tokens.get(at).is_some_and(|token| token.is(',')) {
                        at += 1;
                    }
                }
                return at + 1;
            }
            _ => break,
        }
    }
    if let Some(alias) = path.last().cloned() {
        uses.push(Use { line, path, alias, is_public });
    }
    at
}

/// All paths of at least two names, outside of `use` items.
fn read_paths(tokens: &[Token]) -> Vec<(usize, Vec<String>)> {
    let mut paths = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        let Some(word) = token.word() else { continue };
        if word == "use" {
            at = tokens[at..].iter().position(|token| token.is(';')).map_or(tokens.len(), |end| at + end);
            continue;
        }
        // `pub(in crate::a)` says who may see something, and uses nothing.
        let is_visibility = word == "in" && at >= 3 && tokens[at - 2].is('(') && tokens[at - 3].word() == Some("pub");
        if is_visibility {
            at = tokens[at..].iter().position(|token| token.is(')')).map_or(tokens.len(), |end| at + end);
            continue;
        }
        let mut path = vec![word.to_owned()];
        while tokens.get(at).is_some_and(|token| token.is(':')) && tokens.get(at + 1).is_some_and(|token| token.is(':'))
        {
            let Some(name) = tokens.get(at + 2).and_then(Token::word) else { break };
            path.push(name.to_owned());
            at += 3;
        }
        if path.len() > 1 {
            paths.push((token.line, path));
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::{Tree, no_import_circles};

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = files.iter().map(|(path, text)| (format!("host/src/{path}"), *text)).collect();
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        no_import_circles(&Tree::of(&[&files[..], &[("host/src/lib.rs", "pub mod a;")]].concat()))
    }

    #[test]
    fn two_files_that_need_each_other_are_found() {
        for (one, other) in [
            ("use super::b::B;", "use super::a::A;"),
            ("use crate::b::B as C;", "fn f() { crate::a::A::new() }"),
            ("use crate::{b::{self}}; fn f() { b::run() }", "use super::a; type T = a::A;"),
            ("use super::b::*;", "impl super::a::A for X {}"),
            ("use super::{b}; const N: u8 = b::N;", "#[cfg(test)] mod tests { use super::*; } use super::a::{A, a};"),
        ] {
            let found = findings(&[("a.rs", one), ("b.rs", other)]);
            assert_eq!(found.len(), 1, "{one} {other}");
            assert!(found[0].contains("a.rs:1 uses `") && found[0].contains("b.rs:1 uses `"), "{}", found[0]);
        }
    }

    #[test]
    fn a_circle_of_three_is_found_once_with_its_uses() {
        let found = findings(&[
            ("a.rs", "//! A.\nuse super::b::B;"),
            ("b.rs", "use super::c::C;"),
            ("c.rs", "use super::a::A; use super::d::D;"),
            ("d.rs", "use super::e::E;"),
            ("e.rs", ""),
        ]);
        let text = "host/src/: 3 files need each other: a.rs:2 uses `B` of b.rs; b.rs:1 uses `C` of c.rs; c.rs:1 uses `A` of a.rs";
        assert_eq!(found, [text]);
    }

    #[test]
    fn what_a_front_passes_on_is_a_use_of_the_file_behind_it() {
        let front = ("room/mod.rs", "mod a; mod b; pub use a::A; pub(crate) use b::B; pub struct Front;");
        let circle = [front, ("room/a.rs", "use super::B;"), ("room/b.rs", "use crate::room::A;")];
        assert_eq!(findings(&circle).len(), 1);
        // The front stands on its parts, which may use its types.
        let fine = [front, ("room/a.rs", "use super::Front;"), ("room/b.rs", "use super::{A, Front};")];
        assert_eq!(findings(&fine), [""; 0]);
        // Two rooms are like two files.
        let rooms = [("x/mod.rs", "use super::y::store::S;"), ("y/mod.rs", ""), ("y/store.rs", "use crate::x::X;")];
        assert_eq!(findings(&rooms).len(), 1);
    }

    #[test]
    fn what_is_no_use_is_not_found() {
        let files = [
            ("a.rs", "pub(in crate::b) fn f() {} #[cfg(test)] mod tests { use crate::b::B; }"),
            ("b.rs", "//! See crate::a.\nuse super::a::f; const TEXT: &str = \"crate::a::f\"; use std::b::c;"),
            ("a/tests.rs", "use crate::b::B;"),
        ];
        assert_eq!(findings(&files), [""; 0]);
        assert_eq!(findings(&[("a.rs", "fn {")]).len(), 1);
    }
}
