//! Every form of the pages, and the end of a sign-in at a service's page.

use super::{
    super::{
        pages::sign_in_link,
        visitor,
        world::{ANN, BEN, Choice},
    },
    Expected, GIL, Scene,
};
use anyhow::{Context as _, ensure};
use chronus_host::{
    audit::{Act, AuthorKind, Means, SubjectKind},
    http::PAGES,
    ids::PersonId,
};
use chronus_tests::{
    host::Host,
    visitor::{PageResponse, Visitor},
};
use std::collections::BTreeSet;

const CALENDAR: &str = "/settings/calendar";
const ORGANISATION: &str = "/settings/organisation";

/// A form that is sent, and what it leaves.
struct Row<'a> {
    /// The page that has the form.
    page: &'a str,
    /// Where the form goes, as the table of pages has it.
    action: &'static str,
    fields: Vec<(&'a str, &'a str)>,
    act: Act,
    subject: SubjectKind,
}

fn row<'a>(
    page: &'a str,
    action: &'static str,
    fields: &[(&'a str, &'a str)],
    act: Act,
    subject: SubjectKind,
) -> Row<'a> {
    Row { page, action, fields: fields.to_vec(), act, subject }
}

impl Scene {
    /// Sends a form, and checks what it leaves.
    async fn send(&self, visitor: &Visitor, person: PersonId, row: &Row<'_>) -> anyhow::Result<PageResponse> {
        let before = self.ids().await?;
        let page = visitor.get(row.page).await?;
        let answer = visitor.post(&page, row.action, &row.fields).await.with_context(|| row.action)?;
        ensure!(answer.status < 400, "{}: {} {}", row.action, answer.status, answer.text);
        let expected = Expected {
            author: AuthorKind::Person,
            means: Means::Browser,
            person: Some(person),
            act: row.act,
            subject: row.subject,
        };
        self.has(&before, expected).await.with_context(|| row.action)?;
        Ok(answer)
    }

    /// A browser in which somebody has signed in, and what that leaves.
    async fn signed_in(&mut self, address: &str, person: PersonId) -> anyhow::Result<Visitor> {
        let before = self.ids().await?;
        let link = sign_in_link(&self.host, address).await?;
        let asked = Expected {
            author: AuthorKind::Visitor,
            means: Means::Browser,
            person: None,
            act: Act::SignInRequested,
            subject: SubjectKind::SignIn,
        };
        self.has(&before, asked).await?;
        let visitor = Visitor::new(self.host.origin())?;
        visitor.sign_in(&link).await?;
        let signed_in = Expected {
            author: AuthorKind::Person,
            person: Some(person),
            act: Act::SignedIn,
            subject: SubjectKind::Session,
            ..asked
        };
        self.has(&before, signed_in).await?;
        self.secrets.extend(link.rsplit('/').next().map(str::to_owned));
        self.secrets.extend(visitor.cookie("chronus_session"));
        Ok(visitor)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_leaves_an_entry() -> anyhow::Result<()> {
    let mut scene = Scene::new().await?;
    let (ann, gil, key) = (scene.world.ann, scene.gil, scene.key.to_string());
    let (idle, google) = ([("provider", "idle"), ("sign-in", "none")], [("provider", "google"), ("sign-in", "google")]);
    let account =
        |act| [("provider", "google"), ("sign-in", "service-account"), ("mailbox", GIL), ("key", &*key), ("do", act)];
    let forms_of_ann = [
        row("/settings", "/settings/sign-out-elsewhere", &[], Act::OtherSessionsEnded, SubjectKind::Session),
        row(CALENDAR, "/settings/calendar/form", &idle, Act::CalendarConnected, SubjectKind::Connection),
        row(CALENDAR, "/settings/calendar/disconnect", &[], Act::CalendarDisconnected, SubjectKind::Connection),
        row(CALENDAR, "/settings/calendar/connect", &google, Act::ConnectionBegun, SubjectKind::Person),
        row("/settings", "/sign-out", &[], Act::SignedOut, SubjectKind::Session),
    ];
    let administrators = "/settings/administrators";
    let forms_of_gil = [
        row(administrators, administrators, &[("email", BEN), ("program", "")], Act::RoleChanged, SubjectKind::Person),
        row(ORGANISATION, ORGANISATION, &account("test"), Act::ServiceAccountTried, SubjectKind::Provider),
        row(ORGANISATION, ORGANISATION, &account("save"), Act::ServiceAccountSaved, SubjectKind::ServiceAccount),
        row(
            ORGANISATION,
            "/settings/organisation/remove",
            &[("provider", "google")],
            Act::ServiceAccountRemoved,
            SubjectKind::ServiceAccount,
        ),
        row(ORGANISATION, "/settings/organisation/shared", &google, Act::ConnectionBegun, SubjectKind::Person),
    ];
    let acting: BTreeSet<_> = PAGES.iter().filter(|page| page.method == "POST").map(|page| page.path).collect();
    let sent = forms_of_ann.iter().chain(&forms_of_gil).map(|row| row.action).chain(["/sign-in", "/sign-in/{link}"]);
    ensure!(sent.collect::<BTreeSet<_>>() == acting, "a form is without its row, or a row without its form");

    let browser = scene.signed_in(ANN, ann).await?;
    for row in &forms_of_ann {
        let answer = scene.send(&browser, ann, row).await?;
        if row.act == Act::ConnectionBegun {
            let page = answer.location.context("it leads to the service")?.parse()?;
            let back = visitor::choose_for(&page, ANN, Choice::All, scene.host.origin()).await?;
            let before = scene.ids().await?;
            browser.get(path(&scene.host, back.as_str())?).await?.leads_to(CALENDAR)?;
            let expected = Expected {
                author: AuthorKind::Person,
                means: Means::Browser,
                person: Some(ann),
                act: Act::CalendarConnected,
                subject: SubjectKind::Connection,
            };
            scene.has(&before, expected).await?;
        }
    }
    let browser = scene.signed_in(GIL, gil).await?;
    for row in &forms_of_gil {
        scene.send(&browser, gil, row).await?;
    }
    scene.tells_nothing().await
}

fn path<'a>(host: &Host, address: &'a str) -> anyhow::Result<&'a str> {
    address.strip_prefix(host.origin()).context("it leads back")
}
