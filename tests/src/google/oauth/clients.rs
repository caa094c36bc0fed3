//! Who may ask: applications, and service accounts with their keys.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, anyhow};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http::header::AUTHORIZATION;

use super::{Registry, TokenRefusal};
use crate::google::call::Call;

/// An application.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// The name that people see.
    pub(crate) name: String,
    pub(crate) secret: String,
    /// Compared whole.
    pub(crate) redirects: BTreeSet<String>,
    /// Whether a refresh gives another refresh token and ends the one it was done by.
    pub(crate) rotates: bool,
}

/// An account that no person signs in to.
#[derive(Debug, Clone)]
pub(crate) struct ServiceAccount {
    /// A number as text: how administrators of domains name it.
    pub(crate) client: String,
    /// An RSA public key (RFC 8017 A.1.1, DER).
    pub(crate) key: Vec<u8>,
    /// The scopes that it may use for everybody of a domain (domain-wide delegation).
    pub(crate) delegated: BTreeMap<String, BTreeSet<String>>,
}

/// A key pair: the public part as DER, the private one as PEM (PKCS #8).
pub(crate) fn new_key() -> anyhow::Result<(Vec<u8>, String)> {
    let failed = |_| anyhow!("making an RSA key");
    let key = KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let private: Pkcs8V1Der<'_> = key.as_der().map_err(failed)?;
    let text = BASE64_STANDARD.encode(private.as_ref());
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    let label = "PRIVATE KEY";
    let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"));
    Ok((key.public_key().as_ref().to_vec(), pem))
}

impl ServiceAccount {
    /// Whether the third part of a JWT signs the other two (RS256).
    pub(super) fn has_signed(&self, jwt: &str) -> bool {
        let signed = || {
            let (message, signature) = jwt.rsplit_once('.').context("no signature")?;
            let signature = BASE64_URL_SAFE_NO_PAD.decode(signature)?;
            let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.key);
            key.verify(message.as_bytes(), &signature).map_err(|_| anyhow!("another signature"))
        };
        signed().is_ok()
    }
}

impl Registry {
    /// The application that sends a form to the token endpoint: by its secret in the form or in Basic (RFC 6749
    /// §2.3.1), not by both.
    pub(super) fn client(
        &self,
        call: &Call,
        form: &BTreeMap<String, String>,
    ) -> Result<(String, Client), TokenRefusal> {
        let unknown = || TokenRefusal::unauthorized("invalid_client");
        let basic = call.header(&AUTHORIZATION).map(|header| basic(header).ok_or_else(unknown));
        let (id, secret) = match (basic.transpose()?, form.get("client_id"), form.get("client_secret")) {
            (Some(_), _, Some(_)) => return Err(TokenRefusal::invalid_request("There are two secrets.")),
            (Some((id, _)), Some(other), None) if id != *other => return Err(unknown()),
            (Some(pair), _, None) => pair,
            (None, Some(id), Some(secret)) => (id.clone(), secret.clone()),
            (None, _, _) => return Err(unknown()),
        };
        let client = self.clients.get(&id).filter(|client| client.secret == secret);
        client.map(|client| (id, client.clone())).ok_or_else(unknown)
    }
}

/// The two halves of Basic credentials, which are form-encoded here (RFC 6749 §2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let pair = BASE64_STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let decoded = |text: &str| url::form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned());
    Some((decoded(id)?, decoded(secret)?))
}
