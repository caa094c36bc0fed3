//! From the input of a sign-in to the parts of a connection.
//!
//! Threat: a secret that is passed to the provider as an ordinary field; a typing error that is noticed only when the
//! service refuses the sign-in. Decision: one pure function compares the input with the sign-in, separates the fields that
//! the provider sees from the secrets that stay with the host, and names the value that is missing, unknown, in the wrong
//! section or malformed. No error repeats a value. Rejected: interpreting the description in each caller, which gives as
//! many interpretations as callers; refusing patterns that the host cannot read, because the page with the form applies
//! them too and the service decides in the end.

use super::{
    contract::{Attach, FieldKind, FormField, Method, SignIn},
    egress::{Credential, NotSendable, Origin, OriginError, SECRET_URL_HOST},
    endpoints::variables,
};
use regex_lite::Regex;
use secrecy::{ExposeSecret as _, SecretString};
use std::{collections::BTreeMap, fmt};
use url::Url;

/// The name of the secret of an OAuth sign-in: the token that the host obtained.
pub const ACCESS_TOKEN: &str = "access-token";

/// The name of the secret of a sign-in with a secret address.
pub const SECRET_URL: &str = "url";

/// The values that a person, an operator or a test entered.
#[derive(Debug, Clone, Default)]
pub struct SignInInput {
    /// The origin of the server. It may also be among the fields, with the name of the form's server field.
    pub server: Option<String>,
    /// Fields by the names in the form, or in the token response.
    pub fields: BTreeMap<String, String>,
    /// Secrets by the name of the form's secret field, [`ACCESS_TOKEN`] or [`SECRET_URL`].
    pub secrets: BTreeMap<String, SecretString>,
}

/// The parts of a connection that a sign-in determines.
#[derive(Debug, Clone)]
pub struct SignInParts {
    /// [`super::CallTarget::server`]
    pub server: Option<String>,
    /// [`super::CallTarget::fields`], in the order of the form.
    pub fields: Vec<(String, String)>,
    /// The credential, which stays with the host.
    pub credential: Credential,
}

/// What is wrong with the input. The texts hold names, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInInputError {
    /// The sign-in has no such name.
    #[error("{place} has `{name}`, which the sign-in does not use; it takes {allowed}")]
    Unknown {
        /// The section of the input.
        place: InputSection,
        /// The name.
        name: String,
        /// The names that the section accepts.
        allowed: String,
    },
    /// A secret is among the fields, or a field among the secrets.
    #[error("`{name}` belongs in {0}, not in {1}", place, place.other())]
    Misplaced {
        /// The section where it belongs.
        place: InputSection,
        /// The name.
        name: String,
    },
    /// A value is missing or empty.
    #[error("{place} lacks `{name}` ({label})")]
    Missing {
        /// The section where it belongs.
        place: InputSection,
        /// The name.
        name: String,
        /// The label that people read.
        label: String,
    },
    /// The server is missing.
    #[error("the server is missing ({0})")]
    ServerMissing(String),
    /// There is a server, but the sign-in has no server field.
    #[error("a server is given, but the sign-in does not use one")]
    ServerUnasked,
    /// The server is given twice.
    #[error("the server is given twice: as the server and as the field `{0}`; leave one out")]
    ServerTwice(String),
    /// The server is not an origin.
    #[error("the server is wrong: {0}")]
    Server(#[from] OriginError),
    /// A value does not match the form's pattern.
    #[error("`{name}` does not have the required format: {help}")]
    Pattern {
        /// The name.
        name: String,
        /// The form's help text.
        help: String,
    },
    /// The secret address is not a URL.
    #[error("the secret `{SECRET_URL}` is not an https address")]
    SecretUrl,
    /// The secret cannot be attached to a request.
    #[error("{0}")]
    NotSendable(String),
    /// The description of the sign-in contradicts itself.
    #[error("the component's sign-in `{0}` attaches a secret but does not ask for one; report this to its author")]
    Component(String),
}

/// The sections of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputSection {
    /// Values that the provider sees.
    Fields,
    /// Values that stay with the host.
    Secrets,
}

impl InputSection {
    const fn other(self) -> Self {
        match self {
            Self::Fields => Self::Secrets,
            Self::Secrets => Self::Fields,
        }
    }
}

impl fmt::Display for InputSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fields => "[fields]",
            Self::Secrets => "[secrets]",
        })
    }
}

/// Whether a person signs in with a form, and not on the service's own page.
#[must_use]
pub const fn is_form(sign_in: &SignIn) -> bool {
    matches!(sign_in.method, Method::Form(_) | Method::SecretUrl(_) | Method::None)
}

/// The stored fields of a connection that its sign-in still uses. A version of the provider may read fewer fields of the token
/// response; the fields of a form are all used, so that one that is gone is noticed.
#[must_use]
pub fn used_fields(sign_in: &SignIn, stored: &[(String, String)]) -> BTreeMap<String, String> {
    let (used, _) = asked(sign_in);
    let stored = stored.iter().filter(|(name, _)| is_form(sign_in) || used.contains(&name.as_str()));
    stored.cloned().collect()
}

/// Separates the input into the fields that the provider sees and the credential that stays with the host.
///
/// # Errors
/// If a value is missing, unknown, in the wrong section or malformed.
pub fn sign_in(sign_in: &SignIn, mut input: SignInInput) -> Result<SignInParts, SignInInputError> {
    names_are_known(sign_in, &input)?;
    let (mut server, mut fields, mut secret) = (None, Vec::new(), None);
    match &sign_in.method {
        Method::Form(form) => {
            for field in &form.fields {
                match field.kind {
                    FieldKind::ServerUrl => server = Some(server_of(field, &mut input)?),
                    FieldKind::Text => fields.push((field.name.clone(), text_of(field, &mut input)?)),
                    FieldKind::Secret => {
                        let value = required_secret(&mut input, &field.name, &field.label)?;
                        matches(field.pattern.as_deref(), value.expose_secret(), &field.name, &field.help)?;
                        secret = Some(value);
                    }
                }
            }
        }
        Method::SecretUrl(asked) => {
            let value = required_secret(&mut input, SECRET_URL, &asked.help)?;
            matches(asked.pattern.as_deref(), value.expose_secret(), SECRET_URL, &asked.help)?;
            let url = Url::parse(value.expose_secret()).ok();
            if url.and_then(|url| Origin::of(&url)).is_none() {
                return Err(SignInInputError::SecretUrl);
            }
            secret = Some(value);
        }
        Method::Oauth2Code(_) | Method::Oauth2ClientCredentials(_) | Method::Oauth2JwtBearer(_) => {
            fields.extend(std::mem::take(&mut input.fields));
            secret = Some(required_secret(&mut input, ACCESS_TOKEN, &sign_in.label)?);
        }
        Method::None => {}
    }
    if input.server.is_some() {
        return Err(SignInInputError::ServerUnasked);
    }
    let credential = credential(sign_in, &fields, secret)?;
    Ok(SignInParts { server, fields, credential })
}

/// Checks that the sign-in uses each name, in its section.
fn names_are_known(sign_in: &SignIn, input: &SignInInput) -> Result<(), SignInInputError> {
    let (fields, secrets) = asked(sign_in);
    let check = |place: InputSection, name: &String, own: &[&str], others: &[&str]| {
        if own.contains(&name.as_str()) {
            return Ok(());
        }
        if others.contains(&name.as_str()) {
            return Err(SignInInputError::Misplaced { place: place.other(), name: name.clone() });
        }
        let allowed = match own {
            [] => "none".to_owned(),
            names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        };
        Err(SignInInputError::Unknown { place, name: name.clone(), allowed })
    };
    input.fields.keys().try_for_each(|name| check(InputSection::Fields, name, &fields, &secrets))?;
    input.secrets.keys().try_for_each(|name| check(InputSection::Secrets, name, &secrets, &fields))
}

/// The names of the fields and secrets that a sign-in uses.
fn asked<'a>(sign_in: &'a SignIn) -> (Vec<&'a str>, Vec<&'a str>) {
    let kept = match &sign_in.method {
        Method::Form(form) => {
            let (secrets, fields): (Vec<&FormField>, Vec<_>) =
                form.fields.iter().partition(|field| field.kind == FieldKind::Secret);
            let names = |fields: Vec<&'a FormField>| fields.into_iter().map(|field| field.name.as_str()).collect();
            return (names(fields), names(secrets));
        }
        Method::SecretUrl(_) => return (vec![], vec![SECRET_URL]),
        Method::None => return (vec![], vec![]),
        Method::Oauth2Code(code) => &code.keep_from_token,
        Method::Oauth2ClientCredentials(grant) => &grant.keep_from_token,
        Method::Oauth2JwtBearer(grant) => &grant.keep_from_token,
    };
    let claims = match &sign_in.method {
        Method::Oauth2Code(code) => code.keep_claims.as_slice(),
        _ => &[],
    };
    let variables = variables(sign_in).iter().map(|variable| variable.name.as_str());
    (kept.iter().chain(claims).map(String::as_str).chain(variables).collect(), vec![ACCESS_TOKEN])
}

/// The origin of the server: from the input, or the form's preset.
fn server_of(field: &FormField, input: &mut SignInInput) -> Result<String, SignInInputError> {
    let given = match (input.server.take(), input.fields.remove(&field.name)) {
        (Some(_), Some(_)) => return Err(SignInInputError::ServerTwice(field.name.clone())),
        (given, None) | (None, given) => given.filter(|text| !text.is_empty()),
    };
    let server = given.or_else(|| field.preset.clone()).filter(|text| !text.is_empty());
    let server = server.ok_or_else(|| SignInInputError::ServerMissing(field.help.clone()))?;
    matches(field.pattern.as_deref(), &server, &field.name, &field.help)?;
    Ok(server.parse::<Origin>()?.to_string())
}

/// A text field: from the input, or the form's preset.
fn text_of(field: &FormField, input: &mut SignInInput) -> Result<String, SignInInputError> {
    let given = input.fields.remove(&field.name).filter(|text| !text.is_empty());
    let missing = || SignInInputError::Missing {
        place: InputSection::Fields,
        name: field.name.clone(),
        label: field.label.clone(),
    };
    let value = given.or_else(|| field.preset.clone()).ok_or_else(missing)?;
    matches(field.pattern.as_deref(), &value, &field.name, &field.help)?;
    Ok(value)
}

fn required_secret(input: &mut SignInInput, name: &str, label: &str) -> Result<SecretString, SignInInputError> {
    let given = input.secrets.remove(name).filter(|secret| !secret.expose_secret().is_empty());
    given.ok_or_else(|| SignInInputError::Missing {
        place: InputSection::Secrets,
        name: name.into(),
        label: label.into(),
    })
}

/// Checks a value against a pattern. The whole value must match, as in HTML.
fn matches(pattern: Option<&str>, value: &str, name: &str, help: &str) -> Result<(), SignInInputError> {
    let Some(pattern) = pattern else { return Ok(()) };
    match Regex::new(&format!("^(?:{pattern})$")) {
        Ok(regex) if !regex.is_match(value) => Err(SignInInputError::Pattern { name: name.into(), help: help.into() }),
        Ok(_) => Ok(()),
        Err(error) => {
            tracing::debug!(field = name, %error, "the host cannot check this form pattern");
            Ok(())
        }
    }
}

/// The credential that the sign-in attaches.
fn credential(
    sign_in: &SignIn,
    fields: &[(String, String)],
    secret: Option<SecretString>,
) -> Result<Credential, SignInInputError> {
    let contradiction = || SignInInputError::Component(sign_in.id.clone());
    let credential = match (&sign_in.attach, secret) {
        (Attach::Nothing, _) => Credential::None,
        (_, None) => return Err(contradiction()),
        (Attach::Basic(basic), Some(secret)) => {
            let user = fields.iter().find(|(name, _)| *name == basic.user_field).ok_or_else(contradiction)?;
            Credential::Basic { user: user.1.clone(), secret }
        }
        (Attach::Header(header), Some(secret)) => {
            let name = header.name.parse().map_err(|_| contradiction())?;
            Credential::Header { name, prefix: header.prefix.clone(), secret }
        }
        (Attach::Query(name), Some(secret)) => Credential::Query { name: name.clone(), secret },
        (Attach::Url, Some(secret)) => Credential::Url(secret),
    };
    sendable(&credential).map_err(|error| SignInInputError::NotSendable(error.to_string()))?;
    Ok(credential)
}

/// Attaches it to a request that is not sent: better now than at the first call.
fn sendable(credential: &Credential) -> Result<(), NotSendable> {
    let Ok(mut url) = Url::parse(&format!("https://{SECRET_URL_HOST}/")) else { return Ok(()) };
    credential.attach(&mut url, &mut http::HeaderMap::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::contract::{AttachBasic, AttachHeader, Form, Oauth2Code, SecretUrl};

    fn field(name: &str, kind: FieldKind, pattern: Option<&str>, preset: Option<&str>) -> FormField {
        FormField {
            name: name.into(),
            label: format!("the {name}"),
            kind,
            pattern: pattern.map(Into::into),
            help: format!("help on {name}"),
            preset: preset.map(Into::into),
        }
    }

    fn form() -> SignIn {
        let fields = vec![
            field("server", FieldKind::ServerUrl, None, Some("https://dav.example.org")),
            field("path", FieldKind::Text, Some("(/[^?#\\s]*)?"), Some("")),
            field("user", FieldKind::Text, Some("[^:]+"), None),
            field("password", FieldKind::Secret, Some(".{4,}"), None),
        ];
        let basic = AttachBasic { user_field: "user".into(), secret_field: "password".into() };
        SignIn {
            id: "form".into(),
            label: "Password".into(),
            method: Method::Form(Form { fields, help_link: None }),
            attach: Attach::Basic(basic),
            subject_paths: vec![],
        }
    }

    fn bearer() -> SignIn {
        let code = Oauth2Code {
            authorize: "https://a.example/authorize".into(),
            token: "https://a.example/token".into(),
            revoke: None,
            manage: None,
            variables: vec![],
            approval: None,
            scopes: vec![],
            authorize_parameters: vec![],
            endpoint_choices: vec![],
            keep_from_token: vec!["scope".into()],
            keep_claims: vec![],
        };
        SignIn {
            id: "oauth".into(),
            label: "Consent".into(),
            method: Method::Oauth2Code(code),
            attach: Attach::Header(AttachHeader { name: "authorization".into(), prefix: "Bearer ".into() }),
            subject_paths: vec![],
        }
    }

    fn input(server: Option<&str>, fields: &[(&str, &str)], secrets: &[(&str, &str)]) -> SignInInput {
        SignInInput {
            server: server.map(Into::into),
            fields: fields.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
            secrets: secrets.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
        }
    }

    #[test]
    fn the_provider_sees_the_fields_and_not_the_secret() {
        let given = input(Some("https://DAV.example.net/"), &[("user", "ann")], &[("password", "hunter22")]);
        let signed_in = sign_in(&form(), given).unwrap();
        assert_eq!(signed_in.server.as_deref(), Some("https://dav.example.net"));
        assert_eq!(signed_in.fields, [("path".into(), String::new()), ("user".into(), "ann".into())]);
        assert!(matches!(signed_in.credential, Credential::Basic { ref user, .. } if user == "ann"));
        let preset = sign_in(&form(), input(None, &[("user", "ann")], &[("password", "hunter22")])).unwrap();
        assert_eq!(preset.server.as_deref(), Some("https://dav.example.org"));
        let named = input(None, &[("user", "ann"), ("server", "https://b.example")], &[("password", "hunter22")]);
        assert_eq!(sign_in(&form(), named).unwrap().server.as_deref(), Some("https://b.example"));
    }

    #[test]
    fn what_is_wrong_is_named_and_no_value_repeated() {
        let good = [("password", "hunter22")];
        let cases: [(&str, SignInInput); 12] = [
            ("[fields] lacks `user`", input(None, &[], &good)),
            ("[fields] lacks `user`", input(None, &[("user", "")], &good)),
            ("[secrets] lacks `password`", input(None, &[("user", "ann")], &[])),
            ("`password` belongs in [secrets]", input(None, &[("user", "ann"), ("password", "hunter22")], &[])),
            ("`user` belongs in [fields]", input(None, &[], &[("user", "hunter22"), ("password", "hunter22")])),
            ("takes `server`, `path`, `user`", input(None, &[("usr", "hunter22")], &good)),
            ("takes `password`", input(None, &[("user", "ann")], &[("pass", "hunter22")])),
            ("help on user", input(None, &[("user", "hunter22:b")], &good)),
            ("help on path", input(None, &[("user", "ann"), ("path", "hunter22")], &good)),
            ("help on password", input(None, &[("user", "ann")], &[("password", "hun")])),
            (
                "given twice",
                input(Some("https://a.example"), &[("user", "ann"), ("server", "https://b.example")], &good),
            ),
            ("server is wrong", input(Some("https://ann:hunter22@a.example"), &[("user", "ann")], &good)),
        ];
        for (part, given) in cases {
            let error = sign_in(&form(), given).unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("hun"), "{part}: {error}");
        }
    }

    #[test]
    fn a_token_is_attached_as_the_sign_in_says() {
        let signed_in = sign_in(&bearer(), input(None, &[("scope", "read")], &[(ACCESS_TOKEN, "t0ken")])).unwrap();
        assert_eq!(signed_in.fields, [("scope".into(), "read".into())]);
        assert!(matches!(signed_in.credential, Credential::Header { ref prefix, .. } if prefix == "Bearer "));
        let broken = sign_in(&bearer(), input(None, &[], &[(ACCESS_TOKEN, "t0ken\nx: y")])).unwrap_err();
        assert!(matches!(broken, SignInInputError::NotSendable(_)) && !broken.to_string().contains("t0ken"));
        let server = sign_in(&bearer(), input(Some("https://a.example"), &[], &[(ACCESS_TOKEN, "t0ken")]));
        assert_eq!(server.unwrap_err(), SignInInputError::ServerUnasked);
    }

    #[test]
    fn a_secret_address_is_an_address() {
        let asked = SecretUrl { pattern: None, help: "the address".into(), help_link: None };
        let feed = SignIn {
            method: Method::SecretUrl(asked),
            attach: Attach::Url,
            subject_paths: vec![],
            id: "feed".into(),
            label: "Feed".into(),
        };
        let good = sign_in(&feed, input(None, &[], &[(SECRET_URL, "https://a.example/s3cret")])).unwrap();
        assert!(matches!(good.credential, Credential::Url(_)));
        for bad in ["s3cret", "file:///s3cret", "data:s3cret"] {
            let error = sign_in(&feed, input(None, &[], &[(SECRET_URL, bad)])).unwrap_err();
            assert_eq!(error, SignInInputError::SecretUrl, "{bad}");
        }
    }

    #[test]
    fn a_sign_in_that_contradicts_itself_is_the_components_fault() {
        let nothing = SignIn { method: Method::None, ..bearer() };
        assert!(matches!(sign_in(&nothing, SignInInput::default()), Err(SignInInputError::Component(_))));
        let none = SignIn { attach: Attach::Nothing, ..nothing };
        assert!(matches!(sign_in(&none, SignInInput::default()).unwrap().credential, Credential::None));
    }

    #[test]
    fn patterns_hold_from_end_to_end_and_unreadable_ones_do_not_refuse() {
        assert!(matches(Some("a|b"), "ab", "", "").is_err());
        assert!(matches(Some("a|b"), "b", "", "").is_ok());
        assert!(matches(Some("a+"), "aa\n", "", "").is_err());
        assert!(matches(Some("(?=a)b("), "zzz", "", "").is_ok());
    }
}
