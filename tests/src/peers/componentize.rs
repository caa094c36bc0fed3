//! Test providers in other languages, made into components as their authors do it (`providers/README.md`).
//!
//! Problem: making such a component takes ten seconds and more, because the tools run the language's interpreter once and
//! store its memory. Decision: the component is kept in `target/guests/languages` under a digest of everything it is made
//! from (sources, contract, tools), and a file lock lets one process build while the others wait.
//!
//! Rejected: `cargo plugins`, because then everybody who builds a provider in Rust would need Node.js and Python.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};

use super::{Peer, install};
use crate::checkout::{repo_root, tell};

/// A language of providers other than Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// By componentize-js.
    JavaScript,
    /// By componentize-py.
    Python,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::JavaScript, Self::Python];

    /// The tool that makes components.
    pub fn peer(self) -> Peer {
        match self {
            Self::JavaScript => Peer::ComponentizeJs,
            Self::Python => Peer::ComponentizePy,
        }
    }

    /// The folder of the test provider in `tests/guests`.
    fn folder(self) -> &'static str {
        match self {
            Self::JavaScript => "js",
            Self::Python => "python",
        }
    }

    /// The command, to be run in the folder `work` that holds the sources. Installs the tool if need be.
    fn command(self, work: &Path, out: &Path) -> anyhow::Result<Command> {
        let contract = repo_root().join("wit");
        match self {
            Self::JavaScript => {
                // Node.js looks for packages beside the script that imports them.
                let modules = install::node_modules(self.peer())?.join("node_modules");
                std::os::unix::fs::symlink(modules, work.join("node_modules")).context("linking node_modules")?;
                let mut command = Command::new("node");
                command.args(["build.mjs", "provider.js"]).arg(contract).arg(out);
                Ok(command)
            }
            Self::Python => {
                let mut command = Command::new(install::python(self.peer())?.with_file_name("componentize-py"));
                command.arg("--wit-path").arg(contract).args([
                    "--world",
                    "read-only",
                    "componentize",
                    "provider",
                    "-o",
                ]);
                command.arg(out);
                Ok(command)
            }
        }
    }
}

/// The component of the test provider in this language, built if need be. Blocks for seconds.
pub fn language_component(language: Language) -> anyhow::Result<PathBuf> {
    let (peer, name) = (language.peer(), language.folder());
    let sources = files(&repo_root().join("tests/guests").join(name))?;
    let folder = repo_root().join("target/guests/languages");
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let component = folder.join(format!("{name}-{}.wasm", digest(language, &sources)?));
    let lock = folder.join(name).with_added_extension("lock");
    let held = File::create(&lock).with_context(|| format!("creating {}", lock.display()))?;
    held.lock().with_context(|| format!("waiting for {}", lock.display()))?;
    if component.exists() {
        return Ok(component);
    }
    tell(&format!("building tests/guests/{name} with {} {} (about 15 s, once)", peer.package(), peer.version()?));
    let began = Instant::now();
    let work = tempfile::tempdir_in(&folder).context("creating a folder for the build")?;
    for (name, content) in &sources {
        fs::write(work.path().join(name), content).with_context(|| format!("copying {}", name.display()))?;
    }
    let made = work.path().join("provider.wasm");
    let mut command = language.command(work.path(), &made)?;
    let output = command.current_dir(work.path()).output().with_context(|| format!("running {command:?}"))?;
    ensure!(
        output.status.success() && made.exists(),
        "{} cannot build tests/guests/{name}: {command:?}\n{}{}",
        peer.package(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    remove_components(&folder, name)?;
    fs::rename(&made, &component).context("moving the component to its place")?;
    let megabytes = (fs::metadata(&component)?.len() + 500_000) / 1_000_000;
    tell(&format!("tests/guests/{name} is a component of {megabytes} MB, built in {} s", began.elapsed().as_secs()));
    Ok(component)
}

/// The files of a folder: names and contents, sorted.
fn files(folder: &Path) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            found.push((entry.file_name().into(), fs::read(entry.path())?));
        }
    }
    found.sort();
    Ok(found)
}

/// The first bytes of a digest of everything that the component is made from: this file has the command.
fn digest(language: Language, sources: &[(PathBuf, Vec<u8>)]) -> anyhow::Result<String> {
    let contract = repo_root().join("wit");
    let mut hash = Sha256::new();
    for (name, content) in [sources, &files(&contract)?, &files(&contract.join("deps"))?].concat() {
        hash.update(name.as_os_str().as_encoded_bytes());
        hash.update(content.len().to_le_bytes());
        hash.update(content);
    }
    hash.update(language.peer().requirements());
    hash.update(include_str!("componentize.rs"));
    Ok(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

/// Removes the components of earlier sources.
fn remove_components(folder: &Path, name: &str) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let of_language = path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&format!("{name}-")));
        if of_language {
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}
