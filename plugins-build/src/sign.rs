//! The detached signature of a component, and the key that makes it.
//!
//! The host loads a component only if a key that the operator trusts signed it, or if its digest is pinned. Signatures
//! are detached because the component's bytes must not depend on who built it: two checkouts with one compiler give
//! equal digests, and each signs them with its own key.
//!
//! The format, and the only place that defines it:
//!
//! - **What is signed**: the ASCII bytes `chronus-component-v1:` followed by the lower-case hexadecimal SHA-256 digest
//!   of the component. The prefix keeps a signature from meaning anything elsewhere.
//! - **How**: Ed25519 (RFC 8032).
//! - **`<id>.wasm.sig`**: one line of JSON, `{"key":"<public key>","signature":"<signature>"}`, both in base64 with
//!   padding (RFC 4648 §4). The key says which of the trusted keys to check with; it is not trusted for being there.
//! - **`trusted.pub`**: the public key, one line of base64.
//! - **`signing-key`**: the secret seed of 32 bytes, one line of base64, readable by its owner only. It is made at the
//!   first use, has no value outside of this checkout, and is never copied.
//!
//! Rejected: signatures inside the file (digests would differ), and a key in the repository (everybody with a clone could
//! sign for all).

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::{BuildError, files};

/// The prefix of the signed bytes, before the digest.
const PREFIX: &str = "chronus-component-v1:";

/// The content of a `.sig` file.
#[derive(Debug, Serialize, Deserialize)]
struct SignatureFile {
    key: String,
    signature: String,
}

/// The key of this checkout.
pub(crate) struct Key(SigningKey);

impl Key {
    /// Reads the key from `folder`, or makes one, and writes its public half beside it.
    pub(crate) fn of_checkout(folder: &Path) -> Result<Self, BuildError> {
        let path = folder.join("signing-key");
        if !path.exists() {
            make(&path)?;
        }
        let text = fs::read_to_string(&path).map_err(BuildError::file("read", &path))?;
        let unusable = |what: String| BuildError::SigningKey { path: path.clone(), what };
        let seed = STANDARD.decode(text.trim()).map_err(|error| unusable(error.to_string()))?;
        let seed =
            <[u8; 32]>::try_from(seed).map_err(|seed| unusable(format!("{} bytes instead of 32", seed.len())))?;
        let key = Self(SigningKey::from_bytes(&seed));
        files::replace_if_different(&folder.join("trusted.pub"), format!("{}\n", key.public()).as_bytes())?;
        Ok(key)
    }

    fn public(&self) -> String {
        STANDARD.encode(self.0.verifying_key().as_bytes())
    }

    /// Writes `<component>.sig` unless it already holds this key's signature of this digest, and gives its path.
    pub(crate) fn sign(&self, component: &Path, digest: &str) -> Result<PathBuf, BuildError> {
        let mut path = component.as_os_str().to_owned();
        path.push(".sig");
        let path = PathBuf::from(path);
        // Ed25519 is deterministic (RFC 8032 §5.1.6): the same key and digest always give the same file.
        files::replace_if_different(&path, self.signed(digest)?.as_bytes())?;
        Ok(path)
    }

    fn signed(&self, digest: &str) -> Result<String, BuildError> {
        let signature = self.0.sign(message(digest).as_bytes());
        let file = SignatureFile { key: self.public(), signature: STANDARD.encode(signature.to_bytes()) };
        let json = serde_json::to_string(&file).map_err(|error| BuildError::Workspace(error.to_string()))?;
        Ok(format!("{json}\n"))
    }
}

fn message(digest: &str) -> String {
    format!("{PREFIX}{digest}")
}

/// Whether a signature (the content of a `.sig` file) by a trusted key (the content of `trusted.pub`) covers this digest.
///
/// The host has code of its own for this; here it lets a build be verified without a host.
pub fn verify(digest: &str, signature: &str, trusted: &str) -> bool {
    let checked = || -> Option<()> {
        let file: SignatureFile = serde_json::from_str(signature).ok()?;
        if file.key != trusted.trim() {
            return None;
        }
        let key = <[u8; 32]>::try_from(STANDARD.decode(&file.key).ok()?).ok()?;
        let key = VerifyingKey::from_bytes(&key).ok()?;
        let signature = Signature::from_slice(&STANDARD.decode(&file.signature).ok()?).ok()?;
        key.verify_strict(message(digest).as_bytes(), &signature).ok()
    };
    checked().is_some()
}

/// Creates a key file that only its owner can read. If two processes do so at once, the first one's key stays.
fn make(path: &Path) -> Result<(), BuildError> {
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| BuildError::SigningKey { path: path.to_owned(), what: error.to_string() })?;
    let begun = files::beside(path);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&begun).map_err(BuildError::file("create", &begun))?;
    writeln!(file, "{}", STANDARD.encode(seed)).map_err(BuildError::file("write", &begun))?;
    // Unlike a rename, a link does not replace an existing file.
    let linked = fs::hard_link(&begun, path);
    fs::remove_file(&begun).map_err(BuildError::file("remove", &begun))?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(BuildError::file("create", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

    fn signed(folder: &Path) -> (String, String) {
        let key = Key::of_checkout(folder).unwrap();
        let path = key.sign(&folder.join("ical.wasm"), DIGEST).unwrap();
        assert_eq!(path, folder.join("ical.wasm.sig"));
        (fs::read_to_string(path).unwrap(), fs::read_to_string(folder.join("trusted.pub")).unwrap())
    }

    #[test]
    fn a_signature_holds_for_its_digest_and_key_only() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (signature, trusted) = signed(one.path());
        assert!(verify(DIGEST, &signature, &trusted));
        assert!(!verify(&DIGEST.replace('b', "c"), &signature, &trusted));
        let (others_signature, others_key) = signed(other.path());
        assert!(!verify(DIGEST, &signature, &others_key));
        assert!(!verify(DIGEST, &others_signature, &trusted));
        // A file that names a trusted key but was signed by another.
        let forged = others_signature.replace(others_key.trim(), trusted.trim());
        assert!(!verify(DIGEST, &forged, &trusted));
        assert!(!verify(DIGEST, "", &trusted));
    }

    /// The bytes and the file format are read by other code: they are pinned by a known key (seed 00…1f).
    #[test]
    fn the_format_is_the_documented_one() {
        let folder = tempfile::tempdir().unwrap();
        let seed: Vec<u8> = (0..32).collect();
        fs::write(folder.path().join("signing-key"), STANDARD.encode(seed)).unwrap();
        let (signature, trusted) = signed(folder.path());
        assert_eq!(trusted, "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n");
        let file: serde_json::Value = serde_json::from_str(&signature).unwrap();
        assert_eq!(signature, format!("{{\"key\":{},\"signature\":{}}}\n", file["key"], file["signature"]));
        let key = VerifyingKey::from_bytes(&STANDARD.decode(trusted.trim()).unwrap().try_into().unwrap()).unwrap();
        let raw = STANDARD.decode(file["signature"].as_str().unwrap()).unwrap();
        let bytes = [b"chronus-component-v1:".as_slice(), DIGEST.as_bytes()].concat();
        key.verify_strict(&bytes, &Signature::from_slice(&raw).unwrap()).unwrap();
    }

    #[test]
    fn the_key_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let (first, _) = signed(folder.path());
        let (second, _) = signed(folder.path());
        assert_eq!(first, second);
        #[cfg(unix)]
        {
            let mode = fs::metadata(folder.path().join("signing-key")).unwrap();
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o600);
        }
        // Only what belongs there: no half-written file is left.
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["ical.wasm.sig", "signing-key", "trusted.pub"]);
    }

    #[test]
    fn a_key_file_without_a_key_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("signing-key"), "AAAA").unwrap();
        let error = Key::of_checkout(folder.path()).err().unwrap().to_string();
        assert!(
            error.ends_with("(3 bytes instead of 32); remove it and run the same command again: a new one is made")
        );
    }
}
