//! The sender of a request, and what they may do.
//!
//! Threat: a permission that one handler checks and the next one forgets; an administrator or an integration that does
//! for a person what only the person may do. Decision: a verified API token or browser session becomes an [`Actor`].
//! Permissions are a closed list of [`Action`]s, each with its object, and one `match` decides on all of them. Objects
//! of another organisation are reported as missing, so that their existence stays unknown. Connecting a calendar is not
//! an action, because no role can permit it; it requires [`Actor::is`].

use super::scopes::{Scope, Scopes};
use crate::{
    audit::{Author, TokenHolder},
    ids::{OrganisationId, PersonId, ProgramId, SessionId, TokenId},
    organisations::{Reach, programs::Program},
    people::{MemberRole, Person, Role},
};
use jiff::Timestamp;

/// The authenticated sender of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// How the request was authenticated.
    pub method: AuthMethod,
    /// The operator, integration or person.
    pub principal: Principal,
    /// The scopes of the token.
    pub scopes: Scopes,
    /// The expiry of the token or session.
    pub expires_at: Option<Timestamp>,
}

/// How a request was authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// An API token. It is not accepted by pages.
    Token(TokenId),
    /// A browser session. It is not accepted by the API, which has no protection against cross-site requests.
    Session(SessionId),
}

/// An operator, an integration or a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// An operator of the deployment, who manages organisations and providers and has no access to calendars.
    Operator,
    /// Software of an organisation.
    Integration(OrganisationId),
    /// A person.
    Person {
        /// The person's organisation.
        organisation: OrganisationId,
        /// The person.
        person: PersonId,
        /// The role in the organisation.
        role: Role,
        /// The roles in its programs.
        programs: Vec<(ProgramId, MemberRole)>,
    },
}

/// An action that requires a role.
#[derive(Debug, Clone, Copy)]
pub enum Action<'a> {
    /// List and create organisations.
    ManageDeployment,
    /// See all programs and people of an organisation.
    SeeOrganisation(OrganisationId),
    /// Create and change programs, people and tokens of an organisation.
    ManageOrganisation(OrganisationId),
    /// Make a person a global administrator. No token may: a program that has it could create a person for itself, with a
    /// browser session, every scope, and authority over the organisation's service accounts.
    MakeGlobalAdmin(OrganisationId),
    /// Make a person an administrator of a program. No token may, for the same reason.
    MakeProgramAdmin(&'a Program),
    /// See a program and its members.
    SeeProgram(&'a Program),
    /// Change the members of a program.
    ManageProgram(&'a Program),
    /// See a person.
    SeePerson(&'a Person),
}

/// Why an action is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// The object belongs to another organisation; its existence is not revealed.
    #[error("not found")]
    OtherOrganisation,
    /// The token lacks a scope.
    #[error("the token lacks the scope `{0}`")]
    Scope(Scope),
    /// The actor lacks a role.
    #[error("only {0} can do this")]
    Role(&'static str),
    /// The action is reserved to the person themself.
    #[error("only the person can do this, with a token of their own")]
    NotSelf,
    /// The action is reserved to administrators in a browser.
    #[error("a token cannot make a person an administrator")]
    Token,
    /// An operator must name an organisation.
    #[error("an operator token does not belong to an organisation; name one in the request")]
    WhichOrganisation,
}

impl Actor {
    /// Checks that the token has a scope.
    ///
    /// # Errors
    /// If the token lacks the scope.
    pub fn require_scope(&self, scope: Scope) -> Result<(), Forbidden> {
        if self.scopes.contains(&scope) { Ok(()) } else { Err(Forbidden::Scope(scope)) }
    }

    /// Whether the actor is this person.
    #[must_use]
    pub fn is(&self, person: PersonId) -> bool {
        self.person() == Some(person)
    }

    /// The person, if the actor is one.
    #[must_use]
    pub const fn person(&self) -> Option<PersonId> {
        match self.principal {
            Principal::Person { person, .. } => Some(person),
            Principal::Operator | Principal::Integration(_) => None,
        }
    }

    /// The actor as the author of audit entries.
    #[must_use]
    pub const fn author(&self) -> Author {
        match (self.method, self.person()) {
            (AuthMethod::Session(session), Some(person)) => Author::Browser(person, session),
            // Only people have sessions.
            (AuthMethod::Session(_), None) => Author::Visitor,
            (AuthMethod::Token(token), Some(person)) => Author::Token(token, TokenHolder::Person(person)),
            (AuthMethod::Token(token), None) => match self.principal {
                Principal::Integration(_) => Author::Token(token, TokenHolder::Integration),
                Principal::Operator | Principal::Person { .. } => Author::Token(token, TokenHolder::Operator),
            },
        }
    }

    /// The organisations whose objects the actor may find.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        match self.principal {
            Principal::Operator => Reach::Everywhere,
            Principal::Integration(organisation) | Principal::Person { organisation, .. } => {
                Reach::Within(organisation)
            }
        }
    }

    /// The actor's organisation; operators have none.
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

    /// Whether the actor is a global administrator of their organisation.
    #[must_use]
    pub const fn is_global_admin(&self) -> bool {
        matches!(self.principal, Principal::Person { role: Role::GlobalAdmin, .. })
    }

    /// Whether the actor is a person who administers the program or the whole organisation.
    #[must_use]
    pub fn administers(&self, program: ProgramId) -> bool {
        let Principal::Person { programs, .. } = &self.principal else { return false };
        self.is_global_admin() || programs.contains(&(program, MemberRole::ProgramAdmin))
    }

    /// Whether the actor is a person who administers the organisation or one of its programs.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        let Principal::Person { programs, .. } = &self.principal else { return false };
        self.is_global_admin() || programs.iter().any(|(_, role)| *role == MemberRole::ProgramAdmin)
    }

    /// The organisation of a request: the actor's own, which need not be named, or the one that an operator names.
    ///
    /// # Errors
    /// If the named organisation is not the actor's, or if an operator does not name one.
    pub fn organisation(&self, named: Option<OrganisationId>) -> Result<OrganisationId, Forbidden> {
        match (self.reach(), named) {
            (Reach::Within(own), None) => Ok(own),
            (Reach::Within(own), Some(named)) if own == named => Ok(own),
            (Reach::Within(_), Some(_)) => Err(Forbidden::OtherOrganisation),
            (Reach::Everywhere, named) => named.ok_or(Forbidden::WhichOrganisation),
        }
    }

    /// Checks that the actor may perform an action.
    ///
    /// # Errors
    /// With the reason for the refusal.
    pub fn may(&self, action: Action<'_>) -> Result<(), Forbidden> {
        let organisation = match action {
            Action::ManageDeployment => None,
            Action::SeeOrganisation(organisation)
            | Action::ManageOrganisation(organisation)
            | Action::MakeGlobalAdmin(organisation) => Some(organisation),
            Action::SeeProgram(program) | Action::ManageProgram(program) | Action::MakeProgramAdmin(program) => {
                Some(program.organisation)
            }
            Action::SeePerson(person) => Some(person.organisation),
        };
        if organisation.is_some_and(|organisation| !self.reach().covers(organisation)) {
            return Err(Forbidden::OtherOrganisation);
        }
        let makes_administrator = matches!(action, Action::MakeGlobalAdmin(_) | Action::MakeProgramAdmin(_));
        if makes_administrator && matches!(self.method, AuthMethod::Token(_)) {
            return Err(Forbidden::Token);
        }
        let in_program = |program: &Program, least: MemberRole| match &self.principal {
            Principal::Person { programs, .. } => programs.iter().any(|(id, role)| *id == program.id && *role >= least),
            Principal::Operator | Principal::Integration(_) => false,
        };
        let (may, who) = match (action, &self.principal) {
            (Action::ManageDeployment, who) => (*who == Principal::Operator, "an operator"),
            (_, Principal::Operator | Principal::Person { role: Role::GlobalAdmin, .. }) => (true, ""),
            (_, Principal::Integration(_)) => (true, ""),
            (
                Action::SeeOrganisation(_) | Action::ManageOrganisation(_) | Action::MakeGlobalAdmin(_),
                Principal::Person { .. },
            ) => (false, "a global administrator"),
            (Action::SeeProgram(program), Principal::Person { .. }) => {
                (in_program(program, MemberRole::Participant), "a member of the program")
            }
            (Action::ManageProgram(program) | Action::MakeProgramAdmin(program), Principal::Person { .. }) => {
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
        let in_browser = |actor: Actor| Actor { method: AuthMethod::Session(SessionId::new(at)), ..actor };
        let actors = [
            actor(Principal::Operator),
            actor(Principal::Integration(ours)),
            as_ann(Role::GlobalAdmin, MemberRole::Participant),
            as_ann(Role::Participant, MemberRole::ProgramAdmin),
            as_ann(Role::Participant, MemberRole::Participant),
            in_browser(as_ann(Role::GlobalAdmin, MemberRole::Participant)),
            in_browser(as_ann(Role::Participant, MemberRole::ProgramAdmin)),
            in_browser(as_ann(Role::Participant, MemberRole::Participant)),
        ];
        // Five actors with a token, and three in a browser. y: may, n: may not, -: is not told that it is there.
        for (action, wanted) in [
            (Action::ManageDeployment, "ynnnnnnn"),
            (Action::SeeOrganisation(ours), "yyynnynn"),
            (Action::ManageOrganisation(ours), "yyynnynn"),
            (Action::SeeOrganisation(theirs), "y-------"),
            (Action::ManageOrganisation(theirs), "y-------"),
            (Action::MakeGlobalAdmin(ours), "nnnnnynn"),
            (Action::MakeGlobalAdmin(theirs), "n-------"),
            (Action::SeeProgram(&mine), "yyyyyyyy"),
            (Action::SeeProgram(&other), "yyynnynn"),
            (Action::ManageProgram(&mine), "yyyynyyn"),
            (Action::ManageProgram(&other), "yyynnynn"),
            (Action::ManageProgram(&foreign), "y-------"),
            (Action::MakeProgramAdmin(&mine), "nnnnnyyn"),
            (Action::MakeProgramAdmin(&other), "nnnnnynn"),
            (Action::MakeProgramAdmin(&foreign), "n-------"),
            (Action::SeePerson(&ann), "yyyyyyyy"),
            (Action::SeePerson(&ben), "yyynnynn"),
            (Action::SeePerson(&eve), "y-------"),
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
