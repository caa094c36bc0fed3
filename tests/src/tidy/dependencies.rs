//! Why each dependency is there.
//!
//! A dependency is code that we answer for and did not write. Its reason is written above it in the workspace's
//! `Cargo.toml`, so that a reader who doubts it can see what would have to be replaced. Crates take their dependencies from
//! there (`name.workspace = true`), so no other file needs the rule.

use super::{Findings, Tree};

const MANIFEST: &str = "Cargo.toml";
const SECTION: &str = "[workspace.dependencies]";

/// Every dependency of the workspace has a comment of its own above it, and crates have no others.
pub fn dependencies_have_reasons(tree: &Tree) -> Findings {
    let mut findings = Findings::new();
    for (path, text) in tree.texts().filter(|(path, _)| path.ends_with(MANIFEST)) {
        let mut section = "";
        let mut before = "";
        for (number, line) in (1..).zip(text.lines()) {
            if line.starts_with('[') {
                section = line;
            }
            let begins_with_name = line.starts_with(|first: char| first.is_ascii_lowercase());
            if begins_with_name && section == SECTION && !before.starts_with('#') {
                findings.push(format!("{path}:{number}: say in a comment above it what this dependency is for"));
            }
            if begins_with_name
                && section.ends_with("dependencies]")
                && section != SECTION
                && !line.contains("workspace")
            {
                findings.push(format!(
                    "{path}:{number}: list this dependency, with its reason, under {SECTION} in ./{MANIFEST}"
                ));
            }
            before = line;
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{Tree, dependencies_have_reasons};

    fn findings(path: &str, text: &str) -> usize {
        dependencies_have_reasons(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let good = "[workspace.dependencies]\n# Reads.\na = \"1\"\n# Writes.\nb = { version = \"1\", features = [\n    \"c\",\n] }\n";
        assert_eq!(findings("Cargo.toml", good), 0);
        assert_eq!(findings("Cargo.toml", &format!("{good}c = \"1\"\n\n[profile.dev]\ndebug = false\n")), 1);
        assert_eq!(findings("Cargo.toml", "[workspace.dependencies]\n# Both.\na = \"1\"\nb = \"1\"\n"), 1);
    }

    #[test]
    fn a_dependency_of_one_crate_alone_is_found() {
        assert_eq!(findings("host/Cargo.toml", "[dependencies]\na.workspace = true\nb = { workspace = true }\n"), 0);
        assert_eq!(findings("host/Cargo.toml", "[dev-dependencies]\na = \"1\"\n"), 1);
    }
}
