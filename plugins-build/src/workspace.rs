//! The providers and examples of a workspace, by `cargo metadata`.
//!
//! A provider is a member below `providers/` whose library is a `cdylib`; its id is its folder's name. There is
//! no other configuration: a new folder is built from then on. `providers/sdk` and `providers/icalendar` are plain libraries
//! and are skipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::{BuildError, process};

/// The part of `cargo metadata --no-deps --format-version 1` that matters here.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    rust_version: Option<String>,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
    crate_types: Vec<String>,
}

/// A provider's package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Provider {
    /// The folder's name below `providers/`.
    pub(crate) id: String,
    pub(crate) package: String,
    /// The library's name, under which cargo reports its file.
    pub(crate) library: String,
}

impl Workspace {
    pub(crate) fn read(root: &Path, cargo: &Path) -> Result<Self, BuildError> {
        let mut command = Command::new(cargo);
        command.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root);
        Self::parse(&process::answer(&mut command).map_err(|error| BuildError::Workspace(error.to_string()))?)
    }

    fn parse(json: &str) -> Result<Self, BuildError> {
        serde_json::from_str(json).map_err(|error| BuildError::Workspace(error.to_string()))
    }

    /// The oldest compiler that every member supports: `(1, 95)`; `(0, 0)` if no manifest names one.
    pub(crate) fn oldest_compiler(&self) -> (u32, u32) {
        let said = self.packages.iter().filter_map(|package| package.rust_version.as_deref());
        said.filter_map(release).max().unwrap_or_default()
    }

    /// The providers named by `only` or, if it is empty, all, by id.
    pub(crate) fn providers(&self, only: &[String]) -> Result<Vec<Provider>, BuildError> {
        let mut all: Vec<_> = self.packages.iter().filter_map(|package| self.provider(package)).collect();
        all.sort_by(|one, other| one.id.cmp(&other.id));
        let known: Vec<_> = all.iter().map(|provider| provider.id.clone()).collect();
        if let Some(asked) = only.iter().find(|asked| !known.contains(asked)) {
            return Err(BuildError::UnknownProvider { asked: asked.clone(), known });
        }
        all.retain(|provider| only.is_empty() || only.contains(&provider.id));
        Ok(all)
    }

    fn provider(&self, package: &Package) -> Option<Provider> {
        let folder = package.manifest_path.parent()?;
        if folder.parent()? != self.workspace_root.join("providers") {
            return None;
        }
        // With a `cdylib` among a library's crate types, its kinds are those types.
        let library = package.targets.iter().find(|target| {
            target.crate_types.iter().any(|kind| kind == "cdylib") && !target.kind.iter().any(|kind| kind == "example")
        })?;
        let id = folder.file_name()?.to_str()?.to_owned();
        Some(Provider { id, package: package.name.clone(), library: library.name.clone() })
    }

    /// The names of the `cdylib` examples of a package: those in `only` or, if it is empty, all, sorted.
    pub(crate) fn examples(&self, package: &str, only: &[String]) -> Result<Vec<String>, BuildError> {
        let targets = self.packages.iter().filter(|found| found.name == package).flat_map(|found| &found.targets);
        let is_guest = |target: &&Target| {
            target.kind.iter().any(|kind| kind == "example") && target.crate_types.iter().any(|kind| kind == "cdylib")
        };
        let mut known: Vec<_> = targets.filter(is_guest).map(|target| target.name.clone()).collect();
        known.sort();
        if known.is_empty() {
            return Err(BuildError::NoExamples(package.to_owned()));
        }
        if let Some(asked) = only.iter().find(|asked| !known.contains(asked)) {
            return Err(BuildError::UnknownExample { package: package.to_owned(), asked: asked.clone(), known });
        }
        known.retain(|name| only.is_empty() || only.contains(name));
        Ok(known)
    }
}

/// The first two numbers of a release: `1.96.0+dfsg1-1~deb12u2` is `(1, 96)`.
pub(crate) fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split(|character: char| !character.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{
        "packages": [
            {"name": "chronus-sdk", "manifest_path": "/w/providers/sdk/Cargo.toml", "rust_version": "1.95",
             "targets": [{"name": "chronus_sdk", "kind": ["lib"], "crate_types": ["lib"]}]},
            {"name": "chronus-outlook", "manifest_path": "/w/providers/outlook/Cargo.toml", "rust_version": "1.95",
             "targets": [{"name": "chronus_outlook", "kind": ["cdylib"], "crate_types": ["cdylib"]}]},
            {"name": "chronus-ical", "manifest_path": "/w/providers/ical/Cargo.toml", "rust_version": null,
             "targets": [{"name": "chronus_ical", "kind": ["cdylib", "rlib"], "crate_types": ["cdylib", "rlib"]},
                         {"name": "show", "kind": ["example"], "crate_types": ["cdylib"]}]},
            {"name": "guests", "manifest_path": "/w/tests/guests/Cargo.toml", "rust_version": "1.90",
             "targets": [{"name": "guests", "kind": ["lib"], "crate_types": ["lib"]},
                         {"name": "spin", "kind": ["example"], "crate_types": ["cdylib"]},
                         {"name": "hog", "kind": ["example"], "crate_types": ["cdylib"]},
                         {"name": "native", "kind": ["example"], "crate_types": ["bin"]}]}
        ],
        "workspace_root": "/w", "target_directory": "/w/target", "version": 1
    }"#;

    fn ids(only: &[&str]) -> Result<Vec<String>, BuildError> {
        let only: Vec<_> = only.iter().map(ToString::to_string).collect();
        let providers = Workspace::parse(METADATA).unwrap().providers(&only)?;
        Ok(providers.into_iter().map(|provider| provider.id).collect())
    }

    #[test]
    fn providers_are_the_cdylib_libraries_below_providers() {
        assert_eq!(ids(&[]).unwrap(), ["ical", "outlook"]);
        assert_eq!(ids(&["outlook"]).unwrap(), ["outlook"]);
        let provider = &Workspace::parse(METADATA).unwrap().providers(&[]).unwrap()[0];
        assert_eq!((provider.package.as_str(), provider.library.as_str()), ("chronus-ical", "chronus_ical"));
    }

    #[test]
    fn an_unknown_id_names_the_known_ones() {
        assert_eq!(ids(&["sdk"]).unwrap_err().to_string(), "there is no provider `sdk`; there are: ical, outlook");
    }

    #[test]
    fn examples_are_the_cdylib_ones() {
        let workspace = Workspace::parse(METADATA).unwrap();
        assert_eq!(workspace.examples("guests", &[]).unwrap(), ["hog", "spin"]);
        assert_eq!(workspace.examples("guests", &["spin".to_owned()]).unwrap(), ["spin"]);
        assert_eq!(
            workspace.examples("guests", &["native".to_owned()]).unwrap_err().to_string(),
            "there is no cdylib example `native` in package `guests`; there are: hog, spin"
        );
        assert!(matches!(workspace.examples("chronus-sdk", &[]), Err(BuildError::NoExamples(_))));
        assert!(matches!(workspace.examples("nobody", &[]), Err(BuildError::NoExamples(_))));
    }

    #[test]
    fn the_oldest_compiler_suits_every_member() {
        assert_eq!(Workspace::parse(METADATA).unwrap().oldest_compiler(), (1, 95));
        assert_eq!(release("1.96.0+dfsg1-1~deb12u2"), Some((1, 96)));
        assert_eq!(release("1.95"), Some((1, 95)));
        assert_eq!(release("unknown"), None);
    }
}
