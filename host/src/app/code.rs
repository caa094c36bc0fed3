//! The folder for compiled providers.
//!
//! Threat: compiled code is executed without further checks, so a user who can write to its folder can run code as this
//! process. Decision: the folder is in the user's cache folder or at a configured path, is created for its owner alone,
//! and is used only while nobody else has access; otherwise every start compiles the components again, and a warning is
//! logged. Rejected: a folder in `/tmp`, which another user could create first.

use std::path::{Path, PathBuf};

/// The folder for compiled code in the user's cache folder, created if it is missing.
///
/// # Errors
/// If there is no cache folder, or if others have access. The error says what to do.
pub fn cache_folder() -> Result<PathBuf, String> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    let folder = base.ok_or("neither XDG_CACHE_HOME nor HOME names a folder")?.join("chronus").join("code");
    private_folder(&folder)?;
    Ok(folder)
}

/// The folder for compiled code: the configured one, or the one in the user's cache folder. Created if it is missing.
///
/// # Errors
/// If the folder cannot be used. The error says what to do.
pub fn folder(configured: Option<&Path>) -> Result<PathBuf, String> {
    match configured {
        Some(folder) => private_folder(folder).map(|()| folder.to_owned()),
        None => cache_folder(),
    }
}

/// Creates a folder for its owner alone, or checks that an existing one is.
///
/// # Errors
/// If the folder cannot be created, or if others have access. The error says what to do.
#[cfg(unix)]
pub fn private_folder(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
    let error = |failed: std::io::Error| format!("{}: {failed}", folder.display());
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(error)?;
    let found = std::fs::symlink_metadata(folder).map_err(error)?;
    // A new file has the owner of this process, which std does not tell otherwise.
    let probe = folder.join(format!(".owner-{:016x}", getrandom::u64().unwrap_or_default()));
    std::fs::write(&probe, []).map_err(error)?;
    let ours = std::fs::metadata(&probe).map_err(error);
    std::fs::remove_file(&probe).map_err(error)?;
    if !found.is_dir() || found.mode() & 0o077 != 0 || found.uid() != ours?.uid() {
        return Err(format!("{0} is open to others; remove it, or run `chmod 700 {0}`", folder.display()));
    }
    Ok(())
}

#[cfg(not(unix))]
pub fn private_folder(folder: &Path) -> Result<(), String> {
    Err(format!("{}: whether others can write there is not known on this system", folder.display()))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_folder_that_others_can_use_is_not_used() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("chronus/code");
        assert_eq!(private_folder(&folder), Ok(()));
        assert_eq!(private_folder(&folder), Ok(()));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        let link = base.path().join("link");
        symlink(&folder, &link).unwrap();
        assert!(private_folder(&link).unwrap_err().contains("open to others"));
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o770)).unwrap();
        assert!(private_folder(&folder).unwrap_err().contains("chmod 700"));
    }
}
