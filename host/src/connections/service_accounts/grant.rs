//! The grant types that a service account can use.

use super::account::Kind;
use crate::{
    oauth::token::scopes,
    plugins::{
        contract::{Method, Oauth2ClientCredentials, Oauth2Code, Oauth2JwtBearer, Scope, ScopeLevel, SignIn},
        endpoints::ResolvedSignIn,
    },
};

/// How a service account gets tokens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Grant<'a> {
    /// A signed assertion for each mailbox.
    Assertion(&'a Oauth2JwtBearer),
    /// The application's id and secret.
    Client(&'a Oauth2ClientCredentials),
    /// The consent of the shared mailbox.
    Code(&'a Oauth2Code),
}

impl<'a> Grant<'a> {
    /// The grant of a sign-in. `None` if the sign-in cannot be used for a service account.
    pub(super) const fn of_sign_in(sign_in: &'a ResolvedSignIn) -> Option<Self> {
        match &sign_in.sign_in().method {
            Method::Oauth2JwtBearer(grant) => Some(Self::Assertion(grant)),
            Method::Oauth2ClientCredentials(grant) => Some(Self::Client(grant)),
            Method::Oauth2Code(code) => Some(Self::Code(code)),
            Method::Form(_) | Method::SecretUrl(_) | Method::None => None,
        }
    }

    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Assertion(_) | Self::Client(_) => Kind::Delegated,
            Self::Code(_) => Kind::Shared,
        }
    }

    /// URL of the token endpoint.
    pub(super) fn endpoint(self) -> &'a str {
        match self {
            Self::Assertion(grant) => &grant.token,
            Self::Client(grant) => &grant.token,
            Self::Code(code) => &code.token,
        }
    }

    /// The fields of a token response that the provider may see.
    pub(super) fn visible_fields(self) -> &'a [String] {
        match self {
            Self::Assertion(grant) => &grant.keep_from_token,
            Self::Client(grant) => &grant.keep_from_token,
            Self::Code(code) => &code.keep_from_token,
        }
    }

    /// The scopes to request.
    pub(super) fn scopes(self) -> &'a [Scope] {
        match self {
            Self::Assertion(grant) => &grant.scopes,
            Self::Client(grant) => &grant.scopes,
            Self::Code(code) => scopes(code, ScopeLevel::Read).1,
        }
    }
}

/// The kind of service account that a sign-in makes. `None` if it makes none.
#[must_use]
pub const fn kind_of(sign_in: &SignIn) -> Option<Kind> {
    match &sign_in.method {
        Method::Oauth2JwtBearer(_) | Method::Oauth2ClientCredentials(_) => Some(Kind::Delegated),
        Method::Oauth2Code(_) => Some(Kind::Shared),
        Method::Form(_) | Method::SecretUrl(_) | Method::None => None,
    }
}
