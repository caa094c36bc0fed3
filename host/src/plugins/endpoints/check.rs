//! Checks the variables of a sign-in in a component's description.

use super::{
    expected,
    template::{EndpointTemplate, Place, is_host_name},
};
use crate::plugins::contract::{EndpointVariable, VariablePlace};
use regex_lite::Regex;
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// Parts of `approval` that the host fills in by itself, and whether they can be a segment of the path.
const APPROVAL_PARTS: [(&str, bool); 5] =
    [("tenant", true), ("client-id", true), ("redirect-uri", false), ("state", false), ("scopes", false)];

/// A value for a segment, where only the rest of the address is checked.
const SAMPLE: &str = "x";

/// The addresses of a sign-in.
pub(in crate::plugins) struct Addresses<'a> {
    /// Each with the name of its field. Only `approval` has the parts that the host fills in by itself.
    pub(in crate::plugins) addresses: Vec<(&'static str, &'a str)>,
    /// Fields of the token response and claims of the id token, which share `connection.fields` with the variables.
    pub(in crate::plugins) kept: Vec<&'a str>,
}

/// Checks the variables of a sign-in and their places in its addresses.
///
/// # Errors
/// Names the first fault that was found.
pub(in crate::plugins) fn check(sign_in: Addresses<'_>, variables: &[EndpointVariable]) -> Result<(), String> {
    let Addresses { addresses, kept } = sign_in;
    let mut names = BTreeSet::new();
    for name in variables.iter().map(|variable| variable.name.as_str()).chain(kept) {
        if !names.insert(name) {
            return Err(format!("two of its variables and kept fields have the name `{name}`"));
        }
    }
    variables.iter().try_for_each(|variable| {
        check_variable(variable).map_err(|why| format!("the variable `{}` {why}", variable.name))
    })?;
    let mut used = BTreeSet::new();
    for (what, address) in addresses {
        let template: EndpointTemplate = address.parse().map_err(|error| format!("{what}: {error}"))?;
        for part in template.parts() {
            let variable = variables.iter().find(|variable| variable.name == part.name);
            let own = APPROVAL_PARTS.iter().find(|(name, _)| what == "approval" && *name == part.name);
            let fits = match (variable.map(|variable| &variable.place), own) {
                (Some(VariablePlace::Host(_)), None) => part.place == Place::Host,
                (Some(VariablePlace::Path(_)), None) => part.place == Place::Segment,
                (Some(VariablePlace::Path(_)) | None, Some((_, in_path))) => match part.place {
                    Place::Host => false,
                    Place::Segment => *in_path,
                    Place::QueryValue => true,
                },
                (Some(VariablePlace::Host(_)), Some(_)) => false,
                (None, None) => {
                    return Err(format!("{what}: `{address}` has `{{{}}}`, which is no variable", part.name));
                }
            };
            if !fits {
                return Err(format!("{what}: `{{{}}}` stands in the wrong place of `{address}`", part.name));
            }
            used.insert(part.name.clone());
        }
        for sample in samples(&template, variables) {
            let url = Url::parse(&sample).ok();
            let is_fit = url.is_some_and(|url| {
                url.scheme() == "https" && url.has_host() && url.username().is_empty() && url.password().is_none()
            });
            if !is_fit {
                return Err(format!("{what}: `{address}` is not an https address without user name and password"));
            }
        }
    }
    match variables.iter().find(|variable| !used.contains(&variable.name)) {
        Some(unused) => Err(format!("the variable `{}` is in none of its addresses", unused.name)),
        None => Ok(()),
    }
}

/// The template with each host that its variable can stand for, and a sample value for every other part.
pub(super) fn samples(template: &EndpointTemplate, variables: &[EndpointVariable]) -> Vec<String> {
    let choices: BTreeMap<_, _> = variables
        .iter()
        .filter_map(|variable| match &variable.place {
            VariablePlace::Host(choices) => Some((variable.name.as_str(), choices)),
            VariablePlace::Path(_) => None,
        })
        .collect();
    let part = template.parts().find(|part| part.place == Place::Host);
    let hosts: Vec<&str> = match part {
        Some(part) => choices.get(&*part.name).into_iter().flat_map(|list| list.iter().map(|one| &*one.host)).collect(),
        None => vec![SAMPLE],
    };
    let fill = |host| template.fill(|name| Some(if choices.contains_key(name) { host } else { SAMPLE })).ok();
    hosts.into_iter().filter_map(fill).collect()
}

fn check_variable(variable: &EndpointVariable) -> Result<(), String> {
    if APPROVAL_PARTS.iter().any(|(name, _)| *name != "tenant" && *name == variable.name) {
        return Err("has the name of a part that the host fills in by itself".to_owned());
    }
    if variable.label.trim().is_empty() {
        return Err("has no label".to_owned());
    }
    match &variable.place {
        VariablePlace::Path(pattern) => {
            Regex::new(&format!("^(?:{pattern})$"))
                .map_err(|error| format!("has a pattern that cannot be read: {error}"))?;
        }
        VariablePlace::Host(choices) => {
            let hosts: BTreeSet<_> = choices.iter().map(|choice| choice.host.as_str()).collect();
            if hosts.is_empty() || hosts.len() != choices.len() {
                return Err("has no host, or one twice".to_owned());
            }
            if let Some(host) = hosts.iter().find(|host| !is_host_name(host)) {
                return Err(format!("has the host `{host}`, which is not a host name in lower case with a dot"));
            }
        }
    }
    match variable.preset.as_deref().and_then(|preset| expected(variable, preset)) {
        Some(_) => Err("has a preset that does not fit".to_owned()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{host, path},
        *,
    };

    const APPROVAL: &str = "https://{cloud}/{tenant}/approve?client_id={client-id}&scope={scopes}&redirect_uri={redirect-uri}\
                            &state={state}";

    fn variables() -> Vec<EndpointVariable> {
        vec![path("tenant", Some("common")), host("cloud", &["a.example", "b.example"], None)]
    }

    fn checked(addresses: &[(&'static str, &str)], variables: &[EndpointVariable]) -> Result<(), String> {
        check(Addresses { addresses: addresses.to_vec(), kept: vec!["scope"] }, variables)
    }

    #[test]
    fn variables_in_their_places_pass() {
        let token = ("token", "https://{cloud}/{tenant}/token");
        assert_eq!(checked(&[token, ("approval", APPROVAL)], &variables()), Ok(()));
        assert_eq!(checked(&[("token", "https://a.example/token?a=b")], &[]), Ok(()));
        // The host fills in the tenant by itself.
        assert_eq!(checked(&[("approval", "https://a.example/{tenant}/approve")], &[]), Ok(()));
    }

    #[test]
    fn each_fault_is_named() {
        let with = |change: fn(&mut Vec<EndpointVariable>)| {
            let mut changed = variables();
            change(&mut changed);
            changed
        };
        let token = "https://{cloud}/{tenant}/token";
        let cases: Vec<(&str, &'static str, &str, Vec<EndpointVariable>)> = vec![
            ("is no variable", "token", "https://{cloud}/{tenant}/{other}", variables()),
            ("is no variable", "token", "https://{cloud}/{tenant}/{client-id}", variables()),
            ("wrong place", "token", "https://{tenant}/{cloud}", variables()),
            ("wrong place", "token", "https://{cloud}/{tenant}?a={tenant}", variables()),
            ("wrong place", "approval", "https://{cloud}/{tenant}/{state}", variables()),
            ("wrong place", "approval", "https://{client-id}/{tenant}", variables()),
            ("in none of its addresses", "token", "https://{cloud}/token", variables()),
            ("not an https address", "token", "https://a.example:port/token", vec![]),
            ("not an https address", "token", "https://ann:x@a.example/token", vec![]),
            ("does not begin with https://", "token", "http://{cloud}/{tenant}", variables()),
            ("have the name `tenant`", "token", token, with(|all| all.push(path("tenant", None)))),
            ("have the name `scope`", "token", token, with(|all| all.push(path("scope", None)))),
            ("the host fills in", "token", token, with(|all| all[0].name = "state".into())),
            ("has no label", "token", token, with(|all| all[0].label = " ".into())),
            ("cannot be read", "token", token, with(|all| all[0].place = VariablePlace::Path("(".into()))),
            ("preset", "token", token, with(|all| all[0].preset = Some("A".into()))),
            ("preset", "token", token, with(|all| all[1].preset = Some("c.example".into()))),
            ("has no host", "token", token, with(|all| all[1].place = VariablePlace::Host(vec![]))),
            ("one twice", "token", token, with(|all| all[1] = host("cloud", &["a.example", "a.example"], None))),
            ("host name", "token", token, with(|all| all[1] = host("cloud", &["a.example/x"], None))),
            ("host name", "token", token, with(|all| all[1] = host("cloud", &["127.0.0.1"], None))),
            ("host name", "token", token, with(|all| all[1] = host("cloud", &["localhost"], None))),
        ];
        for (part, what, address, variables) in cases {
            let error = checked(&[(what, address)], &variables).unwrap_err();
            assert!(error.contains(part), "{part}: {error}");
        }
        // A host variable cannot be the tenant that the host fills in.
        let cloud = [host("tenant", &["a.example"], None)];
        assert!(checked(&[("approval", "https://{tenant}/approve")], &cloud).is_err());
    }
}
