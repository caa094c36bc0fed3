//! Every column of the table of stored enums gets an unknown word, and the host does what reads that column.

use super::{
    super::world::{ANN, BEN, Choice, World},
    claim, enqueue, id, lease, push_all, schedule,
};
use anyhow::{Context as _, bail, ensure};
use chronus_host::{
    audit::{self, Filter},
    auth::{
        Actor, Principal,
        tokens::{self, Holder},
    },
    availability::{self, BusyError},
    calendar::Window,
    connections::{
        self, ConnectError, NotCallable,
        approvals::{self, Applicant},
        revoke,
        service_accounts::{self, AccountCredential, AccountError, NewAccount, connect_person},
    },
    db::{self, Page},
    ids::{MeetingId, OrganisationId, PersonId, RevocationId},
    jobs::{self, Effect, Lease, LeaseError, Outcome},
    meetings::{push, store},
    oauth::code_grant::Browser,
    organisations::{
        self, domains,
        offers::{self, Offer},
        programs,
    },
    people::{self, NewPerson, Role},
};
use chronus_tests::{
    OPERATOR,
    stored::{Form, STORED, Stored},
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::pin::Pin;

/// A word that no enum has.
const WORD: &str = "perhaps";

/// The service account of two organisations, and what both let it do.
const ROBOT: &str = "chronus@robots.example";
const SCOPES: [&str; 2] = ["calendar.events", "calendar.freebusy"];

/// Something that the host does, and the database's error if it fails by one.
type Act<'w> = Box<dyn Fn() -> Pin<Box<dyn Future<Output = sqlx::Result<()>> + 'w>> + 'w>;

/// A row whose column gets an unknown word.
struct Case<'w> {
    /// The row, as an SQL condition.
    row: String,
    /// The value that the row has and gets back.
    original: String,
    /// All that reads the column of this row.
    acts: Vec<Act<'w>>,
    /// The same with another row.
    other: Act<'w>,
}

fn act<'w, T, E: Into<ActError>, F: Future<Output = Result<T, E>> + 'w>(run: impl Fn() -> F + 'w) -> Act<'w> {
    Box::new(move || {
        let run = run();
        Box::pin(async move { run.await.map(drop).map_err(|error| error.into().0) })
    })
}

/// The database's error behind an error of the host.
struct ActError(sqlx::Error);

macro_rules! act_errors {
    ($($error:ident)*) => {$(
        impl From<$error> for ActError {
            fn from(error: $error) -> Self {
                match error {
                    $error::Database(error) => Self(error),
                    other => Self(sqlx::Error::Protocol(other.to_string())),
                }
            }
        }
    )*};
}

act_errors! { AccountError BusyError ConnectError LeaseError NotCallable }

impl From<sqlx::Error> for ActError {
    fn from(error: sqlx::Error) -> Self {
        Self(error)
    }
}

#[tokio::test]
async fn an_unknown_word_in_any_column_is_an_error_that_names_it_and_moves_nothing() -> anyhow::Result<()> {
    let walk = Walk::new().await?;
    for stored in STORED {
        walk.check(stored).await.with_context(|| format!("{}.{}", stored.table, stored.column))?;
    }
    Ok(())
}

/// Two people with connected calendars, on which each has a meeting, and two organisations with service accounts.
struct Walk {
    world: World,
    meetings: [MeetingId; 2],
    administrators: [(OrganisationId, Actor); 2],
}

impl Walk {
    async fn new() -> anyhow::Result<Self> {
        let world = World::new().await?;
        world.two_way().await?;
        for browser in [browser(&world, world.ann), browser(&world, world.ben)] {
            world.connect(&browser, address(&world, browser.person)).await?;
        }
        let meetings = [schedule(&world, world.ann).await?, schedule(&world, world.ben).await?];
        push_all(&world).await?;
        let another = organisations::add(&world.app.db, &OPERATOR, "Another").await?.id;
        offers::enable(
            &world.app.db,
            &OPERATOR,
            &Offer { provider: "google".into(), organisation: another, program: None },
        )
        .await?;
        let key = world.google.add_service_account(ROBOT)?;
        let administrators = [
            (world.organisation, save_account(&world, world.organisation, "gil@school.example", &key).await?),
            (another, save_account(&world, another, "hal@another.example", &key).await?),
        ];
        Ok(Self { world, meetings, administrators })
    }

    async fn check(&self, stored: &Stored) -> anyhow::Result<()> {
        let Self { world, .. } = self;
        push_all(world).await?;
        let Case { row, original, acts, other } = self.case(stored).await?;
        let (value, word) = match stored.form {
            Form::Word => (format!("'{WORD}'"), WORD),
            Form::List => (format!("'[\"{}\", \"{WORD}\"]'", stored.words[0]), WORD),
            Form::Flag => ("2".to_owned(), "2"),
        };
        let column = (stored.table, stored.column);
        let events = || [ANN, BEN].map(|person| world.google.events(person));
        let before = events();
        ensure!(world.database.plant(column, &value, &row).await? == 1, "no single row is planted");
        world.google.take_requests();
        for (number, act) in acts.iter().enumerate() {
            let error = act().await.err().with_context(|| format!("act {number} read the unknown word"))?;
            let found = db::unknown_word(&error).with_context(|| format!("act {number}: {error}"))?;
            ensure!((found.table, found.column) == column && found.word == word, "act {number}: {found:?}");
            for part in [&format!("{}.{}", stored.table, stored.column), word] {
                ensure!(error.to_string().contains(part), "act {number}: {error}");
            }
            // As a job, it is tried again.
            let outcome = Outcome::from(LeaseError::Database(error));
            ensure!(matches!(outcome, Outcome::Retry { .. }), "act {number}: {outcome:?}");
        }
        let requests = world.google.take_requests();
        ensure!(requests.is_empty(), "the service was asked: {requests:?}");
        other().await.context("another row")?;
        ensure!(events() == before, "a calendar was changed");
        ensure!(world.database.plant(column, &original, &row).await? == 1, "the word is not taken back");
        for (number, act) in acts.iter().enumerate() {
            act().await.with_context(|| format!("act {number} with the word as it was"))?;
        }
        Ok(())
    }

    /// What reads a column. A column of the table without a case here fails the test.
    async fn case(&self, stored: &Stored) -> anyhow::Result<Case<'_>> {
        match (stored.table, stored.column) {
            ("audit_entries", "act") => self.audit_entries("'person-created'").await,
            ("audit_entries", "author") => self.audit_entries("'operator'").await,
            ("audit_entries", "means") => self.audit_entries("'command-line'").await,
            ("audit_entries", "subject_kind") => self.audit_entries("'person'").await,
            ("authorizations", "force_consent" | "for_organisation") => self.authorizations("0").await,
            ("authorizations", "level") => self.authorizations("'write'").await,
            ("connections", "level") => self.connections("'write'").await,
            ("connections", "state") => self.connections("'connected'").await,
            ("event_copies", "state") => self.event_copies().await,
            // The jobs of an unknown class wait for a newer version. Looking for the others must not fail.
            ("jobs", "class") => Ok(Case {
                row: format!("effect like '%{}%'", self.meetings[0]),
                original: "'interactive'".into(),
                acts: vec![],
                ..self.jobs().await?
            }),
            ("jobs", "state") => self.jobs().await,
            ("meetings", "status") => self.meetings().await,
            ("memberships", "role") => self.memberships().await,
            ("needed_approvals", "confirmed") => self.needed_approvals().await,
            ("people", "role") => self.people().await,
            ("programs", "two_way") => self.programs().await,
            ("revocations", "place_table") => self.revocations().await,
            ("service_accounts", "kind") => self.service_accounts("'delegated'").await,
            ("service_accounts", "state") => self.service_accounts("'connected'").await,
            ("tokens", "scopes") => self.tokens().await,
            (table, column) => bail!("nothing here reads {table}.{column} with an unknown word"),
        }
    }

    /// The entries of how the two came to be.
    async fn audit_entries(&self, original: &str) -> anyhow::Result<Case<'_>> {
        let world = &self.world;
        let [ann, ben] = [world.ann, world.ben].map(|person| {
            act(move || async move {
                let filter = Filter { subject: Some(person.to_string()), ..Filter::default() };
                audit::list(&world.app.db, &filter, 1000).await
            })
        });
        let row = format!("subject_id = '{}' and act in ('person-created', '{WORD}')", world.ann);
        Ok(Case { row, original: original.into(), acts: vec![ann], other: ben })
    }

    /// Both are back from the service's page, and end their sign-ins.
    async fn authorizations(&self, original: &str) -> anyhow::Result<Case<'_>> {
        let world = &self.world;
        let mut finishes = Vec::new();
        for person in [world.ann, world.ben] {
            let browser = browser(world, person);
            let page = world.begin(&browser).await?;
            let callback = world.at_google(&page, address(world, person), Choice::All).await?;
            finishes.push(act(move || {
                let (browser, callback) = (browser.clone(), callback.clone());
                async move { world.finish(&browser, &callback).await }
            }));
        }
        let other = finishes.pop().context("two people")?;
        Ok(Case { row: format!("person_id = '{}'", world.ann), original: original.into(), acts: finishes, other })
    }

    async fn connections(&self, original: &str) -> anyhow::Result<Case<'_>> {
        let Self { world, meetings, .. } = self;
        let [ann, ben] = [world.ann, world.ben].map(|person| {
            [
                act(move || world.app.calendars.open_session(world.organisation, person)),
                act(move || availability::busy(&world.app.calendars, world.organisation, person, window())),
            ]
        });
        let connection = world.connection(world.ann).await?.context("ann is not connected")?.id;
        let reopen = lease(world, &Effect::ReopenAccount { connection }).await?;
        let reopen = act(move || {
            let reopen = reopen.clone();
            async move { connections::reopen::reopen(&world.app.calendars, &reopen, connection).await }
        });
        let acts = ann.into_iter().chain([reopen, self.push(meetings[0]).await?]).collect();
        let [other, _] = ben;
        Ok(Case { row: format!("person_id = '{}'", world.ann), original: original.into(), acts, other })
    }

    async fn event_copies(&self) -> anyhow::Result<Case<'_>> {
        let [ann, ben] = self.meetings;
        let copy = self.read(async move |tx| store::copy(tx, ann).await);
        let acts = vec![copy, self.push(ann).await?];
        let row = format!("meeting_id = '{ann}'");
        Ok(Case { row, original: "'present'".into(), acts, other: self.push(ben).await? })
    }

    /// Two pushes are due. The one with the unknown state or class is claimed by nobody.
    async fn jobs(&self) -> anyhow::Result<Case<'_>> {
        let Self { world, meetings: [ann, ben], .. } = self;
        for meeting in [*ann, *ben] {
            let mut tx = world.app.db.begin().await?;
            jobs::enqueue(&mut tx, &Effect::PushMeeting { meeting }).await?;
            tx.commit().await?;
        }
        let count = self.read(async |tx| jobs::count(tx).await);
        let other = act(move || async move {
            let unfit = |what: &str| LeaseError::Database(sqlx::Error::Protocol(what.to_owned()));
            let claimed = claim(world).await.map_err(|error| unfit(&error.to_string()))?;
            let lease = claimed.ok_or_else(|| unfit("the other job is not claimed"))?;
            if lease.effect != (Effect::PushMeeting { meeting: *ben }) {
                return Err(unfit("another job is claimed"));
            }
            push::push(&world.app.calendars, &lease, *ben).await?;
            match claim(world).await {
                Ok(None) => Ok(()),
                claimed => Err(unfit(&format!("{claimed:?}"))),
            }
        });
        let row = format!("state = 'ready' and effect like '%{ann}%' or state = '{WORD}'");
        Ok(Case { row, original: "'ready'".into(), acts: vec![count], other })
    }

    async fn meetings(&self) -> anyhow::Result<Case<'_>> {
        let [ann, ben] = self.meetings;
        let meeting = self.read(async move |tx| store::find_unscoped(tx, ann).await);
        let acts = vec![meeting, self.push(ann).await?];
        Ok(Case { row: id(ann), original: "'confirmed'".into(), acts, other: self.push(ben).await? })
    }

    async fn memberships(&self) -> anyhow::Result<Case<'_>> {
        let world = &self.world;
        let [ann, ben] = [world.ann, world.ben]
            .map(|person| self.read(async move |tx| people::is_member(tx, world.program, person).await));
        let acts = vec![ann, self.authenticate(world.ann).await?];
        let row = format!("person_id = '{}'", world.ann);
        Ok(Case { row, original: "'participant'".into(), acts, other: ben })
    }

    /// People of two mail domains were refused.
    async fn needed_approvals(&self) -> anyhow::Result<Case<'_>> {
        let world = &self.world;
        world
            .database
            .run(
                "insert into needed_approvals \
                 (organisation_id, provider_id, domain, person_id, link, confirmed, noticed_at) \
                 select organisation_id, 'google', domains.name, id, null, 0, 4102444800000000 \
                 from people, (select 'one.example' as name union select 'two.example') as domains",
            )
            .await?;
        let [one, two] = ["ann@one.example", "ann@two.example"].map(|address| {
            let (organisation, person) = (world.organisation, world.ann);
            let applicant = Applicant { organisation, person, address, provider: "google" };
            self.read(async move |tx| approvals::needed(tx, applicant).await)
        });
        let row = format!("domain = 'one.example' and person_id = '{}'", world.ann);
        Ok(Case { row, original: "0".into(), acts: vec![one], other: two })
    }

    async fn people(&self) -> anyhow::Result<Case<'_>> {
        let world = &self.world;
        let [ann, ben] = [world.ann, world.ben]
            .map(|person| self.read(async move |tx| people::person(tx, world.organisation, person).await));
        let busy = act(move || availability::busy(&world.app.calendars, world.organisation, world.ann, window()));
        let acts = vec![ann, busy, self.authenticate(world.ann).await?];
        Ok(Case { row: id(world.ann), original: "'participant'".into(), acts, other: ben })
    }

    async fn programs(&self) -> anyhow::Result<Case<'_>> {
        let world = &self.world;
        let organisation = world.organisation;
        let another = programs::add(&world.app.db, &OPERATOR, organisation, "Another").await?.id;
        let [program, other] = [world.program, another]
            .map(|program| self.read(async move |tx| programs::program(tx, organisation, program).await));
        // The level that a person is asked for depends on their programs.
        let begin = act(move || async move { world.begin(&browser(world, world.ann)).await });
        Ok(Case { row: id(world.program), original: "1".into(), acts: vec![program, begin], other })
    }

    /// Tokens of both are to be revoked.
    async fn revocations(&self) -> anyhow::Result<Case<'_>> {
        let world = &self.world;
        world
            .database
            .run(
                "insert into revocations (id, organisation_id, person_id, provider_id, sign_in, address, sealed, sealed_by, \
                 place_table, place_row, created_at, token_endpoint, variables) \
                 select people.id, people.organisation_id, people.id, 'google', 'google', email, sealed, sealed_by, \
                 'revocations', people.id, 0, token_endpoint, variables from people join connections on connections.person_id = people.id \
                 where email in ('ann@school.example', 'ben@school.example')",
            )
            .await?;
        let mut revokes = Vec::new();
        for person in [world.ann, world.ben] {
            let revocation = person.to_string().parse::<RevocationId>()?;
            let lease = lease(world, &Effect::RevokeToken { revocation }).await?;
            revokes.push(act(move || {
                let lease = lease.clone();
                async move { revoke::revoke(&world.app.calendars, &lease, revocation).await }
            }));
        }
        let other = revokes.pop().context("two people")?;
        Ok(Case { row: id(world.ann), original: "'revocations'".into(), acts: revokes, other })
    }

    async fn service_accounts(&self, original: &str) -> anyhow::Result<Case<'_>> {
        let Self { world, administrators: [one, another], .. } = self;
        let accounts = |(organisation, administrator): &'_ (OrganisationId, Actor)| {
            let (organisation, administrator) = (*organisation, administrator.clone());
            act(move || {
                let administrator = administrator.clone();
                async move { service_accounts::accounts(&world.app.calendars, &administrator, organisation).await }
            })
        };
        let (organisation, person) = (world.organisation, world.ann);
        let connect = lease(world, &Effect::ConnectPerson { organisation, person }).await?;
        let connect = act(move || {
            let connect = connect.clone();
            async move { connect_person(&world.app.calendars, &connect, organisation, person).await }
        });
        let row = format!("organisation_id = '{organisation}'");
        Ok(Case { row, original: original.into(), acts: vec![accounts(one), connect], other: accounts(another) })
    }

    async fn tokens(&self) -> anyhow::Result<Case<'_>> {
        let world = &self.world;
        let acts = vec![
            self.authenticate(world.ann).await?,
            act(move || async move { tokens::all(&world.app.db, Some(world.organisation), &Page::all()).await }),
        ];
        // Tokens of the cases before are other rows.
        let row = format!("id = (select max(id) from tokens where person_id = '{}')", world.ann);
        let holder = Holder::Person { organisation: world.organisation, person: world.ann };
        let original = format!("'{}'", serde_json::to_string(&holder.scopes())?);
        Ok(Case { row, original, acts, other: self.authenticate(world.ben).await? })
    }

    /// Reads from the database alone.
    fn read<'w, T>(&'w self, read: impl AsyncFn(&mut db::Tx) -> sqlx::Result<T> + Clone + 'w) -> Act<'w> {
        act(move || {
            let read = read.clone();
            async move { read(&mut self.world.app.db.begin_read().await?).await }
        })
    }

    /// The job that brings a meeting to its owner's calendar.
    async fn push(&self, meeting: MeetingId) -> anyhow::Result<Act<'_>> {
        let calendars = &self.world.app.calendars;
        let lease: Lease = enqueue(&self.world, meeting).await?;
        Ok(act(move || {
            let lease = lease.clone();
            async move { push::push(calendars, &lease, meeting).await }
        }))
    }

    /// A request with a token of this person.
    async fn authenticate(&self, person: PersonId) -> anyhow::Result<Act<'_>> {
        let world = &self.world;
        let token = world.token(person).await?;
        Ok(act(move || {
            let token = token.clone();
            async move {
                let actor = tokens::authenticate(&world.app.db, &world.clock, &token).await?;
                actor.ok_or_else(|| sqlx::Error::Protocol("the token is unknown".into()))
            }
        }))
    }
}

fn browser(world: &World, person: PersonId) -> Browser {
    world.browser_of(person, &format!("session-of-{person}"))
}

fn address(world: &World, person: PersonId) -> &'static str {
    if person == world.ann { ANN } else { BEN }
}

fn window() -> Window {
    Window {
        start: jiff::Timestamp::UNIX_EPOCH,
        end: jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(1),
    }
}

/// Saves a service account of an organisation, and gives the administrator who does.
async fn save_account(
    world: &World,
    organisation: OrganisationId,
    mailbox: &str,
    key: &Value,
) -> anyhow::Result<Actor> {
    let domain = domains::of(mailbox).context("an address")?;
    world.google.add_user(mailbox, "Administrator", "Europe/Rome");
    world.google.delegate(ROBOT, domain, &SCOPES);
    let role = Role::GlobalAdmin;
    let new = NewPerson { email: mailbox.into(), name: mailbox.into(), zone: "Europe/Rome".into(), role };
    let person = people::add(&world.app.db, &OPERATOR, organisation, new).await?.id;
    domains::add(&world.app.db, &OPERATOR, organisation, domain).await?;
    let principal = Principal::Person { organisation, person, role, programs: vec![] };
    let administrator = Actor { principal, ..world.actor(person) };
    let secret = AccountCredential::Key(key.to_string().into());
    let (provider, sign_in, mailbox) = ("google".into(), "service-account".into(), mailbox.into());
    let new = NewAccount { provider, sign_in, secret, mailbox, variables: BTreeMap::new() };
    service_accounts::save(&world.app.calendars, &administrator, organisation, &new).await?;
    Ok(administrator)
}
