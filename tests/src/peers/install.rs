//! Puts a peer's pinned packages into a folder of its own in the user's cache, once for all clones.
//!
//! Tests run in parallel, in several processes, and are interrupted at any moment. A file lock lets one process
//! install while the others wait; a marker that is written last says that the folder is complete and from which
//! requirements, and by which Python. A folder without it, or with another text in it, is removed and made again. The
//! folder's name has a digest of the requirements: a clone with others does not take it away from tests that run.
//!
//! Of PyPI, only wheels are taken: building a package from its source would run code with unpinned tools of its own.
//! Hashes are not pinned: a wheel for every platform and Python has another, and what PyPI has once published under a
//! version never changes. Of npm, packages whose own scripts are not run. Rejected: installing beside and renaming (a
//! virtual environment knows its own path).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, bail};
use chronus_plugins_build::cache;
use sha2::{Digest, Sha256};

use super::{Peer, WITHOUT, without};
use crate::checkout::{repo_root, tell};

/// The Python of the peer's own environment, installed if need be. Blocks for seconds.
pub(super) fn python(peer: Peer) -> anyhow::Result<PathBuf> {
    Ok(installed(peer, PackageSource::PyPi)?.join("bin/python"))
}

/// The folder with the peer's `node_modules`, installed if need be. Blocks for seconds.
pub(super) fn node_modules(peer: Peer) -> anyhow::Result<PathBuf> {
    installed(peer, PackageSource::Npm)
}

/// Where packages come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PackageSource {
    PyPi,
    Npm,
}

fn installed(peer: Peer, from: PackageSource) -> anyhow::Result<PathBuf> {
    if without()?.contains(&peer) {
        bail!("{WITHOUT} names {}, yet something started it; ask `peers::left_out` first", peer.name());
    }
    let peers = cache(repo_root()).join("peers");
    let digest = Sha256::digest(peer.requirements());
    let digest: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let name = format!("{}-{}-{digest}", peer.name(), peer.version()?);
    let place = Place { folder: peers.join(name), peer, from };
    if place.is_complete() {
        return Ok(place.folder);
    }
    fs::create_dir_all(&peers).with_context(|| format!("making {}", peers.display()))?;
    // Beside the folder, which may be removed while the lock is held. The lock ends with `held` or the process.
    let lock = place.folder.with_added_extension("lock");
    let held = File::create(&lock).with_context(|| format!("making {}", lock.display()))?;
    held.lock().with_context(|| format!("waiting for {}", lock.display()))?;
    if !place.is_complete() {
        place.install()?;
    }
    Ok(place.folder)
}

struct Place {
    folder: PathBuf,
    peer: Peer,
    from: PackageSource,
}

impl Place {
    fn marker(&self) -> PathBuf {
        self.folder.join("installed.txt")
    }

    /// What the marker says: packages of one Python are not found by the next.
    fn contents(&self) -> String {
        let python = if self.from == PackageSource::PyPi { python_version() } else { "" };
        format!("{}{python}\n", self.peer.requirements())
    }

    /// The interpreter is a link to the system's, which may have gone since.
    fn is_complete(&self) -> bool {
        let needed = self.folder.join(if self.from == PackageSource::PyPi { "bin/python" } else { "node_modules" });
        fs::read_to_string(self.marker()).is_ok_and(|text| text == self.contents()) && needed.exists()
    }

    fn install(&self) -> anyhow::Result<()> {
        let shown = self.folder.strip_prefix(repo_root()).unwrap_or(&self.folder).display().to_string();
        let (package, version) = (self.peer.package(), self.peer.version()?);
        let (source, time) = if self.from == PackageSource::PyPi { ("PyPI", 15) } else { ("npm", 5) };
        tell(&format!("installing {package} {version} from {source} into {shown} (about {time} s, once)"));
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).with_context(|| format!("removing the incomplete {shown}"))?;
        }
        match self.from {
            PackageSource::PyPi => self.install_from_pypi()?,
            PackageSource::Npm => self.install_from_npm()?,
        }
        fs::write(self.marker(), self.contents()).with_context(|| format!("writing into {shown}"))
    }

    fn install_from_pypi(&self) -> anyhow::Result<()> {
        let requirements = repo_root().join("tests/peers").join(self.peer.name()).with_added_extension("txt");
        self.run(
            Command::new("python3").args(["-m", "venv"]).arg(&self.folder),
            "Is there a Python 3.11 or newer with its venv module? (Debian: apt-get install python3-venv)",
        )?;
        self.run(
            Command::new(self.folder.join("bin/python"))
                .args(["-I", "-m", "pip", "install", "--no-input", "--quiet", "--disable-pip-version-check"])
                .args(["--no-deps", "--only-binary", ":all:", "-r"])
                .arg(requirements),
            "Does pip reach PyPI or a mirror of it? pip's own variables (PIP_INDEX_URL, PIP_CERT, PIP_PROXY) are heeded.",
        )
    }

    fn install_from_npm(&self) -> anyhow::Result<()> {
        let packages = self.peer.requirements().lines().filter(|line| !line.starts_with('#'));
        let packages = packages.map(|line| line.replacen("==", "@", 1));
        self.run(
            Command::new("npm")
                .args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact"])
                .arg("--prefix")
                .arg(&self.folder)
                .args(packages),
            "Are there Node.js 20 or newer and npm (Debian: apt-get install nodejs npm), and does npm reach its registry \
             or a mirror? npm's own variables (npm_config_registry, npm_config_cafile) are heeded.",
        )
    }

    fn run(&self, command: &mut Command, hint: &str) -> anyhow::Result<()> {
        let shown = shown(command);
        let name = self.peer.name();
        let advice = format!("{hint} Without this peer: {WITHOUT}={name}");
        let output = command.output().with_context(|| format!("cannot run: {shown}\n{advice}"))?;
        if !output.status.success() {
            // venv reports on standard output, pip on standard error.
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            bail!("{name} could not be installed: {shown}\n{}\n{advice}", said.trim_end());
        }
        Ok(())
    }
}

/// `Python 3.13.5`, as the system's says it; empty if there is none, which installing then says.
fn python_version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let answer = Command::new("python3").arg("--version").output();
        answer.map(|answer| String::from_utf8_lossy(&answer.stdout).trim().to_owned()).unwrap_or_default()
    })
}

/// The command as one would type it at the root of the checkout.
fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program()];
    words.extend(command.get_args());
    let words: Vec<_> = words
        .into_iter()
        .map(|word| Path::new(word).strip_prefix(repo_root()).unwrap_or(Path::new(word)).display().to_string())
        .collect();
    words.join(" ")
}
