//! Builds providers and examples, from sources to components.
//!
//! cargo decides whether a core module is up to date. If its bytes are those of the last run, the component is left alone
//! too: a small record says which component was made from which module, and how.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::component::{self, Surface};
use crate::sign::Key;
use crate::toolchain::{self, Toolchain};
use crate::workspace::Workspace;
use crate::{BuildError, BuiltComponent, Options, compile, files};

/// Builds the providers of the workspace into `options.out` and signs them. The order is that of their ids.
///
/// Safe to call from several processes at once: the others wait. `progress` receives one line for people per call.
pub fn providers(options: &Options, progress: &mut dyn FnMut(&str)) -> Result<Vec<BuiltComponent>, BuildError> {
    let job = Job::start(options, progress)?;
    let key = Key::of_checkout(&job.options.out)?;
    let mut built = Vec::new();
    for provider in job.workspace.providers(&options.only)? {
        let began = Instant::now();
        let core = compile::provider(job.cargo("rustc"), &provider, progress)?;
        let mut one = job.finish(&provider.id, &core, &job.options.out)?;
        one.signature = Some(key.sign(&one.path, &one.sha256)?);
        one.milliseconds = milliseconds(began.elapsed());
        built.push(one);
    }
    Ok(built)
}

/// Builds the `cdylib` examples of `package` into `<target_dir>/examples/<name>.wasm`, unsigned. The order is that of
/// their names; `options.only` selects among them.
///
/// Otherwise like [`providers`].
pub fn examples(
    options: &Options,
    package: &str,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<BuiltComponent>, BuildError> {
    let job = Job::start(options, progress)?;
    let names = job.workspace.examples(package, &options.only)?;
    let began = Instant::now();
    let cores = compile::examples(job.cargo("build"), package, &names, progress)?;
    let compiling = began.elapsed() / u32::try_from(names.len()).unwrap_or(u32::MAX).max(1);
    let folder = job.options.target_dir.join("examples");
    let mut built = Vec::new();
    for (name, core) in names.iter().zip(&cores) {
        let began = Instant::now();
        let mut one = job.finish(name, core, &folder)?;
        one.milliseconds = milliseconds(compiling + began.elapsed());
        built.push(one);
    }
    Ok(built)
}

/// One run of the builder, for providers or for examples.
struct Job {
    /// With absolute paths.
    options: Options,
    workspace: Workspace,
    toolchain: Toolchain,
    /// Held while this builds.
    _lock: fs::File,
}

impl Job {
    fn start(options: &Options, progress: &mut dyn FnMut(&str)) -> Result<Self, BuildError> {
        let lock = files::lock(&options.target_dir, progress)?;
        fs::create_dir_all(&options.out).map_err(BuildError::file("create", &options.out))?;
        let options = Options {
            workspace: files::real(&options.workspace)?,
            out: files::real(&options.out)?,
            target_dir: files::real(&options.target_dir)?,
            toolchain_dir: std::path::absolute(&options.toolchain_dir)
                .map_err(BuildError::file("find", &options.toolchain_dir))?,
            only: options.only.clone(),
        };
        let workspace = Workspace::read(&options.workspace, &toolchain::cargo())?;
        let oldest = workspace.oldest_compiler();
        let toolchain = toolchain::find(&options.workspace, &options.toolchain_dir, oldest, progress)?;
        Ok(Self { options, workspace, toolchain, _lock: lock })
    }

    fn cargo(&self, subcommand: &str) -> std::process::Command {
        self.toolchain.cargo(subcommand, &self.options.workspace, &self.options.target_dir)
    }

    /// From the core module to the component in `folder`.
    fn finish(&self, id: &str, core: &Path, folder: &Path) -> Result<BuiltComponent, BuildError> {
        let core = fs::read(core).map_err(BuildError::file("read", core))?;
        let made_from = made_from(&core, self.toolchain.version());
        let path = folder.join(format!("{id}.wasm"));
        let record_path = self.record(id, folder)?;
        let (record, fresh) = match Record::read(&record_path, &made_from, &path) {
            Some(record) => (record, true),
            None => {
                let record = self.componentise(id, &core, &path, made_from)?;
                let json = serde_json::to_vec(&record).unwrap_or_default();
                files::replace_if_different(&record_path, &json)?;
                (record, false)
            }
        };
        Ok(BuiltComponent {
            id: id.to_owned(),
            path,
            signature: None,
            sha256: record.component,
            size: record.size,
            imports: record.imports,
            exports: record.exports,
            toolchain: self.toolchain.version().to_owned(),
            fresh,
            milliseconds: 0,
        })
    }

    fn componentise(&self, id: &str, core: &[u8], path: &Path, made_from: String) -> Result<Record, BuildError> {
        let refused = |what| BuildError::Component { id: id.to_owned(), what };
        let bytes = component::componentise(core, self.toolchain.version()).map_err(refused)?;
        let Surface { imports, exports } = component::check(&bytes).map_err(refused)?;
        if exports.is_empty() {
            let what = "it exports nothing; does it call the macro that exports the provider?".to_owned();
            return Err(refused(what));
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(BuildError::file("create", folder))?;
        }
        files::replace_if_different(path, &bytes)?;
        Ok(Record { made_from, component: digest(&bytes), size: bytes.len() as u64, imports, exports })
    }

    /// The path of a record. Providers and examples are kept apart, because they may have equal names.
    fn record(&self, id: &str, folder: &Path) -> Result<PathBuf, BuildError> {
        let kind = if folder == self.options.out { "providers" } else { "examples" };
        let records = self.options.target_dir.join("records").join(kind);
        fs::create_dir_all(&records).map_err(BuildError::file("create", &records))?;
        Ok(records.join(format!("{id}.json")))
    }
}

/// The component that was made from a core module.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// See [`made_from`].
    made_from: String,
    /// Digest of the component.
    component: String,
    size: u64,
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Record {
    /// The record at `path`, if it has the same origin and describes the file `component` as it is now.
    fn read(path: &Path, made_from: &str, component: &Path) -> Option<Self> {
        let record: Self = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let same = record.made_from == made_from && record.component == digest(&fs::read(component).ok()?);
        same.then_some(record)
    }
}

/// A digest of everything that a component depends on: the core module, the compiler's name, and this crate's own code.
fn made_from(core: &[u8], compiler: &str) -> String {
    // This crate's source and the versions of its dependencies: a change to either changes the bytes.
    let treatment = [
        include_str!("component.rs"),
        include_str!("names.rs"),
        include_str!("post_return.rs"),
        include_str!("../../Cargo.lock"),
    ];
    digest(
        &[digest(core), compiler.to_owned(), treatment.map(|text| digest(text.as_bytes())).concat()]
            .concat()
            .into_bytes(),
    )
}

/// SHA-256 in lower-case hexadecimal.
fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_as_everybody_writes_it() {
        assert_eq!(digest(b"hello world"), "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
    }

    #[test]
    fn a_record_counts_only_for_what_it_was_made_of() {
        let folder = tempfile::tempdir().unwrap();
        let (path, component) = (folder.path().join("a.json"), folder.path().join("a.wasm"));
        let origin = made_from(b"core", "1.96.0");
        let record = Record {
            made_from: origin.clone(),
            component: digest(b"component"),
            size: 9,
            imports: Vec::new(),
            exports: vec!["x".to_owned()],
        };
        fs::write(&path, serde_json::to_vec(&record).unwrap()).unwrap();
        assert_eq!(Record::read(&path, &origin, &component), None);
        fs::write(&component, b"component").unwrap();
        assert_eq!(Record::read(&path, &origin, &component), Some(record));
        assert_eq!(Record::read(&path, &made_from(b"other", "1.96.0"), &component), None);
        assert_eq!(Record::read(&path, &made_from(b"core", "1.97.0"), &component), None);
        fs::write(&component, b"tampered").unwrap();
        assert_eq!(Record::read(&path, &origin, &component), None);
    }
}
