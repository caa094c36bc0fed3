//! No public advisory on a version that we use is without an answer.
//!
//! `tests/advisories.toml` holds the facts of the advisories; `.ci/advisories` says where they come from and why they are in
//! the repository. A version of Cargo.lock that an advisory concerns is mended by an upgrade. Where that is not possible, the
//! row says why the code cannot be reached, or names the test that proves that it does no harm.

use semver::{Version, VersionReq};
use serde::Deserialize;

use super::invariants::test_names;
use super::{Findings, Tree};

const FILE: &str = "tests/advisories.toml";
const LOCK: &str = "Cargo.lock";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[expect(dead_code, reason = "for the reader; its presence is checked")]
    copy: Copy,
    advisories: Vec<Advisory>,
}

/// The copy of the public list from which the rows come.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "for the reader; its presence is checked")]
struct Copy {
    list: String,
    date: String,
    commit: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advisory {
    id: String,
    #[serde(rename = "crate")]
    package: String,
    #[expect(dead_code, reason = "for the reader")]
    date: Option<String>,
    #[expect(dead_code, reason = "for the reader; unsound and unmaintained crates need an answer too")]
    informational: Option<String>,
    patched: Vec<String>,
    unaffected: Vec<String>,
    why: Option<String>,
    test: Option<String>,
}

impl Advisory {
    fn concerns(&self, version: &Version) -> Result<bool, semver::Error> {
        for versions in self.patched.iter().chain(&self.unaffected) {
            if VersionReq::parse(versions)?.matches(version) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
}

/// Every advisory on a version of Cargo.lock has an answer, and no answer is left over.
pub fn advisories_are_answered(tree: &Tree) -> Findings {
    match read(tree) {
        Ok(Read { list, lock, tests }) => {
            list.advisories.iter().flat_map(|advisory| findings(advisory, &lock, |test| tests.contains(test))).collect()
        }
        Err(finding) => vec![finding],
    }
}

struct Read {
    list: List,
    lock: Lock,
    tests: std::collections::BTreeSet<String>,
}

fn read(tree: &Tree) -> Result<Read, String> {
    let text = |path: &str| tree.text(path).ok_or_else(|| format!("{path} is missing"));
    Ok(Read {
        list: toml::from_str(text(FILE)?).map_err(|error| format!("{FILE}: {error}"))?,
        lock: toml::from_str(text(LOCK)?).map_err(|error| format!("{LOCK}: {error}"))?,
        tests: test_names(tree)?,
    })
}

fn findings(advisory: &Advisory, lock: &Lock, is_test: impl Fn(&str) -> bool) -> Option<String> {
    let Advisory { id, package, why, test, .. } = advisory;
    let mut concerned = None;
    for Package { version, .. } in lock.package.iter().filter(|locked| locked.name == *package) {
        match Version::parse(version).and_then(|parsed| advisory.concerns(&parsed)) {
            Ok(true) => concerned = Some(version),
            Ok(false) => {}
            Err(error) => return Some(format!("{FILE}: {id} and {package} {version} cannot be compared: {error}")),
        }
    }
    match (concerned, why, test) {
        (Some(version), None, None) => Some(format!(
            "{FILE}: {id} concerns {package} {version} of {LOCK}. Upgrade it, or add `why` or `test` to the row"
        )),
        (_, _, Some(test)) if !is_test(test) => {
            Some(format!("{FILE}: {id} names the test {test}, which does not exist"))
        }
        (None, Some(_), _) | (None, _, Some(_)) => {
            Some(format!("{FILE}: {id} concerns no version of {package} in {LOCK}; remove its answer"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(row: &str, version: &str) -> Findings {
        let list = format!(
            "copy = {{ list = \"RustSec\", date = \"2026-01-01\", commit = \"c\" }}\nadvisories = [\n{{ id = \"A-1\", crate = \"engine\", {row} }},\n]\n"
        );
        let lock = format!("version = 4\n[[package]]\nname = \"engine\"\nversion = \"{version}\"\n");
        let test = "#[test]\nfn is_harmless() {}\n";
        advisories_are_answered(&Tree::of(&[(FILE, &list), (LOCK, &lock), ("tests/it/engine.rs", test)]))
    }

    #[test]
    fn a_version_that_an_advisory_concerns_needs_an_answer() {
        let facts = "patched = [\">= 2.0.3, < 3.0.0\", \">= 3.1.0\"], unaffected = [\"< 1.0.0\"]";
        for version in ["0.9.9", "2.0.3", "2.9.0", "3.1.0", "4.0.0"] {
            assert_eq!(found(facts, version), [""; 0], "{version}");
        }
        for version in ["1.0.0", "2.0.2", "3.0.9"] {
            assert!(found(facts, version)[0].contains("A-1 concerns engine"), "{version}");
            assert_eq!(found(&format!("{facts}, why = \"It is not called.\""), version), [""; 0]);
            assert_eq!(found(&format!("{facts}, test = \"engine::is_harmless\""), version), [""; 0]);
            assert!(found(&format!("{facts}, test = \"engine::is_gone\""), version)[0].contains("does not exist"));
        }
        assert!(found(&format!("{facts}, why = \"It is not called.\""), "4.0.0")[0].contains("remove its answer"));
        assert!(found("patched = []", "1.0.0")[0].contains("missing field `unaffected`"));
    }
}
