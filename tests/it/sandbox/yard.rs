//! The sandbox of a test with hostile guests, and the checks that nothing else was disturbed.

use super::server::{Reply, Server, answer};
use chronus_host::plugins::{
    Access, Budget, CallError, CallTarget, Plugin, Sandbox, SandboxConfig,
    contract::{Account, FetchedEvent, Reply as Answer},
    egress::{AddressPolicy, Credential, EgressGrant, EgressPolicy, NameResolver, TlsTrust},
};
use chronus_tests::{components, repo_root};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// Added to each time limit before a test fails. Optimised code on an idle machine ends a call within 50 ms and one tick;
/// tests run without optimisation, concurrently, on busy machines.
pub(super) const SLACK: Duration = Duration::from_millis(1500);

/// The component of a test guest.
pub(super) async fn guest(name: &'static str) -> Vec<u8> {
    let built = tokio::task::spawn_blocking(components).await.unwrap().unwrap();
    std::fs::read(&built.guest(name).unwrap().path).unwrap()
}

/// A sandbox whose guests may reach this machine by its address.
pub(super) fn config() -> SandboxConfig {
    let addresses = AddressPolicy { networks: vec!["127.0.0.1/32".parse().unwrap()] };
    SandboxConfig {
        concurrent_calls: 4,
        cache: Some(repo_root().join("target/code")),
        egress: EgressPolicy { addresses, ..EgressPolicy::default() },
        tls: TlsTrust::new(Vec::new()).unwrap(),
        names: NameResolver::System,
    }
}

/// A sandbox with the hostile guest.
pub(super) struct Yard {
    pub(super) sandbox: Sandbox,
    pub(super) plugin: Plugin,
    gate: Server,
    pass: Arc<Semaphore>,
}

impl Yard {
    pub(super) async fn new() -> Self {
        Self::with(config()).await
    }

    pub(super) async fn with(config: SandboxConfig) -> Self {
        super::log::listen();
        let sandbox = Sandbox::new(config).unwrap();
        let plugin = sandbox.admit(&guest("hostile").await).await.unwrap();
        let pass = Arc::new(Semaphore::new(0));
        let gate = Server::start({
            let pass = pass.clone();
            move |_| Reply::When(pass.clone(), answer(200, &[], "passed"))
        });
        Self { sandbox, plugin, gate: gate.await, pass }
    }

    /// The error of the hostile call, after a check that it disturbed nothing else: not a concurrent call of another
    /// connection, the next call, or the pool.
    pub(super) async fn endures(&self, hostile: Ask) -> CallError {
        let before = self.gate.counts().requests;
        let mut bystander = tokio::spawn({
            let (plugin, ask) = (self.plugin.clone(), Ask::act("ask").to(&self.gate));
            async move { ask.open(&plugin).await }
        });
        tokio::select! {
            () = self.gate.until(|counts| counts.requests > before) => {}
            early = &mut bystander => panic!("the call beside it did not get under way: {early:?}"),
        }
        let error = hostile.open(&self.plugin).await.expect_err("the sandbox did not hold");
        self.pass.add_permits(1);
        let bystander = bystander.await.unwrap().expect("a call under way was hurt");
        assert_eq!(bystander.get("body"), "passed");
        Ask::act("nothing").open(&self.plugin).await.expect("the next call was hurt");
        assert_eq!(self.sandbox.instances(), 0, "an instance is left");
        error
    }
}

/// One call to the hostile guest.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) organisation: &'static str,
    pub(super) connection: CallTarget,
    pub(super) credential: Credential,
    pub(super) grant: EgressGrant,
    pub(super) budget: Budget,
}

impl Ask {
    /// A call in which the guest does `act`.
    pub(super) fn act(act: &str) -> Self {
        let fields = vec![("act".into(), act.into())];
        let connection = CallTarget { zone: "UTC".into(), sign_in: "none".into(), fields, ..CallTarget::default() };
        Self {
            organisation: "organisation",
            connection,
            credential: Credential::None,
            grant: EgressGrant::default(),
            budget: Budget::default(),
        }
    }

    /// … with an argument for the guest.
    pub(super) fn say(mut self, name: &str, value: impl ToString) -> Self {
        self.connection.fields.push((name.into(), value.to_string()));
        self
    }

    /// … to this address, whose origin is granted.
    pub(super) fn url(mut self, url: &str) -> Self {
        let url: url::Url = url.parse().unwrap();
        self.grant.hosts.push(url.origin().ascii_serialization().parse().unwrap());
        self.say("url", url)
    }

    /// … to this server.
    pub(super) fn to(self, server: &Server) -> Self {
        self.url(&server.origin())
    }

    /// … with another budget.
    pub(super) fn budget(mut self, change: impl FnOnce(&mut Budget)) -> Self {
        change(&mut self.budget);
        self
    }

    /// … with this password, for the user `ann`.
    pub(super) fn password(mut self, secret: &str) -> Self {
        self.credential = Credential::Basic { user: "ann".into(), secret: secret.into() };
        self
    }

    pub(super) fn access(&self) -> Arc<Access> {
        let Self { organisation, connection, credential, grant, budget } = self.clone();
        Access::new(organisation, connection, credential, grant, budget).unwrap()
    }

    /// Makes the call, which is `account.open`.
    pub(super) async fn open(&self, plugin: &Plugin) -> Result<Findings, CallError> {
        plugin.open(&self.access()).await.map(|Answer { value, .. }| Findings::from(value))
    }

    /// Makes the call as `events.get-many`, whose result has room for the guest's whole memory.
    pub(super) async fn dump(plugin: &Plugin, access: &Arc<Access>) -> Result<Findings, CallError> {
        plugin.get_many(access, "work", &[]).await.map(|Answer { value, .. }| Findings::from(value))
    }
}

/// What a guest found, as pairs of kind and text. The guest returns them as calendars or as events.
#[derive(Debug)]
pub(super) struct Findings(Vec<(String, String)>);

impl From<Account> for Findings {
    fn from(account: Account) -> Self {
        account.calendars.into_iter().map(|calendar| (calendar.id, calendar.name)).collect()
    }
}

impl From<Vec<FetchedEvent>> for Findings {
    fn from(events: Vec<FetchedEvent>) -> Self {
        events.into_iter().map(|item| (item.id, item.outcome.unwrap().description)).collect()
    }
}

/// From the pieces of the texts. One with the kind `+` continues the text before it.
impl FromIterator<(String, String)> for Findings {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pieces: I) -> Self {
        let mut found: Vec<(String, String)> = Vec::new();
        for (kind, piece) in pieces {
            match found.last_mut() {
                Some((_, text)) if kind == "+" => text.push_str(&piece),
                _ => found.push((kind, piece)),
            }
        }
        Self(found)
    }
}

impl Findings {
    /// All texts of a kind.
    pub(super) fn all<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let found: Vec<_> = self.0.iter().filter(|(other, _)| other == kind).collect();
        found.into_iter().map(|(_, text)| text.as_str())
    }

    /// The text of a kind.
    pub(super) fn get(&self, kind: &str) -> &str {
        self.all(kind).next().unwrap_or_else(|| panic!("no `{kind}` in {self:?}"))
    }
}
