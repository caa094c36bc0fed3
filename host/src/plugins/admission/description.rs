//! Checks that a component's description is well formed.
//!
//! Problem: the description becomes an operator's grant, a form in a person's browser, and the rule for attaching secrets.
//! Decision: a malformed description is refused before anyone uses it. A well-formed description is not trusted either: the
//! operator must still accept what it requests. Rejected: checks at each place that uses the description.

use crate::plugins::{
    contract::{Attach, Description, FieldKind, Method, SignIn},
    egress::{AddressTemplate, OriginPattern},
    endpoints::{self, Addresses},
};
use std::collections::BTreeSet;
use url::Url;

/// Checks a description.
///
/// # Errors
/// Names the first fault that was found.
pub fn check(description: &Description) -> Result<(), String> {
    let Description { id, name, version, sign_ins, hosts, read_only_posts, limits, .. } = description;
    identifier("id", id)?;
    if name.trim().is_empty() || name.len() > 100 {
        return Err(format!("name `{name}` is empty or longer than 100 bytes"));
    }
    let parts: Vec<_> = version.split(['-', '+']).next().unwrap_or_default().split('.').collect();
    if parts.len() != 3 || parts.iter().any(|part| part.parse::<u64>().is_err()) {
        return Err(format!("version `{version}` is not of the form 1.2.3"));
    }
    for host in hosts {
        host.parse::<OriginPattern>().map_err(|error| format!("hosts: {error}"))?;
    }
    for post in read_only_posts {
        template("read-only-posts", post)?;
    }
    for (what, limit) in [
        ("busy-window", limits.busy_window),
        ("changes-window", limits.changes_window),
        ("page-size", limits.page_size.into()),
        ("get-many", limits.get_many.into()),
        ("concurrency", limits.concurrency.into()),
    ] {
        if limit == 0 {
            return Err(format!("limits: {what} is 0, so no call could succeed"));
        }
    }
    if sign_ins.is_empty() {
        return Err("sign-ins: the list is empty, so nobody could connect".into());
    }
    let ids: BTreeSet<_> = sign_ins.iter().map(|sign_in| &sign_in.id).collect();
    if ids.len() != sign_ins.len() {
        return Err("sign-ins: two have the same id".into());
    }
    sign_ins.iter().try_for_each(|sign_in| check_sign_in(sign_in).map_err(|e| format!("sign-in `{}`: {e}", sign_in.id)))
}

fn check_sign_in(sign_in: &SignIn) -> Result<(), String> {
    identifier("id", &sign_in.id)?;
    for variable in endpoints::variables(sign_in) {
        identifier("variable", &variable.name)?;
    }
    for path in &sign_in.subject_paths {
        let template = template("subject-paths", path)?;
        if !template.names_subject() || !template.is_folder() {
            return Err(format!(
                "subject-paths: `{path}` does not have the segment `{{subject}}`, or does not end with `/`"
            ));
        }
    }
    match &sign_in.method {
        Method::Oauth2Code(code) => {
            let mut addresses = vec![("authorize", &*code.authorize), ("token", &*code.token)];
            let optional = [("revoke", &code.revoke), ("manage", &code.manage), ("approval", &code.approval)];
            addresses.extend(optional.iter().filter_map(|(what, address)| Some((*what, address.as_deref()?))));
            for choice in &code.endpoint_choices {
                addresses.push(("token", &choice.token));
                addresses.extend(choice.revoke.as_deref().map(|revoke| ("revoke", revoke)));
            }
            let kept = code.keep_from_token.iter().chain(&code.keep_claims).map(String::as_str).collect();
            endpoints::check(Addresses { addresses, kept }, &code.variables)?;
        }
        Method::Oauth2ClientCredentials(grant) => {
            let kept = grant.keep_from_token.iter().map(String::as_str).collect();
            endpoints::check(Addresses { addresses: vec![("token", &grant.token)], kept }, &grant.variables)?;
        }
        Method::Oauth2JwtBearer(grant) => {
            let kept = grant.keep_from_token.iter().map(String::as_str).collect();
            endpoints::check(Addresses { addresses: vec![("token", &grant.token)], kept }, &grant.variables)?;
        }
        Method::Form(form) => {
            let names: BTreeSet<_> = form.fields.iter().map(|field| &field.name).collect();
            if names.len() != form.fields.len() || form.fields.is_empty() {
                return Err("the form has no field, or two fields with the same name".into());
            }
            for field in &form.fields {
                identifier("field name", &field.name)?;
            }
            let of_kind = |kind| form.fields.iter().filter(move |field| field.kind == kind).count();
            if of_kind(FieldKind::Secret) > 1 || of_kind(FieldKind::ServerUrl) > 1 {
                return Err("the form has more than one secret, or more than one server".into());
            }
            form.help_link.iter().try_for_each(|link| endpoint("help-link", link))?;
        }
        Method::SecretUrl(_) | Method::None => {}
    }
    check_attach(sign_in)
}

fn check_attach(sign_in: &SignIn) -> Result<(), String> {
    let field = |name: &str, kind| match &sign_in.method {
        Method::Form(form) if form.fields.iter().any(|field| field.name == name && field.kind == kind) => Ok(()),
        _ => Err(format!("attach names `{name}`, which is not a field of that kind in the form")),
    };
    match &sign_in.attach {
        Attach::Basic(basic) => {
            field(&basic.user_field, FieldKind::Text)?;
            field(&basic.secret_field, FieldKind::Secret)
        }
        Attach::Header(header) => match http::HeaderName::from_bytes(header.name.as_bytes()) {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("attach names the header `{}`, which is not a valid name", header.name)),
        },
        Attach::Query(name) if name.is_empty() => Err("attach names an empty query parameter".into()),
        Attach::Url if !matches!(sign_in.method, Method::SecretUrl(_)) => {
            Err("attach is `url`, but the sign-in does not ask for a secret address".into())
        }
        Attach::Query(_) | Attach::Url | Attach::Nothing => Ok(()),
    }
}

fn template(what: &str, address: &str) -> Result<AddressTemplate, String> {
    let template: AddressTemplate = address.parse().map_err(|error| format!("{what}: {error}"))?;
    endpoint(what, address)?;
    Ok(template)
}

/// Checks an address that the host itself calls, or sends a browser to.
fn endpoint(what: &str, address: &str) -> Result<(), String> {
    match Url::parse(address) {
        Ok(url) if url.scheme() == "https" && url.username().is_empty() && url.password().is_none() => Ok(()),
        _ => Err(format!("{what}: `{address}` is not an https address without user name and password")),
    }
}

fn identifier(what: &str, text: &str) -> Result<(), String> {
    let fits = (1..=40).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if fits {
        Ok(())
    } else {
        Err(format!(
            "{what} `{text}` must have 1 to 40 lower-case letters, digits and hyphens, and begin with a letter"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::{
        contract::{AttachBasic, Form, FormField, Limits},
        endpoints::testing::{code, path},
    };

    fn field(name: &str, kind: FieldKind) -> FormField {
        FormField { name: name.into(), label: name.into(), kind, pattern: None, help: String::new(), preset: None }
    }

    fn good() -> Description {
        let fields = vec![field("user", FieldKind::Text), field("password", FieldKind::Secret)];
        let basic = AttachBasic { user_field: "user".into(), secret_field: "password".into() };
        Description {
            id: "example".into(),
            name: "Example".into(),
            version: "1.0.0".into(),
            state_format: 1,
            sign_ins: vec![SignIn {
                id: "form".into(),
                label: "Password".into(),
                method: Method::Form(Form { fields, help_link: None }),
                attach: Attach::Basic(basic),
                subject_paths: vec![],
            }],
            hosts: vec!["https://*.example.com".into()],
            read_only_posts: vec![],
            limits: Limits {
                busy_window: 1,
                changes_window: 1,
                page_size: 1,
                get_many: 1,
                poll_floor: 0,
                concurrency: 1,
            },
        }
    }

    #[test]
    fn a_sound_description_passes() {
        assert_eq!(check(&good()), Ok(()));
    }

    #[test]
    fn each_unsound_part_is_named() {
        type Case = (&'static str, fn(&mut Description));
        let cases: [Case; 12] = [
            ("id", |d| d.id = "../x".into()),
            ("name", |d| d.name = " ".into()),
            ("version", |d| d.version = "one".into()),
            ("hosts", |d| d.hosts = vec!["https://*.com".into()]),
            ("read-only-posts", |d| d.read_only_posts = vec!["http://a.example/".into()]),
            ("page-size", |d| d.limits.page_size = 0),
            ("sign-ins", |d| d.sign_ins.clear()),
            ("same id", |d| d.sign_ins.extend_from_within(..)),
            ("attach", |d| d.sign_ins[0].attach = Attach::Url),
            ("attach", |d| d.sign_ins[0].method = Method::None),
            ("is no variable", |d| d.sign_ins[0].method = Method::Oauth2Code(code(vec![]))),
            ("variable", |d| d.sign_ins[0].method = Method::Oauth2Code(code(vec![path("Tenant", None)]))),
        ];
        for (part, spoil) in cases {
            let mut description = good();
            spoil(&mut description);
            let error = check(&description).unwrap_err();
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
