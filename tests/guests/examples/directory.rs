//! A provider whose service has other addresses for each organisation and each cloud. The service is
//! `tests/it/oauth/directory/service.rs`.
//!
//! `open` shows the fields of the connection as the name of the only calendar. A test makes another version by overwriting
//! the addresses of the token endpoint in the component.

use chronus_sdk::failure::{failure, of_sign_in};
use chronus_sdk::http::{self, Request};
use chronus_sdk::{Provider, descriptions::*, json, values::*};
use chronus_test_guests::{account, description};

/// The API, which is the same for all organisations.
const API: &str = "https://api.directory.example";

/// The provider.
pub struct Directory;
chronus_sdk::provider!(Directory, read_only);

impl Provider for Directory {
    fn describe() -> Description {
        let limits = Limits {
            busy_window: 366 * 86_400,
            changes_window: 366 * 86_400,
            page_size: 1,
            get_many: 1,
            poll_floor: 60,
            concurrency: 4,
        };
        Description {
            sign_ins: vec![
                sign_in("work", Method::Oauth2Code(code(Some("https://{cloud}/{tenant}/revoke".into())))),
                sign_in("listed", Method::Oauth2Code(code(None))),
                sign_in("application", Method::Oauth2ClientCredentials(application())),
            ],
            hosts: vec![API.into()],
            limits,
            ..description("directory", "Directory")
        }
    }

    fn open(connection: &Connection) -> Result<AccountReply, Failure> {
        let answer = http::send(&Request::new("GET", format!("{API}/me")))?;
        if !answer.is_success() {
            return Err(answer.failure());
        }
        let mail = json::read(&answer)?["mail"].as_str().map(str::to_owned);
        let mut fields: Vec<_> = connection.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        fields.sort();
        let calendar = Calendar {
            id: "main".into(),
            name: fields.join(" "),
            role: CalendarRole::Owner,
            is_default: true,
            takes_meetings: false,
            zone: None,
        };
        let mut reply = account(vec![calendar]);
        reply.account.address = connection.subject.clone().or(mail);
        Ok(reply)
    }

    fn explain_failure(_: &Connection, error: &SignInError) -> Failure {
        match error.error.as_str() {
            "consent_required" => {
                let tenant = error.fields.iter().find(|(name, _)| name == "tenant").map(|(_, tenant)| tenant.clone());
                let remedy = Remedy::NeedsAdminApproval(AdminApproval { tenant, page: None });
                failure(remedy, "consent_required", "an administrator must approve")
            }
            _ => of_sign_in(error),
        }
    }

    fn busy(_: &Connection, targets: &BusyTargets, _: Window) -> Result<BusyReply, Failure> {
        let answer = http::send(&Request::new("GET", format!("{API}/me")))?;
        if !answer.is_success() {
            return Err(answer.failure());
        }
        let (BusyTargets::Calendars(ids) | BusyTargets::Addresses(ids)) = targets;
        let free = |id: &String| BusyAnswer {
            target: id.clone(),
            outcome: Ok(BusyTimes { intervals: vec![], problems: vec![] }),
        };
        Ok(BusyReply { answers: ids.iter().map(free).collect(), memo: None })
    }
}

fn sign_in(id: &str, method: Method) -> SignIn {
    let attach = Attach::Header(AttachHeader { name: "authorization".into(), prefix: "Bearer ".into() });
    SignIn { id: id.into(), label: id.into(), method, attach, subject_paths: vec![] }
}

fn variables() -> Vec<EndpointVariable> {
    let choice = |host: &str, label: &str| HostChoice { host: host.into(), label: label.into() };
    vec![
        EndpointVariable {
            name: "tenant".into(),
            label: "Tenant".into(),
            help: "See the overview page of the directory".into(),
            place: VariablePlace::Path("[a-z][a-z0-9.-]*".into()),
            preset: None,
        },
        EndpointVariable {
            name: "cloud".into(),
            label: "Cloud".into(),
            help: "Where the directory is".into(),
            place: VariablePlace::Host(vec![
                choice("login.directory.example", "Worldwide"),
                choice("gov.directory.example", "Government"),
            ]),
            preset: Some("login.directory.example".into()),
        },
    ]
}

fn code(revoke: Option<String>) -> Oauth2Code {
    let scopes = vec![Scope { name: "busy".into(), echoed: true }, Scope { name: "offline".into(), echoed: false }];
    Oauth2Code {
        authorize: "https://{cloud}/{tenant}/authorize".into(),
        token: "https://{cloud}/{tenant}/token".into(),
        manage: revoke.is_none().then(|| "https://{cloud}/{tenant}/applications".into()),
        revoke,
        variables: variables(),
        scopes: vec![LevelScopes { level: Level::Read, scopes }],
        approval: Some(
            "https://{cloud}/{tenant}/approve?id={client-id}&to={redirect-uri}&state={state}&scope={scopes}".into(),
        ),
        authorize_parameters: vec![],
        endpoint_choices: vec![],
        keep_from_token: vec!["scope".into()],
        keep_claims: vec!["tid".into(), "guest".into()],
    }
}

fn application() -> Oauth2ClientCredentials {
    Oauth2ClientCredentials {
        token: "https://{cloud}/{tenant}/token".into(),
        variables: variables(),
        scopes: vec![Scope { name: "all".into(), echoed: true }],
        keep_from_token: vec![],
    }
}
