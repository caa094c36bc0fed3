//! The ways to connect a calendar, from what a provider describes: a form, or a button that leads to the service.

use super::{CONNECT, FORM, form::Tried};
use crate::{
    app::App,
    plugins::{
        contract::{FieldKind, Form, FormField, Method, Oauth2Code, SecretUrl, SignIn},
        egress::Origin,
        registry::Provider,
        sign_in::SECRET_URL,
    },
};
use url::Url;

/// A way to connect.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ConnectOption {
    /// Distinguishes its elements from others of the page.
    pub(super) id: String,
    pub(super) provider: String,
    pub(super) sign_in: String,
    /// What people call it.
    pub(super) label: String,
    /// Where it is sent.
    pub(super) action: &'static str,
    /// What is on its button.
    pub(super) button: String,
    pub(super) fields: Vec<Field>,
    /// Where the service explains it.
    pub(super) help_link: Option<String>,
    /// Whether it was tried a moment ago.
    pub(super) tried: bool,
    /// Why that did not work.
    pub(super) problem: Option<(String, String)>,
}

/// A field of a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) id: String,
    /// As it is sent.
    pub(super) name: String,
    pub(super) label: String,
    /// HTML's `type`.
    pub(super) kind: &'static str,
    /// HTML's `inputmode`.
    pub(super) mode: Option<&'static str>,
    pub(super) pattern: Option<String>,
    pub(super) help: String,
    /// Never a secret.
    pub(super) value: String,
    pub(super) required: bool,
    pub(super) error: Option<String>,
}

/// What the names of fields begin with when they are sent: a provider's own are apart from ours.
pub(super) const PREFIX: &str = "field.";

impl ConnectOption {
    /// By a sign-in, and what was tried a moment ago if it was this one.
    pub(super) fn new(provider: &Provider, sign_in: &SignIn, tried: Option<&Tried>) -> Self {
        Self::build(&provider.id, &provider.plugin.description().name, sign_in, tried)
    }

    fn build(provider: &str, name: &str, sign_in: &SignIn, tried: Option<&Tried>) -> Self {
        let tried = tried.filter(|tried| tried.provider == provider && tried.sign_in == sign_in.id);
        let id = format!("{provider}-{}", sign_in.id);
        let (fields, help_link) = match &sign_in.method {
            Method::Form(form) => (fields(&id, form, tried), form.help_link.clone()),
            Method::SecretUrl(asked) => (vec![secret_url(&id, asked, tried)], asked.help_link.clone()),
            Method::None | Method::Oauth2Code(_) | Method::Oauth2ClientCredentials(_) | Method::Oauth2JwtBearer(_) => {
                (Vec::new(), None)
            }
        };
        let action = if crate::plugins::sign_in::is_form(sign_in) { FORM } else { CONNECT };
        Self {
            id,
            provider: provider.to_owned(),
            sign_in: sign_in.id.clone(),
            label: sign_in.label.clone(),
            action,
            button: format!("Connect {name}"),
            fields,
            help_link,
            tried: tried.is_some(),
            problem: tried.and_then(Tried::told),
        }
    }
}

/// The fields of a form, in its order.
fn fields(way: &str, form: &Form, tried: Option<&Tried>) -> Vec<Field> {
    form.fields.iter().map(|asked| field(way, asked, tried)).collect()
}

fn field(way: &str, asked: &FormField, tried: Option<&Tried>) -> Field {
    let FormField { name, label, kind, pattern, help, preset } = asked;
    let secret = *kind == FieldKind::Secret;
    let kept = tried.and_then(|tried| tried.value(asked)).map(str::to_owned);
    Field {
        id: format!("{way}-{name}"),
        name: format!("{PREFIX}{name}"),
        label: label.clone(),
        kind: if secret { "password" } else { "text" },
        mode: (*kind == FieldKind::ServerUrl).then_some("url"),
        pattern: pattern.clone(),
        help: help.clone(),
        value: kept.or_else(|| preset.clone().filter(|_| !secret)).unwrap_or_default(),
        required: preset.is_none(),
        error: tried.and_then(|tried| tried.error(name)).map(str::to_owned),
    }
}

/// The one field of a sign-in by an address that is itself the secret.
fn secret_url(way: &str, asked: &SecretUrl, tried: Option<&Tried>) -> Field {
    Field {
        id: format!("{way}-{SECRET_URL}"),
        name: format!("{PREFIX}{SECRET_URL}"),
        label: "Secret address".into(),
        kind: "password",
        mode: None,
        pattern: asked.pattern.clone(),
        help: asked.help.clone(),
        value: String::new(),
        required: true,
        error: tried.and_then(|tried| tried.error(SECRET_URL)).map(str::to_owned),
    }
}

/// Whether a person signs in by it for themself, and not an organisation for all of its people.
pub(super) const fn is_personal(sign_in: &SignIn) -> bool {
    !matches!(sign_in.method, Method::Oauth2ClientCredentials(_) | Method::Oauth2JwtBearer(_))
}

/// The other sites to which a sign-in leads the browser.
pub(in crate::http::pages) fn form_action_origins(app: &App, sign_in: &SignIn) -> Vec<Origin> {
    match &sign_in.method {
        Method::Oauth2Code(Oauth2Code { authorize, .. }) => {
            let Ok(url) = Url::parse(authorize) else { return Vec::new() };
            let mapped = app.config.egress.map.apply(&url).unwrap_or(url);
            Origin::of(&mapped).into_iter().collect()
        }
        Method::Form(_)
        | Method::SecretUrl(_)
        | Method::None
        | Method::Oauth2ClientCredentials(_)
        | Method::Oauth2JwtBearer(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::contract::Attach;
    use std::collections::BTreeMap;

    fn asked(name: &str, kind: FieldKind, preset: Option<&str>) -> FormField {
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
        SignIn { id: "way".into(), label: "A way".into(), method, attach: Attach::Nothing }
    }

    #[test]
    fn a_form_is_that_of_the_description_and_keeps_all_but_secrets() {
        let fields = vec![
            asked("server", FieldKind::ServerUrl, None),
            asked("path", FieldKind::Text, Some("/dav")),
            asked("password", FieldKind::Secret, None),
        ];
        let sign_in = sign_in(Method::Form(Form { fields, help_link: Some("https://help.example".into()) }));
        let way = ConnectOption::build("a", "A service", &sign_in, None);
        assert_eq!((way.action, &*way.button), (FORM, "Connect A service"));
        let seen: Vec<_> = way.fields.iter().map(|one| (&*one.name, one.kind, one.required, &*one.value)).collect();
        let wanted = [
            ("field.server", "text", true, ""),
            ("field.path", "text", false, "/dav"),
            ("field.password", "password", true, ""),
        ];
        assert_eq!(seen, wanted);

        let values = BTreeMap::from(["path", "password"].map(|name| (name.to_owned(), "hunter22".to_owned())));
        let server = Some("https://dav.example".to_owned());
        let mut tried = Tried::new("a".into(), "way".into(), server, values);
        tried.errors.push(("path".into(), "wrong".into()));
        let way = ConnectOption::build("a", "A service", &sign_in, Some(&tried));
        let seen: Vec<_> = way.fields.iter().map(|one| (&*one.value, one.error.as_deref())).collect();
        assert_eq!(seen, [("https://dav.example", None), ("hunter22", Some("wrong")), ("", None)]);
        // What was tried elsewhere is not shown here.
        tried.sign_in = "another".into();
        assert_eq!(ConnectOption::build("a", "A service", &sign_in, Some(&tried)).fields[0].value, "");
    }

    #[test]
    fn what_is_no_form_is_a_button() {
        let code = Oauth2Code {
            authorize: "https://accounts.service.example/authorize".into(),
            token: "https://accounts.service.example/token".into(),
            revoke: None,
            scopes: vec![],
            authorize_parameters: vec![],
            endpoint_choices: vec![],
            keep_from_token: vec![],
        };
        let way = ConnectOption::build("a", "A service", &sign_in(Method::Oauth2Code(code)), None);
        assert_eq!((way.action, &*way.button, way.fields.len()), (CONNECT, "Connect A service", 0));
        let secret = SecretUrl { pattern: None, help: "Help".into(), help_link: None };
        let way = ConnectOption::build("a", "A service", &sign_in(Method::SecretUrl(secret)), None);
        assert_eq!((way.action, way.fields.len(), way.fields[0].kind), (FORM, 1, "password"));
    }
}
