//! Who asks, and what they may do.
//!
//! Threat: a right that is checked where a request comes in and forgotten where the next one does; an administrator,
//! or a key of the organisation, that does for a person what only the person may do. Decision: a verified token, or a
//! browser's session, becomes an [`Actor`]; what may be done is a closed list of [`Action`]s, each carrying the thing that
//! it is done to, and one `match` decides. What belongs to another organisation is not refused but not there, so that
//! nobody learns of it. Connecting a calendar is no action that a role could give: it asks [`Actor::is`].

use super::scopes::{Scope, Scopes};
use crate::{
    ids::{OrganisationId, PersonId, ProgramId, SessionId, TokenId},
    organisations::{Reach, programs::Program},
    people::{MemberRole, Person, Role},
};
use jiff::Timestamp;

/// Who asks: what a token or a browser's session stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// By what.
    pub method: AuthMethod,
    /// Whose it is.
    pub principal: Principal,
    /// What it is for.
    pub scopes: Scopes,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// By what somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// A token of the API. It opens no page.
    Token(TokenId),
    /// A browser's session. It does not open the API, which has no protection against other sites' forms.
    Session(SessionId),
}

/// Whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Somebody who runs the deployment: organisations and providers, nobody's calendar.
    Operator,
    /// A program of the organisation's that is no person.
    Integration(OrganisationId),
    /// A person.
    Person {
        /// Whose person.
        organisation: OrganisationId,
        /// Who.
        person: PersonId,
        /// What the person is in the organisation.
        role: Role,
        /// What the person is in its programs.
        programs: Vec<(ProgramId, MemberRole)>,
    },
}

/// Something that not everybody may do.
#[derive(Debug, Clone, Copy)]
pub enum Action<'a> {
    /// See and make organisations.
    ManageDeployment,
    /// See all programs and people of an organisation.
    SeeOrganisation(OrganisationId),
    /// Make and change them.
    ManageOrganisation(OrganisationId),
    /// Make somebody its global administrator. No key of the organisation's may: it would make itself a person who answers
    /// for the organisation's accounts, with a browser's session and every scope.
    MakeGlobalAdmin(OrganisationId),
    /// See a program and its members.
    SeeProgram(&'a Program),
    /// Change its members.
    ManageProgram(&'a Program),
    /// See a person.
    SeePerson(&'a Person),
}

/// Why somebody may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// It belongs to another organisation, and nobody is told that it exists.
    #[error("there is no such thing")]
    OtherOrganisation,
    /// The token is for something else.
    #[error("the token is not for this: it has no scope `{0}`")]
    Scope(Scope),
    /// The role does not give it.
    #[error("only {0} may do this")]
    Role(&'static str),
    /// Only the person may.
    #[error("only the person may do this, with a token of their own")]
    NotSelf,
    /// An operator must say for which organisation.
    #[error("an operator's token belongs to no organisation; say which one is meant")]
    WhichOrganisation,
}

impl Actor {
    /// The token's scope must be there.
    ///
    /// # Errors
    /// If it is not.
    pub fn require_scope(&self, scope: Scope) -> Result<(), Forbidden> {
        if self.scopes.contains(&scope) { Ok(()) } else { Err(Forbidden::Scope(scope)) }
    }

    /// Whether it is this person who asks.
    #[must_use]
    pub fn is(&self, person: PersonId) -> bool {
        self.person() == Some(person)
    }

    /// The person who asks, if it is one.
    #[must_use]
    pub const fn person(&self) -> Option<PersonId> {
        match self.principal {
            Principal::Person { person, .. } => Some(person),
            Principal::Operator | Principal::Integration(_) => None,
        }
    }

    /// Within which organisations things are found.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        match self.principal {
            Principal::Operator => Reach::Everywhere,
            Principal::Integration(organisation) | Principal::Person { organisation, .. } => {
                Reach::Within(organisation)
            }
        }
    }

    /// The organisation that the actor belongs to; operators belong to none.
    #[must_use]
    pub const fn organisation_id(&self) -> Option<OrganisationId> {
        match self.reach() {
            Reach::Everywhere => None,
            Reach::Within(organisation) => Some(organisation),
        }
    }

    /// The organisation of an actor that may deal with calendars and meetings at all. Operators may not: they run the
    /// deployment and have no business in its content.
    ///
    /// # Errors
    /// If the actor is an operator.
    pub fn member_organisation(&self) -> Result<OrganisationId, Forbidden> {
        self.organisation_id().ok_or(Forbidden::Role("people and integrations of an organisation"))
    }

    /// Whether it is a person who administers the organisation.
    #[must_use]
    pub const fn is_global_admin(&self) -> bool {
        matches!(self.principal, Principal::Person { role: Role::GlobalAdmin, .. })
    }

    /// Whether it is a person who administers the program, or the whole organisation.
    #[must_use]
    pub fn administers(&self, program: ProgramId) -> bool {
        let Principal::Person { programs, .. } = &self.principal else { return false };
        self.is_global_admin() || programs.contains(&(program, MemberRole::ProgramAdmin))
    }

    /// The organisation that is meant: the actor's own, which need not be named, or the one that an operator names.
    ///
    /// # Errors
    /// If it is another's, or if an operator names none.
    pub fn organisation(&self, named: Option<OrganisationId>) -> Result<OrganisationId, Forbidden> {
        match (self.reach(), named) {
            (Reach::Within(own), None) => Ok(own),
            (Reach::Within(own), Some(named)) if own == named => Ok(own),
            (Reach::Within(_), Some(_)) => Err(Forbidden::OtherOrganisation),
            (Reach::Everywhere, named) => named.ok_or(Forbidden::WhichOrganisation),
        }
    }

    /// Whether the actor may do something.
    ///
    /// # Errors
    /// With the reason why not.
    pub fn may(&self, action: Action<'_>) -> Result<(), Forbidden> {
        let organisation = match action {
            Action::ManageDeployment => None,
            Action::SeeOrganisation(organisation)
            | Action::ManageOrganisation(organisation)
            | Action::MakeGlobalAdmin(organisation) => Some(organisation),
            Action::SeeProgram(program) | Action::ManageProgram(program) => Some(program.organisation),
            Action::SeePerson(person) => Some(person.organisation),
        };
        if organisation.is_some_and(|organisation| !self.reach().covers(organisation)) {
            return Err(Forbidden::OtherOrganisation);
        }
        let in_program = |program: &Program, least: MemberRole| match &self.principal {
            Principal::Person { programs, .. } => programs.iter().any(|(id, role)| *id == program.id && *role >= least),
            Principal::Operator | Principal::Integration(_) => false,
        };
        let (may, who) = match (action, &self.principal) {
            (Action::ManageDeployment, who) => (*who == Principal::Operator, "an operator"),
            (_, Principal::Operator | Principal::Person { role: Role::GlobalAdmin, .. }) => (true, ""),
            (Action::MakeGlobalAdmin(_), Principal::Integration(_) | Principal::Person { .. }) => {
                (false, "a global administrator, or an operator,")
            }
            (_, Principal::Integration(_)) => (true, ""),
            (Action::SeeOrganisation(_) | Action::ManageOrganisation(_), Principal::Person { .. }) => {
                (false, "a global administrator")
            }
            (Action::SeeProgram(program), Principal::Person { .. }) => {
                (in_program(program, MemberRole::Participant), "a member of the program")
            }
            (Action::ManageProgram(program), Principal::Person { .. }) => {
                (in_program(program, MemberRole::ProgramAdmin), "an administrator of the program")
            }
            (Action::SeePerson(person), Principal::Person { .. }) => {
                (self.is(person.id), "the person, or a global administrator,")
            }
        };
        if may { Ok(()) } else { Err(Forbidden::Role(who)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_do_what_is_one_table() {
        let at = Timestamp::UNIX_EPOCH;
        let (ours, theirs) = (OrganisationId::new(at), OrganisationId::new(at));
        let program = |organisation| Program {
            id: ProgramId::new(at),
            organisation,
            name: "P".into(),
            two_way: false,
            created_at: at,
        };
        let (mine, other, foreign) = (program(ours), program(ours), program(theirs));
        let person = |organisation| Person {
            id: PersonId::new(at),
            organisation,
            email: "ann@example.org".into(),
            name: "Ann".into(),
            zone: "UTC".into(),
            role: Role::Participant,
            created_at: at,
        };
        let (ann, ben, eve) = (person(ours), person(ours), person(theirs));
        let actor = |principal| Actor {
            method: AuthMethod::Token(TokenId::new(at)),
            principal,
            scopes: Scopes::new(),
            expires_at: None,
        };
        let as_ann = |role, member| {
            let programs = vec![(mine.id, member)];
            actor(Principal::Person { organisation: ours, person: ann.id, role, programs })
        };
        let actors = [
            actor(Principal::Operator),
            actor(Principal::Integration(ours)),
            as_ann(Role::GlobalAdmin, MemberRole::Participant),
            as_ann(Role::Participant, MemberRole::ProgramAdmin),
            as_ann(Role::Participant, MemberRole::Participant),
        ];
        // y: may, n: may not, -: is not told that it is there.
        for (action, wanted) in [
            (Action::ManageDeployment, "ynnnn"),
            (Action::SeeOrganisation(ours), "yyynn"),
            (Action::ManageOrganisation(ours), "yyynn"),
            (Action::SeeOrganisation(theirs), "y----"),
            (Action::ManageOrganisation(theirs), "y----"),
            (Action::MakeGlobalAdmin(ours), "ynynn"),
            (Action::MakeGlobalAdmin(theirs), "y----"),
            (Action::SeeProgram(&mine), "yyyyy"),
            (Action::SeeProgram(&other), "yyynn"),
            (Action::ManageProgram(&mine), "yyyyn"),
            (Action::ManageProgram(&other), "yyynn"),
            (Action::ManageProgram(&foreign), "y----"),
            (Action::SeePerson(&ann), "yyyyy"),
            (Action::SeePerson(&ben), "yyynn"),
            (Action::SeePerson(&eve), "y----"),
        ] {
            let told = actors.iter().map(|actor| match actor.may(action) {
                Ok(()) => 'y',
                Err(Forbidden::OtherOrganisation) => '-',
                Err(_) => 'n',
            });
            assert_eq!(told.collect::<String>(), wanted, "{action:?}");
        }
    }
}
