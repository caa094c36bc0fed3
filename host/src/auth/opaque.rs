//! Random secrets: API tokens, session cookies, and links in mails.
//!
//! Threat: a stolen database contains usable secrets. Decision: a secret is 32 random bytes in base64. Only its SHA-256
//! is stored, which suffices because the input cannot be guessed. A secret is found by its digest, so no comparison
//! reveals by its duration how close a guess was. Rejected: slow hashes, which are meant for passwords.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The digest of a secret.
pub(super) type Hash = [u8; 32];

/// The length of 32 bytes in base64.
const LENGTH: usize = 43;

/// Generates a secret that begins with a prefix.
pub(super) fn generate(prefix: &str) -> sqlx::Result<SecretString> {
    let mut random = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *random).map_err(|error| sqlx::Error::Io(std::io::Error::other(error.to_string())))?;
    Ok(format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(*random)).into())
}

/// The digest that is stored.
pub(super) fn digest(text: &str) -> Hash {
    Sha256::digest(text).into()
}

/// The digest to look for, or `None` if the text cannot be a secret and is not worth a query.
pub(super) fn hash_if_well_formed(prefix: &str, text: &str) -> Option<Hash> {
    text.strip_prefix(prefix).filter(|random| random.len() == LENGTH)?;
    Some(digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn one_is_like_no_other_and_found_by_its_digest() {
        let (one, other) = (generate("a_").unwrap(), generate("a_").unwrap());
        let (one, other) = (one.expose_secret(), other.expose_secret());
        assert_ne!(one, other);
        assert_eq!(hash_if_well_formed("a_", one), Some(digest(one)));
        for bad in ["", "a_", &one[1..], &one[..44], &format!("{one}=")] {
            assert_eq!(hash_if_well_formed("a_", bad), None, "{bad}");
        }
    }
}
