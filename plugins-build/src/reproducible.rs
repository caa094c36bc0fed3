//! Proof that a component's bytes come from its sources and its compiler alone.
//!
//! An operator can pin a digest, and two people can compare theirs, only if everybody who builds the same sources gets the
//! same bytes. The usual cause of a difference is a path: of the checkout, of the registry, of the compiler. So the
//! checkout's files are copied into two folders whose paths differ in length, each is built from nothing with a target
//! directory and (where one was fetched) a copy of the compiler of its own, and the digests are compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{BuildError, Comparison, Options, files, process, providers};

/// Builds every provider (or those of `options.only`) in two copies of the checkout.
///
/// Differing digests are the error [`BuildError::NotReproducible`], and both copies stay. Takes minutes.
pub fn check_reproducible(options: &Options, progress: &mut dyn FnMut(&str)) -> Result<Vec<Comparison>, BuildError> {
    let workspace = files::real(&options.workspace)?;
    let folder = options.target_dir.join("reproducible");
    let _lock = files::lock(&folder, progress)?;
    let folder = files::real(&folder)?;
    let (short, long) = (folder.join("a"), folder.join("a-folder-with-a-much-longer-name"));
    remove(&short)?;
    remove(&long)?;
    let tracked = tracked(&workspace)?;

    let [first, second] = copies(options, &workspace, &tracked, [&short, &long.join("within another")])?;
    progress("building in the first copy");
    let ones = providers(&first, progress)?;
    let fetched = first.toolchain_dir.join("debian");
    if fetched.exists() {
        link_folder(&fetched, &second.toolchain_dir.join("debian"))?;
    }
    progress("building in the second copy");
    let others = providers(&second, progress);
    remove(&second.toolchain_dir)?;
    let others = others?;

    let compared: Vec<_> = ones
        .into_iter()
        .zip(others)
        .map(|(one, other)| Comparison {
            id: one.id,
            first: one.path,
            second: other.path,
            first_sha256: one.sha256,
            second_sha256: other.sha256,
        })
        .collect();
    if compared.iter().any(|one| one.first_sha256 != one.second_sha256) {
        return Err(BuildError::NotReproducible(compared));
    }
    remove(&short)?;
    remove(&long)?;
    Ok(compared)
}

/// The files that git tracks or would track: what a clone of the present state holds.
fn tracked(workspace: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let mut command = Command::new("git");
    command.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(workspace);
    let listed = process::answer(&mut command)?;
    Ok(listed.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect())
}

/// Copies the files into two folders. The second one has a compiler of its own, so that no path of the first is in its output.
fn copies(
    options: &Options,
    workspace: &Path,
    files: &[PathBuf],
    [one, other]: [&Path; 2],
) -> Result<[Options; 2], BuildError> {
    let toolchain_dir = options.toolchain_dir.clone();
    // Beside the original, because hard links do not cross file systems, and named by the process, because other clones use
    // the same cache.
    let toolchain_copy = toolchain_dir.join(format!("copy-of-process-{}", std::process::id()));
    let only = || options.only.clone();
    Ok([
        Options { toolchain_dir, only: only(), ..copy(workspace, files, one)? },
        Options { toolchain_dir: toolchain_copy, only: only(), ..copy(workspace, files, other)? },
    ])
}

fn copy(workspace: &Path, files: &[PathBuf], into: &Path) -> Result<Options, BuildError> {
    for file in files {
        let (from, to) = (workspace.join(file), into.join(file));
        if !from.is_file() {
            continue; // Deleted and not committed yet.
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(BuildError::file("create", folder))?;
        }
        fs::copy(&from, &to).map_err(BuildError::file("copy", &from))?;
    }
    Ok(Options::new(into))
}

/// A copy of a folder by hard links: it takes a second, and readers see no difference.
fn link_folder(from: &Path, to: &Path) -> Result<(), BuildError> {
    fs::create_dir_all(to).map_err(BuildError::file("create", to))?;
    for entry in fs::read_dir(from).map_err(BuildError::file("read", from))? {
        let entry = entry.map_err(BuildError::file("read", from))?;
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(BuildError::file("read", &path))?;
        if kind.is_dir() {
            link_folder(&path, &copy)?;
        } else {
            fs::hard_link(&path, &copy).map_err(BuildError::file("link", &path))?;
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<(), BuildError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(BuildError::file("remove", folder)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_holds_what_a_clone_would() {
        let workspace = tempfile::tempdir().unwrap();
        let at = |name: &str| workspace.path().join(name);
        process::answer(Command::new("git").args(["init", "--quiet"]).current_dir(workspace.path())).unwrap();
        fs::create_dir_all(at("wit/deps")).unwrap();
        fs::create_dir_all(at("target")).unwrap();
        fs::write(at(".gitignore"), "/target\n").unwrap();
        fs::write(at("target/big"), "").unwrap();
        fs::write(at("wit/deps/a b.wit"), "x").unwrap();
        fs::write(at("gone"), "").unwrap();
        process::answer(Command::new("git").args(["add", "."]).current_dir(workspace.path())).unwrap();
        fs::remove_file(at("gone")).unwrap();
        fs::write(at("new"), "").unwrap();

        let into = tempfile::tempdir().unwrap();
        let options = copy(workspace.path(), &tracked(workspace.path()).unwrap(), into.path()).unwrap();
        assert_eq!(options.workspace, into.path());
        let names = |folder: &Path| {
            let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(into.path()), [".gitignore", "new", "wit"]);
        assert_eq!(names(&into.path().join("wit/deps")), ["a b.wit"]);
    }

    /// They once shared the compiler in the cache, and nothing could be compared.
    #[test]
    fn the_copies_share_no_folder() {
        let workspace = tempfile::tempdir().unwrap();
        let into = workspace.path().join("into");
        let options = Options::new(workspace.path());
        let two = copies(&options, workspace.path(), &[], [&into.join("a"), &into.join("b")]).unwrap();
        let folders = two.each_ref().map(|copy| [&copy.workspace, &copy.target_dir, &copy.toolchain_dir]);
        assert!(folders[0].iter().zip(folders[1]).all(|(one, other)| **one != *other), "{folders:?}");
        assert_eq!(two[0].toolchain_dir, options.toolchain_dir);
    }

    #[cfg(unix)]
    #[test]
    fn a_linked_folder_has_the_same_files_and_links() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(from.path().join("src")).unwrap();
        fs::write(from.path().join("src/file"), "content").unwrap();
        std::os::unix::fs::symlink("src", from.path().join("rust")).unwrap();
        link_folder(from.path(), &to.path().join("copy")).unwrap();
        assert_eq!(fs::read_to_string(to.path().join("copy/rust/file")).unwrap(), "content");
        assert!(fs::symlink_metadata(to.path().join("copy/rust")).unwrap().is_symlink());
    }
}
