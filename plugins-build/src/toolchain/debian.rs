//! A compiler with the standard library's source from Debian, unpacked into the user's cache, never installed.
//!
//! Where rustup cannot fetch the WebAssembly target, a Debian mirror usually can be reached. `rustc-web` is Debian's
//! recent compiler; its packages are downloaded (apt checks their digests against the signed lists), unpacked with
//! `dpkg-deb` and used from there. Names of the packages that carry a version (`libstd-rust-web-1.96`) are read from
//! apt, as is which shared libraries this machine lacks, so a new release needs no change here.
//!
//! apt keeps its cache in this folder, and its package lists too if the machine's are missing or stale. So this works without
//! root, and a root user's system stays as it was.
//!
//! Everything happens in `<folder>/begun`, which is renamed to `<folder>/debian` at the end: an interrupted download starts again.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{CompilerDescription, about};
use crate::process::{self, ProgramError};
use crate::workspace::release;
use crate::{BuildError, files};

/// An unpacked compiler that runs.
pub(super) struct Compiler {
    pub(super) rustc: PathBuf,
    pub(super) about: CompilerDescription,
    pub(super) libraries: OsString,
}

/// What has to be downloaded.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// The compiler's release: `1.96.0+dfsg1-1~deb12u2`.
    version: String,
    packages: Vec<String>,
    bytes: u64,
}

/// The compiler below `folder`; fetched if it is not there, does not run, or is older than `oldest`.
pub(super) fn compiler(
    folder: &Path,
    oldest: (u32, u32),
    progress: &mut dyn FnMut(&str),
    present: &str,
) -> Result<Compiler, BuildError> {
    let _lock = files::lock(folder, progress)?;
    let unpacked = folder.join("debian");
    if unpacked.exists() {
        let found = open(&unpacked);
        if let Ok(compiler) = found
            && release(&compiler.about.release) >= Some(oldest)
        {
            return Ok(compiler);
        }
        progress("the fetched compiler does not run or is too old; fetching it again");
        fs::remove_dir_all(&unpacked).map_err(BuildError::file("remove", &unpacked))?;
    }
    fetch(folder, &unpacked, oldest, progress, present)?;
    open(&unpacked)
}

/// Reads what is unpacked in `root`.
fn open(root: &Path) -> Result<Compiler, BuildError> {
    let broken = |output: String| BuildError::ToolchainBroken { folder: root.to_owned(), output };
    let driver = driver_folder(&root.join("usr/lib"))
        .ok_or_else(|| broken("usr/lib/<architecture>/librustc_driver-*.so is missing".to_owned()))?;
    // Older packages have their libraries in /lib, which on a merged system is /usr/lib.
    let outer = driver.file_name().map(|architecture| root.join("lib").join(architecture)).filter(|path| path.exists());
    let libraries = std::env::join_paths(std::iter::once(driver).chain(outer))
        .map_err(|error| broken(format!("{error}: choose a folder without a colon")))?;
    let rustc = root.join("usr/bin/rustc");
    let about = about(|| {
        let mut command = Command::new(&rustc);
        command.env("LD_LIBRARY_PATH", &libraries);
        command
    })
    .map_err(|error| broken(error.to_string()))?;
    if !about.sysroot.join("lib/rustlib/src/rust/library/Cargo.lock").exists() {
        return Err(broken("the source of the standard library is missing".to_owned()));
    }
    Ok(Compiler { rustc, about, libraries })
}

/// `usr/lib/x86_64-linux-gnu` or what else this machine's architecture is called.
fn driver_folder(usr_lib: &Path) -> Option<PathBuf> {
    let folders = fs::read_dir(usr_lib).ok()?.flatten().map(|entry| entry.path());
    folders.filter(|folder| folder.is_dir()).find(|folder| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().starts_with("librustc_driver-"))
    })
}

fn fetch(
    folder: &Path,
    unpacked: &Path,
    oldest: (u32, u32),
    progress: &mut dyn FnMut(&str),
    present: &str,
) -> Result<(), BuildError> {
    for tool in ["apt-get", "apt-cache", "dpkg-deb", "dpkg-query"] {
        if process::answer(Command::new(tool).arg("--version")).is_err() {
            let why = format!("this is no Debian machine, from whose mirror one could be fetched (no `{tool}`)");
            return Err(BuildError::NoToolchain { rustc: present.to_owned(), why });
        }
    }
    let begun = folder.join("begun");
    if begun.exists() {
        fs::remove_dir_all(&begun).map_err(BuildError::file("remove", &begun))?;
    }
    let mut apt = Apt::new(&begun)?;
    let downloads = begun.join("downloads");
    fs::create_dir_all(&downloads).map_err(BuildError::file("create", &downloads))?;
    let mut tried = download(&apt, &downloads, oldest, progress);
    if tried.is_err() {
        progress("this machine's package lists are missing or stale: fetching fresh ones into the cache");
        let warnings = apt.own_lists(progress)?;
        // apt does not count a list that it could not fetch as a failure, but it is what the rest fails by.
        tried = download(&apt, &downloads, oldest, progress).map_err(|error| explained(error, &warnings));
    }
    let plan = tried?;
    let root = begun.join("root");
    let debs = fs::read_dir(&downloads).map_err(BuildError::file("read", &downloads))?.flatten();
    for deb in debs.map(|entry| entry.path()) {
        progress(&format!("unpacking {}", deb.file_name().unwrap_or_default().to_string_lossy()));
        process::answer(Command::new("dpkg-deb").arg("--extract").args([&deb, &root])).map_err(|error| {
            debian("unpacking", error, "Free some disk space (1.5 GB) and run the same command again.")
        })?;
        fs::remove_file(&deb).map_err(BuildError::file("remove", &deb))?;
    }
    prune(&root)?;
    fs::rename(&root, unpacked).map_err(BuildError::file("create", unpacked))?;
    fs::remove_dir_all(&begun).map_err(BuildError::file("remove", &begun))?;
    progress(&format!("rustc {} is ready in {}", plan.version, unpacked.display()));
    Ok(())
}

/// Removes what no guest needs: two thirds of the unpacked files are the compiler's own source.
fn prune(root: &Path) -> Result<(), BuildError> {
    let sources = fs::read_dir(root.join("usr/src")).into_iter().flatten().flatten().map(|entry| entry.path());
    let inner = sources.flat_map(|source| fs::read_dir(source).into_iter().flatten().flatten());
    let unneeded = inner.filter(|entry| entry.file_name() != "library").map(|entry| entry.path());
    for path in unneeded.chain([root.join("usr/share")]) {
        let removed =
            if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(BuildError::file("remove", &path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Finds out what to download and does so.
fn download(apt: &Apt, into: &Path, oldest: (u32, u32), progress: &mut dyn FnMut(&str)) -> Result<Plan, BuildError> {
    let plan = apt.plan(oldest)?;
    progress(&format!(
        "fetching rustc {} from Debian: {} MB, once (it is unpacked into the user's cache, nothing is installed)",
        plan.version,
        plan.bytes.div_ceil(1_000_000)
    ));
    for (number, package) in (1..).zip(&plan.packages) {
        progress(&format!("downloading {number} of {}: {package}", plan.packages.len()));
        let mut command = apt.command("apt-get");
        command.args(["--quiet", "download", package]).current_dir(into);
        process::answer(&mut command).map_err(|error| debian("downloading", error, UPDATE))?;
    }
    Ok(plan)
}

const UPDATE: &str = "Check the network and /etc/apt/sources.list*, see that `sudo apt-get update` passes, and run the \
                      same command again.";

fn debian(step: &'static str, error: ProgramError, remedy: &str) -> BuildError {
    BuildError::Debian { step, output: error.to_string(), remedy: remedy.to_owned() }
}

/// The error with apt's earlier warnings.
fn explained(error: BuildError, warnings: &str) -> BuildError {
    match error {
        BuildError::Debian { step, output, remedy } => {
            let output = [output.trim_end(), warnings.trim_end()].join("\n");
            BuildError::Debian { step, output: output.trim_end().to_owned(), remedy }
        }
        other => other,
    }
}

/// apt with all its state of ours in one folder.
struct Apt {
    folder: PathBuf,
    own_lists: bool,
}

impl Apt {
    fn new(begun: &Path) -> Result<Self, BuildError> {
        let folder = begun.join("apt");
        for inner in ["cache/archives/partial", "lists/partial"] {
            let path = folder.join(inner);
            fs::create_dir_all(&path).map_err(BuildError::file("create", &path))?;
        }
        Ok(Self { folder, own_lists: false })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let option = |name: &str, path: PathBuf| {
            let mut option = OsString::from(format!("{name}="));
            option.push(path);
            option
        };
        // As root, apt would give the download to a user who may not write here.
        command.env("LC_ALL", "C").args(["-o", "APT::Sandbox::User=root", "-o"]);
        command.arg(option("Dir::Cache", self.folder.join("cache")));
        if self.own_lists {
            command.arg("-o").arg(option("Dir::State::Lists", self.folder.join("lists")));
        }
        command
    }

    /// Fetches package lists into our folder and uses them from now on. Gives what apt warned of.
    fn own_lists(&mut self, progress: &mut dyn FnMut(&str)) -> Result<String, BuildError> {
        self.own_lists = true;
        let mut command = self.command("apt-get");
        command.args(["--quiet", "update"]);
        let mut warnings = String::new();
        let mut listen = |line: &str| {
            progress(line);
            warnings.push_str(line);
            warnings.push('\n');
        };
        process::watched(&mut command, &mut listen).map_err(|error| debian("updating its lists", error, UPDATE))?;
        Ok(warnings)
    }

    fn plan(&self, oldest: (u32, u32)) -> Result<Plan, BuildError> {
        let compiler = self.show("rustc-web")?;
        let version = field(&compiler, "Version").unwrap_or_default().to_owned();
        if release(&version) < Some(oldest) {
            return Err(BuildError::Debian {
                step: "looking for a recent compiler",
                output: format!("rustc-web is {version}, and {}.{} or newer is needed", oldest.0, oldest.1),
                remedy: "Add Debian's security archive to /etc/apt/sources.list*, run `sudo apt-get update` and the \
                         same command again."
                    .to_owned(),
            });
        }
        let development = self.show("libstd-rust-web-dev")?;
        let missing = || BuildError::Debian {
            step: "reading its lists",
            output: "libstd-rust-web-dev does not name the library libstd-rust-web-N".to_owned(),
            remedy: UPDATE.to_owned(),
        };
        let runtime = depends(&development).find(|name| name.starts_with("libstd-rust-web-")).ok_or_else(missing)?;
        let mut packages: Vec<_> =
            ["rustc-web", "libstd-rust-web-dev", "rust-web-src"].map(|name| format!("{name}={version}")).to_vec();
        packages.push(format!("{runtime}={version}"));
        packages.extend(self.lacking(runtime)?);
        let mut command = self.command("apt-get");
        command.args(["download", "--print-uris"]).args(&packages);
        let uris = process::answer(&mut command).map_err(|error| debian("reading its lists", error, UPDATE))?;
        Ok(Plan { version, packages, bytes: total(&uris) })
    }

    /// Fields of the version of a package that apt would install.
    fn show(&self, package: &str) -> Result<String, BuildError> {
        let mut command = self.command("apt-cache");
        command.args(["show", "--no-all-versions", package]);
        process::answer(&mut command).map_err(|error| debian("looking for the compiler", error, UPDATE))
    }

    /// The packages below `package` that are not installed on this machine, `package` itself excepted.
    fn lacking(&self, package: &str) -> Result<Vec<String>, BuildError> {
        let mut command = self.command("apt-cache");
        command.args(["depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks"]);
        command.args(["--no-replaces", "--no-enhances", package]);
        let tree = process::answer(&mut command).map_err(|error| debian("reading its lists", error, UPDATE))?;
        let mut command = Command::new("dpkg-query");
        command.args(["--show", "--showformat", "${Package} ${db:Status-Status}\n"]);
        let installed =
            process::answer(&mut command).map_err(|error| debian("reading what is installed", error, UPDATE))?;
        Ok(not_installed(&tree, &installed).filter(|name| *name != package).map(str::to_owned).collect())
    }
}

/// A field of the first stanza.
fn field<'a>(stanza: &'a str, name: &str) -> Option<&'a str> {
    stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// The names that a package depends on; of alternatives, the first.
fn depends(stanza: &str) -> impl Iterator<Item = &str> {
    let list = field(stanza, "Depends").unwrap_or_default();
    list.split(',').filter_map(|one| one.split_whitespace().next())
}

/// The packages of `apt-cache depends --recurse` (each on a line of its own, its dependencies indented below it) that
/// `dpkg-query` does not list as installed. Virtual packages, in angle brackets, and those of other architectures
/// (`name:i386`) are left out.
fn not_installed<'a>(tree: &'a str, installed: &'a str) -> impl Iterator<Item = &'a str> {
    let present: Vec<_> = installed.lines().filter_map(|line| line.strip_suffix(" installed")).collect();
    let names = tree.lines().filter(|line| !line.is_empty() && !line.contains([' ', '<', ':', '|']));
    names.filter(move |name| !present.contains(name))
}

/// The sum of the sizes in `apt-get download --print-uris`: `'uri' file bytes digest` on each line.
fn total(uris: &str) -> u64 {
    uris.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPILER: &str = "Package: rustc-web\nSource: rustc-web (1.0)\nVersion: 1.96.0+dfsg1-1~deb12u2\n\
        Depends: libc6 (>= 2.34), libstd-rust-web-dev (= 1.96.0+dfsg1-1~deb12u2), gcc, libc-dev | other\n\
        Description: Rust\n Version: no field, a line of the description\n";

    #[test]
    fn a_stanza_gives_its_version_and_dependencies() {
        assert_eq!(field(COMPILER, "Version"), Some("1.96.0+dfsg1-1~deb12u2"));
        assert_eq!(field(COMPILER, "Nothing"), None);
        assert_eq!(depends(COMPILER).collect::<Vec<_>>(), ["libc6", "libstd-rust-web-dev", "gcc", "libc-dev"]);
        assert_eq!(depends("Package: a\n").count(), 0);
    }

    #[test]
    fn only_what_is_not_installed_is_fetched() {
        let tree = "libstd-rust-web-1.96\n  Depends: libc6\n  Depends: libllvm22\n |Depends: x\nlibc6\n\
                    libllvm22\n  Depends: libz3-4\nlibz3-4\nlibc6:i386\n<debconf-2.0>\n    cdebconf\n";
        let installed = "libc6 installed\nlibz3-4 config-files\nlibllvm2 installed\n";
        let lacking: Vec<_> = not_installed(tree, installed).collect();
        assert_eq!(lacking, ["libstd-rust-web-1.96", "libllvm22", "libz3-4"]);
    }

    #[test]
    fn sizes_are_added() {
        let uris = "'http://mirror/a_1%7e.deb' a_1~.deb 29378692 SHA256:729e\n\
                    'http://mirror/b.deb' b.deb 4450500 SHA256:8fef\n";
        assert_eq!(total(uris), 33_829_192);
        assert_eq!(total("E: something else\n"), 0);
    }

    #[test]
    fn only_the_library_of_the_source_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let source = root.path().join("usr/src/rustc-1.96.0");
        for path in ["library/std", "compiler/a", "src/tools"] {
            fs::create_dir_all(source.join(path)).unwrap();
        }
        fs::write(source.join("x.py"), "").unwrap();
        fs::create_dir_all(root.path().join("usr/share/doc")).unwrap();
        prune(root.path()).unwrap();
        let left: Vec<_> = fs::read_dir(&source).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["library"]);
        assert!(source.join("library/std").exists() && !root.path().join("usr/share").exists());
        prune(root.path()).unwrap();
    }

    #[test]
    fn half_a_toolchain_is_broken() {
        let root = tempfile::tempdir().unwrap();
        assert!(matches!(open(root.path()), Err(BuildError::ToolchainBroken { .. })));
        let libraries = root.path().join("usr/lib/riscv64-linux-gnu");
        fs::create_dir_all(&libraries).unwrap();
        assert_eq!(driver_folder(&root.path().join("usr/lib")), None);
        fs::write(libraries.join("librustc_driver-0123.so"), "").unwrap();
        assert_eq!(driver_folder(&root.path().join("usr/lib")), Some(libraries));
        let error = open(root.path()).err().unwrap().to_string();
        assert!(error.contains("could not be run"), "{error}");
    }

    #[test]
    fn apt_keeps_everything_in_our_folder() {
        let folder = tempfile::tempdir().unwrap();
        let mut apt = Apt::new(folder.path()).unwrap();
        let options = |apt: &Apt| -> Vec<String> {
            apt.command("apt-get").get_args().map(|argument| argument.to_string_lossy().into_owned()).collect()
        };
        let cache = format!("Dir::Cache={}", folder.path().join("apt/cache").display());
        let lists = format!("Dir::State::Lists={}", folder.path().join("apt/lists").display());
        assert!(options(&apt).contains(&cache) && !options(&apt).contains(&lists));
        apt.own_lists = true;
        assert!(options(&apt).contains(&cache) && options(&apt).contains(&lists));
    }
}
