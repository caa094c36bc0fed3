//! Secrets at rest.
//!
//! Threat: whoever gets hold of the database, or of a copy of it, reads people's credentials; whoever can write to it
//! moves one person's credential to another's row and lets the host use it there. Decision: envelope encryption with
//! AES-256-GCM. Each value has a data key of its own, which is wrapped by a key of the key file ([`Keyring`]); the
//! file is not in the database and not in its backups. Both layers are bound to the value's [`Place`], so that a value
//! opens where it was sealed and nowhere else. Changing keys wraps the data keys anew and leaves the values alone.
//! Rejected: one key for all values, whose change means decrypting everything; the database's own encryption, which
//! opens for whoever may query it.

mod keyring;
pub mod rotation;
mod sealed;

pub use keyring::{Keyring, KeyringError};
pub use sealed::Sealed;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap as _};
use std::{collections::BTreeMap, fmt};
use zeroize::Zeroizing;

/// Where a sealed value stands. It opens there and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whose it is.
    pub organisation: String,
    /// The table.
    pub table: &'static str,
    /// The id of the row.
    pub row: String,
    /// The column.
    pub column: &'static str,
}

impl Place {
    /// A column of a row.
    #[must_use]
    pub fn new(
        organisation: impl Into<String>,
        table: &'static str,
        row: impl Into<String>,
        column: &'static str,
    ) -> Self {
        Self { organisation: organisation.into(), table, row: row.into(), column }
    }
}

/// Why a sealed value does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It was never one, or is cut off, or a newer version made it.
    #[error("this is no sealed value that this version of the program knows")]
    Malformed,
    /// Its key is not in the key file.
    #[error(
        "the value is sealed by the key `{0}`, which is not in the key file; put that key back, after the first line"
    )]
    UnknownKey(String),
    /// It was altered, or was sealed for another place.
    #[error("the sealed value was altered, or belongs to another row")]
    Wrong,
}

impl Keyring {
    /// Seals secrets by name.
    #[must_use]
    pub fn seal_map(&self, place: &Place, secrets: &BTreeMap<String, SecretString>) -> Sealed {
        // Large enough from the beginning, so that no copy is left behind when it grows: no byte becomes more than six.
        let room: usize =
            secrets.iter().map(|(name, secret)| 6 * (name.len() + secret.expose_secret().len()) + 6).sum();
        let mut plain = Zeroizing::new(Vec::with_capacity(room + 2));
        // Writing texts to memory cannot fail.
        let _ = serde_json::to_writer(&mut *plain, &Shown(secrets));
        self.seal(place, &plain)
    }

    /// Opens secrets by name.
    ///
    /// # Errors
    /// If they do not open.
    pub fn open_map(&self, place: &Place, sealed: &[u8]) -> Result<BTreeMap<String, SecretString>, OpenError> {
        let plain = self.open(place, sealed)?;
        // The parser's own sentence would repeat what it read.
        let secrets: BTreeMap<String, Hidden> = serde_json::from_slice(&plain).map_err(|_| OpenError::Malformed)?;
        Ok(secrets.into_iter().map(|(name, Hidden(secret))| (name, secret)).collect())
    }
}

/// The one place where secrets are written out, into memory that is wiped.
struct Shown<'a>(&'a BTreeMap<String, SecretString>);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, secret) in self.0 {
            map.serialize_entry(name, secret.expose_secret())?;
        }
        map.end()
    }
}

/// A secret that is read without a copy in between, unless it holds characters that JSON escapes.
struct Hidden(SecretString);

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Hidden;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a secret")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Hidden, E> {
                Ok(Hidden(text.into()))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place::new("o", "t", "r", "c")
    }

    #[test]
    fn secrets_by_name_come_back_and_are_not_to_be_read_in_between() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::generate_at(&folder.path().join("keys")).unwrap();
        let long = "long \u{1}\"\\\n☕".repeat(1000);
        let secrets: BTreeMap<String, SecretString> =
            [("password", "hunter22 \"secret\""), ("more", ""), ("long", &long)]
                .map(|(name, secret)| (name.to_owned(), secret.into()))
                .into();
        let sealed = keyring.seal_map(&place(), &secrets);
        assert!(!sealed.bytes.windows(8).any(|bytes| bytes == b"hunter22"));
        let opened = keyring.open_map(&place(), &sealed.bytes).unwrap();
        let shown = |map: &BTreeMap<String, SecretString>| {
            map.iter().map(|(name, secret)| (name.clone(), secret.expose_secret().to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(shown(&opened), shown(&secrets));
        assert!(!format!("{opened:?} {keyring:?} {sealed:?}").contains("hunter22"));
    }

    #[test]
    fn what_is_sealed_but_no_map_is_malformed() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::generate_at(&folder.path().join("keys")).unwrap();
        for plain in ["", "hunter22", "[]", "{\"password\":1}"] {
            let sealed = keyring.seal(&place(), plain.as_bytes());
            assert_eq!(keyring.open_map(&place(), &sealed.bytes).unwrap_err(), OpenError::Malformed, "{plain}");
        }
    }
}
