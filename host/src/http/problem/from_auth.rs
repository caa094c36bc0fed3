//! Refusals of authentication, authorisation, people, programs and tokens, as problems.

use super::{Code, Problem};
use crate::{
    auth::{Forbidden, sign_in::AskError, tokens::TokenError},
    organisations::{BadName, OrganisationError, programs::ProgramError},
    people::PersonError,
};

impl From<Forbidden> for Problem {
    fn from(refused: Forbidden) -> Self {
        match refused {
            Forbidden::OtherOrganisation => Self::new(Code::NotFound),
            Forbidden::Scope(_) => Self::detailed(Code::ScopeMissing, refused),
            Forbidden::Role(_) => Self::detailed(Code::RoleMissing, refused),
            Forbidden::NotSelf => Self::new(Code::NotThePerson),
            Forbidden::WhichOrganisation => Self::new(Code::OrganisationNotNamed),
        }
    }
}

impl From<BadName> for Problem {
    fn from(_: BadName) -> Self {
        Self::new(Code::InvalidName)
    }
}

impl From<OrganisationError> for Problem {
    fn from(error: OrganisationError) -> Self {
        match error {
            OrganisationError::Name(error) => error.into(),
            OrganisationError::Taken(_) => Self::detailed(Code::NameTaken, error),
            OrganisationError::Database(error) => error.into(),
        }
    }
}

impl From<ProgramError> for Problem {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::Name(error) => error.into(),
            ProgramError::Taken(_) => Self::detailed(Code::NameTaken, error),
            ProgramError::NoOrganisation => Self::detailed(Code::NotFound, error),
            ProgramError::Database(error) => error.into(),
        }
    }
}

impl From<PersonError> for Problem {
    fn from(error: PersonError) -> Self {
        match error {
            PersonError::Name(error) => error.into(),
            PersonError::Email => Self::new(Code::InvalidEmail),
            PersonError::Zone => Self::new(Code::InvalidZone),
            PersonError::Taken => Self::new(Code::EmailTaken),
            PersonError::NoOrganisation | PersonError::NoPerson => Self::detailed(Code::NotFound, error),
            PersonError::Database(error) => error.into(),
        }
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Email(error) => error.into(),
            AskError::TooOften => Self::new(Code::TooManySignIns),
            AskError::Database(error) => error.into(),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Name(error) => error.into(),
            TokenError::NoScope | TokenError::Scope(_) => Self::detailed(Code::InvalidScopes, error),
            TokenError::Expiry => Self::new(Code::InvalidExpiry),
            TokenError::MoreThanOwn(_) => Self::detailed(Code::MoreThanOwn, error),
            TokenError::Forbidden(refused) => refused.into(),
            TokenError::NoHolder | TokenError::NoToken => Self::detailed(Code::NotFound, error),
            TokenError::Database(error) => error.into(),
        }
    }
}
