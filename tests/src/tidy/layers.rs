//! Which module of the host may use which.
//!
//! The order is the architecture: what stands left knows nothing of what stands right, so it can be read, tested and
//! replaced without it. A module that is not in the list has no place yet, and must be given one.

use std::collections::BTreeSet;

use super::circles::Graph;
use super::rust::{Kind, Token, after_path_start, branches, tokens};
use super::{Findings, Tree};

/// A module uses only those to its left.
const ORDER: [&str; 28] = [
    "locks",
    "offload",
    "clock",
    "ids",
    "calendar",
    "network",
    "db",
    "audit",
    "rate_limits",
    "secrets",
    "fairness",
    "jobs",
    "plugins",
    "organisations",
    "people",
    "auth",
    "links",
    "mail",
    "oauth",
    "connections",
    "availability",
    "meetings",
    "sync",
    "conformance",
    "config",
    "app",
    "http",
    "cli",
];

/// The same inside the large rooms, by the names in their folders. The folder's own `mod.rs` stands on all of them.
const INNER: [(&str, &[&str]); 2] = [
    ("plugins", &["limits", "contract", "egress", "endpoints", "sign_in", "runtime", "admission", "registry"]),
    (
        "connections",
        &[
            "connection",
            "error",
            "store",
            "access",
            "explain",
            "approvals",
            "attempts",
            "revocations",
            "offered",
            "establish",
            "form",
            "code_grant",
            "service_accounts",
            "tokens",
            "session",
            "smoke",
            "reopen",
            "disconnect",
            "revoke",
            "callback",
            "notice",
        ],
    ),
];

const ROOT: &str = "host/src/";

/// The page with the map of them.
const PAGE: &str = "host/ARCHITECTURE.md";

/// Every path from one module of the host to another leads to the left.
pub fn layers(tree: &Tree) -> Findings {
    let mut findings = Findings::new();
    for (path, text) in tree.rust() {
        let Some(inside) = path.strip_prefix(ROOT) else { continue };
        // They only list the modules and start the program.
        if inside == "lib.rs" || inside == "main.rs" {
            continue;
        }
        let own = inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs");
        let Some(rank) = rank(own) else {
            findings
                .push(format!("{path}: the module `{own}` has no place in the order; give it one in tests/src/tidy"));
            continue;
        };
        let tokens = match tokens(text) {
            Ok(tokens) => tokens,
            Err(error) => {
                findings.push(format!("{path}: {error}"));
                continue;
            }
        };
        for used in used_modules(&tokens, depth(inside)) {
            let line = used.line;
            let Some(name) = used.word() else { continue };
            match self::rank(name) {
                Some(other) if other <= rank => {}
                Some(_) => findings.push(format!("{path}:{line}: `{own}` uses `{name}`, which comes after it")),
                None => findings.push(format!(
                    "{path}:{line}: `crate::{name}` is not a module of the order; name things by the module that has them"
                )),
            }
        }
    }
    findings
}

/// Within a room of [`INNER`], too, a module uses only those to its left.
pub fn inner_layers(tree: &Tree) -> Findings {
    let graph = match Graph::read(tree, ROOT) {
        Ok(graph) => graph,
        Err(finding) => return vec![finding],
    };
    let mut findings = Findings::new();
    for (room, order) in INNER {
        let folder = format!("{ROOT}{room}/");
        let inner = tree.rust().filter_map(|(path, _)| path.strip_prefix(&folder)).map(first_name);
        let names: BTreeSet<_> = inner.filter(|name| *name != "mod").collect();
        let placeless = names.iter().filter(|name| !order.contains(name));
        findings.extend(placeless.map(|name| {
            format!("{folder}{name}: has no place in the order of `{room}`; give it one in tests/src/tidy/layers.rs")
        }));
        let rank = |path: &str| {
            let name = first_name(path.strip_prefix(room)?.strip_prefix('/')?);
            order.iter().position(|other| *other == name)
        };
        let wrong = graph.edges.values().filter(|edge| match (rank(&edge.from), rank(&edge.to)) {
            (Some(from), Some(to)) => to > from,
            _ => false,
        });
        findings.extend(wrong.map(|edge| format!("{ROOT}{edge}, which comes after it in `{room}`")));
    }
    findings
}

/// The folder or file that a path begins with, as a module's name.
fn first_name(path: &str) -> &str {
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

/// The map has every module of the host, in the order, and nothing that is not there.
pub fn map_is_whole(tree: &Tree) -> Findings {
    let there = |module: &&str| {
        let (file, folder) = (format!("{ROOT}{module}.rs"), format!("{ROOT}{module}/"));
        tree.paths().any(|path| path == file || path.starts_with(&folder))
    };
    let wanted: Vec<_> = ORDER.into_iter().filter(there).collect();
    let page = tree.text(PAGE).unwrap_or_default();
    let section = page.lines().skip_while(|line| line.trim_end() != "## Code map").skip(1);
    let items = section.take_while(|line| !line.starts_with("## ")).filter_map(|line| line.strip_prefix("- "));
    // What is before the colon: "`clock.rs`, `ids.rs`: …".
    let codes = items.flat_map(|item| item.split(':').next().unwrap_or(item).split('`').skip(1).step_by(2));
    let mapped: Vec<_> = codes.map(|code| code.trim_end_matches('/').trim_end_matches(".rs")).collect();
    if mapped == wanted {
        return Findings::new();
    }
    vec![format!(
        "{PAGE}: the items under `## Code map` begin with {}; the modules of the host are, in order, {}",
        mapped.join(" "),
        wanted.join(" ")
    )]
}

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|name| *name == module)
}

/// How many modules there are between the crate's root and the items of a file: `plugins/mod.rs` 1, `plugins/a.rs` 2.
fn depth(inside: &str) -> usize {
    inside.trim_end_matches(".rs").trim_end_matches("/mod").split('/').count()
}

/// The name after `crate::`, the crate's own name, or as many `super::` as lead to the root.
fn used_modules(tokens: &[Token], depth: usize) -> Vec<&Token> {
    let mut used = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let start = after_path_start(tokens, at, "crate")
            .or_else(|| after_path_start(tokens, at, "chronus_host"))
            .or_else(|| {
                let is_first =
                    at.checked_sub(2).and_then(|before| tokens.get(before)).and_then(Token::word) != Some("super");
                let (end, count) = supers(tokens, at);
                (is_first && count > 0 && count >= depth + token.modules.len()).then_some(end)
            });
        if let Some(start) = start {
            used.extend(branches(tokens, start).into_iter().filter(|name| is_name(name)));
        }
    }
    used
}

/// Where a chain of `super::` that begins at `at` ends, and its length.
fn supers(tokens: &[Token], mut at: usize) -> (usize, usize) {
    let mut count = 0;
    while let Some(next) = after_path_start(tokens, at, "super") {
        at = next;
        count += 1;
    }
    (at, count)
}

fn is_name(token: &Token) -> bool {
    matches!(&token.kind, Kind::Word(word) if word != "self")
}

#[cfg(test)]
mod tests {
    use super::{Tree, inner_layers, layers, map_is_whole};

    fn findings(path: &str, text: &str) -> usize {
        layers(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn to_the_left_is_fine() {
        assert_eq!(findings("host/src/sync/plan.rs", "use crate::calendar::Event; use crate::{jobs, meetings::a};"), 0);
        assert_eq!(findings("host/src/plugins/a.rs", "use super::b; use crate::plugins::c; pub(crate) struct S;"), 0);
        assert_eq!(findings("host/src/plugins/mod.rs", "mod tests { use super::*; }"), 0);
        assert_eq!(findings("host/src/plugins/a.rs", "mod tests { use super::super::b; }"), 0);
        assert_eq!(findings("host/src/main.rs", "use chronus_host::cli;"), 0);
        assert_eq!(findings("tests/it/a.rs", "use crate::http;"), 0);
        assert_eq!(findings("host/src/ids.rs", "//! Used by `crate::http`.\n/// crate::cli\nstruct S;"), 0);
    }

    #[test]
    fn to_the_right_is_found() {
        assert_eq!(findings("host/src/calendar/event.rs", "use crate::plugins::Provider;"), 1);
        assert_eq!(findings("host/src/calendar/event.rs", "use crate::{clock, plugins::{a, b}, http};"), 2);
        assert_eq!(findings("host/src/ids.rs", "fn f() { crate::db::open() }"), 1);
        assert_eq!(findings("host/src/ids.rs", "use chronus_host::db::open;"), 1);
        assert_eq!(findings("host/src/plugins/a.rs", "use super::super::http::serve;"), 1);
        assert_eq!(findings("host/src/plugins/mod.rs", "use super::{ids, cli};"), 1);
        assert_eq!(findings("host/src/plugins/mod.rs", "mod tests { use super::super::cli; }"), 1);
    }

    #[test]
    fn to_the_right_inside_a_room_is_found() {
        let findings = |inside: &str, text: &str| {
            let files = [
                ("host/src/plugins/mod.rs", "pub use registry::Registry; use admission::admit;"),
                ("host/src/plugins/limits.rs", "pub struct Budget;"),
                ("host/src/plugins/registry/mod.rs", "pub struct Registry;"),
                (inside, text),
            ];
            inner_layers(&Tree::of(&files)).len()
        };
        assert_eq!(findings("host/src/plugins/egress/own.rs", "use super::super::limits::Budget;"), 0);
        assert_eq!(findings("host/src/plugins/egress/own.rs", "use super::super::registry::Registry;"), 1);
        assert_eq!(
            findings("host/src/plugins/egress/own.rs", "fn f() { crate::plugins::registry::Registry::new() }"),
            1
        );
        // By way of the room's own front it is the same use.
        assert_eq!(findings("host/src/plugins/egress/own.rs", "use crate::plugins::Registry;"), 1);
        assert_eq!(findings("host/src/plugins/extra.rs", ""), 1);
        assert_eq!(findings("host/src/jobs/mod.rs", "use crate::plugins::Registry;"), 0);
    }

    #[test]
    fn a_map_that_lacks_or_invents_is_found() {
        let findings = |page: &str| {
            let page = format!("# A\n- `cli/`: no.\n## Code map\n\n{page}\n\n## B\n- `jobs/`: no.");
            let files = ["host/src/ids.rs", "host/src/db/mod.rs", "host/src/cli/mod.rs"].map(|path| (path, ""));
            map_is_whole(&Tree::of(&[&files[..], &[("host/ARCHITECTURE.md", &page)]].concat())).len()
        };
        assert_eq!(findings("- `ids.rs`, `db/`: both: `a.rs`.\n- `cli/`: one."), 0);
        assert_eq!(findings("- `ids.rs`: `db/`.\n- `cli/`: one."), 1);
        assert_eq!(findings("- `ids.rs`: a.\n- `db/`: b.\n- `cli/`: c.\n- `http/`: d."), 1);
        assert_eq!(findings("- `db/`: b.\n- `ids.rs`: a.\n- `cli/`: c."), 1);
        assert_eq!(map_is_whole(&Tree::of(&[("host/src/ids.rs", "")])).len(), 1);
    }

    #[test]
    fn what_has_no_place_is_found() {
        assert_eq!(findings("host/src/utils.rs", ""), 1);
        assert_eq!(findings("host/src/cli/mod.rs", "use crate::Shortcut;"), 1);
        assert_eq!(findings("host/src/cli/mod.rs", "fn {"), 1);
    }
}
