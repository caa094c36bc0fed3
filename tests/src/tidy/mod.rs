//! The rules of the house, as functions over the tracked files.
//!
//! A rule that nobody checks is wrong within a month, and a rule that is checked by eye costs every reviewer. So each
//! is a pure function from a [`Tree`] to findings. `it/tidy.rs` applies them to this checkout; the unit tests here
//! apply each to a small tree that breaks it, because a check that never finds anything looks the same as one that
//! does not work.
//!
//! Rust is read as tokens (`rust`), so a word in a comment or a string is not mistaken for code. Rejected: a lint
//! plug-in for the compiler (it ties us to one nightly), and regular expressions over lines.

use std::fs;
use std::process::Command;

use anyhow::{Context, bail};

use crate::checkout::repo_root;

mod advisories;
mod circles;
mod contract;
mod dependencies;
mod gate;
mod invariants;
mod layers;
mod layout;
mod phrases;
mod places;
mod privacy;
mod rust;
mod stored;
mod words;

pub use advisories::advisories_are_answered;
pub use circles::no_import_circles;
pub use contract::{contract_is_frozen, labels_are_unique};
pub use dependencies::dependencies_have_reasons;
pub use gate::databases_are_tried_on_both;
pub use invariants::invariants_are_tests;
pub use layers::{inner_layers, layers, map_is_whole};
pub use layout::{
    modules_have_headers, modules_have_one_place, nothing_is_silenced, rust_files_are_short, top_level_names,
};
pub use phrases::english_is_plain;
pub use places::{
    audit_entries_are_only_added, axum_only_in_http, sql_only_in_stores, tests_do_not_sleep, wasmtime_only_in_plugins,
};
pub use privacy::every_table_names_its_data;
pub use stored::stored_enums_are_strict;
pub use words::{host_names_no_service, nothing_is_left_to_do, nothing_names_a_machine};

/// What breaks a rule: where, and what to do about it. Empty is good.
pub type Findings = Vec<String>;

/// Files by their paths from the root of the checkout.
#[derive(Debug, Default)]
pub struct Tree {
    files: Vec<File>,
}

/// One file.
#[derive(Debug)]
pub struct File {
    /// With `/` between the folders.
    pub path: String,
    /// `None` if it is not text.
    pub text: Option<String>,
}

impl Tree {
    /// What git knows of this checkout, as it is on disk now. A file that is tracked and has just been deleted is
    /// left out.
    pub fn tracked() -> anyhow::Result<Self> {
        let listed = Command::new("git")
            .args(["ls-files", "-z"])
            .current_dir(repo_root())
            .output()
            .context("these checks need git and a checkout made by it")?;
        if !listed.status.success() {
            bail!("git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
        }
        let mut files = Vec::new();
        for path in String::from_utf8(listed.stdout)?.split_terminator('\0') {
            match fs::read(repo_root().join(path)) {
                Ok(bytes) => files.push(File { path: path.to_owned(), text: String::from_utf8(bytes).ok() }),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| format!("reading {path}")),
            }
        }
        Ok(Self { files })
    }

    /// A tree for trying a rule.
    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        let file = |&(path, text): &(&str, &str)| File { path: path.to_owned(), text: Some(text.to_owned()) };
        Self { files: files.iter().map(file).collect() }
    }

    fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.path.as_str())
    }

    /// Path and text of everything that is text.
    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|file| Some((file.path.as_str(), file.text.as_deref()?)))
    }

    fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| path.ends_with(".rs"))
    }

    fn text(&self, path: &str) -> Option<&str> {
        self.texts().find_map(|(other, text)| (other == path).then_some(text))
    }
}
