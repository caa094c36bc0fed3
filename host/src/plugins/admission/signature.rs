//! Signatures of components.
//!
//! Threat: a component that was changed between its publisher and the host. Decision: a detached ed25519 signature over a
//! fixed prefix and the component's SHA-256, in a file beside the component; the operator lists the trusted keys. A component
//! is added with a signature by a trusted key, or with its digest. Rejected: a signature inside the component, which changes
//! the digest that two builders must agree on.

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::VerifyingKey;
use serde::Deserialize;

/// The prefix of the signed text, so that a signature for another purpose is not valid for a component.
const PREFIX: &str = "chronus-component-v1:";

/// A publisher's key that the operator trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey(VerifyingKey);

/// The content of a signature file: the key and the signature in base64.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    key: String,
    signature: String,
}

/// Why a signature is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The file or the key is malformed.
    #[error("{0} is malformed; `cargo plugins` writes `<id>.wasm.sig` and `trusted.pub`")]
    Malformed(&'static str),
    /// The key is not trusted.
    #[error(
        "the component is signed by the key {0}, which is not trusted; add it to the trusted keys if you trust its owner"
    )]
    Untrusted(String),
    /// The signature is for other bytes.
    #[error("the signature is not for this component: the file was changed or replaced after it was signed")]
    Mismatch,
}

impl TrustedKey {
    /// Parses a `trusted.pub` file: one line of base64.
    ///
    /// # Errors
    /// If it is not an ed25519 key.
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        key(text.trim()).map(Self)
    }
}

impl Signature {
    /// Parses a `.sig` file.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        serde_json::from_str(text).map_err(|_| SignatureError::Malformed("the signature file"))
    }

    /// The key that the file names, in base64. Only [`Self::verify`] checks it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Checks the signature of a component with this SHA-256 (hex) against the trusted keys.
    ///
    /// # Errors
    /// If the signature is malformed, by another key, or for another component.
    pub fn verify(&self, sha256: &str, trusted: &[TrustedKey]) -> Result<(), SignatureError> {
        let key = key(&self.key)?;
        if !trusted.contains(&TrustedKey(key)) {
            return Err(SignatureError::Untrusted(self.key.clone()));
        }
        let malformed = SignatureError::Malformed("the signature");
        let bytes = BASE64_STANDARD.decode(&self.signature).map_err(|_| malformed.clone())?;
        let signature = ed25519_dalek::Signature::from_slice(&bytes).map_err(|_| malformed)?;
        key.verify_strict(format!("{PREFIX}{sha256}").as_bytes(), &signature).map_err(|_| SignatureError::Mismatch)
    }
}

fn key(text: &str) -> Result<VerifyingKey, SignatureError> {
    let bytes = BASE64_STANDARD.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok()).ok_or(SignatureError::Malformed("the key"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};

    const DIGEST: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn signed(seed: u8, text: &str) -> (TrustedKey, Signature) {
        let signing = SigningKey::from_bytes(&[seed; 32]);
        let key = BASE64_STANDARD.encode(signing.verifying_key().as_bytes());
        let signature = BASE64_STANDARD.encode(signing.sign(text.as_bytes()).to_bytes());
        let file = format!("{{\"key\":\"{key}\",\"signature\":\"{signature}\"}}\n");
        (TrustedKey::parse(&format!("{key}\n")).unwrap(), Signature::parse(&file).unwrap())
    }

    #[test]
    fn only_a_trusted_key_over_these_bytes_counts() {
        let (key, signature) = signed(1, &format!("{PREFIX}{DIGEST}"));
        let (other, _) = signed(2, "");
        assert_eq!(signature.verify(DIGEST, std::slice::from_ref(&key)), Ok(()));
        assert!(matches!(signature.verify(DIGEST, &[other]), Err(SignatureError::Untrusted(_))));
        assert_eq!(
            signature.verify(&DIGEST.replace("00", "01"), std::slice::from_ref(&key)),
            Err(SignatureError::Mismatch)
        );
        let (_, bare) = signed(1, DIGEST);
        assert_eq!(bare.verify(DIGEST, &[key]), Err(SignatureError::Mismatch));
    }

    #[test]
    fn garbage_is_malformed() {
        assert!(TrustedKey::parse("x").is_err());
        for text in ["", "{}", "{\"key\":\"\",\"signature\":\"\",\"more\":1}"] {
            assert!(Signature::parse(text).is_err(), "{text}");
        }
    }
}
