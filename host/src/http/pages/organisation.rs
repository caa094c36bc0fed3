//! Settings → Service Accounts: the service account with which an organisation connects its people (M17).
//!
//! The page is for global administrators. Values can be tested first with the same form: a test stores nothing, and saving
//! tests again. A key is never shown again, not even to the person who entered it. A shared mailbox is connected at
//! its service's own page, like a person's calendar.

use super::{
    browser::oauth_browser,
    calendar::form_action_origins,
    connect::{ConnectForm, callback_url},
    error::PageError,
    form::Form,
    layout::Layout,
    messages::{Message, Texts},
    paths,
    view::View,
};
use crate::{
    app::App,
    auth::{Actor, sessions::Session},
    connections::{
        OfferedProvider, offered_providers,
        service_accounts::{
            self, AccountCredential, AccountError, InvitationTest, Kind, NewAccount, Overview, ProbeReport,
        },
    },
    oauth::SignInRef,
    organisations::{domains, offers},
    plugins::{
        Remedy,
        contract::{EndpointVariable, HostChoice, Method, SignIn, VariablePlace},
        endpoints::{self, VariableValues},
    },
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The names of fields for variables begin with this.
const VARIABLE: &str = "variable.";

#[derive(Template)]
#[template(path = "organisation.html")]
struct OrganisationPage {
    layout: Layout,
    domains: Vec<String>,
    accounts: Vec<SavedAccount>,
    options: Vec<AccountOption>,
}

impl OrganisationPage {
    /// The option whose test or saving failed, for the summary at the top of the page.
    fn failed(&self) -> Option<(&AccountOption, &Failure)> {
        self.options.iter().find_map(|option| match &option.outcome {
            Some(Outcome::Failed(failure)) => Some((option, failure)),
            _ => None,
        })
    }
}

/// A service account that is saved.
struct SavedAccount {
    /// The name of the calendar service, or the id of its provider if the provider was removed.
    service: String,
    overview: Overview,
}

/// A sign-in with which a service account can be saved.
struct AccountOption {
    id: String,
    provider: String,
    service: String,
    sign_in: String,
    label: String,
    fields: Fields,
    /// As it was entered.
    mailbox: String,
    /// As it was entered.
    client_id: String,
    variables: Vec<VariableField>,
    outcome: Option<Outcome>,
}

/// The field of a variable in the addresses of a sign-in.
struct VariableField {
    name: String,
    label: String,
    help: String,
    /// As it was entered, or the preset value.
    value: String,
    pattern: Option<String>,
    /// The values to choose from. Empty if any text that matches the pattern is accepted.
    hosts: Vec<HostChoice>,
}

/// The fields of a form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fields {
    /// The key file of a service account.
    Key,
    /// The id and secret of an application.
    Client,
    /// None: a button leads to the service.
    Nothing,
}

/// The result of a test.
enum Outcome {
    Works(Abilities),
    Failed(Failure),
}

/// What a tested account can do.
struct Abilities {
    mailbox: String,
    reads_busy: bool,
    invitations: Invitations,
}

/// Whether the account can add meetings with attendees.
enum Invitations {
    Work,
    NotPermitted,
    Refused,
}

/// Why a test failed.
struct Failure {
    texts: Texts,
    /// The client that an administrator must approve at the service.
    client: Option<String>,
    /// The scopes that an administrator must approve at the service.
    scopes: Vec<String>,
    /// Instructions at the service.
    link: Option<String>,
}

/// Values that were entered, and what became of them.
struct Submission {
    provider: String,
    sign_in: String,
    mailbox: String,
    client_id: String,
    variables: VariableValues,
    outcome: SubmissionOutcome,
}

type SubmissionOutcome = Result<ProbeReport, AccountError>;

/// The form with the values of a service account.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct AccountForm {
    provider: String,
    sign_in: String,
    #[serde(default)]
    mailbox: String,
    key: Option<String>,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
    r#do: Action,
    /// All other fields.
    #[serde(flatten)]
    others: BTreeMap<String, String>,
}

impl AccountForm {
    /// The values of variables that were entered.
    fn variables(&self) -> VariableValues {
        let entered = self
            .others
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(VARIABLE)?.to_owned(), value.trim().to_owned())));
        entered.filter(|(_, value)| !value.is_empty()).collect()
    }
}

/// The button that was used.
#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Action {
    Test,
    Save,
}

/// The form that removes an account.
#[derive(Deserialize)]
pub(super) struct RemoveForm {
    provider: String,
}

/// The page.
pub(super) async fn page(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    layout: Layout,
) -> Result<Response, PageError> {
    show(&app, &actor, &session, layout, None).await
}

/// Tests an account, or saves it.
pub(super) async fn submit(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    layout: Layout,
    Form(form): Form<AccountForm>,
) -> Result<Response, PageError> {
    service_accounts::administers(&actor, session.organisation).map_err(|_| Message::AdministratorsOnly)?;
    let (client_id, variables) = (form.client_id.trim().to_owned(), form.variables());
    let secret = match form.key {
        Some(key) => AccountCredential::Key(key.into()),
        None => {
            AccountCredential::Client { id: client_id.clone(), secret: form.client_secret.trim().to_owned().into() }
        }
    };
    let (provider, sign_in) = (form.provider, form.sign_in);
    let new = NewAccount { provider, sign_in, secret, mailbox: form.mailbox.trim().to_owned(), variables };
    let outcome = if form.r#do == Action::Save {
        match service_accounts::save(&app.calendars, &actor, session.organisation, &new).await {
            Ok(_) => return Ok(Redirect::to(paths::ORGANISATION).into_response()),
            Err(error) => Err(error),
        }
    } else {
        service_accounts::probe(&app.calendars, &actor, session.organisation, &new).await
    };
    let NewAccount { provider, sign_in, mailbox, variables, .. } = new;
    let submission = Submission { provider, sign_in, mailbox, client_id, variables, outcome };
    show(&app, &actor, &session, layout, Some(submission)).await
}

/// Redirects to the page of a service, to connect a shared mailbox.
pub(super) async fn connect_shared(
    State(app): State<App>,
    session: Session,
    Form(form): Form<ConnectForm>,
) -> Result<Redirect, PageError> {
    let redirect = callback_url(&app, &form.provider).ok_or(Message::NotOffered)?;
    let sign_in = SignInRef { provider: &form.provider, sign_in: &form.sign_in };
    let page = service_accounts::begin(&app.calendars, &oauth_browser(&session), sign_in, &redirect).await?;
    Ok(Redirect::to(page.as_str()))
}

/// Removes an account, and disconnects the people that it connected.
pub(super) async fn remove(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    Form(form): Form<RemoveForm>,
) -> Result<Redirect, PageError> {
    service_accounts::remove(&app.calendars, &actor, session.organisation, &form.provider).await?;
    Ok(Redirect::to(paths::ORGANISATION))
}

async fn show(
    app: &App,
    actor: &Actor,
    session: &Session,
    layout: Layout,
    mut submission: Option<Submission>,
) -> Result<Response, PageError> {
    let mut accounts = Vec::new();
    for overview in service_accounts::accounts(&app.calendars, actor, session.organisation).await? {
        let provider = app.calendars.registry.provider(&overview.account.provider).await.ok();
        let service = provider
            .map_or_else(|| overview.account.provider.clone(), |provider| provider.plugin.description().name.clone());
        accounts.push(SavedAccount { service, overview });
    }
    let domains = app.db.read(async |tx| domains::list(tx, session.organisation).await).await?;
    let mut status = StatusCode::OK;
    let (mut options, mut origins) = (Vec::new(), Vec::new());
    let offered = offers::offered(&app.db, session.organisation, None).await?;
    let offered = offered.into_iter().map(|offered| offered.provider);
    for OfferedProvider { id, provider } in offered_providers(&app.calendars, offered).await {
        let service = &provider.plugin.description().name;
        for sign_in in provider.sign_ins() {
            let Some(fields) = fields(sign_in) else { continue };
            origins.extend(form_action_origins(app, sign_in));
            let mut option = AccountOption {
                id: format!("{id}-{}", sign_in.id),
                provider: id.clone(),
                service: service.clone(),
                sign_in: sign_in.id.clone(),
                label: sign_in.label.clone(),
                fields,
                mailbox: String::new(),
                client_id: String::new(),
                variables: Vec::new(),
                outcome: None,
            };
            let mut entered = VariableValues::new();
            let is_this = |one: &mut Submission| one.provider == id && one.sign_in == sign_in.id;
            if let Some(submission) = submission.take_if(is_this) {
                (option.mailbox, option.client_id, entered) =
                    (submission.mailbox, submission.client_id, submission.variables);
                let (outcome, of_outcome) = outcome(submission.outcome, service)?;
                (option.outcome, status) = (Some(outcome), of_outcome);
            }
            if fields != Fields::Nothing {
                let variables = endpoints::variables(sign_in).iter();
                option.variables = variables.map(|variable| VariableField::new(variable, &entered)).collect();
            }
            options.push(option);
        }
    }
    // The form is no longer on the page: it is not offered any more.
    if let Some(Submission { outcome: Err(error), .. }) = submission {
        return Err(error.into());
    }
    let page = OrganisationPage { layout, domains, accounts, options };
    Ok(View::new(page).status(status).form_action_origins(origins).into_response())
}

/// What the page shows of a test, and the status of the page.
fn outcome(outcome: SubmissionOutcome, service: &str) -> Result<(Outcome, StatusCode), PageError> {
    match outcome {
        Ok(ProbeReport { mailbox, account, inviting, .. }) => {
            let invitations = match inviting {
                InvitationTest::Works => Invitations::Work,
                InvitationTest::NotTried => Invitations::NotPermitted,
                InvitationTest::Refused(_) => Invitations::Refused,
            };
            let abilities = Abilities { mailbox, reads_busy: account.abilities.read_busy, invitations };
            Ok((Outcome::Works(abilities), StatusCode::OK))
        }
        Err(error @ (AccountError::Database(_) | AccountError::NotAllowed(_))) => Err(error.into()),
        Err(error) => {
            tracing::info!(%error, "a service account failed its test");
            let message = Message::from(&error);
            let mut failure =
                Failure { texts: message.fill_in(Some(service)), client: None, scopes: Vec::new(), link: None };
            if let AccountError::Refused { failure: refused, requested } = error
                && let Remedy::NeedsAdminApproval(approval) = refused.remedy
            {
                failure =
                    Failure { client: requested.client, scopes: requested.scopes, link: approval.page, ..failure };
            }
            Ok((Outcome::Failed(failure), message.status()))
        }
    }
}

/// The fields of a sign-in, if service accounts can use it.
const fn fields(sign_in: &SignIn) -> Option<Fields> {
    match &sign_in.method {
        Method::Oauth2JwtBearer(_) => Some(Fields::Key),
        Method::Oauth2ClientCredentials(_) => Some(Fields::Client),
        Method::Oauth2Code(_) => Some(Fields::Nothing),
        Method::Form(_) | Method::SecretUrl(_) | Method::None => None,
    }
}

impl VariableField {
    fn new(variable: &EndpointVariable, entered: &VariableValues) -> Self {
        let EndpointVariable { name, label, help, place, preset } = variable;
        let (pattern, hosts) = match place {
            VariablePlace::Path(pattern) => (Some(pattern.clone()), vec![]),
            VariablePlace::Host(hosts) => (None, hosts.clone()),
        };
        let value = entered.get(name).or(preset.as_ref()).cloned().unwrap_or_default();
        Self { name: name.clone(), label: label.clone(), help: help.clone(), value, pattern, hosts }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{golden::golden, layout},
        *,
    };
    use crate::{
        connections::{State as AccountState, service_accounts::ServiceAccount},
        ids::{OrganisationId, PersonId, ServiceAccountId},
    };
    use jiff::Timestamp;

    fn option(fields: Fields, outcome: Option<Outcome>) -> AccountOption {
        let (id, label) = match fields {
            Fields::Key => ("key", "Service account"),
            Fields::Client => ("client", "Application"),
            Fields::Nothing => ("page", "Shared mailbox"),
        };
        AccountOption {
            id: format!("example-{id}"),
            provider: "example".into(),
            service: "Example Calendar".into(),
            sign_in: id.into(),
            label: label.into(),
            fields,
            mailbox: "gil@school.example".into(),
            client_id: "client-1".into(),
            variables: if fields == Fields::Client { variables() } else { vec![] },
            outcome,
        }
    }

    /// A variable of each kind.
    fn variables() -> Vec<VariableField> {
        let hosts = [("login.example", "Worldwide"), ("login.gov.example", "Government")];
        let choice = |(host, label): (&str, &str)| HostChoice { host: host.into(), label: label.into() };
        let tenant = EndpointVariable {
            name: "tenant".into(),
            label: "Directory (tenant) ID".into(),
            help: "On the overview page of the application".into(),
            place: VariablePlace::Path("[0-9a-f-]+".into()),
            preset: None,
        };
        let cloud = EndpointVariable {
            name: "cloud".into(),
            label: "Cloud".into(),
            help: "Where your organisation has its account".into(),
            place: VariablePlace::Host(hosts.map(choice).into()),
            preset: Some("login.gov.example".into()),
        };
        let entered = VariableValues::from([("tenant".to_owned(), "7f3a".to_owned())]);
        [tenant, cloud].iter().map(|variable| VariableField::new(variable, &entered)).collect()
    }

    fn page(domains: &[&str], accounts: Vec<SavedAccount>, options: Vec<AccountOption>) -> OrganisationPage {
        let domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
        OrganisationPage { layout: layout::testing::signed_in(), domains, accounts, options }
    }

    fn saved(state: AccountState) -> SavedAccount {
        let at = Timestamp::UNIX_EPOCH;
        let account = ServiceAccount {
            id: ServiceAccountId::new(at),
            organisation: OrganisationId::new(at),
            provider: "example".into(),
            sign_in: "key".into(),
            kind: Kind::Delegated,
            mailbox: "gil@school.example".into(),
            client: Some("robot@school.example".into()),
            fields: Vec::new(),
            state,
            endpoint: "https://login.example/7f3a/token".into(),
            variables: [("tenant".to_owned(), "7f3a".to_owned())].into(),
            expires_at: None,
            saved_by: PersonId::new(at),
            saved_at: at,
        };
        SavedAccount { service: "Example Calendar".into(), overview: Overview { account, people: 12 } }
    }

    #[test]
    fn golden_pages_of_the_service_accounts() {
        golden("page_organisation_empty", &page(&[], vec![], vec![]));
        let options = [Fields::Key, Fields::Client, Fields::Nothing].map(|fields| option(fields, None)).into();
        golden("page_organisation", &page(&["school.example"], vec![saved(AccountState::Reconnect)], options));
        let abilities = |invitations| Abilities { mailbox: "gil@school.example".into(), reads_busy: true, invitations };
        let options = [Invitations::Work, Invitations::NotPermitted, Invitations::Refused]
            .map(|invitations| option(Fields::Key, Some(Outcome::Works(abilities(invitations)))));
        golden("page_organisation_works", &page(&["school.example"], vec![], options.into()));
        let failure = Failure {
            texts: Message::AccountApproval.fill_in(Some("Example Calendar")),
            client: Some("client-1".into()),
            scopes: vec!["calendar.events".into()],
            link: Some("https://help.example".into()),
        };
        let options = vec![option(Fields::Key, Some(Outcome::Failed(failure)))];
        golden("page_organisation_failed", &page(&["school.example"], vec![], options));
    }
}
