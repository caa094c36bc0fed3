//! Component files, the signature file beside each, and the file of trusted keys.

use super::{input, output::CliError};
use crate::plugins::admission::{Signature, SignatureError, TrustedKey};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Larger than any component that is admitted, so that a component that is too large is reported by admission.
pub(super) const LARGEST_COMPONENT: u64 = 65 << 20;

/// The state of a component's signature, and the key that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct SignatureOut {
    pub(super) state: SignatureState,
    pub(super) key: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SignatureState {
    /// There is no signature file.
    Unsigned,
    /// The file is not a signature.
    Malformed,
    /// The signature was made for other bytes.
    Invalid,
    /// Valid, by a key that is not trusted.
    Valid,
    /// Valid, by a trusted key.
    Trusted,
}

/// Reads the keys of a file, one per line; empty lines and lines that begin with `#` are ignored.
pub(super) fn trusted_keys(path: &Path) -> Result<Vec<TrustedKey>, CliError> {
    let text = input::read_text(path, "the file of trusted keys", 64 << 10)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys: Vec<_> = lines
        .map(TrustedKey::parse)
        .collect::<Result<_, _>>()
        .map_err(|error| CliError::input("trusted-keys", format!("{}: {error}", path.display())))?;
    if keys.is_empty() {
        return Err(CliError::input(
            "trusted-keys",
            format!("{} has no key; write one public key per line", path.display()),
        ));
    }
    Ok(keys)
}

/// Checks the signature file of a component.
pub(super) fn signature(component: &Path, sha256: &str, trusted: &[TrustedKey]) -> Result<SignatureOut, CliError> {
    let text = signature_text(component)?;
    Ok(text
        .map_or(SignatureOut { state: SignatureState::Unsigned, key: None }, |text| classify(&text, sha256, trusted)))
}

/// Reads the signature file of a component, if there is one.
pub(super) fn signature_file(component: &Path) -> Result<Option<Signature>, CliError> {
    Ok(signature_text(component)?.map(|text| Signature::parse(&text)).transpose()?)
}

fn signature_text(component: &Path) -> Result<Option<String>, CliError> {
    let mut beside = component.as_os_str().to_owned();
    beside.push(".sig");
    let beside = PathBuf::from(beside);
    beside.exists().then(|| input::read_text(&beside, "the signature", 4 << 10)).transpose()
}

/// Classifies a signature.
fn classify(text: &str, sha256: &str, trusted: &[TrustedKey]) -> SignatureOut {
    let Ok(signature) = Signature::parse(text) else {
        return SignatureOut { state: SignatureState::Malformed, key: None };
    };
    let own = TrustedKey::parse(signature.key()).map(|key| vec![key]).unwrap_or_default();
    let state = match signature.verify(sha256, &own) {
        Ok(()) if signature.verify(sha256, trusted).is_ok() => SignatureState::Trusted,
        Ok(()) => SignatureState::Valid,
        Err(SignatureError::Mismatch) => SignatureState::Invalid,
        Err(SignatureError::Malformed(_) | SignatureError::Untrusted(_)) => SignatureState::Malformed,
    };
    SignatureOut { state, key: Some(signature.key().to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_a_signature_is_malformed_and_not_an_error() {
        for text in ["", "{}", "{\"key\":\"x\",\"signature\":\"y\"}"] {
            assert_eq!(classify(text, "00", &[]).state, SignatureState::Malformed, "{text}");
        }
    }
}
