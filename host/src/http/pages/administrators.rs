//! Settings → Administrators: who administers the organisation and its programs, and making further ones.
//!
//! The page is for administrators: each sees, and can appoint to, what they administer themself. It is the only way to make
//! an administrator apart from the command line (`people::administrators`).

use super::{
    super::problem::Problem, error::PageError, form::Form, layout::Layout, messages::Message, paths, view::View,
};
use crate::{
    app::App,
    auth::{Action, Actor, sessions::Session},
    db::Page,
    ids::ProgramId,
    organisations::{self, programs},
    people::{self, Administrator, Member, MemberRole, Role, administrators},
};
use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "administrators.html")]
struct AdministratorsPage {
    layout: Layout,
    groups: Vec<Group>,
}

/// The administrators of the organisation or of a program.
struct Group {
    /// `None` for the organisation.
    program: Option<ProgramId>,
    /// The name of the organisation or of the program.
    name: String,
    administrators: Vec<AdministratorRow>,
}

impl Group {
    /// The value that the form sends for this group.
    fn value(&self) -> String {
        self.program.map(|program| program.to_string()).unwrap_or_default()
    }
}

/// An administrator.
struct AdministratorRow {
    name: String,
    email: String,
}

/// The form that makes an administrator.
#[derive(Deserialize)]
pub(super) struct AppointForm {
    email: String,
    /// Empty for the organisation.
    program: String,
}

/// The page.
pub(super) async fn page(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    layout: Layout,
) -> Result<impl IntoResponse, PageError> {
    let groups = groups(&app, &actor, &session).await?;
    if groups.is_empty() {
        return Err(Message::NotAnAdministrator.into());
    }
    Ok(View::new(AdministratorsPage { layout, groups }))
}

/// Makes a person an administrator.
pub(super) async fn appoint(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    Form(form): Form<AppointForm>,
) -> Result<Redirect, PageError> {
    let groups = groups(&app, &actor, &session).await?;
    let group = groups.iter().find(|group| group.value() == form.program).ok_or(Message::NotAnAdministrator)?;
    let person = people::find(&app.db, session.organisation, form.email.trim()).await?;
    let person = person.ok_or(Message::NobodyAppointed)?;
    let by = actor.author();
    let done = match group.program {
        None => {
            administrators::set_role(&app.db, &by, session.organisation, person.id, Role::GlobalAdmin).await.map(drop)
        }
        Some(program) => {
            let member = Member { program, person: person.id, role: MemberRole::ProgramAdmin };
            people::put_member(&app.db, &by, member).await
        }
    };
    done.map_err(Problem::from)?;
    tracing::info!(person = %person.id, program = form.program, by = %session.person, "a person became an administrator");
    Ok(Redirect::to(paths::ADMINISTRATORS))
}

/// What the actor administers: the organisation first, then its programs.
async fn groups(app: &App, actor: &Actor, session: &Session) -> sqlx::Result<Vec<Group>> {
    let mut groups = Vec::new();
    if actor.may(Action::MakeGlobalAdmin(session.organisation)).is_ok() {
        let organisation = organisations::find(&app.db, &session.organisation.to_string()).await?;
        let name = organisation.map(|organisation| organisation.name).unwrap_or_default();
        groups.push(Group { program: None, name, administrators: Vec::new() });
    }
    for program in programs::list(&app.db, session.organisation, None, &Page::all()).await? {
        if actor.may(Action::MakeProgramAdmin(&program)).is_ok() {
            groups.push(Group { program: Some(program.id), name: program.name, administrators: Vec::new() });
        }
    }
    for Administrator { person, program } in administrators::list(&app.db, session.organisation).await? {
        if let Some(group) = groups.iter_mut().find(|group| group.program == program) {
            group.administrators.push(AdministratorRow { name: person.name, email: person.email });
        }
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{golden, layout},
        *,
    };
    use jiff::Timestamp;

    #[test]
    fn golden_page_of_the_administrators() {
        let gil = AdministratorRow { name: "Gil".into(), email: "gil@example.org".into() };
        let program = ProgramId::new(Timestamp::UNIX_EPOCH);
        let groups = vec![
            Group { program: None, name: "Example".into(), administrators: vec![gil] },
            Group { program: Some(program), name: "Mentoring".into(), administrators: vec![] },
        ];
        let page = AdministratorsPage { layout: layout::testing::signed_in(), groups };
        let text = page.render().unwrap().replace(&program.to_string(), "PROGRAM");
        golden::check("page_administrators", &text);
    }
}
