//! Tokens for mailboxes, requested with a service account's key: the JWT bearer grant (RFC 7523).
//!
//! Threat: a key that opens every mailbox of an organisation appears in an error, a log or a request. Decision: only this
//! module reads the key file; it reports faults of the file before anything is sent, and repeats no part of the file. An
//! assertion is valid for minutes, for one mailbox and for one audience, which comes from the operator's grant and not from
//! the file's `token_uri`. Rejected: the services' own libraries, which take the endpoint from the file; a crate for JSON
//! Web Tokens, which brings seven others for one signature, and a second PEM parser.

use super::{
    endpoint::{TokenEndpoint, TokenError, TokenResponse},
    token::names,
};
use crate::plugins::contract::Oauth2JwtBearer;
use aws_lc_rs::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Lifetime of an assertion. Services accept an hour at most.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// Assertions are issued this many seconds in the past, so that the host's clock may be ahead of the service's. Services
/// refuse an assertion from the future with the error of a revoked grant.
const LEEWAY: i64 = 60;

/// Minimum size of a key: 2048 bits.
const MIN_KEY_BYTES: usize = 256;

/// Names of the key's parts among sealed secrets.
const PRIVATE_KEY: &str = "private-key";
const KEY_ID: &str = "key-id";

/// A service account's key.
#[derive(Debug, Clone)]
pub struct ServiceKey {
    /// Name of the service account, the issuer of its assertions.
    pub client: String,
    /// The account's id in the service's administration pages, if the file has one.
    pub client_id: Option<String>,
    key_id: Option<SecretString>,
    private_key: SecretString,
}

/// Why a key file is invalid. Never contains file content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The file is not a JSON object of the expected form.
    #[error("the key is not a JSON object; use the whole content of the key file that the service created")]
    Json,
    /// The file contains another kind of credential.
    #[error("the file is not a service account key: its `type` is not `service_account`")]
    Kind,
    /// A field is missing or unusable.
    #[error("the key file has no valid `{0}`")]
    Missing(&'static str),
    /// The private key cannot sign.
    #[error("the key's `private_key` is not an RSA private key of at least 2048 bits in PEM form")]
    Unfit,
}

/// The fields of a key file that are used. Services add others.
#[derive(Deserialize)]
struct File {
    r#type: Option<String>,
    client_email: Option<String>,
    client_id: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
}

impl ServiceKey {
    /// Parses a key file and signs once with its key.
    pub fn parse(text: &SecretString) -> Result<Self, KeyError> {
        // The parser's own message would repeat file content.
        let file: File = serde_json::from_str(text.expose_secret()).map_err(|_| KeyError::Json)?;
        if file.r#type.is_some_and(|kind| kind != "service_account") {
            return Err(KeyError::Kind);
        }
        let named = |text: &String| !text.is_empty() && text.len() <= 254 && !text.contains(char::is_control);
        let key = Self {
            client: file.client_email.filter(named).ok_or(KeyError::Missing("client_email"))?,
            client_id: file.client_id.filter(named),
            key_id: file.private_key_id.map(Into::into),
            private_key: file.private_key.ok_or(KeyError::Missing("private_key"))?.into(),
        };
        key.sign(&Map::new())?;
        Ok(key)
    }

    /// The parts that are stored sealed.
    #[must_use]
    pub fn to_secrets(&self) -> BTreeMap<String, SecretString> {
        let key = [(PRIVATE_KEY.to_owned(), self.private_key.clone())];
        key.into_iter().chain(self.key_id.clone().map(|id| (KEY_ID.to_owned(), id))).collect()
    }

    /// Restores a key from its sealed parts.
    pub fn from_secrets(client: &str, mut secrets: BTreeMap<String, SecretString>) -> Result<Self, KeyError> {
        let private_key = secrets.remove(PRIVATE_KEY).ok_or(KeyError::Missing("private_key"))?;
        Ok(Self { client: client.to_owned(), client_id: None, key_id: secrets.remove(KEY_ID), private_key })
    }

    /// A signed assertion for a mailbox.
    pub fn assertion(&self, grant: &Oauth2JwtBearer, mailbox: &str, now: Timestamp) -> Result<SecretString, KeyError> {
        let issued = now.as_second();
        let mut claims = Map::new();
        // Inserted first: if a component names another claim for the subject, that claim is overwritten below.
        claims.insert(grant.subject_claim.clone(), mailbox.into());
        claims.insert("iss".into(), self.client.as_str().into());
        claims.insert("aud".into(), grant.audience.as_str().into());
        claims.insert("scope".into(), names(&grant.scopes).join(" ").into());
        claims.insert("iat".into(), issued.saturating_sub(LEEWAY).into());
        claims.insert("exp".into(), issued.saturating_add(LIFETIME.as_secs()).into());
        self.sign(&claims)
    }

    /// Signs claims with RS256, in the compact form of RFC 7515 §7.1.
    fn sign(&self, claims: &Map<String, Value>) -> Result<SecretString, KeyError> {
        let key = self.key_pair()?;
        let mut header = Map::from_iter([("alg".to_owned(), "RS256".into()), ("typ".to_owned(), "JWT".into())]);
        header.extend(self.key_id.as_ref().map(|id| ("kid".to_owned(), id.expose_secret().into())));
        let part = |part: &Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(part.clone()).to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let mut signature = vec![0; key.public_modulus_len()];
        let sign = key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature);
        sign.map_err(|_| KeyError::Unfit)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&signature)).into())
    }

    /// Reads PKCS#8, which services issue, or the older PKCS#1.
    fn key_pair(&self) -> Result<KeyPair, KeyError> {
        let pem = self.private_key.expose_secret().as_bytes();
        let key = match PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::Unfit)? {
            PrivateKeyDer::Pkcs8(key) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => KeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err(KeyError::Unfit),
        };
        key.ok().filter(|key| key.public_modulus_len() >= MIN_KEY_BYTES).ok_or(KeyError::Unfit)
    }
}

/// Requests a token with an assertion.
pub async fn request_token(
    endpoint: &TokenEndpoint<'_>,
    assertion: &SecretString,
) -> Result<TokenResponse, TokenError> {
    let grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    endpoint.post_form(&[("grant_type", grant_type), ("assertion", assertion.expose_secret())]).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::{
        encoding::{AsDer as _, Pkcs8V1Der},
        rsa::KeySize,
        signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
    };
    use base64::engine::general_purpose::STANDARD;

    fn pem(pair: &KeyPair) -> String {
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()))
    }

    fn grant(subject_claim: &str) -> Oauth2JwtBearer {
        Oauth2JwtBearer {
            token: "https://a.example/token".into(),
            variables: vec![],
            audience: "https://a.example/audience".into(),
            subject_claim: subject_claim.into(),
            scopes: vec!["one".into(), "two".into()],
            keep_from_token: vec![],
        }
    }

    fn file(pem: &str) -> SecretString {
        serde_json::json!({"type": "service_account", "client_email": "robot@a.example", "private_key": pem,
            "private_key_id": "k1", "token_uri": "https://evil.example"})
        .to_string()
        .into()
    }

    #[test]
    fn an_assertion_is_for_one_mailbox_and_valid_for_minutes() {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let key = ServiceKey::parse(&file(&pem(&pair))).unwrap();
        let key = ServiceKey::from_secrets(&key.client, key.to_secrets()).unwrap();
        let now = "2026-11-24T09:00:00Z".parse().unwrap();
        // A component that names the issuer's claim for the mailbox cannot replace the issuer.
        for (claim, subject) in [("sub", Some("ann@a.example")), ("iss", None)] {
            let assertion = key.assertion(&grant(claim), "ann@a.example", now).unwrap();
            let (signed, signature) = assertion.expose_secret().rsplit_once('.').unwrap();
            let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
            public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
            let parts = signed.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
            let parts: Vec<Value> = parts.map(|part| serde_json::from_slice(&part).unwrap()).collect();
            assert_eq!(parts[0], serde_json::json!({"alg": "RS256", "kid": "k1", "typ": "JWT"}));
            let claims = &parts[1];
            assert_eq!((&claims["iss"], &claims["scope"]), (&"robot@a.example".into(), &"one two".into()));
            assert_eq!(claims["aud"], "https://a.example/audience");
            assert_eq!(claims["sub"].as_str(), subject);
            let (issued, ends) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
            assert!(issued == now.as_second() - 60 && ends - issued <= 3600);
        }
    }

    #[test]
    fn a_faulty_file_is_named_and_not_repeated() {
        for (text, expected) in [
            ("hunter22".to_owned(), KeyError::Json),
            (r#"{"client_email": {"hunter22": 1}}"#.to_owned(), KeyError::Json),
            (r#"{"type": "hunter22"}"#.to_owned(), KeyError::Kind),
            (r#"{"private_key": "hunter22"}"#.to_owned(), KeyError::Missing("client_email")),
            (r#"{"client_email": "a\nb"}"#.to_owned(), KeyError::Missing("client_email")),
            (file("hunter22").expose_secret().to_owned(), KeyError::Unfit),
            (
                file("-----BEGIN PRIVATE KEY-----\naGk=\n-----END PRIVATE KEY-----\n").expose_secret().into(),
                KeyError::Unfit,
            ),
        ] {
            let error = ServiceKey::parse(&text.clone().into()).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("hunter22") && !format!("{error:?}").contains("hunter22"));
        }
    }
}
