//! The key file.
//!
//! One key a line, `<id> <base64 of 32 bytes>`; the first seals, the others still open. Empty lines and lines that
//! begin with `#` do not count. Threat: a key that others on the machine can read, that an error repeats, or that is
//! lost while the file is written. Decision: a file that anybody but its owner may touch is refused; errors name
//! lines; a file is written beside and put in its place whole. A running host looks again when the file has changed,
//! so that keys are added and rotated without a restart. Rejected: keys in the environment, which every child process
//! and crash report has.

use super::{
    OpenError, Place, Sealed,
    sealed::{self, is_key_id, random},
};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use std::{
    fmt,
    fs::{File, Metadata, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};
use zeroize::Zeroizing;

/// The largest file of keys, in bytes.
const LARGEST: u64 = 64 << 10;

/// The keys of a file.
pub struct Keyring {
    path: PathBuf,
    loaded: RwLock<Loaded>,
}

/// What is wrong with a key file. A key is never repeated.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// It is not there, or not readable.
    #[error("the key file {path} cannot be read: {error}; `chronus key add` makes one")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Others may read or write it.
    #[error("the key file {0} is open to others; run `chmod 600 {0}`")]
    OpenToOthers(PathBuf),
    /// A line of it.
    #[error("the key file {path}, line {line}: {what}")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// There is no key in it.
    #[error("the key file {0} holds no key; `chronus key add` adds one")]
    Empty(PathBuf),
    /// It cannot be written.
    #[error("the key file {path} cannot be written: {error}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

#[derive(Clone)]
struct Loaded {
    keys: Arc<Keys>,
    stamp: Stamp,
}

/// The keys of a file, of which there is at least one.
struct Keys {
    primary: Key,
    others: Vec<Key>,
}

struct Key {
    id: String,
    cipher: Aes256Gcm,
}

/// What changes when a file does.
type Stamp = (Option<SystemTime>, u64, u64);

impl Keyring {
    /// Reads a key file.
    ///
    /// # Errors
    /// If it is not there, is open to others, or is no such file.
    pub fn read(path: &Path) -> Result<Self, KeyringError> {
        Ok(Self { path: path.to_owned(), loaded: RwLock::new(load(path)?) })
    }

    /// Reads a key file, which is made, with one new key, if it is not there.
    ///
    /// # Errors
    /// As for [`Self::read`]; or if it cannot be made.
    pub fn generate_at(path: &Path) -> Result<Self, KeyringError> {
        if !path.exists() {
            let (_, line) = new_key();
            place(path, &line, true).map_err(|error| KeyringError::Write { path: path.to_owned(), error })?;
        }
        Self::read(path)
    }

    /// Adds a new key to a file, which is made if it is not there; that key seals from now on. Gives its id.
    ///
    /// # Errors
    /// If the file is wrong as it is, or cannot be written.
    pub fn add(path: &Path) -> Result<String, KeyringError> {
        if !path.exists() {
            return Ok(Self::generate_at(path)?.primary());
        }
        load(path)?;
        let (id, line) = new_key();
        let text = Zeroizing::new([&line[..], &contents(path)?[..]].concat());
        place(path, &text, false).map_err(|error| KeyringError::Write { path: path.to_owned(), error })?;
        Ok(id)
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn primary(&self) -> String {
        self.present().primary.id.clone()
    }

    /// Seals a value for this place.
    #[must_use]
    pub fn seal(&self, place: &Place, plain: &[u8]) -> Sealed {
        let keys = self.present();
        sealed::seal((&keys.primary.id, &keys.primary.cipher), place, plain)
    }

    /// Opens a value of this place.
    ///
    /// # Errors
    /// If it was altered, was sealed for another place, or its key is not in the file.
    pub fn open(&self, place: &Place, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let parts = sealed::parts(bytes)?;
        let keys = self.having(parts.key);
        sealed::open(keys.find(parts.key)?, place, &parts)
    }

    /// The value, its data key wrapped by the first key of the file; none if it is by that key already.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn rewrap(&self, place: &Place, bytes: &[u8]) -> Result<Option<Sealed>, OpenError> {
        let parts = sealed::parts(bytes)?;
        let keys = self.present();
        if parts.key == keys.primary.id {
            return Ok(None);
        }
        let primary = (&*keys.primary.id, &keys.primary.cipher);
        sealed::rewrap(keys.find(parts.key)?, primary, place, &parts).map(Some)
    }

    /// The keys as the file has them now; as they were, if the file cannot be read now.
    fn present(&self) -> Arc<Keys> {
        let loaded = self.loaded();
        if std::fs::metadata(&self.path).is_ok_and(|metadata| stamp(&metadata) == loaded.stamp) {
            return loaded.keys;
        }
        match load(&self.path) {
            Ok(new) => {
                let keys = new.keys.clone();
                *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = new;
                keys
            }
            Err(error) => {
                tracing::warn!(%error, "the key file has changed; going on with the keys as they were");
                loaded.keys
            }
        }
    }

    /// The keys that were loaded, if this one is among them; otherwise those of now.
    fn having(&self, id: &str) -> Arc<Keys> {
        let loaded = self.loaded();
        if loaded.keys.find(id).is_ok() { loaded.keys } else { self.present() }
    }

    fn loaded(&self) -> Loaded {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
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

fn load(path: &Path) -> Result<Loaded, KeyringError> {
    let metadata = std::fs::metadata(path).map_err(|error| KeyringError::Read { path: path.to_owned(), error })?;
    if is_open_to_others(&metadata) {
        return Err(KeyringError::OpenToOthers(path.to_owned()));
    }
    let keys = parse(&contents(path)?).map_err(|wrong| match wrong {
        Some((line, what)) => KeyringError::Line { path: path.to_owned(), line, what },
        None => KeyringError::Empty(path.to_owned()),
    })?;
    Ok(Loaded { keys: keys.into(), stamp: stamp(&metadata) })
}

/// The keys of a text; or the line that is wrong, or nothing if there is no key.
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
    // With room for all from the beginning: growing would leave copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(LARGEST as usize + 1));
    File::open(path).map_err(error)?.take(LARGEST + 1).read_to_end(&mut text).map_err(error)?;
    if text.len() as u64 > LARGEST {
        return Err(error(io::Error::other(format!("it has more than {LARGEST} bytes"))));
    }
    Ok(text)
}

/// A new key: its id, and its line.
fn new_key() -> (String, Zeroizing<Vec<u8>>) {
    let (mut name, mut key) = ([0; 4], Zeroizing::new([0; 32]));
    random(&mut name);
    random(&mut *key);
    let id = format!("k{:08x}", u32::from_be_bytes(name));
    let key = Zeroizing::new(BASE64_STANDARD.encode(*key));
    let line = [id.as_bytes(), b" ", key.as_bytes(), b"\n"].concat();
    (id, Zeroizing::new(line))
}

/// Puts a file in its place, whole and for its owner alone. A new one takes nobody's place: whoever makes it first
/// has made it.
fn place(path: &Path, text: &[u8], new: bool) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    let written =
        write(&beside, text).and_then(|()| if new { link(&beside, path) } else { std::fs::rename(&beside, path) });
    if new || written.is_err() {
        // What is left over is no key file; if it cannot be removed, it is for its owner alone.
        let _ = std::fs::remove_file(&beside);
    }
    written?;
    // The name is safe when the folder is.
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
    fn what_is_wrong_with_a_file_is_named_and_no_key_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        assert!(Keyring::read(&path).unwrap_err().to_string().contains("chronus key add"));
        let cases = [
            (String::new(), "holds no key"),
            ("# nothing\n\n".into(), "holds no key"),
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
    fn a_file_is_made_once_and_for_its_owner() {
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
    fn a_running_host_takes_up_a_new_key_and_the_old_one_can_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let keyring = Keyring::generate_at(&path).unwrap();
        let sealed = keyring.seal(&here(), b"x");
        assert_eq!(keyring.rewrap(&here(), &sealed.bytes), Ok(None));
        let id = Keyring::add(&path).unwrap();
        // Another host has sealed with it already.
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
    fn a_file_that_broke_meanwhile_changes_nothing() {
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
