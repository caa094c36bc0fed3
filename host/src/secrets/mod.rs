//! Secrets at rest.
//!
//! Threat: a thief with a copy of the database reads people's credentials; an attacker who can write to the database moves
//! one person's credential to another row and lets the host use it there. Decision: envelope encryption with AES-256-GCM.
//! Each value has a data key of its own, which a key of the key file ([`Keyring`]) wraps; the file is neither in the database
//! nor in its backups. Both layers are bound to the value's [`Place`], so that a value opens only where it was sealed.
//! Changing keys rewraps the data keys and leaves the values unchanged ([`rotation`]). Rejected: one key for all values, whose
//! change would decrypt everything; the database's own encryption, which is transparent to everyone with query access.

pub mod key_check;
mod keyring;
pub mod rotation;
mod sealed;

pub use keyring::{Keyring, KeyringError};
pub use sealed::SealedValue;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap as _};
use std::{borrow::Cow, collections::BTreeMap, fmt};
use zeroize::Zeroizing;

/// The place of a sealed value. The value opens there and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Owning organisation (tenant); empty for secrets of the deployment.
    pub organisation: String,
    /// Name of the table.
    pub table: Cow<'static, str>,
    /// Id of the row.
    pub row: String,
    /// Name of the column.
    pub column: &'static str,
}

impl Place {
    /// The place of a column in a row.
    #[must_use]
    pub fn new(
        organisation: impl Into<String>,
        table: impl Into<Cow<'static, str>>,
        row: impl Into<String>,
        column: &'static str,
    ) -> Self {
        Self { organisation: organisation.into(), table: table.into(), row: row.into(), column }
    }
}

/// A sealed value could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The bytes are not a sealed value, are truncated, or were sealed by a newer version.
    #[error("the bytes are not a sealed value that this version of the program knows")]
    Malformed,
    /// The key is not in the key file.
    #[error(
        "the value is sealed by the key `{0}`, which is not in the key file; put that key back, below the first key"
    )]
    UnknownKey(String),
    /// The value was altered, or was sealed for another place.
    #[error("the sealed value was altered, or belongs to another row")]
    Wrong,
}

impl Keyring {
    /// Seals a map of secrets.
    #[must_use]
    pub fn seal_map(&self, place: &Place, secrets: &BTreeMap<String, SecretString>) -> SealedValue {
        // The buffer has its final size from the start, because growing would leave a copy behind. JSON escapes a byte with
        // at most six.
        let room: usize =
            secrets.iter().map(|(name, secret)| 6 * (name.len() + secret.expose_secret().len()) + 6).sum();
        let mut plain = Zeroizing::new(Vec::with_capacity(room + 2));
        // Serialising strings to memory does not fail.
        let _ = serde_json::to_writer(&mut *plain, &ExposedSecrets(secrets));
        self.seal(place, &plain)
    }

    /// Opens a map of secrets.
    pub fn open_map(&self, place: &Place, sealed: &[u8]) -> Result<BTreeMap<String, SecretString>, OpenError> {
        let plain = self.open(place, sealed)?;
        // The parser's own message would repeat the secret.
        let secrets: BTreeMap<String, ParsedSecret> =
            serde_json::from_slice(&plain).map_err(|_| OpenError::Malformed)?;
        Ok(secrets.into_iter().map(|(name, ParsedSecret(secret))| (name, secret)).collect())
    }
}

/// Serialises secrets, into memory that is wiped.
struct ExposedSecrets<'a>(&'a BTreeMap<String, SecretString>);

impl Serialize for ExposedSecrets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, secret) in self.0 {
            map.serialize_entry(name, secret.expose_secret())?;
        }
        map.end()
    }
}

/// A secret that is deserialised without an intermediate copy, unless JSON escapes one of its characters.
struct ParsedSecret(SecretString);

impl<'de> Deserialize<'de> for ParsedSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = ParsedSecret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a secret")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ParsedSecret, E> {
                Ok(ParsedSecret(text.into()))
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
    fn a_map_of_secrets_opens_and_is_unreadable_while_sealed() {
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
    fn a_sealed_value_that_is_not_a_map_is_malformed() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::generate_at(&folder.path().join("keys")).unwrap();
        for plain in ["", "hunter22", "[]", "{\"password\":1}"] {
            let sealed = keyring.seal(&place(), plain.as_bytes());
            assert_eq!(keyring.open_map(&place(), &sealed.bytes).unwrap_err(), OpenError::Malformed, "{plain}");
        }
    }
}
