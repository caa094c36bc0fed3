//! The addresses of a sign-in, parts of which its variables stand for: the tenant, the cloud.
//!
//! Threat: a value that somebody entered sends the secret of the operator's client, a code or a token to another machine.
//! Decision: a variable stands for one whole segment of a path, or for a host name of the closed list in the operator's grant.
//! One pure function, [`resolve`], fills in all addresses of a sign-in, and everything that uses an address takes a
//! [`ResolvedSignIn`], so an address with a variable is never called. A value that no longer fits is an error and never
//! replaced. Rejected: filling in at each place that uses an address, which gives as many rules as places.

mod check;
mod template;

pub(super) use check::{Addresses, check};
pub use template::{EndpointTemplate, EndpointTemplateError, Part, Place};

use super::contract::{EndpointVariable, Method, Oauth2Code, SignIn, VariablePlace};
use regex_lite::Regex;
use std::collections::BTreeMap;
use url::Url;

/// Values of variables, by their names.
pub type VariableValues = BTreeMap<String, String>;

/// A sign-in with values in place of its variables. Only `approval` still has parts: see [`ResolvedSignIn::approval_page`].
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedSignIn {
    sign_in: SignIn,
    values: VariableValues,
}

/// What the host fills into `approval` by itself.
#[derive(Debug, Clone, Copy)]
pub struct ApprovalParts<'a> {
    /// The tenant that must approve, if the service named it. It does not count if it does not fit.
    pub tenant: Option<&'a str>,
    /// The id of the operator's client.
    pub client_id: &'a str,
    /// Where the service sends the administrator's browser back to.
    pub redirect_uri: &'a str,
    /// Comes back with the browser.
    pub state: &'a str,
    /// The requested scopes, with spaces between them.
    pub scopes: &'a str,
}

/// A sign-in cannot be used with these values of its variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// A variable has no value, and the provider gives no default.
    #[error("a value of `{name}` is missing ({label}; {help})")]
    Missing {
        /// The name.
        name: String,
        /// The label for operators.
        label: String,
        /// Where to find the value.
        help: String,
    },
    /// A value does not fit its variable.
    #[error("the value of `{name}` ({label}) does not fit: {expected}")]
    Unfit {
        /// The name.
        name: String,
        /// The label for operators.
        label: String,
        /// The required form.
        expected: String,
    },
    /// There is no such variable.
    #[error("the sign-in has no variable `{name}`; it has {allowed}")]
    Unknown {
        /// The name.
        name: String,
        /// The names of its variables.
        allowed: String,
    },
    /// An address of the description is malformed, which admission excludes.
    #[error("an address of the sign-in is malformed: {0}")]
    Address(String),
}

impl ResolvedSignIn {
    /// The sign-in.
    #[must_use]
    pub const fn sign_in(&self) -> &SignIn {
        &self.sign_in
    }

    /// Its authorization code grant, if it uses one.
    #[must_use]
    pub const fn code(&self) -> Option<&Oauth2Code> {
        match &self.sign_in.method {
            Method::Oauth2Code(code) => Some(code),
            _ => None,
        }
    }

    /// The page where an IT administrator approves the operator's client for a whole organisation. `None` if the sign-in has no
    /// such page, or a part of its address has no value that fits.
    #[must_use]
    pub fn approval_page(&self, parts: ApprovalParts<'_>) -> Option<String> {
        const TENANT: &str = "tenant";
        let template: EndpointTemplate = self.code()?.approval.as_ref()?.parse().ok()?;
        let described = variables(&self.sign_in).iter().find(|variable| variable.name == TENANT);
        let fits = |tenant: &&str| match described {
            Some(variable) => expected(variable, tenant).is_none(),
            None => template::is_segment(tenant),
        };
        let value = |name: &str| self.values.get(name).map(String::as_str);
        let tenant = parts.tenant.filter(fits).or_else(|| value(TENANT));
        let filled = template.fill(|name| match name {
            TENANT => tenant,
            "client-id" => Some(parts.client_id),
            "redirect-uri" => Some(parts.redirect_uri),
            "state" => Some(parts.state),
            "scopes" => Some(parts.scopes),
            name => self.values.get(name).map(String::as_str),
        });
        filled.ok()
    }

    /// The value of each variable, given or default. The provider sees them.
    #[must_use]
    pub const fn values(&self) -> &VariableValues {
        &self.values
    }
}

/// The variables of a sign-in.
#[must_use]
pub fn variables(sign_in: &SignIn) -> &[EndpointVariable] {
    match &sign_in.method {
        Method::Oauth2Code(code) => &code.variables,
        Method::Oauth2ClientCredentials(grant) => &grant.variables,
        Method::Oauth2JwtBearer(grant) => &grant.variables,
        Method::Form(_) | Method::SecretUrl(_) | Method::None => &[],
    }
}

/// Fills in the addresses of a sign-in. A variable without a value gets its default; values of other names are ignored, because
/// they may belong to another version of the provider.
///
/// # Errors
/// If a value is missing or does not fit.
pub fn resolve(sign_in: &SignIn, given: &VariableValues) -> Result<ResolvedSignIn, VariableError> {
    let values = variables(sign_in).iter().map(|variable| value_of(variable, given));
    let values: VariableValues = values.collect::<Result<_, _>>()?;
    let fill = |address: &mut String| -> Result<(), VariableError> {
        let malformed = |error: String| VariableError::Address(error);
        let template: EndpointTemplate =
            address.parse().map_err(|e: EndpointTemplateError| malformed(e.to_string()))?;
        *address = template.fill(|name| values.get(name).map(String::as_str)).map_err(|e| malformed(e.to_string()))?;
        Ok(())
    };
    let mut sign_in = sign_in.clone();
    match &mut sign_in.method {
        Method::Oauth2Code(code) => {
            let own =
                [&mut code.authorize, &mut code.token].into_iter().chain(&mut code.revoke).chain(&mut code.manage);
            let choices = code.endpoint_choices.iter_mut();
            let chosen = choices.flat_map(|choice| [&mut choice.token].into_iter().chain(&mut choice.revoke));
            own.chain(chosen).try_for_each(fill)?;
        }
        Method::Oauth2ClientCredentials(grant) => fill(&mut grant.token)?,
        Method::Oauth2JwtBearer(grant) => fill(&mut grant.token)?,
        Method::Form(_) | Method::SecretUrl(_) | Method::None => {}
    }
    Ok(ResolvedSignIn { sign_in, values })
}

/// The same for values that somebody enters: names that the sign-in does not have are refused.
///
/// # Errors
/// If a value is missing, unknown or does not fit.
pub fn resolve_entered(sign_in: &SignIn, entered: &VariableValues) -> Result<ResolvedSignIn, VariableError> {
    let known: Vec<_> = variables(sign_in).iter().map(|variable| &variable.name).collect();
    if let Some(name) = entered.keys().find(|name| !known.contains(name)) {
        let allowed = match known.as_slice() {
            [] => "none".to_owned(),
            names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        };
        return Err(VariableError::Unknown { name: name.clone(), allowed });
    }
    resolve(sign_in, entered)
}

/// An address of a sign-in with each host that it can have, and samples in place of its other variables.
#[must_use]
pub fn samples(address: &str, variables: &[EndpointVariable]) -> Vec<Url> {
    let Ok(template) = address.parse::<EndpointTemplate>() else { return vec![] };
    check::samples(&template, variables).iter().filter_map(|address| Url::parse(address).ok()).collect()
}

/// A variable's name and value.
fn value_of(variable: &EndpointVariable, given: &VariableValues) -> Result<(String, String), VariableError> {
    let EndpointVariable { name, label, help, preset, .. } = variable;
    let value = given.get(name).filter(|value| !value.is_empty()).or(preset.as_ref());
    let missing = || VariableError::Missing { name: name.clone(), label: label.clone(), help: help.clone() };
    let value = value.ok_or_else(missing)?;
    match expected(variable, value) {
        None => Ok((name.clone(), value.clone())),
        Some(expected) => Err(VariableError::Unfit { name: name.clone(), label: label.clone(), expected }),
    }
}

/// What a variable expects, if the value is something else.
fn expected(variable: &EndpointVariable, value: &str) -> Option<String> {
    match &variable.place {
        VariablePlace::Path(_) if !template::is_segment(value) => {
            Some("it must be one segment of a path, without spaces, slashes and other special characters".to_owned())
        }
        VariablePlace::Path(pattern) if !has_form(pattern, value) => Some(variable.help.clone()),
        VariablePlace::Host(choices) if !choices.iter().any(|choice| choice.host == *value) => {
            let hosts: Vec<_> = choices.iter().map(|choice| choice.host.as_str()).collect();
            Some(format!("it must be one of {}", hosts.join(", ")))
        }
        VariablePlace::Path(_) | VariablePlace::Host(_) => None,
    }
}

/// Whether the whole value matches a pattern. Nothing matches a pattern that the host cannot read; admission refuses it.
fn has_form(pattern: &str, value: &str) -> bool {
    Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|regex| regex.is_match(value))
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::plugins::contract::{Attach, HostChoice};

    /// A variable in a path, with letters, digits, dots and hyphens.
    pub(in crate::plugins) fn path(name: &str, preset: Option<&str>) -> EndpointVariable {
        EndpointVariable {
            name: name.into(),
            label: format!("The {name}"),
            help: format!("Look for the {name}"),
            place: VariablePlace::Path("[a-z0-9.-]+".into()),
            preset: preset.map(Into::into),
        }
    }

    /// A variable for a host name.
    pub(in crate::plugins) fn host(name: &str, hosts: &[&str], preset: Option<&str>) -> EndpointVariable {
        let choice = |host: &&str| HostChoice { host: (*host).into(), label: host.to_uppercase() };
        EndpointVariable { place: VariablePlace::Host(hosts.iter().map(choice).collect()), ..path(name, preset) }
    }

    /// A sign-in `code` with variables in each of its addresses.
    pub(in crate::plugins) fn code(variables: Vec<EndpointVariable>) -> Oauth2Code {
        Oauth2Code {
            authorize: "https://{cloud}/{tenant}/authorize".into(),
            token: "https://{cloud}/{tenant}/token".into(),
            revoke: Some("https://{cloud}/revoke".into()),
            manage: Some("https://account.example/{tenant}".into()),
            variables,
            approval: None,
            scopes: vec![],
            authorize_parameters: vec![],
            endpoint_choices: vec![],
            keep_from_token: vec![],
            keep_claims: vec![],
        }
    }

    pub(in crate::plugins) fn sign_in(method: Method) -> SignIn {
        SignIn { id: "code".into(), label: "Code".into(), method, attach: Attach::Nothing, subject_paths: vec![] }
    }

    pub(in crate::plugins) fn values(values: &[(&str, &str)]) -> VariableValues {
        values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        testing::{code, host, path, sign_in, values},
        *,
    };
    use proptest::prelude::*;

    const CLOUDS: [&str; 2] = ["login.example", "login.gov.example"];

    fn described() -> SignIn {
        sign_in(Method::Oauth2Code(code(vec![path("tenant", None), host("cloud", &CLOUDS, Some(CLOUDS[0]))])))
    }

    fn token(given: &[(&str, &str)]) -> Result<String, VariableError> {
        Ok(resolve(&described(), &values(given))?.code().unwrap().token.clone())
    }

    #[test]
    fn all_addresses_are_filled_in_with_values_and_defaults() {
        let resolved = resolve(&described(), &values(&[("tenant", "school.example"), ("other", "x")])).unwrap();
        let code = resolved.code().unwrap();
        assert_eq!(code.authorize, "https://login.example/school.example/authorize");
        assert_eq!(code.token, "https://login.example/school.example/token");
        assert_eq!(code.revoke.as_deref(), Some("https://login.example/revoke"));
        assert_eq!(code.manage.as_deref(), Some("https://account.example/school.example"));
        assert_eq!(*resolved.values(), values(&[("cloud", "login.example"), ("tenant", "school.example")]));
        assert_eq!(token(&[("tenant", "t"), ("cloud", CLOUDS[1])]), Ok("https://login.gov.example/t/token".into()));
        let samples = samples(&self::code(vec![]).token, variables(&described()));
        let hosts: Vec<_> = samples.iter().filter_map(Url::host_str).collect();
        assert_eq!(hosts, CLOUDS);
    }

    #[test]
    fn what_is_missing_unknown_or_unfit_is_named() {
        let missing = token(&[("tenant", "")]).unwrap_err();
        assert_eq!(missing.to_string(), "a value of `tenant` is missing (The tenant; Look for the tenant)");
        for tenant in ["A", "a b", "a/b", "..", "ü", "a\n"] {
            assert!(matches!(token(&[("tenant", tenant)]), Err(VariableError::Unfit { .. })), "{tenant}");
        }
        let other = token(&[("tenant", "a"), ("cloud", "evil.example")]).unwrap_err().to_string();
        assert!(other.ends_with("it must be one of login.example, login.gov.example"), "{other}");
        let unknown = resolve_entered(&described(), &values(&[("tenent", "a")])).unwrap_err().to_string();
        assert_eq!(unknown, "the sign-in has no variable `tenent`; it has `tenant`, `cloud`");
        let unreadable = EndpointVariable { place: VariablePlace::Path("(?=a)b(".into()), ..path("tenant", None) };
        assert!(value_of(&unreadable, &values(&[("tenant", "b")])).is_err());
    }

    #[test]
    fn the_page_for_administrators_is_filled_in() {
        let approval = "https://{cloud}/{tenant}/approve?id={client-id}&to={redirect-uri}&s={state}&scope={scopes}";
        let page = |approval: &str, variables: Vec<EndpointVariable>, tenant: Option<&str>| {
            let described = Oauth2Code {
                authorize: "https://a.example/authorize".into(),
                token: "https://a.example/token".into(),
                revoke: None,
                manage: None,
                approval: Some(approval.into()),
                ..code(variables)
            };
            let given = values(&[("tenant", "school"), ("cloud", CLOUDS[0])]);
            let parts = ApprovalParts {
                tenant,
                client_id: "a b&c",
                redirect_uri: "https://here.example/back?x=1",
                state: "s",
                scopes: "busy mail",
            };
            resolve(&sign_in(Method::Oauth2Code(described)), &given).unwrap().approval_page(parts)
        };
        let both = || vec![path("tenant", None), host("cloud", &CLOUDS, None)];
        let expected = |tenant: &str| {
            Some(format!(
                "https://login.example/{tenant}/approve?id=a%20b%26c&to=https%3A%2F%2Fhere.example%2Fback%3Fx%3D1&s=s\
                 &scope=busy%20mail"
            ))
        };
        assert_eq!(page(approval, both(), Some("college")), expected("college"));
        // What the service named does not fit, or nothing was named: the client's own value.
        for tenant in [Some("../x"), Some("COLLEGE"), Some(""), None] {
            assert_eq!(page(approval, both(), tenant), expected("school"), "{tenant:?}");
        }
        // Without such a variable, only the service can name the tenant.
        let fixed = "https://a.example/{tenant}/approve";
        assert_eq!(page(fixed, vec![], Some("College-1")), Some("https://a.example/College-1/approve".into()));
        for tenant in [Some("a/b"), Some(".."), None] {
            assert_eq!(page(fixed, vec![], tenant), None, "{tenant:?}");
        }
    }

    proptest! {
        /// Whatever is entered, a token request goes to a host of the list, below one segment, or nowhere.
        #[test]
        fn a_token_request_goes_to_a_host_of_the_list(cloud in "(login\\.(gov\\.)?example)?.{0,3}", tenant in ".{0,12}") {
            if let Ok(token) = token(&[("cloud", &cloud), ("tenant", &tenant)]) {
                let url = Url::parse(&token).unwrap();
                prop_assert!(CLOUDS.contains(&url.host_str().unwrap()));
                let segments: Vec<_> = url.path_segments().unwrap().collect();
                prop_assert_eq!(segments, [&*tenant, "token"]);
            }
        }
    }
}
