//! Files that several processes write.
//!
//! Tests, the demo and a person's `cargo plugins` may run at the same time. A build holds a lock on the target
//! directory. Readers of a component hold none, so each file is replaced in one step.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::BuildError;

/// Creates `folder` and locks it until the result is dropped. Tells `progress` if another process holds the lock.
pub(crate) fn lock(folder: &Path, progress: &mut dyn FnMut(&str)) -> Result<File, BuildError> {
    fs::create_dir_all(folder).map_err(BuildError::file("create", folder))?;
    let path = folder.join(".chronus-lock");
    let file = File::create(&path).map_err(BuildError::file("create", &path))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => progress(&format!("waiting for another build in {}", folder.display())),
        Err(TryLockError::Error(error)) => return Err(BuildError::file("lock", &path)(error)),
    }
    file.lock().map_err(BuildError::file("lock", &path))?;
    Ok(file)
}

/// Replaces a file in one step, unless it already holds these bytes.
pub(crate) fn replace_if_different(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    let begun = beside(path);
    fs::write(&begun, bytes).map_err(BuildError::file("write", &begun))?;
    fs::rename(&begun, path).map_err(BuildError::file("write", path))
}

/// The path without links, as the compiler will name it.
pub(crate) fn real(path: &Path) -> Result<PathBuf, BuildError> {
    // On Windows the result has a form that many programs do not accept (`\\?\C:\…`).
    let found = if cfg!(unix) { fs::canonicalize(path) } else { std::path::absolute(path) };
    found.map_err(BuildError::file("find", path))
}

/// A name in the same folder that no other process uses.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{:?}", std::process::id(), std::thread::current().id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn the_second_waits_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let first = lock(folder.path(), &mut |_| panic!("nobody else is here")).unwrap();
        let (tell, told) = mpsc::channel();
        let path = folder.path().to_owned();
        let second = thread::spawn(move || lock(&path, &mut |line| tell.send(line.to_owned()).unwrap()).map(drop));
        assert!(told.recv().unwrap().starts_with("waiting for another build in "));
        drop(first);
        second.join().unwrap().unwrap();
    }

    #[test]
    fn a_file_is_replaced_only_if_it_differs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one");
        replace_if_different(&path, b"a").unwrap();
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        replace_if_different(&path, b"a").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);
        replace_if_different(&path, b"b").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"b");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
