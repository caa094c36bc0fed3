//! The key file.
//!
//! One key per line, `<id> <base64 of 32 bytes>`. The first key seals; the others only open. A new key is added as the
//! last, so that every host can open what it seals before any host seals with it ([`Keyring::use_key`]). Empty lines and lines that
//! begin with `#` are ignored. Threat: other users of the machine read a key, an error repeats it, or it is lost while the
//! file is written. Decision: a file that other users can access is refused; errors name lines, never keys; a new file is
//! written beside the old one and then renamed. A running host reads the file again when it has changed, so that keys are
//! added and rotated without a restart. Rejected: keys in the environment, which every child process and crash report
//! contains.

use super::{
    OpenError, Place, SealedValue,
    sealed::{self, Key, is_key_id, random},
};
use crate::locks;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use std::{
    fmt,
    fs::{File, Metadata, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
    time::SystemTime,
};
use zeroize::Zeroizing;

/// Maximum size of a key file in bytes.
const MAX_SIZE: u64 = 64 << 10;

/// The keys of a file.
pub struct Keyring {
    path: PathBuf,
    loaded: RwLock<FileKeys>,
}

/// A key file cannot be used. Never contains a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The file does not exist or cannot be read.
    #[error("the key file {path} cannot be read: {error}; `chronus key add` creates one")]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// Other users can access the file.
    #[error("other users can access the key file {0}; run `chmod 600 {0}`")]
    OpenToOthers(PathBuf),
    /// A line is malformed.
    #[error("the key file {path}, line {line}: {what}")]
    Line {
        /// Path of the file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// The fault.
        what: &'static str,
    },
    /// The file does not contain this key.
    #[error(
        "the key file {path} has no key `{id}`; add one with `chronus key add`, or copy the file from the host that has it"
    )]
    NoKey {
        /// Path of the file.
        path: PathBuf,
        /// Id of the key.
        id: String,
    },
    /// The file contains no key.
    #[error("the key file {0} has no key; `chronus key add` adds one")]
    Empty(PathBuf),
    /// The file cannot be written.
    #[error("the key file {path} cannot be written: {error}")]
    Write {
        /// Path of the file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
}

#[derive(Clone)]
struct FileKeys {
    keys: Arc<Keys>,
    stamp: Stamp,
}

/// The keys of a file, at least one.
struct Keys {
    primary: Key,
    others: Vec<Key>,
}

/// Values that change when a file changes.
type Stamp = (Option<SystemTime>, u64, u64);

impl Keyring {
    /// Reads a key file.
    pub fn read(path: &Path) -> Result<Self, KeyringError> {
        Ok(Self { path: path.to_owned(), loaded: RwLock::new(load(path)?) })
    }

    /// Reads a key file. If the file does not exist, creates it with one new key.
    pub fn generate_at(path: &Path) -> Result<Self, KeyringError> {
        if !path.exists() {
            let (_, line) = new_key();
            place(path, &line, true).map_err(|error| KeyringError::Write { path: path.to_owned(), error })?;
        }
        Self::read(path)
    }

    /// Adds a new key to a file and returns its id. The new key only opens, until [`Self::use_key`].
    pub fn add(path: &Path) -> Result<String, KeyringError> {
        load(path)?;
        let (id, line) = new_key();
        let before = contents(path)?;
        let end: &[u8] = if before.ends_with(b"\n") { b"" } else { b"\n" };
        let text = Zeroizing::new([&before[..], end, &line[..]].concat());
        place(path, &text, false).map_err(|error| KeyringError::Write { path: path.to_owned(), error })?;
        Ok(id)
    }

    /// Makes a key of the file its first, which seals.
    pub fn use_key(path: &Path, id: &str) -> Result<(), KeyringError> {
        load(path)?;
        let before = contents(path)?;
        let is_key = |line: &&[u8]| {
            line.trim_ascii_start().strip_prefix(id.as_bytes()).is_some_and(|rest| rest.starts_with(b" "))
        };
        let lines = || before.split_inclusive(|byte| *byte == b'\n');
        let unknown = || KeyringError::NoKey { path: path.to_owned(), id: id.to_owned() };
        let chosen = lines().find(is_key).ok_or_else(unknown)?;
        let end: &[u8] = if chosen.ends_with(b"\n") { b"" } else { b"\n" };
        let others = lines().filter(|line| !is_key(line)).flatten().copied();
        let text: Zeroizing<Vec<u8>> = Zeroizing::new(chosen.iter().chain(end).copied().chain(others).collect());
        place(path, &text, false).map_err(|error| KeyringError::Write { path: path.to_owned(), error })
    }

    /// The ids of all present keys, the first one first.
    pub fn ids(&self) -> Vec<String> {
        let keys = self.present();
        std::iter::once(&keys.primary).chain(&keys.others).map(|key| key.id.clone()).collect()
    }

    /// Checks that the key file can be read, as another start of the host would.
    pub fn check(&self) -> Result<(), KeyringError> {
        load(&self.path).map(|_| ())
    }

    /// Id of the key that seals.
    #[must_use]
    pub fn primary(&self) -> String {
        self.present().primary.id.clone()
    }

    /// Seals a value for a place.
    #[must_use]
    pub fn seal(&self, place: &Place, plain: &[u8]) -> SealedValue {
        let keys = self.present();
        sealed::seal(&keys.primary, place, plain)
    }

    /// Opens a value of a place.
    pub fn open(&self, place: &Place, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let parts = sealed::parts(bytes)?;
        let keys = self.having(parts.key);
        sealed::open(keys.find(parts.key)?, place, &parts)
    }

    /// Wraps the value's data key with the first key of the file. Returns `None` if that key wraps it already.
    pub fn rewrap(&self, place: &Place, bytes: &[u8]) -> Result<Option<SealedValue>, OpenError> {
        let parts = sealed::parts(bytes)?;
        let keys = self.present();
        if parts.key == keys.primary.id {
            return Ok(None);
        }
        sealed::rewrap(keys.find(parts.key)?, &keys.primary, place, &parts).map(Some)
    }

    /// The present keys of the file; if the file cannot be read now, the keys that were read last.
    fn present(&self) -> Arc<Keys> {
        let loaded = self.loaded();
        if std::fs::metadata(&self.path).is_ok_and(|metadata| stamp(&metadata) == loaded.stamp) {
            return loaded.keys;
        }
        match load(&self.path) {
            Ok(new) => {
                let keys = new.keys.clone();
                *locks::write(&self.loaded) = new;
                keys
            }
            Err(error) => {
                tracing::warn!(%error, "the key file has changed and cannot be read; continuing with the previous keys");
                loaded.keys
            }
        }
    }

    /// The keys that were read last if they contain this one, otherwise the present keys.
    fn having(&self, id: &str) -> Arc<Keys> {
        let loaded = self.loaded();
        if loaded.keys.find(id).is_ok() { loaded.keys } else { self.present() }
    }

    fn loaded(&self) -> FileKeys {
        locks::read(&self.loaded).clone()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Keys {
    fn find(&self, id: &str) -> Result<&Aes256Gcm, OpenError> {
        let mut keys = std::iter::once(&self.primary).chain(&self.others);
        keys.find(|key| key.id == id).map(|key| &key.cipher).ok_or_else(|| OpenError::UnknownKey(id.to_owned()))
    }
}

fn load(path: &Path) -> Result<FileKeys, KeyringError> {
    let metadata = std::fs::metadata(path).map_err(|error| KeyringError::Read { path: path.to_owned(), error })?;
    if is_open_to_others(&metadata) {
        return Err(KeyringError::OpenToOthers(path.to_owned()));
    }
    let keys = parse(&contents(path)?).map_err(|wrong| match wrong {
        Some((line, what)) => KeyringError::Line { path: path.to_owned(), line, what },
        None => KeyringError::Empty(path.to_owned()),
    })?;
    Ok(FileKeys { keys: keys.into(), stamp: stamp(&metadata) })
}

/// Parses keys. The error is the malformed line and its fault, or `None` if there is no key.
fn parse(text: &[u8]) -> Result<Keys, Option<(usize, &'static str)>> {
    let mut keys: Vec<Key> = Vec::new();
    let mut seen: Vec<Zeroizing<Vec<u8>>> = Vec::new();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let wrong = |what| Some((number, what));
        let line = std::str::from_utf8(line).map_err(|_| wrong("it is not text"))?.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (id, key) = line.split_once(' ').ok_or(wrong("write an id, a space, and 32 bytes in base64"))?;
        if !is_key_id(id) {
            return Err(wrong("the id is not of lower-case letters, digits and hyphens, at most 40"));
        }
        let bytes = BASE64_STANDARD.decode(key.trim()).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| wrong("the key is not base64; `chronus key add` makes one"))?;
        let cipher = Aes256Gcm::new_from_slice(&bytes).map_err(|_| wrong("the key does not have 32 bytes"))?;
        if keys.iter().any(|other| other.id == id) {
            return Err(wrong("another line has this id"));
        }
        if seen.contains(&bytes) {
            return Err(wrong("another line has this key"));
        }
        seen.push(bytes);
        keys.push(Key { id: id.to_owned(), cipher });
    }
    let mut keys = keys.into_iter();
    Ok(Keys { primary: keys.next().ok_or(None)?, others: keys.collect() })
}

fn contents(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let error = |error| KeyringError::Read { path: path.to_owned(), error };
    // The buffer has its final size from the start, because growing would leave copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_SIZE as usize + 1));
    File::open(path).map_err(error)?.take(MAX_SIZE + 1).read_to_end(&mut text).map_err(error)?;
    if text.len() as u64 > MAX_SIZE {
        return Err(error(io::Error::other(format!("it has more than {MAX_SIZE} bytes"))));
    }
    Ok(text)
}

/// Generates a key. Returns its id and its line.
fn new_key() -> (String, Zeroizing<Vec<u8>>) {
    let (mut name, mut key) = ([0; 4], Zeroizing::new([0; 32]));
    random(&mut name);
    random(&mut *key);
    let id = format!("k{:08x}", u32::from_be_bytes(name));
    let key = Zeroizing::new(BASE64_STANDARD.encode(*key));
    let line = [id.as_bytes(), b" ", key.as_bytes(), b"\n"].concat();
    (id, Zeroizing::new(line))
}

/// Writes a file completely, with access for its owner only. A `new` file does not replace one that another process has
/// created meanwhile.
fn place(path: &Path, text: &[u8], new: bool) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    let written =
        write(&beside, text).and_then(|()| if new { link(&beside, path) } else { std::fs::rename(&beside, path) });
    if new || written.is_err() {
        // If the temporary file cannot be removed, it stays accessible to its owner only.
        let _ = std::fs::remove_file(&beside);
    }
    written?;
    // The new name is durable once the folder is.
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::hard_link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(unix)]
fn is_open_to_others(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Metadata) -> bool {
    false
}

#[cfg(unix)]
fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.modified().ok(), metadata.len(), std::os::unix::fs::MetadataExt::ino(metadata))
}

#[cfg(not(unix))]
fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.modified().ok(), metadata.len(), 0)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const ONE: &str = "MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE=";
    const TWO: &str = "MjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjI=";

    fn here() -> Place {
        Place::new("o", "t", "r", "c")
    }

    fn put(path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn the_fault_of_a_file_is_named_and_no_key_is_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        assert!(Keyring::read(&path).unwrap_err().to_string().contains("chronus key add"));
        let cases = [
            (String::new(), "has no key"),
            ("# nothing\n\n".into(), "has no key"),
            (ONE.into(), "line 1"),
            (format!("# one\n{ONE} one\n"), "line 2: the id"),
            (format!("one {ONE}x\n"), "not base64"),
            ("one MTEx\n".into(), "32 bytes"),
            (format!("one {ONE}\none {TWO}\n"), "line 2: another line has this id"),
            (format!("one {ONE}\ntwo {ONE}\n"), "line 2: another line has this key"),
        ];
        for (text, part) in cases {
            put(&path, &text);
            let error = Keyring::read(&path).unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("MTEx"), "{part}: {error}");
        }
        put(&path, &format!("one {ONE}\n"));
        for mode in [0o640, 0o604, 0o660, 0o602] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(Keyring::read(&path).unwrap_err().to_string().contains("chmod 600"), "{mode:o}");
        }
    }

    #[test]
    fn a_file_is_created_once_and_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let first = Keyring::generate_at(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Keyring::generate_at(&path).unwrap().primary(), first.primary());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let sealed = first.seal(&here(), b"x");
        assert_eq!(*Keyring::read(&path).unwrap().open(&here(), &sealed.bytes).unwrap(), b"x");
    }

    #[test]
    fn a_running_host_uses_a_new_key_and_the_old_one_can_be_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let keyring = Keyring::generate_at(&path).unwrap();
        let sealed = keyring.seal(&here(), b"x");
        assert_eq!(keyring.rewrap(&here(), &sealed.bytes), Ok(None));
        let id = Keyring::add(&path).unwrap();
        assert_eq!((keyring.primary(), keyring.seal(&here(), b"z").key), (sealed.key.clone(), sealed.key.clone()));
        let missing = Keyring::use_key(&path, "k0").unwrap_err().to_string();
        assert!(missing.contains("has no key `k0`"), "{missing}");
        Keyring::use_key(&path, &id).unwrap();
        // Another host has sealed a value with the new key already.
        let newer = Keyring::read(&path).unwrap().seal(&here(), b"y");
        assert_eq!(newer.key, id);
        assert_eq!(*keyring.open(&here(), &newer.bytes).unwrap(), b"y");
        assert_eq!((keyring.primary(), keyring.seal(&here(), b"z").key), (id.clone(), id.clone()));
        let rewrapped = keyring.rewrap(&here(), &sealed.bytes).unwrap().unwrap();
        assert_eq!(rewrapped.key, id);
        let first_line = std::fs::read_to_string(&path).unwrap().lines().next().unwrap().to_owned();
        put(&path, &first_line);
        let after = Keyring::read(&path).unwrap();
        assert_eq!(*after.open(&here(), &rewrapped.bytes).unwrap(), b"x");
        assert_eq!(after.open(&here(), &sealed.bytes).unwrap_err(), OpenError::UnknownKey(sealed.key));
    }

    #[test]
    fn a_file_that_becomes_unreadable_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let keyring = Keyring::generate_at(&path).unwrap();
        let sealed = keyring.seal(&here(), b"x");
        put(&path, "");
        assert_eq!(keyring.seal(&here(), b"y").key, sealed.key);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(*keyring.open(&here(), &sealed.bytes).unwrap(), b"x");
    }
}
