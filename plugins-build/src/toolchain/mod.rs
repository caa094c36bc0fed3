//! Which compiler makes the guests.
//!
//! 1. The compiler that built this program, if its standard library for WebAssembly is installed.
//! 2. As the last resort, Debian's compiler and the source of the standard library, fetched and unpacked into the user's
//!    cache ([`debian`]). Then cargo compiles the standard library along with the guest.
//! 3. On other systems, an error that says what to install.
//!
//! This never changes the user's system: it installs nothing and adds no rustup toolchain or component.
//!
//! Rejected: `rustup target add` on the user's behalf (it changes a toolchain that other projects use, and works only
//! where rustup can reach its server), and a pinned download from a server of this project (one
//! more server to trust and to keep alive).

mod debian;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{BuildError, environment, process};

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// The linker leaves five bytes for every address and every call, most of which need two. Written as short as they are,
/// an iCal provider's code is 7 % smaller. The linker does so only if it leaves debugging sections out. Vectors of 128
/// bits belong to WebAssembly 2.0, which every host of the contract runs.
const FLAGS: [&str; 3] = ["-Clink-arg=--compress-relocations", "-Clink-arg=--strip-debug", "-Ctarget-feature=+simd128"];

/// A compiler for guests and how to call it.
#[derive(Debug)]
pub(crate) struct Toolchain {
    cargo: PathBuf,
    rustc: PathBuf,
    about: CompilerDescription,
    /// Set if the standard library has to be compiled along.
    unpacked: Option<UnpackedCompiler>,
}

/// A compiler's description of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CompilerDescription {
    /// `1.96.0 (…)`, without the program's name.
    version: String,
    /// `1.96.0`.
    release: String,
    commit: Option<String>,
    host: String,
    sysroot: PathBuf,
}

#[derive(Debug)]
struct UnpackedCompiler {
    /// Where the compiler's shared libraries are.
    libraries: OsString,
    linker: PathBuf,
}

/// Finds a compiler, or fetches one into `folder`. `oldest` is the oldest release that the workspace takes.
pub(crate) fn find(
    workspace: &Path,
    folder: &Path,
    oldest: (u32, u32),
    progress: &mut dyn FnMut(&str),
) -> Result<Toolchain, BuildError> {
    let cargo = cargo();
    let rustc = rustc_beside(&cargo);
    let about = about(|| {
        let mut command = Command::new(&rustc);
        command.current_dir(workspace);
        command
    })?;
    if has_target(&about.sysroot) {
        return Ok(Toolchain { cargo, rustc, about, unpacked: None });
    }
    let linker = linker(&about)?;
    let fetched = debian::compiler(folder, oldest, progress, &about.version)?;
    Ok(Toolchain {
        cargo,
        rustc: fetched.rustc,
        about: fetched.about,
        unpacked: Some(UnpackedCompiler { libraries: fetched.libraries, linker }),
    })
}

/// The cargo that runs us, or the one on the PATH.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// The compiler of the same toolchain; the one on the PATH may be another.
fn rustc_beside(cargo: &Path) -> PathBuf {
    let name = format!("rustc{}", env::consts::EXE_SUFFIX);
    let beside = cargo.with_file_name(&name);
    if cargo.is_absolute() && beside.exists() { beside } else { PathBuf::from(name) }
}

/// Asks a compiler for its version and its folder. `rustc` makes the command without arguments.
fn about(rustc: impl Fn() -> Command) -> Result<CompilerDescription, BuildError> {
    let version = process::answer(rustc().arg("-vV"))?;
    let sysroot = process::answer(rustc().args(["--print", "sysroot"]))?;
    parse_about(&version, &sysroot).ok_or_else(|| {
        let program = rustc().get_program().to_string_lossy().into_owned();
        BuildError::Workspace(format!("`{program} -vV` said: {version}"))
    })
}

fn parse_about(version: &str, sysroot: &str) -> Option<CompilerDescription> {
    let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    Some(CompilerDescription {
        version: field("rustc ")?.to_owned(),
        release: field("release:")?.to_owned(),
        commit: field("commit-hash:").filter(|hash| *hash != "unknown").map(str::to_owned),
        host: field("host:")?.to_owned(),
        sysroot: PathBuf::from(sysroot.trim_end_matches(['\r', '\n'])),
    })
}

/// Whether the standard library for WebAssembly is installed.
fn has_target(sysroot: &Path) -> bool {
    let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    let entries = fs::read_dir(libraries).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|name| {
        let name = name.to_string_lossy();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
}

/// rust-lld of the running toolchain, because Debian's compiler has none.
fn linker(about: &CompilerDescription) -> Result<PathBuf, BuildError> {
    let looked_in = about.sysroot.join("lib/rustlib").join(&about.host).join("bin");
    let own = looked_in.join(format!("rust-lld{}", env::consts::EXE_SUFFIX));
    if own.exists() {
        return Ok(own);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let found = ["rust-lld", "wasm-ld"]
        .iter()
        .find_map(|name| env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| candidate.exists()));
    found.ok_or(BuildError::NoLinker { looked_in })
}

impl Toolchain {
    /// The compiler's version: `1.96.0 (…)`.
    pub(crate) fn version(&self) -> &str {
        &self.about.version
    }

    /// `cargo <subcommand>` for guests, in a clean environment, with every folder mapped to a fixed name.
    pub(crate) fn cargo(&self, subcommand: &str, workspace: &Path, target_dir: &Path) -> Command {
        let mut command = Command::new(&self.cargo);
        command.env_clear().envs(environment::kept(env::vars_os())).current_dir(workspace);
        command.args([subcommand, "--profile", "guest", "--locked", "--target", TARGET]);
        command.arg("--message-format=json-render-diagnostics");
        // An empty wrapper overrides one in the user's own configuration; so do these flags.
        command.env("RUSTC", &self.rustc).env("RUSTC_WRAPPER", "").env("RUSTC_WORKSPACE_WRAPPER", "");
        command.env("CARGO_TARGET_DIR", target_dir).env("CARGO_ENCODED_RUSTFLAGS", self.flags(workspace, target_dir));
        command.env("CARGO_TERM_PROGRESS_WHEN", "never").env("CARGO_TERM_VERBOSE", "false");
        if let Some(unpacked) = &self.unpacked {
            // Without LD_LIBRARY_PATH an installed compiler's driver would be taken silently.
            command.env("LD_LIBRARY_PATH", &unpacked.libraries).env("RUSTC_BOOTSTRAP", "1");
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", &unpacked.linker);
            // The standard library's small algorithms: 2 % of a provider.
            command.args(["-Z", "build-std=std,panic_abort", "-Z", "build-std-features=optimize_for_size"]);
        }
        command
    }

    fn flags(&self, workspace: &Path, target_dir: &Path) -> String {
        let cargo_home = cargo_home();
        let entries = fs::read_dir(cargo_home.join("registry/src")).into_iter().flatten().flatten();
        // This program's own dependencies came from the same registry, so its folder is there before any guest's.
        let registries: Vec<_> = entries.map(|entry| entry.path()).collect();
        let source = self.about.sysroot.join("lib/rustlib/src/rust");
        let name = format!("/rustc/{}", self.about.commit.as_deref().unwrap_or(&self.about.release));
        let mut flags = environment::remapped(&environment::Folders {
            workspace,
            target_dir,
            cargo_home: &cargo_home,
            registries: &registries,
            standard_library: (&source, &name),
        });
        flags.extend(FLAGS.map(str::to_owned));
        environment::encoded(&flags)
    }
}

fn cargo_home() -> PathBuf {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_tells_what_it_is() {
        let version = "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)\n\
                       binary: rustc\n\
                       commit-hash: ac68faa20c58cbccd01ee7208bf3b6e93a7d7f96\n\
                       commit-date: 2026-05-25\n\
                       host: x86_64-unknown-linux-gnu\n\
                       release: 1.96.0\n\
                       LLVM version: 22.1.8\n";
        let expected = CompilerDescription {
            version: "1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)".to_owned(),
            release: "1.96.0".to_owned(),
            commit: Some("ac68faa20c58cbccd01ee7208bf3b6e93a7d7f96".to_owned()),
            host: "x86_64-unknown-linux-gnu".to_owned(),
            sysroot: PathBuf::from("/a b/usr"),
        };
        assert_eq!(parse_about(version, "/a b/usr\n").as_ref(), Some(&expected));
        let unknown = version.replace("ac68faa20c58cbccd01ee7208bf3b6e93a7d7f96", "unknown");
        assert_eq!(parse_about(&unknown, "/a\n").unwrap().commit, None);
        assert_eq!(parse_about("rustc 1.96.0", "/a"), None);
    }

    #[test]
    fn this_compiler_can_be_asked() {
        let about = about(|| Command::new(rustc_beside(&cargo()))).unwrap();
        assert!(about.sysroot.join("lib").is_dir(), "{about:?}");
        assert!(about.version.starts_with(&about.release), "{about:?}");
    }

    #[test]
    fn the_target_is_installed_if_its_standard_library_is() {
        let sysroot = tempfile::tempdir().unwrap();
        let libraries = sysroot.path().join("lib/rustlib/wasm32-unknown-unknown/lib");
        assert!(!has_target(sysroot.path()));
        fs::create_dir_all(&libraries).unwrap();
        fs::write(libraries.join("libcore-0123.rlib"), "").unwrap();
        assert!(!has_target(sysroot.path()));
        fs::write(libraries.join("libstd-0123.rlib"), "").unwrap();
        assert!(has_target(sysroot.path()));
    }

    #[test]
    fn the_nested_cargo_is_on_its_own() {
        let toolchain = Toolchain {
            cargo: PathBuf::from("/t/cargo"),
            rustc: PathBuf::from("/t/rustc"),
            about: parse_about("rustc 1.96.0\nrelease: 1.96.0\nhost: h\n", "/t\n").unwrap(),
            unpacked: Some(UnpackedCompiler { libraries: "/t/lib".into(), linker: PathBuf::from("/t/lld") }),
        };
        let command = toolchain.cargo("rustc", Path::new("/w"), Path::new("/w/target/guests"));
        let set = |name: &str| {
            let value = command.get_envs().find(|(found, _)| *found == name).and_then(|(_, value)| value);
            value.map(|value| value.to_string_lossy().into_owned())
        };
        assert_eq!(set("RUSTC").unwrap(), "/t/rustc");
        assert_eq!(set("LD_LIBRARY_PATH").unwrap(), "/t/lib");
        assert_eq!(set("CARGO_TARGET_DIR").unwrap(), "/w/target/guests");
        let flags = set("CARGO_ENCODED_RUSTFLAGS").unwrap();
        assert!(flags.contains("=/t/lib/rustlib/src/rust=/rustc/1.96.0\u{1f}"), "{flags}");
        // The test runs below cargo, which set this one.
        assert!(env::var_os("CARGO_MANIFEST_DIR").is_some() && set("CARGO_MANIFEST_DIR").is_none());
        assert!(command.get_args().any(|argument| argument == "--locked"));
    }
}
