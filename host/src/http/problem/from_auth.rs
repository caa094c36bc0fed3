//! Refusals of authentication, authorisation, people, programs and tokens, as problems.

use super::{Code, FieldError, Problem};
use crate::{
    auth::{Forbidden, sign_in::LinkRequestError, tokens::TokenError},
    organisations::{BadName, OrganisationError, programs::ProgramError},
    people::PersonError,
};

impl From<Forbidden> for Problem {
    fn from(refused: Forbidden) -> Self {
        match refused {
            Forbidden::OtherOrganisation => Self::new(Code::NotFound),
            Forbidden::Scope(_) => Self::detailed(Code::ScopeMissing, refused),
            Forbidden::Role(_) => Self::detailed(Code::RoleMissing, refused),
            Forbidden::Token => Self::detailed(Code::NotByToken, refused),
            Forbidden::NotSelf => Self::new(Code::NotThePerson),
            Forbidden::WhichOrganisation => Self::new(Code::OrganisationNotNamed),
        }
    }
}

impl From<BadName> for Problem {
    fn from(_: BadName) -> Self {
        let rule = "must have 1 to 200 characters on one line, without a space at either end";
        invalid(Code::InvalidName, "/name", rule)
    }
}

impl From<OrganisationError> for Problem {
    fn from(error: OrganisationError) -> Self {
        match error {
            OrganisationError::Name(error) => error.into(),
            OrganisationError::Taken(_) => invalid(Code::NameTaken, "/name", "must be a name that is not in use"),
            OrganisationError::Database(error) => error.into(),
        }
    }
}

impl From<ProgramError> for Problem {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::Name(error) => error.into(),
            ProgramError::Taken(_) => invalid(Code::NameTaken, "/name", "must be a name that is not in use"),
            ProgramError::NoOrganisation => Self::detailed(Code::NotFound, error),
            ProgramError::Database(error) => error.into(),
        }
    }
}

impl From<PersonError> for Problem {
    fn from(error: PersonError) -> Self {
        match error {
            PersonError::Name(error) => error.into(),
            PersonError::Email => {
                invalid(Code::InvalidEmail, "/email", "must be an email address, as in ann@example.org")
            }
            PersonError::Zone => {
                invalid(Code::InvalidZone, "/zone", "must be an IANA time zone name, as in Europe/Rome")
            }
            PersonError::Taken => invalid(Code::EmailTaken, "/email", "must be an address that no other person has"),
            PersonError::NoOrganisation | PersonError::NoPerson => Self::detailed(Code::NotFound, error),
            PersonError::Database(error) => error.into(),
        }
    }
}

impl From<LinkRequestError> for Problem {
    fn from(error: LinkRequestError) -> Self {
        match error {
            LinkRequestError::Email(error) => error.into(),
            LinkRequestError::TooOften(limit) => Self::new(Code::TooManySignIns).because_of(limit),
            LinkRequestError::Database(error) => error.into(),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Name(error) => error.into(),
            TokenError::NoScope | TokenError::Scope(_) => invalid(Code::InvalidScopes, "/scopes", error),
            TokenError::Expiry => invalid(Code::InvalidExpiry, "/expires_at", "must be in the future"),
            TokenError::OutlivesParent(_) => invalid(Code::InvalidExpiry, "/expires_at", error),
            TokenError::TooManyGenerations => Self::new(Code::TooManyGenerations),
            TokenError::MoreThanOwn(_) => invalid(Code::MoreThanOwn, "/scopes", error),
            TokenError::Forbidden(refused) => refused.into(),
            TokenError::NoHolder | TokenError::NoToken => Self::detailed(Code::NotFound, error),
            TokenError::Database(error) => error.into(),
        }
    }
}

/// A problem with one field of the body.
fn invalid(code: Code, pointer: &str, detail: impl ToString) -> Problem {
    Problem::with_errors(code, vec![FieldError::in_body(pointer, detail.to_string())])
}
