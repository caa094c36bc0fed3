//! What a person submitted in the form of a sign-in, and what is wrong with it.
//!
//! An error of a field is shown beside that field, and what was entered stays there, except secrets. An error of the whole
//! sign-in is a message above the form.

use super::super::messages::Message;
use crate::{
    connections::{ConnectError, Connection},
    plugins::{
        CallError, Remedy,
        contract::{FieldKind, FormField, Method, SignIn},
        sign_in::{SECRET_URL, SignInInputError},
    },
};
use secrecy::SecretString;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The names of a provider's fields begin with this, so that they cannot be the names of our own fields.
pub(super) const PREFIX: &str = "field.";

/// The form of a sign-in, as it was sent.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::http::pages) struct SignInForm {
    pub(super) provider: String,
    pub(super) sign_in: String,
    /// All other fields. Some of them are secret.
    #[serde(flatten)]
    fields: BTreeMap<String, String>,
}

/// The fields of a form by their kind.
#[derive(Default)]
pub(super) struct ParsedFields {
    pub(super) server: Option<String>,
    /// The name of the field with the server.
    pub(super) server_field: Option<String>,
    pub(super) fields: BTreeMap<String, String>,
    pub(super) secrets: BTreeMap<String, SecretString>,
}

/// Sorts the fields of a form as the sign-in describes them. For an unknown sign-in nothing is read: connecting reports
/// the unknown sign-in.
pub(super) fn parse_submission(sign_in: Option<&SignIn>, form: &SignInForm) -> ParsedFields {
    let mut parsed = ParsedFields::default();
    let value = |name: &str| form.fields.get(&format!("{PREFIX}{name}"));
    match sign_in.map(|sign_in| &sign_in.method) {
        Some(Method::Form(description)) => {
            for field in &description.fields {
                if field.kind == FieldKind::ServerUrl {
                    parsed.server_field = Some(field.name.clone());
                }
                let Some(value) = value(&field.name) else { continue };
                match field.kind {
                    FieldKind::Text => {
                        parsed.fields.insert(field.name.clone(), value.trim().to_owned());
                    }
                    FieldKind::Secret => {
                        parsed.secrets.insert(field.name.clone(), value.to_owned().into());
                    }
                    FieldKind::ServerUrl => parsed.server = Some(value.trim().to_owned()),
                }
            }
        }
        Some(Method::SecretUrl(_)) => {
            if let Some(value) = value(SECRET_URL) {
                parsed.secrets.insert(SECRET_URL.to_owned(), value.trim().to_owned().into());
            }
        }
        _ => {}
    }
    parsed
}

/// What was entered, without secrets, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) provider: String,
    pub(super) sign_in: String,
    server: Option<String>,
    /// By the provider's names of the fields.
    values: BTreeMap<String, String>,
    field_errors: Vec<FieldError>,
    /// Why connecting failed; nothing if it was not tried.
    pub(super) message: Option<Message>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldError {
    /// The provider's name of the field.
    name: String,
    pub(super) kind: FieldErrorKind,
}

/// The kinds of errors of a field. The template of the form has their texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FieldErrorKind {
    Missing { label: String },
    Pattern,
    ServerMissing,
    ServerInvalid,
    AddressInvalid,
}

impl Submission {
    /// A submission without errors.
    pub(super) const fn new(
        provider: String,
        sign_in: String,
        server: Option<String>,
        values: BTreeMap<String, String>,
    ) -> Self {
        Self { provider, sign_in, server, values, field_errors: Vec::new(), message: None }
    }

    /// What was entered when a calendar was connected.
    pub(super) fn of_connection(connection: &Connection) -> Self {
        let Connection { provider, sign_in, server, fields, .. } = connection;
        Self::new(provider.clone(), sign_in.clone(), server.clone(), fields.iter().cloned().collect())
    }

    /// Adds the error with which connecting failed. Of the sign-ins with a form, only the one with a secret address has no
    /// password.
    pub(super) fn failed(mut self, error: &ConnectError, sign_in: Option<&SignIn>, server_field: Option<&str>) -> Self {
        if let ConnectError::Input(input) = error {
            self.field_errors.extend(field_error(input, server_field));
        }
        self.message = Some(match error {
            ConnectError::Input(_) if self.field_errors.is_empty() => Message::SignInInvalid,
            ConnectError::Refused(CallError::Failure(failure)) if failure.remedy == Remedy::Reconnect => {
                match sign_in.map(|sign_in| &sign_in.method) {
                    Some(Method::SecretUrl(_)) => Message::AddressRefused,
                    _ => Message::SignInRefused,
                }
            }
            error => error.into(),
        });
        self
    }

    /// What was entered in a field; never a secret.
    pub(super) fn value(&self, field: &FormField) -> Option<&str> {
        match field.kind {
            FieldKind::ServerUrl => self.server.as_deref(),
            FieldKind::Text => self.values.get(&field.name).map(String::as_str),
            FieldKind::Secret => None,
        }
    }

    /// What is wrong with a field.
    pub(super) fn error_of(&self, name: &str) -> Option<&FieldErrorKind> {
        self.field_errors.iter().find(|error| error.name == name).map(|error| &error.kind)
    }
}

/// The field that an error is about, if it is about one.
fn field_error(error: &SignInInputError, server_field: Option<&str>) -> Option<FieldError> {
    let (name, kind) = match error {
        SignInInputError::Missing { name, label, .. } => (&**name, FieldErrorKind::Missing { label: label.clone() }),
        SignInInputError::Pattern { name, .. } => (&**name, FieldErrorKind::Pattern),
        SignInInputError::ServerMissing(_) => (server_field?, FieldErrorKind::ServerMissing),
        SignInInputError::Server(_) => (server_field?, FieldErrorKind::ServerInvalid),
        SignInInputError::SecretUrl => (SECRET_URL, FieldErrorKind::AddressInvalid),
        _ => return None,
    };
    Some(FieldError { name: name.to_owned(), kind })
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// A submission of the sample form that failed.
    pub(in super::super) fn failed(message: Message, errors: &[(&str, FieldErrorKind)]) -> Submission {
        let values = BTreeMap::from([("username".to_owned(), "ann".to_owned())]);
        let server = Some("https://dav.example.org".to_owned());
        let submission = Submission::new("example".into(), "password".into(), server, values);
        with_errors(submission, message, errors)
    }

    /// A submission with errors.
    pub(in super::super) fn with_errors(
        submission: Submission,
        message: Message,
        errors: &[(&str, FieldErrorKind)],
    ) -> Submission {
        let error = |(name, kind): &(&str, FieldErrorKind)| FieldError { name: (*name).to_owned(), kind: kind.clone() };
        Submission { field_errors: errors.iter().map(error).collect(), message: Some(message), ..submission }
    }
}
