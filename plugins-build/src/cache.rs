//! The folder of downloads that all checkouts share.
//!
//! A toolchain of 137 MB, or a browser driver, is the same for each clone of the repository and should be fetched once. It goes
//! to the user's cache folder, by the XDG base directory specification. Code that puts something there uses the version as a
//! key, holds a lock, and accepts finished downloads only.
//!
//! Rejected: the checkout's `target/`, which a fresh clone lacks; a folder of the system, which needs root.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// `$XDG_CACHE_HOME/chronus`, `~/.cache/chronus` if that is not set, and a folder of the workspace's `target/` for users
/// who have no home.
pub fn cache(workspace: &Path) -> PathBuf {
    let folder = users(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME"));
    folder.unwrap_or_else(|| workspace.join("target/cache"))
}

fn users(xdg: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    // The specification says that relative paths are ignored.
    let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute(xdg).or_else(|| Some(absolute(home)?.join(".cache")))?;
    Some(folder.join("chronus"))
}

#[cfg(test)]
mod tests {
    use super::{PathBuf, users};

    #[test]
    fn the_users_folder_is_found() {
        let of = |xdg: Option<&str>, home: Option<&str>| users(xdg.map(Into::into), home.map(Into::into));
        assert_eq!(of(Some("/var/cache/ann"), Some("/home/somebody")), Some(PathBuf::from("/var/cache/ann/chronus")));
        assert_eq!(of(None, Some("/home/somebody")), Some(PathBuf::from("/home/somebody/.cache/chronus")));
        assert_eq!(of(Some("cache"), Some("/home/somebody")), Some(PathBuf::from("/home/somebody/.cache/chronus")));
        assert_eq!(of(Some(""), Some("")), None);
        assert_eq!(of(None, None), None);
    }
}
