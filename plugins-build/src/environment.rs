//! The environment of the nested cargo.
//!
//! The builder runs below `cargo run` or `cargo test`, which set dozens of variables, and in shells that set others
//! (`RUSTFLAGS`, a compiler wrapper). Any of these would change a component's bytes, or rebuild everything when the outer
//! command changes. So the nested cargo receives the user's environment without the variables of the outer build, and the
//! paths of this machine are mapped to fixed names.
//!
//! Rejected: an empty environment with a short list of exceptions. Proxies, certificates, the registry's settings and
//! what a distribution needs to find its own compiler are the user's business and too many to list.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The variables that the nested cargo keeps.
pub(crate) fn kept(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Vec<(OsString, OsString)> {
    variables.into_iter().filter(|(name, _)| !leaks(name)).collect()
}

/// Whether a variable belongs to the outer build or would change the compiler's output.
fn leaks(name: &OsStr) -> bool {
    const EXACT: [&str; 11] = [
        "CARGO",
        "MAKEFLAGS",
        "MFLAGS",
        "NUM_JOBS",
        "RUSTC",
        "RUSTC_BOOTSTRAP",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTDOC",
        "RUSTDOCFLAGS",
        "RUSTFLAGS",
    ];
    /// These say where to fetch from and what to show; they do not reach the compiler.
    const USERS: [&str; 7] = [
        "CARGO_BUILD_JOBS",
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTRIES_",
        "CARGO_REGISTRY_",
        "CARGO_TERM_",
    ];
    let Some(name) = name.to_str() else { return false };
    EXACT.contains(&name) || (name.starts_with("CARGO_") && !USERS.iter().any(|user| name.starts_with(user)))
}

/// Folders of this machine whose names would otherwise stand in panic messages.
pub(crate) struct Folders<'a> {
    pub(crate) workspace: &'a Path,
    pub(crate) target_dir: &'a Path,
    pub(crate) cargo_home: &'a Path,
    /// Below `<cargo_home>/registry/src`: one folder for each registry. Their names hold a hash of the registry's
    /// address, so a mirror's differs.
    pub(crate) registries: &'a [PathBuf],
    /// The standard library's source (`<sysroot>/lib/rustlib/src/rust`) and the name that its compiled form gives it.
    pub(crate) standard_library: (&'a Path, &'a str),
}

/// The compiler flags that give every folder the same name on every machine. The last mapping that fits wins, so the
/// inner folders come after the outer.
pub(crate) fn remapped(folders: &Folders<'_>) -> Vec<String> {
    let mut registries = folders.registries.to_vec();
    registries.sort();
    let git = folders.cargo_home.join("git/checkouts");
    let mut inner = vec![(folders.target_dir, "/target"), (&git, "/git")];
    inner.extend(registries.iter().map(|registry| (registry.as_path(), "/crates")));
    inner.push(folders.standard_library);
    let mut flags = vec![remap(folders.workspace, "/chronus")];
    for (folder, name) in inner {
        flags.push(remap(folder, name));
        // cargo names what lies below the workspace by its path from there.
        if let Ok(relative) = folder.strip_prefix(folders.workspace) {
            flags.push(remap(relative, name));
        }
    }
    flags
}

fn remap(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}={to}", from.display())
}

/// Compiler flags as `CARGO_ENCODED_RUSTFLAGS` takes them: unlike in `RUSTFLAGS`, paths may hold spaces.
pub(crate) fn encoded(flags: &[String]) -> String {
    flags.join("\u{1f}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(variables: &[&str]) -> Vec<String> {
        let variables = variables.iter().map(|name| (OsString::from(name), OsString::from("x")));
        kept(variables).into_iter().map(|(name, _)| name.into_string().unwrap()).collect()
    }

    #[test]
    fn the_outer_build_does_not_leak() {
        let outer = [
            "CARGO",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_INCREMENTAL",
            "CARGO_MAKEFLAGS",
            "CARGO_MANIFEST_DIR",
            "CARGO_PKG_NAME",
            "CARGO_PROFILE_GUEST_LTO",
            "CARGO_TARGET_DIR",
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
            "CARGO_BUILD_TARGET",
            "CARGO_BUILD_RUSTC_WRAPPER",
            "MAKEFLAGS",
            "RUSTC",
            "RUSTC_BOOTSTRAP",
            "RUSTC_WRAPPER",
            "RUSTFLAGS",
        ];
        assert_eq!(names(&outer), Vec::<String>::new());
    }

    #[test]
    fn what_the_user_needs_stays() {
        let users = [
            "PATH",
            "HOME",
            "HTTPS_PROXY",
            "CARGO_BUILD_JOBS",
            "CARGO_HOME",
            "CARGO_HTTP_CAINFO",
            "CARGO_NET_OFFLINE",
            "CARGO_REGISTRIES_CRATES_IO_PROTOCOL",
            "CARGO_TERM_COLOR",
            "RUSTUP_HOME",
            "RUSTUP_TOOLCHAIN",
        ];
        assert_eq!(names(&users), users);
    }

    #[test]
    fn inner_folders_are_mapped_after_outer_ones() {
        let registries = [PathBuf::from("/h/registry/src/b"), PathBuf::from("/h/registry/src/a")];
        let flags = remapped(&Folders {
            workspace: Path::new("/w x"),
            target_dir: Path::new("/w x/target/guests"),
            cargo_home: Path::new("/h"),
            registries: &registries,
            standard_library: (Path::new("/w x/target/toolchain/src/rust"), "/rustc/1.96.0"),
        });
        let expected = [
            "/w x=/chronus",
            "/w x/target/guests=/target",
            "target/guests=/target",
            "/h/git/checkouts=/git",
            "/h/registry/src/a=/crates",
            "/h/registry/src/b=/crates",
            "/w x/target/toolchain/src/rust=/rustc/1.96.0",
            "target/toolchain/src/rust=/rustc/1.96.0",
        ];
        let found: Vec<_> = flags.iter().map(|flag| flag.trim_start_matches("--remap-path-prefix=")).collect();
        assert_eq!(found, expected);
        assert_eq!(encoded(&flags).split('\u{1f}').count(), expected.len());
    }

    proptest! {
        #[test]
        fn cleaning_twice_is_cleaning_once(found in proptest::collection::vec("(CARGO|RUST|CARGO_)?[A-Z_]{0,12}", 0..8)) {
            let pairs: Vec<_> = found.iter().map(|name| (OsString::from(name), OsString::new())).collect();
            let once = kept(pairs);
            prop_assert_eq!(kept(once.clone()), once);
        }
    }
}
