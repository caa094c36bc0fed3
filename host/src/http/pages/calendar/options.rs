//! The options to connect a calendar, from the description of a provider: a form, or a button that leads to the service.

use super::super::{messages::Texts, paths};
use super::submission::{FieldErrorKind, PREFIX, Submission};
use crate::{
    app::App,
    plugins::{
        contract::{FieldKind, Form, FormField, Method, Oauth2Code, SecretUrl, SignIn},
        egress::Origin,
        endpoints,
        registry::Provider,
        sign_in::SECRET_URL,
    },
};
use url::Url;

/// One option to connect a calendar.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ConnectOption {
    /// The id of its heading; the ids of its elements begin with it.
    pub(super) id: String,
    pub(super) provider: String,
    pub(super) sign_in: String,
    /// The name of the sign-in.
    pub(super) label: String,
    /// The name of the service.
    pub(super) service: String,
    /// The address that receives the form.
    pub(super) action: &'static str,
    pub(super) fields: Vec<Field>,
    /// Instructions at the service.
    pub(super) help_link: Option<String>,
    /// Why the submission of this form failed.
    pub(super) problem: Option<Texts>,
}

/// A field of a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) id: String,
    /// The name with which it is sent.
    pub(super) name: String,
    pub(super) label: FieldLabel,
    /// HTML's `type`.
    pub(super) kind: &'static str,
    /// HTML's `inputmode`.
    pub(super) mode: Option<&'static str>,
    pub(super) pattern: Option<String>,
    pub(super) help: String,
    /// Never a secret.
    pub(super) value: String,
    pub(super) required: bool,
    pub(super) error: Option<FieldErrorKind>,
    /// Whether the browser moves the focus here.
    pub(super) autofocus: bool,
}

/// The label of a field.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FieldLabel {
    /// As the provider calls it.
    Provider(String),
    /// The field of a sign-in with a secret address, which has no label of the provider.
    SecretAddress,
}

impl ConnectOption {
    /// The option of a sign-in. A submission is shown if it is of this sign-in.
    pub(super) fn new(provider: &Provider, sign_in: &SignIn, submission: Option<&Submission>) -> Self {
        Self::build(&provider.id, &provider.plugin.description().name, sign_in, submission)
    }

    fn build(provider: &str, service: &str, sign_in: &SignIn, submission: Option<&Submission>) -> Self {
        let is_this = |one: &&Submission| one.provider == provider && one.sign_in == sign_in.id;
        let submission = submission.filter(is_this);
        let id = format!("{provider}-{}", sign_in.id);
        let (mut fields, help_link) = match &sign_in.method {
            Method::Form(form) => (fields(&id, form, submission), form.help_link.clone()),
            Method::SecretUrl(url) => (vec![secret_url(&id, url, submission)], url.help_link.clone()),
            Method::None | Method::Oauth2Code(_) | Method::Oauth2ClientCredentials(_) | Method::Oauth2JwtBearer(_) => {
                (Vec::new(), None)
            }
        };
        let message = submission.and_then(|submission| submission.message);
        if message.is_some() {
            focus(&mut fields);
        }
        let is_form = crate::plugins::sign_in::is_form(sign_in);
        Self {
            id,
            provider: provider.to_owned(),
            sign_in: sign_in.id.clone(),
            label: sign_in.label.clone(),
            service: service.to_owned(),
            action: if is_form { paths::CALENDAR_FORM } else { paths::CALENDAR_CONNECT },
            fields,
            help_link,
            problem: message.map(|message| message.fill_in(Some(service))),
        }
    }
}

/// Moves the focus to the first field that must be corrected: one with an error, else a secret, which is never kept.
fn focus(fields: &mut [Field]) {
    let invalid = fields.iter().position(|field| field.error.is_some());
    let secret = || fields.iter().position(|field| field.kind == "password");
    if let Some(at) = invalid.or_else(secret)
        && let Some(field) = fields.get_mut(at)
    {
        field.autofocus = true;
    }
}

/// The fields of a form, in its order.
fn fields(option: &str, form: &Form, submission: Option<&Submission>) -> Vec<Field> {
    form.fields.iter().map(|described| field(option, described, submission)).collect()
}

fn field(option: &str, described: &FormField, submission: Option<&Submission>) -> Field {
    let FormField { name, label, kind, pattern, help, preset } = described;
    let secret = *kind == FieldKind::Secret;
    let entered = submission.and_then(|submission| submission.value(described)).map(str::to_owned);
    Field {
        id: format!("{option}-{name}"),
        name: format!("{PREFIX}{name}"),
        label: FieldLabel::Provider(label.clone()),
        kind: if secret { "password" } else { "text" },
        mode: (*kind == FieldKind::ServerUrl).then_some("url"),
        pattern: pattern.clone(),
        help: help.clone(),
        value: entered.or_else(|| preset.clone().filter(|_| !secret)).unwrap_or_default(),
        required: preset.is_none(),
        error: submission.and_then(|submission| submission.error_of(name)).cloned(),
        autofocus: false,
    }
}

/// The one field of a sign-in with an address that is itself the secret.
fn secret_url(option: &str, described: &SecretUrl, submission: Option<&Submission>) -> Field {
    Field {
        id: format!("{option}-{SECRET_URL}"),
        name: format!("{PREFIX}{SECRET_URL}"),
        label: FieldLabel::SecretAddress,
        kind: "password",
        mode: None,
        pattern: described.pattern.clone(),
        help: described.help.clone(),
        value: String::new(),
        required: true,
        error: submission.and_then(|submission| submission.error_of(SECRET_URL)).cloned(),
        autofocus: false,
    }
}

/// Whether a person signs in for themselves with it, and not an organisation for all of its people.
pub(super) const fn is_personal(sign_in: &SignIn) -> bool {
    !matches!(sign_in.method, Method::Oauth2ClientCredentials(_) | Method::Oauth2JwtBearer(_))
}

/// The origins to which the button of a sign-in redirects the browser.
pub(in crate::http::pages) fn form_action_origins(app: &App, sign_in: &SignIn) -> Vec<Origin> {
    match &sign_in.method {
        Method::Oauth2Code(Oauth2Code { authorize, variables, .. }) => {
            let mapped = |url: Url| app.config.egress.map.apply(&url).unwrap_or(url);
            endpoints::samples(authorize, variables).into_iter().filter_map(|url| Origin::of(&mapped(url))).collect()
        }
        Method::Form(_)
        | Method::SecretUrl(_)
        | Method::None
        | Method::Oauth2ClientCredentials(_)
        | Method::Oauth2JwtBearer(_) => Vec::new(),
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::plugins::contract::Attach;

    fn field(name: &str, label: &str, kind: FieldKind, preset: Option<&str>) -> FormField {
        FormField {
            name: name.into(),
            label: label.into(),
            kind,
            pattern: None,
            help: format!("Help for the field {label}"),
            preset: preset.map(str::to_owned),
        }
    }

    fn sign_in(id: &str, label: &str, method: Method) -> SignIn {
        SignIn { id: id.into(), label: label.into(), method, attach: Attach::Nothing, subject_paths: vec![] }
    }

    /// An option with a form.
    pub(in super::super) fn form(service: &str, submission: Option<&Submission>) -> ConnectOption {
        let fields = vec![
            field("server", "Server", FieldKind::ServerUrl, None),
            field("path", "Path", FieldKind::Text, Some("")),
            field("username", "User name", FieldKind::Text, None),
            field("password", "Password", FieldKind::Secret, None),
        ];
        let form = Form { fields, help_link: Some("https://help.example".into()) };
        ConnectOption::build("example", service, &sign_in("password", "Password", Method::Form(form)), submission)
    }

    /// An option with a button.
    pub(in super::super) fn button(service: &str) -> ConnectOption {
        ConnectOption::build("example", service, &sign_in("page", "Example account", Method::None), None)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{super::messages::Message, submission::testing::with_errors},
        *,
    };
    use crate::plugins::contract::Attach;
    use std::collections::BTreeMap;

    fn described(name: &str, kind: FieldKind, preset: Option<&str>) -> FormField {
        let (label, help) = (format!("Label of {name}"), format!("Help of {name}"));
        FormField {
            name: name.into(),
            label,
            kind,
            pattern: Some(".+".into()),
            help,
            preset: preset.map(str::to_owned),
        }
    }

    fn sign_in(method: Method) -> SignIn {
        SignIn {
            id: "option".into(),
            label: "An option".into(),
            method,
            attach: Attach::Nothing,
            subject_paths: vec![],
        }
    }

    #[test]
    fn a_form_is_that_of_the_description_and_keeps_all_but_secrets() {
        let fields = vec![
            described("server", FieldKind::ServerUrl, None),
            described("path", FieldKind::Text, Some("/dav")),
            described("password", FieldKind::Secret, None),
        ];
        let sign_in = sign_in(Method::Form(Form { fields, help_link: Some("https://help.example".into()) }));
        let option = ConnectOption::build("a", "A service", &sign_in, None);
        assert_eq!((option.action, &*option.service), (paths::CALENDAR_FORM, "A service"));
        let seen: Vec<_> = option.fields.iter().map(|one| (&*one.name, one.kind, one.required, &*one.value)).collect();
        let wanted = [
            ("field.server", "text", true, ""),
            ("field.path", "text", false, "/dav"),
            ("field.password", "password", true, ""),
        ];
        assert_eq!(seen, wanted);
        assert!(!option.fields.iter().any(|field| field.autofocus));

        let values = BTreeMap::from(["path", "password"].map(|name| (name.to_owned(), "hunter22".to_owned())));
        let server = Some("https://dav.example".to_owned());
        let submission = Submission::new("a".into(), "option".into(), server, values);
        let errors = [("path", FieldErrorKind::Pattern)];
        let mut submission = with_errors(submission, Message::FieldsInvalid, &errors);
        let option = ConnectOption::build("a", "A service", &sign_in, Some(&submission));
        let seen: Vec<_> = option.fields.iter().map(|one| (&*one.value, one.error.is_some(), one.autofocus)).collect();
        assert_eq!(seen, [("https://dav.example", false, false), ("hunter22", true, true), ("", false, false)]);
        // A submission of another sign-in is not shown here.
        submission.sign_in = "another".into();
        assert_eq!(ConnectOption::build("a", "A service", &sign_in, Some(&submission)).fields[0].value, "");
    }

    #[test]
    fn a_sign_in_without_a_form_is_a_button() {
        let code = Oauth2Code {
            authorize: "https://accounts.service.example/authorize".into(),
            token: "https://accounts.service.example/token".into(),
            revoke: None,
            manage: None,
            variables: vec![],
            approval: None,
            scopes: vec![],
            authorize_parameters: vec![],
            endpoint_choices: vec![],
            keep_from_token: vec![],
            keep_claims: vec![],
        };
        let option = ConnectOption::build("a", "A service", &sign_in(Method::Oauth2Code(code)), None);
        let seen = (option.action, &*option.service, option.fields.len());
        assert_eq!(seen, (paths::CALENDAR_CONNECT, "A service", 0));
        let secret = SecretUrl { pattern: None, help: "Help".into(), help_link: None };
        let option = ConnectOption::build("a", "A service", &sign_in(Method::SecretUrl(secret)), None);
        assert_eq!((option.action, option.fields.len(), option.fields[0].kind), (paths::CALENDAR_FORM, 1, "password"));
    }
}
