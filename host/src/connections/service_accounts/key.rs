//! The key of a service account, and what is signed by it (RFC 7523).
//!
//! Threat: a key that opens every mailbox of an organisation, and shows up in an error, a log or a request. Decision: the
//! file is read here and nowhere else; what is wrong with it is said before anything is sent, without a word of it; an
//! assertion is good for minutes, for one mailbox, and for one audience, which is the operator's grant and not the file's
//! `token_uri`. Rejected: the libraries of the services, which take the endpoint from the
//! file; a crate for JSON Web Tokens, which for one signature brings seven others and a second way to read PEM.

use crate::plugins::contract::Oauth2JwtBearer;
use aws_lc_rs::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How long an assertion is good. Services take an hour at most; clocks differ by less than this.
const LASTS: SignedDuration = SignedDuration::from_mins(10);
/// By how much the host's clock may be ahead of the service's, in seconds: what was issued in the future is refused, and in
/// the words for access that was taken back.
const LEEWAY: i64 = 60;

/// 2048 bits.
const LEAST_BYTES: usize = 256;

/// Names within what is sealed.
const PRIVATE_KEY: &str = "private-key";
const KEY_ID: &str = "key-id";

/// A service account's key.
#[derive(Debug, Clone)]
pub struct ServiceKey {
    /// The service account's name: what it signs as.
    pub client: String,
    /// What an administrator of the service knows the account by, if it is another name.
    pub client_id: Option<String>,
    key_id: Option<SecretString>,
    private_key: SecretString,
}

/// Why a key is none. Nothing of the file is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is something else altogether.
    #[error("the key is no JSON object with texts: give the whole content of the file that the service made")]
    Json,
    /// It is another kind of credential.
    #[error("the file is not the key of a service account: its `type` says something else")]
    Kind,
    /// It lacks something.
    #[error("the key has no `{0}`")]
    Missing(&'static str),
    /// It cannot sign.
    #[error("the key's `private_key` is no RSA private key of at least 2048 bits in PEM form")]
    Unfit,
}

/// The fields of the file that count; services add others.
#[derive(Deserialize)]
struct File {
    r#type: Option<String>,
    client_email: Option<String>,
    client_id: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
}

impl ServiceKey {
    /// Reads the content of a key file, and tries the key.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(text: &SecretString) -> Result<Self, KeyError> {
        // The parser's own sentence would repeat what it read.
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

    /// What is sealed of it.
    #[must_use]
    pub fn secrets(&self) -> BTreeMap<String, SecretString> {
        let key = [(PRIVATE_KEY.to_owned(), self.private_key.clone())];
        key.into_iter().chain(self.key_id.clone().map(|id| (KEY_ID.to_owned(), id))).collect()
    }

    /// From what was sealed of it.
    ///
    /// # Errors
    /// If that is something else.
    pub fn kept(client: &str, mut secrets: BTreeMap<String, SecretString>) -> Result<Self, KeyError> {
        let private_key = secrets.remove(PRIVATE_KEY).ok_or(KeyError::Missing("private_key"))?;
        Ok(Self { client: client.to_owned(), client_id: None, key_id: secrets.remove(KEY_ID), private_key })
    }

    /// What a token for a mailbox is got by.
    ///
    /// # Errors
    /// If the key cannot sign.
    pub fn assertion(&self, grant: &Oauth2JwtBearer, mailbox: &str, now: Timestamp) -> Result<SecretString, KeyError> {
        let issued = now.as_second();
        let mut claims = Map::new();
        // First, so that a component that names one of the others for the mailbox gains nothing.
        claims.insert(grant.subject_claim.clone(), mailbox.into());
        claims.insert("iss".into(), self.client.as_str().into());
        claims.insert("aud".into(), grant.audience.as_str().into());
        claims.insert("scope".into(), grant.scopes.join(" ").into());
        claims.insert("iat".into(), issued.saturating_sub(LEEWAY).into());
        claims.insert("exp".into(), issued.saturating_add(LASTS.as_secs()).into());
        self.sign(&claims)
    }

    /// The compact form of RFC 7515 §7.1, by RS256.
    fn sign(&self, claims: &Map<String, Value>) -> Result<SecretString, KeyError> {
        let key = self.pair()?;
        let mut header = Map::from_iter([("alg".to_owned(), "RS256".into()), ("typ".to_owned(), "JWT".into())]);
        header.extend(self.key_id.as_ref().map(|id| ("kid".to_owned(), id.expose_secret().into())));
        let part = |part: &Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(part.clone()).to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let mut signature = vec![0; key.public_modulus_len()];
        let sign = key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature);
        sign.map_err(|_| KeyError::Unfit)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&signature)).into())
    }

    /// PKCS#8, as services make them, or the older PKCS#1.
    fn pair(&self) -> Result<KeyPair, KeyError> {
        let pem = self.private_key.expose_secret().as_bytes();
        let key = match PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::Unfit)? {
            PrivateKeyDer::Pkcs8(key) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => KeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err(KeyError::Unfit),
        };
        key.ok().filter(|key| key.public_modulus_len() >= LEAST_BYTES).ok_or(KeyError::Unfit)
    }
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
    fn an_assertion_is_for_one_mailbox_and_good_for_minutes() {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let key = ServiceKey::read(&file(&pem(&pair))).unwrap();
        let key = ServiceKey::kept(&key.client, key.secrets()).unwrap();
        let now = "2026-11-24T09:00:00Z".parse().unwrap();
        // A component that would have the mailbox stand for the issuer gains nothing.
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
    fn what_is_no_key_is_named_and_not_repeated() {
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
            let error = ServiceKey::read(&text.clone().into()).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("hunter22") && !format!("{error:?}").contains("hunter22"));
        }
    }
}
