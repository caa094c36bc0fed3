//! The credential of a connection, and how it gets onto a request.
//!
//! Threat: a provider that reads a person's password or token, or sends it elsewhere. Decision: providers never see
//! one; the host adds it to each request after the request has passed the policy. It is kept in memory that is wiped
//! and whose `Debug` prints nothing, and it cannot be serialised. Rejected: handing the guest an opaque placeholder
//! to be replaced on the way out, which needs a search through bodies and headers and fails open.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// A credential, ready to be attached.
#[derive(Debug, Clone, Default)]
pub enum Credential {
    /// Nothing is attached.
    #[default]
    None,
    /// `Authorization: Basic`, RFC 7617.
    Basic {
        /// The user name; it may not hold a colon.
        user: String,
        /// The password.
        secret: SecretString,
    },
    /// A header of this name, holding prefix and secret.
    Header {
        /// For instance `authorization`.
        name: HeaderName,
        /// For instance `Bearer ` (with the space).
        prefix: String,
        /// For instance a token.
        secret: SecretString,
    },
    /// A parameter of the query.
    Query {
        /// Its name.
        name: String,
        /// Its value.
        secret: SecretString,
    },
    /// The address itself is the secret; the guest calls [`SECRET_URL_HOST`].
    Url(SecretString),
}

/// The host name that stands for a secret address in what the guest asks for.
pub const SECRET_URL_HOST: &str = "connection.invalid";

/// The credential cannot be attached: it holds a character that the place for it cannot.
#[derive(Debug, thiserror::Error)]
#[error("the credential holds a character that cannot be sent as {0}")]
pub struct NotSendable(&'static str);

impl Credential {
    /// Adds the credential to a request's address and headers.
    ///
    /// # Errors
    /// If it cannot be sent in that place.
    pub fn attach(&self, url: &mut Url, headers: &mut HeaderMap) -> Result<(), NotSendable> {
        match self {
            // A secret address has taken the place of the asked one before the policy saw it.
            Self::None | Self::Url(_) => {}
            Self::Basic { user, secret } => {
                if user.contains(':') {
                    return Err(NotSendable("a Basic user name"));
                }
                let pair = BASE64_STANDARD.encode(format!("{user}:{}", secret.expose_secret()));
                insert(headers, http::header::AUTHORIZATION, &format!("Basic {pair}"))?;
            }
            Self::Header { name, prefix, secret } => {
                insert(headers, name.clone(), &format!("{prefix}{}", secret.expose_secret()))?;
            }
            Self::Query { name, secret } => {
                url.query_pairs_mut().append_pair(name, secret.expose_secret());
            }
        }
        Ok(())
    }

    /// Every form in which the secret could come back: as it is, as Basic sends it, percent-encoded and escaped in
    /// JSON. What is shorter than [`Self::SHORTEST`] bytes is left out, since it would be found everywhere.
    #[must_use]
    pub fn forms(&self) -> Vec<Vec<u8>> {
        let (secret, basic) = match self {
            Self::None => return Vec::new(),
            Self::Basic { user, secret } => {
                let pair = format!("{user}:{}", secret.expose_secret());
                (secret.expose_secret(), Some(BASE64_STANDARD.encode(pair)))
            }
            Self::Header { secret, .. } | Self::Query { secret, .. } | Self::Url(secret) => {
                (secret.expose_secret(), None)
            }
        };
        let percent: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let json = serde_json::to_string(secret).unwrap_or_default();
        let mut forms = vec![
            secret.as_bytes().to_vec(),
            percent.replace('+', "%20").into_bytes(),
            percent.into_bytes(),
            json.trim_matches('"').as_bytes().to_vec(),
            BASE64_STANDARD.encode(secret).into_bytes(),
        ];
        // Without the padding, so that it is found inside a longer encoded text too.
        forms.extend(basic.map(|pair| pair.trim_end_matches('=').as_bytes().to_vec()));
        forms.retain(|form| form.len() >= Self::SHORTEST);
        forms.sort();
        forms.dedup();
        forms
    }

    /// The least number of bytes of a form that is looked for in answers.
    pub const SHORTEST: usize = 6;
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<(), NotSendable> {
    let mut value = HeaderValue::from_str(value).map_err(|_| NotSendable("a header"))?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_as_rfc_7617_has_it() {
        let credential = Credential::Basic { user: "Aladdin".into(), secret: "open sesame".into() };
        let (mut url, mut headers) = ("https://a.example/".parse().unwrap(), HeaderMap::new());
        credential.attach(&mut url, &mut headers).unwrap();
        assert_eq!(headers["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(headers["authorization"].is_sensitive());
    }

    #[test]
    fn a_query_secret_is_added_to_what_is_there() {
        let credential = Credential::Query { name: "key".into(), secret: "a&b c".into() };
        let mut url: Url = "https://a.example/?q=1".parse().unwrap();
        credential.attach(&mut url, &mut HeaderMap::new()).unwrap();
        assert_eq!(url.as_str(), "https://a.example/?q=1&key=a%26b+c");
    }

    #[test]
    fn what_cannot_be_sent_is_an_error_that_does_not_repeat_it() {
        let credential =
            Credential::Header { name: http::header::AUTHORIZATION, prefix: String::new(), secret: "a\r\nb: c".into() };
        let error = credential.attach(&mut "https://a.example/".parse().unwrap(), &mut HeaderMap::new()).unwrap_err();
        assert!(!error.to_string().contains("b: c"));
        let credential = Credential::Basic { user: "a:b".into(), secret: "secret".into() };
        assert!(credential.attach(&mut "https://a.example/".parse().unwrap(), &mut HeaderMap::new()).is_err());
    }

    #[test]
    fn debug_shows_no_secret() {
        let credential = Credential::Basic { user: "ann".into(), secret: "hunter22".into() };
        assert!(!format!("{credential:?}").contains("hunter22"));
    }

    #[test]
    fn all_forms_are_known() {
        let credential = Credential::Basic { user: "ann".into(), secret: "pa\"ss wörd".into() };
        let forms: Vec<String> = credential.forms().into_iter().map(|form| String::from_utf8(form).unwrap()).collect();
        for form in ["pa\"ss wörd", "pa%22ss%20w%C3%B6rd", "pa%22ss+w%C3%B6rd", "pa\\\"ss wörd", "YW5uOnBhInNzIHfDtnJk"]
        {
            assert!(forms.iter().any(|f| f == form), "{form} in {forms:?}");
        }
    }
}
