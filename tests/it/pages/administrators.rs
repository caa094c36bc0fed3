//! Making administrators on the page, and the mail to the others.

use super::{
    mail::{idle, sending},
    world::World,
};
use anyhow::ensure;
use chronus_host::{
    app::work,
    audit::Author,
    ids::SessionId,
    organisations::programs,
    people::{self, Member, MemberRole, Role, administrators},
};
use chronus_tests::{
    OPERATOR,
    host::PATIENCE,
    peers::{self, MailServer, Peer},
};
use tokio::time;

const PAGE: &str = "/settings/administrators";

#[tokio::test]
async fn an_administrator_appoints_to_what_they_administer() -> anyhow::Result<()> {
    let world = World::new().await?;
    let db = &world.app.db;
    let mentoring = programs::add(db, &OPERATOR, world.organisation, "Mentoring").await?.id;
    programs::add(db, &OPERATOR, world.organisation, "Coaching").await?;
    people::put_member(db, &OPERATOR, Member { program: mentoring, person: world.ann, role: MemberRole::ProgramAdmin })
        .await?;
    let ann = world.signed_in(world.ann).await?;
    let page = ann.get(PAGE).await?;
    ensure!(
        page.text.contains("Administrators of Mentoring") && page.text.contains("ann@example.org"),
        "{}",
        page.text
    );
    ensure!(!page.text.contains("Coaching") && !page.text.contains("Global administrators"), "{}", page.text);
    let fields = |email, program| [("email", email), ("program", program)];
    // An administrator of a program makes no global administrator, and nobody of another organisation is found.
    ensure!(ann.post(&page, PAGE, &fields("ben@example.org", "")).await?.status == 403);
    let program = mentoring.to_string();
    ensure!(ann.post(&page, PAGE, &fields("eve@example.org", &program)).await?.status == 422);
    ann.post(&page, PAGE, &fields("Ben@Example.org ", &program)).await?.leads_to(PAGE)?;
    let member = people::member(db, mentoring, world.ben).await?;
    ensure!(member.is_some_and(|member| member.role == MemberRole::ProgramAdmin), "{member:?}");

    administrators::set_role(db, &OPERATOR, world.organisation, world.ben, Role::GlobalAdmin).await?;
    let ben = world.signed_in(world.ben).await?;
    let page = ben.get(PAGE).await?;
    ensure!(page.text.contains("Global administrators of Ours") && page.text.contains("Coaching"), "{}", page.text);
    ben.post(&page, PAGE, &fields("ann@example.org", "")).await?.leads_to(PAGE)?;
    // The namesake in the other organisation stays what she was.
    for (person, role) in [(world.ann, Role::GlobalAdmin), (world.her_namesake, Role::Participant)] {
        let person = people::get(db, chronus_host::organisations::Reach::Everywhere, person).await?;
        ensure!(person.as_ref().is_some_and(|person| person.role == role), "{person:?}");
    }
    Ok(())
}

/// S9 of the security review: nobody noticed a new administrator.
#[tokio::test(flavor = "multi_thread")]
async fn the_other_administrators_are_told_once() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Aiosmtpd])? {
        return Ok(());
    }
    let server = MailServer::start(None).await?;
    let world = sending(&server, "").await?;
    let (db, gil) = (&world.app.db, world.add("gil").await?);
    administrators::set_role(db, &OPERATOR, world.organisation, gil, Role::GlobalAdmin).await?;
    ensure!(world.database.rows().await?["jobs"] == 0, "there was nobody to tell");
    let by_gil = Author::Browser(gil, SessionId::new(world.clock.now()));
    administrators::set_role(db, &by_gil, world.organisation, world.ben, Role::GlobalAdmin).await?;
    administrators::set_role(db, &by_gil, world.organisation, world.ben, Role::GlobalAdmin).await?;
    let program = programs::add(db, &OPERATOR, world.organisation, "Mentoring").await?.id;
    let member = Member { program, person: world.ann, role: MemberRole::ProgramAdmin };
    people::put_member(db, &OPERATOR, member).await?;
    people::put_member(db, &OPERATOR, member).await?;
    let runner = work::start(&world.app).await?;
    time::timeout(PATIENCE, idle(&world)).await??;
    runner.shutdown().await;
    let mails = server.mails(3).await?;
    let told = |to: &str, words: &[&str]| {
        mails.iter().filter(|mail| mail.to == [to] && words.iter().all(|word| mail.text.contains(word))).count()
    };
    ensure!(mails.len() == 3, "{mails:?}");
    let appointed = ["ben (ben@example.org) is now a global administrator of Ours", "gil (gil@example.org) made"];
    ensure!(told("gil@example.org", &appointed) == 1, "{mails:?}");
    for to in ["gil@example.org", "ben@example.org"] {
        let appointed = ["ann (ann@example.org) is now an administrator of the program Mentoring", "The operator"];
        ensure!(told(to, &appointed) == 1, "{mails:?}");
    }
    Ok(())
}
