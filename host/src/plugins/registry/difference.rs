//! What a component requests beyond the grant, one fact a line.
//!
//! Threat: a change in a request that the operator is not shown. Decision: request and grant are both split into facts, and the
//! facts are compared, so every field of [`RequestedGrant`] is part of the difference. Fewer hosts, scopes or sign-ins need no
//! consent. Every other change does: a label, because people read it before they enter a password; a lower level, because
//! meetings then reach no calendar; an older version, because it may lack what was mended ([`step_back`]).
//! Rejected: comparing the JSON of both, which is hard to read.

use super::grant::RequestedGrant;
use crate::plugins::{
    Level,
    contract::{Attach, EndpointVariable, FieldKind, FormField, Method, Scope, ScopeLevel, SignIn, VariablePlace},
    egress::OriginPattern,
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

/// One line of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DifferenceLine {
    /// The kind of the difference.
    pub kind: DifferenceKind,
    /// The fact, with the component's own words.
    pub what: String,
}

/// How a fact differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// Requested, not granted.
    New,
    /// Granted with another value.
    Changed,
    /// Granted, no longer requested.
    Gone,
    /// For information; nothing is requested.
    Note,
}

impl fmt::Display for DifferenceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.kind {
            DifferenceKind::New => '+',
            DifferenceKind::Changed => '~',
            DifferenceKind::Gone => '-',
            DifferenceKind::Note => ' ',
        };
        write!(f, "{sign} {}", self.what)
    }
}

/// Whether an operator must accept the difference before the component is used.
#[must_use]
pub fn needs_acceptance(lines: &[DifferenceLine]) -> bool {
    lines.iter().any(|line| matches!(line.kind, DifferenceKind::New | DifferenceKind::Changed))
}

/// How a request differs from the grant. `None` is the grant of a new provider.
#[must_use]
pub fn difference(granted: Option<&RequestedGrant>, request: &RequestedGrant) -> Vec<DifferenceLine> {
    let (old, new) = (granted.map(facts).unwrap_or_default(), facts(request));
    let line = |kind, what: String| DifferenceLine { kind, what };
    let mut lines = Vec::new();
    for (name, fact) in &new {
        match old.get(name) {
            None if covered(granted, name) => {}
            None => lines.push(line(DifferenceKind::New, format!("{name}{}", after(&fact.value)))),
            Some(before) if before.value != fact.value => {
                lines.push(line(DifferenceKind::Changed, format!("{name}: {} -> {}", before.value, fact.value)));
            }
            Some(_) => {}
        }
    }
    for (name, fact) in old.iter().filter(|(name, _)| !new.contains_key(*name)) {
        let whole = fact.sign_in.filter(|id| request.sign_ins.iter().all(|sign_in| sign_in.id != **id));
        match whole {
            // The facts of a sign-in that is gone are not listed one by one.
            Some(id) if *name != sign_in_name(id) => {}
            Some(_) => lines.push(line(DifferenceKind::Gone, name.clone())),
            None if fact.may_shrink => lines.push(line(DifferenceKind::Gone, name.clone())),
            None => lines.push(line(DifferenceKind::Changed, format!("without {name}{}", after(&fact.value)))),
        }
    }
    if let Some(granted) = granted.filter(|granted| granted.state_format != request.state_format) {
        let (before, after) = (granted.state_format, request.state_format);
        lines.push(line(DifferenceKind::Note, format!("state-format {before} -> {after}: calendars are listed anew")));
    }
    lines
}

/// The line for a version that is older than the one in use.
#[must_use]
pub fn step_back(present: &str, version: &str) -> Option<DifferenceLine> {
    let numbers = |version: &str| -> Vec<u64> {
        let release = version.split(['-', '+']).next().unwrap_or_default();
        release.split('.').map(|number| number.parse().unwrap_or_default()).collect()
    };
    let what = || format!("version: {present} -> {version}, which is older");
    (numbers(version) < numbers(present)).then(|| DifferenceLine { kind: DifferenceKind::Changed, what: what() })
}

fn after(value: &str) -> String {
    if value.is_empty() { String::new() } else { format!(": {value}") }
}

/// Whether a granted wildcard covers this host.
fn covered(granted: Option<&RequestedGrant>, name: &str) -> bool {
    let pattern = name.strip_prefix("host ").and_then(|host| host.parse::<OriginPattern>().ok());
    let (Some(granted), Some(pattern)) = (granted, pattern) else { return false };
    let wide = granted.hosts.iter().filter_map(|host| host.parse::<OriginPattern>().ok());
    wide.into_iter().any(|wide| wide.includes(&pattern))
}

/// One fact of a request.
struct Fact<'a> {
    value: String,
    /// The sign-in that it belongs to.
    sign_in: Option<&'a str>,
    /// Whether the fact may disappear without consent.
    may_shrink: bool,
}

type Facts<'a> = BTreeMap<String, Fact<'a>>;

fn facts(request: &RequestedGrant) -> Facts<'_> {
    let RequestedGrant { id, name, level, hosts, read_only_posts, sign_ins, state_format: _ } = request;
    let mut facts = Facts::new();
    let mut put = |name: String, value: &str, may_shrink| {
        facts.insert(name, Fact { value: value.to_owned(), sign_in: None, may_shrink });
    };
    put("provider".into(), id, false);
    put("name".into(), name, false);
    for known in [Level::ReadOnly, Level::TwoWay, Level::TwoWayPush] {
        if known <= *level {
            put(format!("level {}", known.name()), "", false);
        }
    }
    for host in hosts {
        // Normalised, because one origin has several spellings.
        let host = host.parse::<OriginPattern>().map_or_else(|_| host.clone(), |pattern| pattern.to_string());
        put(format!("host {host}"), "", true);
    }
    for post in read_only_posts {
        put(format!("POST that only reads {post}"), "", true);
    }
    for sign_in in sign_ins {
        for SignInFact { name: part, value, may_shrink } in sign_in_facts(sign_in) {
            let name = sign_in_name(&sign_in.id);
            let name = if part.is_empty() { name } else { format!("{name}, {part}") };
            // Two values with the same name (of a parameter, for example) become one fact, so that neither hides the other.
            let fact = facts.entry(name).or_insert_with(|| Fact {
                value: String::new(),
                sign_in: Some(&sign_in.id),
                may_shrink,
            });
            fact.value = if fact.value.is_empty() { value } else { format!("{} and {value}", fact.value) };
        }
    }
    facts
}

fn sign_in_name(id: &str) -> String {
    format!("sign-in {id}")
}

/// One fact of a sign-in.
struct SignInFact {
    /// Empty for the sign-in itself.
    name: String,
    value: String,
    /// Whether the fact may disappear without consent.
    may_shrink: bool,
}

fn sign_in_facts(sign_in: &SignIn) -> Vec<SignInFact> {
    let SignIn { id: _, label, method, attach, subject_paths } = sign_in;
    let mut facts = vec![fact("", format!("{label:?}")), fact("attach", attach_text(attach))];
    facts.extend(subject_paths.iter().map(|path| fact(&format!("requests for a mailbox below {path}"), "")));
    match method {
        Method::Oauth2Code(code) => {
            facts.push(fact("method", "oauth2-code"));
            facts.push(fact("authorize", &code.authorize));
            facts.push(fact("token", &code.token));
            facts.extend(code.revoke.as_ref().map(|revoke| fact("revoke", revoke)));
            facts.extend(code.manage.as_ref().map(|manage| fact("page to withdraw consent", manage)));
            facts.extend(code.approval.as_ref().map(|approval| fact("page for administrators", approval)));
            facts.extend(code.variables.iter().flat_map(variable_facts));
            for scopes in &code.scopes {
                let level = match scopes.level {
                    ScopeLevel::Read => "read",
                    ScopeLevel::Write => "write",
                };
                let scopes = scopes.scopes.iter();
                facts.extend(scopes.flat_map(|scope| scope_facts(scope, &format!(" (to {level})"))));
            }
            let parameters = code.authorize_parameters.iter();
            facts.extend(parameters.map(|(name, value)| fact(&format!("authorize parameter {name}"), value)));
            for choice in &code.endpoint_choices {
                let name = format!("endpoints if {:?} is {:?}", choice.parameter, choice.value);
                let revoke = choice.revoke.as_deref().unwrap_or("none");
                facts.push(fact(&name, format!("token {}, revoke {revoke}", choice.token)));
            }
            facts.extend(
                code.keep_from_token.iter().map(|field| droppable_fact(format!("reads {field} of the token reply"))),
            );
            let claims = code.keep_claims.iter();
            facts.extend(claims.map(|claim| droppable_fact(format!("reads the claim {claim} of the id token"))));
        }
        Method::Oauth2ClientCredentials(grant) => {
            facts.push(fact("method", "oauth2-client-credentials"));
            facts.push(fact("token", &grant.token));
            facts.extend(grant.variables.iter().flat_map(variable_facts));
            facts.extend(grant.scopes.iter().flat_map(|scope| scope_facts(scope, "")));
            facts.extend(
                grant.keep_from_token.iter().map(|field| droppable_fact(format!("reads {field} of the token reply"))),
            );
        }
        Method::Oauth2JwtBearer(grant) => {
            facts.push(fact("method", "oauth2-jwt-bearer"));
            facts.push(fact("token", &grant.token));
            facts.push(fact("audience", &grant.audience));
            facts.push(fact("subject claim", &grant.subject_claim));
            facts.extend(grant.variables.iter().flat_map(variable_facts));
            facts.extend(grant.scopes.iter().flat_map(|scope| scope_facts(scope, "")));
            facts.extend(
                grant.keep_from_token.iter().map(|field| droppable_fact(format!("reads {field} of the token reply"))),
            );
        }
        Method::Form(form) => {
            facts.push(fact("method", "form"));
            facts.extend(form.fields.iter().map(|field| fact(&format!("field {}", field.name), field_text(field))));
            facts.extend(form.help_link.as_ref().map(|link| fact("help link", link)));
        }
        Method::SecretUrl(asked) => {
            facts.push(fact("method", "secret-url"));
            facts.push(fact("help", format!("{:?}, pattern {:?}", asked.help, asked.pattern.as_deref().unwrap_or(""))));
            facts.extend(asked.help_link.as_ref().map(|link| fact("help link", link)));
        }
        Method::None => facts.push(fact("method", "none")),
    }
    facts
}

/// A variable, and each host that it can stand for.
fn variable_facts(variable: &EndpointVariable) -> Vec<SignInFact> {
    let EndpointVariable { name, label, help, place, preset } = variable;
    let (place, hosts) = match place {
        VariablePlace::Path(pattern) => (format!("a path segment like {pattern:?}"), vec![]),
        VariablePlace::Host(choices) => ("one of its hosts".to_owned(), choices.iter().collect()),
    };
    let preset = preset.as_deref().unwrap_or("none");
    let own = fact(&format!("variable {name}"), format!("{label:?}, {place}, preset {preset}, help {help:?}"));
    let hosts = hosts.into_iter();
    let hosts =
        hosts.map(|choice| fact(&format!("variable {name}, host {}", choice.host), format!("{:?}", choice.label)));
    [own].into_iter().chain(hosts).collect()
}

fn fact(name: &str, value: impl Into<String>) -> SignInFact {
    SignInFact { name: name.to_owned(), value: value.into(), may_shrink: false }
}

/// A scope and, because the host then cannot see that it was refused, whether token responses leave it out.
fn scope_facts(Scope { name, echoed }: &Scope, purpose: &str) -> impl Iterator<Item = SignInFact> + use<> {
    let name = format!("scope {name}{purpose}");
    let unseen = (!echoed).then(|| droppable_fact(format!("{name} is not listed in token responses")));
    std::iter::once(droppable_fact(name)).chain(unseen)
}

fn droppable_fact(name: String) -> SignInFact {
    SignInFact { name, value: String::new(), may_shrink: true }
}

fn attach_text(attach: &Attach) -> String {
    match attach {
        Attach::Header(header) => format!("in the header {}, after {:?}", header.name, header.prefix),
        Attach::Basic(basic) => format!("by Basic, user {}, password {}", basic.user_field, basic.secret_field),
        Attach::Query(name) => format!("in the query, as {name}"),
        Attach::Url => "the address is the secret".to_owned(),
        Attach::Nothing => "nothing".to_owned(),
    }
}

fn field_text(field: &FormField) -> String {
    let FormField { name: _, label, kind, pattern, help, preset } = field;
    let kind = match kind {
        FieldKind::Text => "text",
        FieldKind::Secret => "secret",
        FieldKind::ServerUrl => "server",
    };
    let mut text = format!("{kind} {label:?}");
    for (what, value) in [("preset", preset), ("pattern", pattern)] {
        if let Some(value) = value {
            text += &format!(", {what} {value:?}");
        }
    }
    if help.is_empty() { text } else { format!("{text}, help {help:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::{
        contract::{
            AttachBasic, AttachHeader, EndpointChoice, Form, LevelScopes, Oauth2ClientCredentials, Oauth2Code,
            Oauth2JwtBearer, SecretUrl,
        },
        endpoints::testing::{host, path},
    };

    fn field(name: &str, kind: FieldKind) -> FormField {
        FormField { name: name.into(), label: name.into(), kind, pattern: None, help: String::new(), preset: None }
    }

    fn sign_in(id: &str, method: Method, attach: Attach) -> SignIn {
        SignIn { id: id.into(), label: id.to_uppercase(), method, attach, subject_paths: vec![] }
    }

    fn code() -> Oauth2Code {
        Oauth2Code {
            authorize: "https://a.example/authorize".into(),
            token: "https://a.example/token".into(),
            revoke: Some("https://a.example/revoke".into()),
            manage: None,
            variables: vec![host("cloud", &["a.example", "b.example"], None)],
            approval: None,
            scopes: vec![LevelScopes { level: ScopeLevel::Read, scopes: vec!["busy".into(), "mail".into()] }],
            authorize_parameters: vec![("access_type".into(), "offline".into())],
            endpoint_choices: vec![EndpointChoice {
                parameter: "region".into(),
                value: "eu".into(),
                token: "https://eu.a.example/token".into(),
                revoke: None,
            }],
            keep_from_token: vec!["scope".into()],
            keep_claims: vec![],
        }
    }

    /// One of everything.
    fn all() -> RequestedGrant {
        let header = Attach::Header(AttachHeader { name: "authorization".into(), prefix: "Bearer ".into() });
        let basic = Attach::Basic(AttachBasic { user_field: "user".into(), secret_field: "password".into() });
        let fields = vec![field("user", FieldKind::Text), field("password", FieldKind::Secret)];
        let application = Oauth2ClientCredentials {
            token: "https://a.example/token".into(),
            variables: vec![],
            scopes: vec!["all".into()],
            keep_from_token: vec![],
        };
        let bearer = Oauth2JwtBearer {
            token: "https://a.example/token".into(),
            variables: vec![],
            audience: "a".into(),
            subject_claim: "sub".into(),
            scopes: vec!["all".into()],
            keep_from_token: vec![],
        };
        let address = SecretUrl { pattern: None, help: "the address".into(), help_link: None };
        RequestedGrant {
            id: "example".into(),
            name: "Example".into(),
            level: Level::TwoWay,
            hosts: vec!["https://*.a.example.org".into(), "https://b.example.org".into()],
            read_only_posts: vec!["https://b.example.org/freeBusy".into()],
            sign_ins: vec![
                sign_in("code", Method::Oauth2Code(code()), header.clone()),
                sign_in("application", Method::Oauth2ClientCredentials(application), header.clone()),
                sign_in("bearer", Method::Oauth2JwtBearer(bearer), header),
                sign_in("form", Method::Form(Form { fields, help_link: None }), basic),
                sign_in("address", Method::SecretUrl(address), Attach::Url),
                sign_in("none", Method::None, Attach::Nothing),
            ],
            state_format: 1,
        }
    }

    fn code_of(request: &mut RequestedGrant) -> &mut Oauth2Code {
        match &mut request.sign_ins[0].method {
            Method::Oauth2Code(code) => code,
            _ => unreachable!(),
        }
    }

    fn form_of(request: &mut RequestedGrant) -> &mut Form {
        match &mut request.sign_ins[3].method {
            Method::Form(form) => form,
            _ => unreachable!(),
        }
    }

    fn shown(lines: &[DifferenceLine]) -> Vec<String> {
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_same_is_no_difference_also_after_it_was_kept() {
        assert_eq!(difference(Some(&all()), &all()), []);
        let kept: RequestedGrant = serde_json::from_str(&serde_json::to_string(&all()).unwrap()).unwrap();
        assert_eq!(kept, all());
    }

    /// F7 of the integrators' review: a step back was taken silently, and meetings then reached no calendar.
    #[test]
    fn an_older_version_and_a_lower_level_are_to_be_accepted() {
        for (present, version) in [("0.2.0", "0.1.1"), ("1.10.0", "1.9.9"), ("1.0.0", "1.0"), ("2", "1.9")] {
            let line = step_back(present, version).unwrap();
            assert!(needs_acceptance(std::slice::from_ref(&line)), "{line}");
        }
        for (present, version) in [("0.1.1", "0.2.0"), ("1.9.9", "1.10.0"), ("1.0.0", "1.0.0"), ("1.0.0", "1.0.0-rc.1")]
        {
            assert_eq!(step_back(present, version), None, "{present} {version}");
        }
        let lower = RequestedGrant { level: Level::ReadOnly, ..all() };
        let lines = difference(Some(&all()), &lower);
        assert_eq!(shown(&lines), ["~ without level two-way"]);
        assert!(needs_acceptance(&lines));
    }

    #[test]
    fn everything_is_new_for_a_provider_that_is_new() {
        let lines = difference(None, &all());
        assert!(lines.iter().all(|line| line.kind == DifferenceKind::New) && needs_acceptance(&lines));
        for part in [
            "+ host https://*.a.example.org",
            "+ POST that only reads https://b.example.org/freeBusy",
            "+ level two-way",
            "+ sign-in code: \"CODE\"",
            "+ sign-in code, scope busy (to read)",
            "+ sign-in code, token: https://a.example/token",
            "+ sign-in code, attach: in the header authorization, after \"Bearer \"",
            "+ sign-in form, field password: secret \"password\"",
        ] {
            assert!(shown(&lines).contains(&part.to_owned()), "{part}: {:#?}", shown(&lines));
        }
    }

    #[test]
    fn whatever_is_wider_or_different_needs_consent_and_is_one_line() {
        type Case = (&'static str, fn(&mut RequestedGrant));
        let cases: [Case; 33] = [
            ("~ name: Example -> Other", |a| a.name = "Other".into()),
            ("+ level two-way-push", |a| a.level = Level::TwoWayPush),
            ("+ host https://c.example.org", |a| a.hosts.push("https://c.example.org".into())),
            ("+ host https://*.b.example.org", |a| a.hosts.push("https://*.b.example.org".into())),
            ("+ POST that only reads https://b.example.org/x", |a| {
                a.read_only_posts.push("https://b.example.org/x".into());
            }),
            ("~ sign-in none: \"NONE\" -> \"New\"", |a| a.sign_ins[5].label = "New".into()),
            ("~ sign-in none, attach: nothing -> in the query, as k", |a| {
                a.sign_ins[5].attach = Attach::Query("k".into());
            }),
            ("~ sign-in form, attach: by Basic, user user", |a| {
                a.sign_ins[3].attach =
                    Attach::Header(AttachHeader { name: "authorization".into(), prefix: String::new() });
            }),
            ("~ sign-in code, authorize: https://a.example/authorize ->", |a| {
                code_of(a).authorize = "https://b.example/".into();
            }),
            ("~ sign-in code, token: https://a.example/token ->", |a| code_of(a).token = "https://b.example/".into()),
            ("~ sign-in code, revoke: ", |a| code_of(a).revoke = Some("https://b.example/".into())),
            ("~ without sign-in code, revoke: ", |a| code_of(a).revoke = None),
            ("+ sign-in code, scope all (to read)", |a| code_of(a).scopes[0].scopes.push("all".into())),
            ("+ sign-in code, scope mail (to read) is not listed in token responses", |a| {
                code_of(a).scopes[0].scopes[1].echoed = false;
            }),
            ("+ sign-in code, scope all (to write)", |a| {
                code_of(a).scopes.push(LevelScopes { level: ScopeLevel::Write, scopes: vec!["all".into()] });
            }),
            ("+ sign-in code, variable tenant: \"The tenant\", a path segment like ", |a| {
                code_of(a).variables.push(path("tenant", None));
            }),
            ("~ sign-in code, variable cloud: ", |a| code_of(a).variables[0].preset = Some("a.example".into())),
            ("+ sign-in code, variable cloud, host c.example: \"C.EXAMPLE\"", |a| {
                code_of(a).variables[0] = host("cloud", &["a.example", "b.example", "c.example"], None);
            }),
            ("~ without sign-in code, variable cloud, host b.example: ", |a| {
                code_of(a).variables[0] = host("cloud", &["a.example"], None);
            }),
            ("~ sign-in code, authorize parameter access_type: offline -> x", |a| {
                code_of(a).authorize_parameters[0].1 = "x".into();
            }),
            ("~ without sign-in code, authorize parameter", |a| code_of(a).authorize_parameters.clear()),
            ("~ sign-in code, endpoints if \"region\" is \"eu\": ", |a| {
                code_of(a).endpoint_choices[0].token = "https://b.example/".into();
            }),
            ("~ without sign-in code, endpoints if", |a| code_of(a).endpoint_choices.clear()),
            ("+ sign-in code, reads id of the token reply", |a| code_of(a).keep_from_token.push("id".into())),
            ("+ sign-in application, scope more", |a| match &mut a.sign_ins[1].method {
                Method::Oauth2ClientCredentials(grant) => grant.scopes.push("more".into()),
                _ => unreachable!(),
            }),
            ("~ sign-in bearer, audience: a -> b", |a| match &mut a.sign_ins[2].method {
                Method::Oauth2JwtBearer(grant) => grant.audience = "b".into(),
                _ => unreachable!(),
            }),
            ("~ sign-in form, field user: text \"user\" -> secret", |a| {
                form_of(a).fields[0].kind = FieldKind::Secret;
            }),
            ("~ sign-in form, field user: text \"user\" -> text \"user\", preset", |a| {
                form_of(a).fields[0].preset = Some("https://b.example".into());
            }),
            ("~ without sign-in form, field user", |a| drop(form_of(a).fields.remove(0))),
            ("+ sign-in form, field pin: text", |a| form_of(a).fields.push(field("pin", FieldKind::Text))),
            ("+ sign-in form, help link: https://b.example/", |a| {
                form_of(a).help_link = Some("https://b.example/".into());
            }),
            ("~ sign-in address, help: ", |a| match &mut a.sign_ins[4].method {
                Method::SecretUrl(asked) => asked.help = "your password".into(),
                _ => unreachable!(),
            }),
            ("~ sign-in none, method: none -> form", |a| {
                a.sign_ins[5].method = Method::Form(Form { fields: vec![], help_link: None });
            }),
        ];
        for (part, change) in cases {
            let mut asked = all();
            change(&mut asked);
            let lines = difference(Some(&all()), &asked);
            assert!(lines.len() == 1 && needs_acceptance(&lines), "{part}: {:#?}", shown(&lines));
            assert!(lines[0].to_string().starts_with(part), "{part}: {}", lines[0]);
        }
    }

    #[test]
    fn what_is_said_twice_hides_nothing() {
        let mut asked = all();
        code_of(&mut asked).authorize_parameters.push(("access_type".into(), "online".into()));
        let lines = difference(Some(&all()), &asked);
        assert_eq!(shown(&lines), ["~ sign-in code, authorize parameter access_type: offline -> offline and online"]);
    }

    #[test]
    fn what_is_less_is_said_and_needs_no_consent() {
        type Case = (&'static [&'static str], fn(&mut RequestedGrant));
        let cases: [Case; 8] = [
            (&["- host https://b.example.org"], |a| drop(a.hosts.pop())),
            (&["- POST that only reads https://b.example.org/freeBusy"], |a| a.read_only_posts.clear()),
            (&["- sign-in form"], |a| drop(a.sign_ins.remove(3))),
            (&["- sign-in code, scope mail (to read)"], |a| drop(code_of(a).scopes[0].scopes.pop())),
            (&["- sign-in code, reads scope of the token reply"], |a| code_of(a).keep_from_token.clear()),
            (&["  state-format 1 -> 2: calendars are listed anew"], |a| a.state_format = 2),
            // Another spelling, and what a wildcard covers already.
            (&[], |a| a.hosts[1] = "https://B.example.org:443/".into()),
            (&[], |a| a.hosts.extend(["https://x.a.example.org".into(), "https://*.x.a.example.org".into()])),
        ];
        for (expected, change) in cases {
            let mut asked = all();
            change(&mut asked);
            let lines = difference(Some(&all()), &asked);
            assert_eq!(shown(&lines), expected);
            assert!(!needs_acceptance(&lines));
        }
    }
}
