//! The credential of a connection, and how it is attached to a request.
//!
//! Threat: a provider that reads a person's password or token, or sends it to another server. Decision: providers never
//! see a credential; the host attaches it to each request after the policy has allowed the request. Its memory is wiped
//! when it is dropped, its `Debug` output is empty, and it cannot be serialised. Rejected: giving the provider a
//! placeholder that is replaced on the way out, which needs a search through bodies and headers and fails open.

use super::leak::Secrets;
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::{Position, Url};
use zeroize::Zeroizing;

/// A credential.
#[derive(Debug, Clone, Default)]
pub enum Credential {
    /// Nothing is attached.
    #[default]
    None,
    /// `Authorization: Basic`, RFC 7617.
    Basic {
        /// The user name, without a colon.
        user: String,
        /// The password.
        secret: SecretString,
    },
    /// A header with a prefix and the secret.
    Header {
        /// The name of the header, for example `authorization`.
        name: HeaderName,
        /// The prefix, for example `Bearer ` (with the space).
        prefix: String,
        /// The secret, for example a token.
        secret: SecretString,
    },
    /// A query parameter.
    Query {
        /// Its name.
        name: String,
        /// Its value.
        secret: SecretString,
    },
    /// The address itself is the secret. The provider asks for [`SECRET_URL_HOST`] instead.
    Url(SecretString),
}

/// The host name that providers use in place of a secret address.
pub const SECRET_URL_HOST: &str = "connection.invalid";

/// The credential holds a character that cannot be sent where the credential belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the credential holds a character that cannot be sent as {0}")]
pub struct NotSendable(&'static str);

impl Credential {
    /// Attaches the credential to the address and headers of a request.
    ///
    /// # Errors
    /// If it holds a character that cannot be sent there.
    pub fn attach(&self, url: &mut Url, headers: &mut HeaderMap) -> Result<(), NotSendable> {
        match self {
            // The policy has already put the secret address in the place of `SECRET_URL_HOST`.
            Self::None | Self::Url(_) => {}
            Self::Basic { user, secret } => {
                if user.contains(':') {
                    return Err(NotSendable("a Basic user name"));
                }
                let value = Zeroizing::new(format!("Basic {}", *basic_pair(user, secret)));
                insert(headers, http::header::AUTHORIZATION, &value)?;
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

    /// The same credential with a refreshed token. `None` if the credential is not a token.
    #[must_use]
    pub fn renewed(&self, secret: SecretString) -> Option<Self> {
        match self {
            Self::Header { name, prefix, .. } => {
                Some(Self::Header { name: name.clone(), prefix: prefix.clone(), secret })
            }
            Self::Query { name, .. } => Some(Self::Query { name: name.clone(), secret }),
            Self::None | Self::Basic { .. } | Self::Url(_) => None,
        }
    }

    /// The token, if the credential is one.
    #[must_use]
    pub const fn token(&self) -> Option<&SecretString> {
        match self {
            Self::Header { secret, .. } | Self::Query { secret, .. } => Some(secret),
            Self::None | Self::Basic { .. } | Self::Url(_) => None,
        }
    }

    /// The texts that responses are searched for.
    #[must_use]
    pub(in crate::plugins) fn secrets(&self) -> Secrets {
        match self {
            Self::None => Secrets::default(),
            Self::Basic { user, secret } => {
                // With the user name, a short password is long enough to be searched for everywhere.
                let pair = basic_pair(user, secret);
                Secrets::of([secret.expose_secret(), pair.trim_end_matches('=')])
            }
            Self::Header { secret, .. } | Self::Query { secret, .. } => Secrets::of([secret.expose_secret()]),
            Self::Url(secret) => {
                let address = secret.expose_secret();
                // Servers repeat the target of a request without their own host name.
                let asked = Url::parse(address).map(|url| url[Position::BeforePath..].to_owned()).unwrap_or_default();
                // A short path such as `/basic.ics` is not secret.
                let asked = Some(&*asked).filter(|asked| asked.len() >= 16);
                Secrets::of(asked.into_iter().chain([address]))
            }
        }
    }
}

/// User name and password as RFC 7617 encodes them.
fn basic_pair(user: &str, secret: &SecretString) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{user}:{}", secret.expose_secret()));
    Zeroizing::new(BASE64_STANDARD.encode(&*pair))
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
    fn answers_are_searched_for_the_secret_and_for_what_basic_makes_of_it() {
        let credential = Credential::Basic { user: "ann".into(), secret: "hunter22".into() };
        let secrets = credential.secrets();
        assert!(secrets.are_in(b"password=hunter22"));
        assert!(secrets.are_in(BASE64_STANDARD.encode("ann:hunter22").as_bytes()));
        assert!(!secrets.are_in(b"ann"));
        assert!(!Credential::None.secrets().are_in(b"anything"));
    }

    #[test]
    fn a_secret_address_is_known_without_its_host() {
        let address = "https://feeds.example.net/private-0123456789abcdef/basic.ics?k=v";
        let secrets = Credential::Url(address.into()).secrets();
        assert!(secrets.are_in(address.as_bytes()));
        assert!(secrets.are_in(b"GET /private-0123456789abcdef/basic.ics?k=v HTTP/1.1"));
        assert!(!Credential::Url("https://feeds.example.net/a.ics".into()).secrets().are_in(b"GET /a.ics"));
    }
}
