//! The contract does not change in silence.
//!
//! Providers by other people are built against it and live longer than a checkout. So every version that was ever
//! given a number has a copy in `wit/frozen/<version>/`, and `wit/README.md` has a row with the digest of what that
//! copy says. A change to the contract alone breaks the comparison; a change to the copy as well breaks the digest;
//! and a changed digest of an old row is plain to see in a review. Comments may be improved at any time.

use std::collections::BTreeMap;

use super::{Findings, Tree};
use crate::wit::{labels, normal_form, package_version};

const FROZEN: &str = "wit/frozen/";
const README: &str = "wit/README.md";

/// The contract is the frozen copy of its version, and each copy is what the table says it was.
pub fn contract_is_frozen(tree: &Tree) -> Findings {
    let mut findings = Findings::new();
    let present = folder(tree, "wit/");
    let mut versions: Vec<_> = present.iter().map(|(_, text)| package_version(text)).collect();
    versions.dedup();
    let &[Some(version)] = versions.as_slice() else {
        return vec![format!(
            "wit/: the files must begin with one and the same package version; they have {versions:?}"
        )];
    };
    let (text, _) = normal_form(present);
    let (copy, _) = normal_form(folder(tree, &format!("{FROZEN}{version}/")));
    if copy.is_empty() {
        findings.push(format!("{FROZEN}{version}/ is missing: copy wit/*.wit there and add a row to {README}"));
    } else if text != copy {
        findings.push(format!(
            "wit/ differs from {FROZEN}{version}/ in more than comments. If that is meant, it is a new version: raise \
             `package …@{version}` in every wit/*.wit, copy them to {FROZEN}<new version>/, and add a row with the \
             reason to {README}. The copy of {version} stays as it is. First difference: {}",
            first_difference(&copy, &text)
        ));
    }
    findings.extend(rows(tree));
    findings
}

/// Every label of the contract names one promise.
pub fn labels_are_unique(tree: &Tree) -> Findings {
    let mut findings = Findings::new();
    let mut seen = BTreeMap::new();
    for (name, text) in folder(tree, "wit/") {
        for label in labels(name, text) {
            if let Some(first) = seen.insert(label.name.clone(), label.place.clone()) {
                findings.push(format!("wit/{}: the label [{}] is already at wit/{first}", label.place, label.name));
            }
            if label.sentence.is_empty() {
                findings.push(format!("wit/{}: the label [{}] promises nothing", label.place, label.name));
            }
        }
    }
    if seen.is_empty() {
        findings.push("wit/: there are no labels at all".to_owned());
    }
    findings
}

/// The table has a row with the right digest for every frozen copy, and no other row.
fn rows(tree: &Tree) -> Findings {
    let mut findings = Findings::new();
    let readme = tree.text(README).unwrap_or_else(|| {
        findings.push(format!("{README} is missing"));
        ""
    });
    let mut frozen: Vec<_> = tree.paths().filter_map(|path| path.strip_prefix(FROZEN)?.split('/').next()).collect();
    frozen.dedup();
    for version in &frozen {
        let files = folder(tree, &format!("{FROZEN}{version}/"));
        if files.iter().any(|(_, text)| package_version(text) != Some(version)) {
            findings.push(format!("{FROZEN}{version}/ holds a file of another version"));
        }
        let (_, digest) = normal_form(files);
        match row(readme, version) {
            None => findings.push(format!("{README}: the table needs a row `| {version} | `{digest}` | reason |`")),
            Some(row) if !row.contains(&digest) => findings.push(format!(
                "{README}: {FROZEN}{version}/ is not what was frozen: its digest is {digest}, which is not in its row. A \
                 frozen copy never changes; put it back, and give the change a new version"
            )),
            Some(_) => {}
        }
    }
    for version in readme.lines().filter_map(first_cell).filter(|cell| cell.starts_with(char::is_numeric)) {
        if !frozen.contains(&version) {
            findings.push(format!("{README}: the row of {version} has no {FROZEN}{version}/"));
        }
    }
    findings
}

fn row<'a>(readme: &'a str, version: &str) -> Option<&'a str> {
    readme.lines().find(|line| first_cell(line) == Some(version))
}

fn first_cell(line: &str) -> Option<&str> {
    Some(line.strip_prefix('|')?.split('|').next()?.trim().trim_matches('`'))
}

/// The `.wit` files directly in a folder, by name.
fn folder<'a>(tree: &'a Tree, folder: &str) -> Vec<(&'a str, &'a str)> {
    tree.texts()
        .filter_map(|(path, text)| Some((path.strip_prefix(folder)?, text)))
        .filter(|(name, _)| name.ends_with(".wit") && !name.contains('/'))
        .collect()
}

fn first_difference(before: &str, after: &str) -> String {
    let (before, after): (Vec<_>, Vec<_>) = (before.split_whitespace().collect(), after.split_whitespace().collect());
    let at = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
    let around =
        |tokens: &[&str]| tokens.iter().skip(at.saturating_sub(5)).take(10).copied().collect::<Vec<_>>().join(" ");
    format!("`{}` was frozen, `{}` is there", around(&before), around(&after))
}

#[cfg(test)]
mod tests {
    use super::{Tree, contract_is_frozen, labels_are_unique, normal_form};

    const ONE: &str = "package a:b@0.1.0;\n/// [r/one] Two.\nrecord r { a: u8 }\n";

    fn readme(text: &str) -> String {
        format!(
            "| version | sha256 | why |\n|---|---|---|\n| 0.1.0 | `{}` | first |\n",
            normal_form([("a.wit", text)]).1
        )
    }

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        contract_is_frozen(&Tree::of(files))
    }

    #[test]
    fn a_frozen_contract_may_get_better_comments() {
        let better = ONE.replace("Two.", "Three.");
        let files = [("wit/a.wit", better.as_str()), ("wit/frozen/0.1.0/a.wit", ONE), ("wit/README.md", &readme(ONE))];
        assert_eq!(findings(&files), [""; 0]);
    }

    #[test]
    fn a_change_without_a_number_is_found() {
        let changed = ONE.replace("u8", "u16");
        let table = readme(ONE);
        let alone = [("wit/a.wit", changed.as_str()), ("wit/frozen/0.1.0/a.wit", ONE), ("wit/README.md", &table)];
        let found = findings(&alone);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].ends_with("`record r { a : u8 }` was frozen, `record r { a : u16 }` is there"),
            "{}",
            found[0]
        );
        assert!(found[0].contains("raise `package …@0.1.0`"), "{}", found[0]);

        // Changing the copy as well does not help.
        let both = [("wit/a.wit", changed.as_str()), ("wit/frozen/0.1.0/a.wit", &changed), ("wit/README.md", &table)];
        let found = findings(&both);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("is not what was frozen"), "{}", found[0]);
    }

    #[test]
    fn a_new_number_needs_a_copy_and_a_row() {
        let next = ONE.replace("0.1.0", "0.2.0");
        let table = readme(ONE);
        let without = [("wit/a.wit", next.as_str()), ("wit/frozen/0.1.0/a.wit", ONE), ("wit/README.md", &table)];
        assert!(findings(&without)[0].contains("wit/frozen/0.2.0/ is missing"));
        let mut with = without.to_vec();
        with.push(("wit/frozen/0.2.0/a.wit", &next));
        assert!(findings(&with)[0].contains("needs a row `| 0.2.0 |"));
    }

    #[test]
    fn a_mixed_or_missing_version_is_found() {
        let table = readme(ONE);
        let mixed = [("wit/a.wit", ONE), ("wit/b.wit", "package a:b@0.2.0;"), ("wit/README.md", table.as_str())];
        assert_eq!(findings(&mixed).len(), 1);
        let wrong = [("wit/a.wit", ONE), ("wit/frozen/0.1.0/a.wit", ONE), ("wit/frozen/0.2.0/a.wit", ONE)];
        assert_eq!(findings(&wrong).len(), 4, "no README, no two rows, and a copy of another version");
        let gone = [("wit/a.wit", ONE), ("wit/README.md", table.as_str())];
        assert_eq!(findings(&gone).len(), 2);
    }

    #[test]
    fn a_label_used_twice_is_found() {
        let found = |text: &str| labels_are_unique(&Tree::of(&[("wit/a.wit", text)])).len();
        assert_eq!(found(ONE), 0);
        assert_eq!(found("/// [r/one] A.\na\n/// [r/one] B.\nb"), 1);
        assert_eq!(found("/// [r/one]\na"), 1);
        assert_eq!(found("package a:b@0.1.0;"), 1);
    }
}
