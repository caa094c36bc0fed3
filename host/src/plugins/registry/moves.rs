//! What becomes of stored credentials when an operator accepts another grant.
//!
//! Problem: a token endpoint moves, and everybody who is connected must sign in again, because a token goes only to the
//! endpoint that it was made for. Threat: the host follows a move by itself, and sends the tokens of one service to another
//! origin. Decision: each credential, also one that waits to be revoked, names its endpoint, and only the acceptance of a grant changes that name, in the
//! transaction that changes the grant. The endpoint that has the same place in the same sign-in takes over: the default one,
//! or that of the same endpoint choice. The printed difference counts beforehand which credentials move and which do not.
//! Those that do not wait for a new sign-in of their owner, who is told by mail. If there is no grant before, because the
//! provider was removed and is added again, nothing says that the new endpoint is the same service, so nothing moves.
//! An older version is accepted like any other, so stepping back moves the tokens back.
//!
//! Addresses with variables are compared as they are with the values of each credential, which stay as they are: where a new
//! version has no value for a variable, or a value no longer fits, nothing moves.
//!
//! A move is one statement for each sign-in, set of values and table. Rejected: a job, until whose end each refresh would fail; a stored
//! place instead of the endpoint, with which every change of the grant would redirect tokens, also after the provider was
//! removed.

use super::{
    difference::{DifferenceKind, DifferenceLine},
    grant::{IssuingEndpoint, RequestedGrant},
    store,
};
use crate::{
    audit::{self, Act, Author, Entry, Values},
    db::Tx,
    jobs::{self, Effect, Owner},
    plugins::{
        contract::{Method, SignIn},
        endpoints::{ResolvedSignIn, VariableValues, resolve},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    mem::discriminant,
};

pub(super) use store::{CredentialGroup, Holder};

/// What becomes of the credentials of a provider.
#[derive(Debug, Default)]
pub(super) struct CredentialMoves(Vec<(CredentialGroup, Fate)>);

/// What becomes of the credentials of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    /// They stay valid for the same endpoint, or for none.
    Stays,
    /// From now on they are sent to another endpoint.
    Moves { from: String, to: String },
    /// Their owners must sign in again, for this reason.
    Lost(String),
}

/// The place of a token endpoint in a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    Default,
    Choice { parameter: &'a str, value: &'a str },
}

/// Reads which credentials a new grant concerns, and decides what becomes of them.
pub(super) async fn plan(
    tx: &mut Tx,
    provider: &str,
    old: Option<&RequestedGrant>,
    new: &RequestedGrant,
) -> sqlx::Result<CredentialMoves> {
    let groups = store::credentials(tx, provider).await?;
    let with_fate = |group: CredentialGroup| {
        let fate = fate(old, new, &group);
        (group, fate)
    };
    Ok(CredentialMoves(groups.into_iter().map(with_fate).filter(|(_, fate)| *fate != Fate::Stays).collect()))
}

impl CredentialMoves {
    /// What an operator is shown.
    pub(super) fn lines(&self) -> Vec<DifferenceLine> {
        let mut counts = BTreeMap::<String, [u64; 3]>::new();
        for (group, fate) in &self.0 {
            let what = match (fate, group.holder) {
                (Fate::Stays, _) => continue,
                (Fate::Moves { from, to }, _) => format!("from {from} to {to} without a new sign-in"),
                (Fate::Lost(reason), Holder::Revocation) => format!("is not revoked, because {reason}"),
                (Fate::Lost(reason), _) => format!("must be connected again, because {reason}"),
            };
            let count = counts.entry(format!("sign-in {}, {what}", group.sign_in)).or_default();
            match group.holder {
                Holder::Connection => count[0] += group.count,
                Holder::ServiceAccount => count[1] += group.count,
                Holder::Revocation => count[2] += group.count,
            }
        }
        let line = |(what, [connections, accounts, revocations]): (String, [u64; 3])| {
            let counted = [
                counted(connections, "connection", "connections"),
                counted(accounts, "service account", "service accounts"),
                counted(revocations, "token of a former connection", "tokens of former connections"),
            ];
            let counted: Vec<_> = counted.into_iter().flatten().collect();
            DifferenceLine { kind: DifferenceKind::Note, what: format!("{what}: {}", counted.join(" and ")) }
        };
        counts.into_iter().map(line).collect()
    }

    /// What the audit log shows beside the versions.
    pub(super) fn values(&self, values: Values) -> Values {
        let count = |wanted: fn(&Fate) -> bool| {
            let count = self.0.iter().filter(|(_, fate)| wanted(fate)).map(|(group, _)| group.count).sum();
            Some(count).filter(|count| *count > 0)
        };
        let moved = count(|fate| matches!(fate, Fate::Moves { .. }));
        let lost = count(|fate| matches!(fate, Fate::Lost(_)));
        values.optional(moved, Values::moved).optional(lost, Values::lost)
    }

    /// Carries it out, in the transaction that accepts the grant.
    pub(super) async fn apply(&self, tx: &mut Tx, by: &Author, provider: &str) -> sqlx::Result<()> {
        let mut endpoints = BTreeMap::<(&str, &VariableValues), BTreeMap<&str, &str>>::new();
        for (group, fate) in &self.0 {
            match fate {
                Fate::Moves { from, to } => {
                    endpoints.entry((&group.sign_in, &group.variables)).or_default().insert(from, to);
                }
                Fate::Lost(_) => lose(tx, by, provider, group).await?,
                Fate::Stays => {}
            }
        }
        // All endpoints of a sign-in move at once: two may have changed places.
        for ((sign_in, variables), endpoints) in endpoints {
            store::move_endpoints(tx, provider, sign_in, variables, &endpoints).await?;
        }
        Ok(())
    }
}

/// Marks credentials whose owners must sign in again, and tells the owners of connections.
async fn lose(tx: &mut Tx, by: &Author, provider: &str, group: &CredentialGroup) -> sqlx::Result<()> {
    match group.holder {
        // The job finds no endpoint, and deletes the token.
        Holder::Revocation => {}
        Holder::Connection => {
            for (connection, organisation) in store::lose_connections(tx, provider, group).await? {
                let entry = Entry::new(by, Act::CredentialLost, connection).organisation(organisation);
                audit::record(tx, entry).await?;
                let mail = Effect::MailReconnect { connection };
                jobs::enqueue_for(tx, &mail, &Owner::organisation(organisation)).await?;
            }
        }
        Holder::ServiceAccount => {
            for (account, organisation) in store::lose_service_accounts(tx, provider, group).await? {
                let entry = Entry::new(by, Act::CredentialLost, account).organisation(organisation);
                audit::record(tx, entry).await?;
            }
        }
    }
    Ok(())
}

fn fate(old: Option<&RequestedGrant>, new: &RequestedGrant, group: &CredentialGroup) -> Fate {
    let find = |grant| sign_in(grant, &group.sign_in);
    let Some(after) = find(new) else { return Fate::Lost("the sign-in is removed".to_owned()) };
    let before = old.and_then(find);
    if before.is_some_and(|before| discriminant(&before.method) != discriminant(&after.method)) {
        return Fate::Lost("the sign-in has another method".to_owned());
    }
    let Some(endpoint) = group.endpoint.as_ref() else { return Fate::Stays };
    let had = before.and_then(|before| resolve(before, &group.variables).ok());
    let has = match resolve(after, &group.variables) {
        Ok(has) => has,
        Err(error) => return Fate::Lost(error.to_string()),
    };
    let (had, has) = (had.as_ref().map(endpoints).unwrap_or_default(), endpoints(&has));
    let places: Vec<_> = had.iter().filter(|(_, url)| url == endpoint).map(|(place, _)| *place).collect();
    let heirs: BTreeSet<_> = has.iter().filter(|(place, _)| places.contains(place)).map(|(_, url)| *url).collect();
    let is_granted = has.iter().any(|(_, url)| url == endpoint);
    match (heirs.first(), heirs.len()) {
        _ if heirs.contains(endpoint.as_str()) => Fate::Stays,
        (Some(to), 1) => Fate::Moves { from: endpoint.clone(), to: (*to).to_owned() },
        (None, _) if is_granted => Fate::Stays,
        (None, _) => Fate::Lost(match places.first() {
            Some(Place::Choice { parameter, value }) => {
                format!("the sign-in has no endpoint for {parameter:?} {value:?} any more")
            }
            _ => format!("nothing says which endpoint replaces {endpoint}"),
        }),
        _ => Fate::Lost(format!("several endpoints replace {endpoint}")),
    }
}

fn sign_in<'a>(grant: &'a RequestedGrant, id: &str) -> Option<&'a SignIn> {
    grant.sign_ins.iter().find(|sign_in| sign_in.id == id)
}

/// The token endpoints of a sign-in, the default one first.
fn endpoints(sign_in: &ResolvedSignIn) -> Vec<(Place<'_>, &str)> {
    match &sign_in.sign_in().method {
        Method::Oauth2Code(code) => {
            let choices = code.endpoint_choices.iter().map(|choice| {
                (Place::Choice { parameter: &choice.parameter, value: &choice.value }, choice.token.as_str())
            });
            [(Place::Default, code.token.as_str())].into_iter().chain(choices).collect()
        }
        Method::Oauth2ClientCredentials(grant) => vec![(Place::Default, grant.token.as_str())],
        Method::Oauth2JwtBearer(grant) => vec![(Place::Default, grant.token.as_str())],
        Method::Form(_) | Method::SecretUrl(_) | Method::None => vec![],
    }
}

/// The endpoint that takes over, if another grant moves the endpoint of one.
pub(super) fn heir(
    old: &RequestedGrant,
    new: &RequestedGrant,
    sign_in: &str,
    endpoint: IssuingEndpoint<'_>,
) -> Option<String> {
    let IssuingEndpoint { url, variables } = endpoint;
    let group = CredentialGroup {
        holder: Holder::Revocation,
        sign_in: sign_in.to_owned(),
        endpoint: Some(url.to_owned()),
        variables: variables.clone(),
        count: 1,
    };
    match fate(Some(old), new, &group) {
        Fate::Moves { to, .. } => Some(to),
        Fate::Stays | Fate::Lost(_) => None,
    }
}

/// Whether a grant has this sign-in with this token endpoint, or without one.
pub(super) fn has_endpoint(grant: &RequestedGrant, id: &str, endpoint: Option<IssuingEndpoint<'_>>) -> bool {
    let Some(sign_in) = sign_in(grant, id) else { return false };
    let Some(IssuingEndpoint { url, variables }) = endpoint else { return true };
    resolve(sign_in, variables).is_ok_and(|granted| endpoints(&granted).iter().any(|(_, granted)| *granted == url))
}

fn counted(count: u64, one: &str, many: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::{
        Level,
        contract::{Attach, EndpointChoice, Form, Oauth2Code, Oauth2JwtBearer},
        endpoints::testing::{host, path, values},
    };

    const A: &str = "https://a.example/token";
    const B: &str = "https://b.example/token";
    const C: &str = "https://c.example/token";

    /// A sign-in `code` with these endpoints, for the default and for regions.
    fn code(token: &str, regions: &[(&str, &str)]) -> SignIn {
        let choice = |(value, token): &(&str, &str)| EndpointChoice {
            parameter: "region".into(),
            value: (*value).into(),
            token: (*token).into(),
            revoke: None,
        };
        let method = Method::Oauth2Code(Oauth2Code {
            authorize: "https://a.example/authorize".into(),
            token: token.into(),
            revoke: None,
            scopes: vec![],
            authorize_parameters: vec![],
            endpoint_choices: regions.iter().map(choice).collect(),
            keep_from_token: vec![],
            manage: None,
            variables: vec![],
            approval: None,
            keep_claims: vec![],
        });
        SignIn { id: "code".into(), label: "Code".into(), method, attach: Attach::Nothing, subject_paths: vec![] }
    }

    fn key(token: &str) -> SignIn {
        let method = Method::Oauth2JwtBearer(Oauth2JwtBearer {
            token: token.into(),
            audience: "a".into(),
            subject_claim: "sub".into(),
            scopes: vec![],
            keep_from_token: vec![],
            variables: vec![],
        });
        SignIn { id: "key".into(), label: "Key".into(), method, attach: Attach::Nothing, subject_paths: vec![] }
    }

    fn form() -> SignIn {
        let method = Method::Form(Form { fields: vec![], help_link: None });
        SignIn { id: "form".into(), label: "Form".into(), method, attach: Attach::Nothing, subject_paths: vec![] }
    }

    fn grant(sign_ins: Vec<SignIn>) -> RequestedGrant {
        RequestedGrant {
            id: "example".into(),
            name: "Example".into(),
            level: Level::TwoWay,
            hosts: vec![],
            read_only_posts: vec![],
            sign_ins,
            state_format: 1,
        }
    }

    fn group(holder: Holder, sign_in: &str, endpoint: Option<&str>, count: u64) -> CredentialGroup {
        let (sign_in, endpoint) = (sign_in.into(), endpoint.map(Into::into));
        CredentialGroup { holder, sign_in, endpoint, variables: VariableValues::new(), count }
    }

    fn of_connection(sign_in: &str, endpoint: Option<&str>) -> CredentialGroup {
        group(Holder::Connection, sign_in, endpoint, 1)
    }

    #[test]
    fn an_endpoint_is_replaced_by_the_one_in_its_place() {
        let stays = || None;
        let to = |to: &str| Some(Ok(to.to_owned()));
        let lost = |why: &str| Some(Err(why.to_owned()));
        let swapped = || code(B, &[("eu", A)]);
        type Case = (SignIn, SignIn, &'static str, Option<Result<String, String>>);
        let cases: [Case; 13] = [
            (code(A, &[]), code(A, &[]), A, stays()),
            (code(A, &[]), code(B, &[]), A, to(B)),
            (code(A, &[("eu", B)]), code(A, &[("eu", C)]), B, to(C)),
            (code(A, &[("eu", B)]), code(C, &[("eu", B)]), B, stays()),
            // Two have changed places: each goes to its own.
            (code(A, &[("eu", B)]), swapped(), A, to(B)),
            (code(A, &[("eu", B)]), swapped(), B, to(A)),
            // The region is gone; so is its endpoint, or another place has it.
            (
                code(A, &[("eu", B)]),
                code(A, &[]),
                B,
                lost("the sign-in has no endpoint for \"region\" \"eu\" any more"),
            ),
            (code(A, &[("eu", B)]), code(B, &[]), B, stays()),
            // One endpoint was in two places.
            (code(A, &[("eu", A)]), code(B, &[("eu", B)]), A, to(B)),
            (
                code(A, &[("eu", A)]),
                code(B, &[("eu", C)]),
                A,
                lost("several endpoints replace https://a.example/token"),
            ),
            (code(A, &[("eu", A)]), code(B, &[("eu", A)]), A, stays()),
            // The grant before does not know it.
            (code(A, &[]), code(B, &[]), C, lost("nothing says which endpoint replaces https://c.example/token")),
            (code(A, &[]), code(C, &[]), C, stays()),
        ];
        for (before, after, endpoint, expected) in cases {
            let found = fate(Some(&grant(vec![before])), &grant(vec![after]), &of_connection("code", Some(endpoint)));
            let expected = match expected {
                None => Fate::Stays,
                Some(Ok(to)) => Fate::Moves { from: endpoint.to_owned(), to },
                Some(Err(reason)) => Fate::Lost(reason),
            };
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_sign_in_that_is_removed_or_has_another_method_keeps_nobody_connected() {
        let before = grant(vec![code(A, &[]), form(), key(A)]);
        let form_as_code = SignIn { id: "form".into(), ..code(A, &[]) };
        for (sign_in, endpoint) in [("code", Some(A)), ("form", None), ("key", None)] {
            let group = of_connection(sign_in, endpoint);
            assert_eq!(fate(Some(&before), &grant(vec![]), &group), Fate::Lost("the sign-in is removed".into()));
            assert_eq!(fate(Some(&before), &before, &group), Fate::Stays);
        }
        let after = grant(vec![form_as_code]);
        let found = fate(Some(&before), &after, &of_connection("form", None));
        assert_eq!(found, Fate::Lost("the sign-in has another method".into()));
    }

    #[test]
    fn addresses_are_compared_with_the_values_of_each_credential() {
        const OLD: &str = "https://{cloud}/{tenant}/token";
        let described = |token: &str, hosts: &[&str]| {
            let mut described = code(token, &[("eu", "https://eu.example/{tenant}/token")]);
            let Method::Oauth2Code(code) = &mut described.method else { panic!("{described:?}") };
            code.variables = vec![path("tenant", None), host("cloud", hosts, Some(hosts[0]))];
            grant(vec![described])
        };
        let fate_of = |old: &RequestedGrant, new: &RequestedGrant, endpoint: &str, given: &[(&str, &str)]| {
            let group = CredentialGroup { variables: values(given), ..of_connection("code", Some(endpoint)) };
            fate(Some(old), new, &group)
        };
        let moves = |from: &str, to: &str| Fate::Moves { from: from.into(), to: to.into() };
        let old = described(OLD, &["a.example", "b.example"]);
        let of_a = [("tenant", "school"), ("cloud", "a.example")];
        let of_b = [("tenant", "school"), ("cloud", "b.example")];
        let at_a = "https://a.example/school/token";
        assert_eq!(fate_of(&old, &old, at_a, &of_a), Fate::Stays);
        let new = described("https://{cloud}/v2/{tenant}/token", &["a.example", "b.example", "c.example"]);
        assert_eq!(fate_of(&old, &new, at_a, &of_a), moves(at_a, "https://a.example/v2/school/token"));
        let at_b = "https://b.example/school/token";
        assert_eq!(fate_of(&old, &new, at_b, &of_b), moves(at_b, "https://b.example/v2/school/token"));
        assert_eq!(fate_of(&old, &new, "https://eu.example/school/token", &of_a), Fate::Stays);
        // A host that is no longer on the list, and a variable without a value.
        let fewer = described(OLD, &["a.example"]);
        assert!(
            matches!(fate_of(&old, &fewer, at_b, &of_b), Fate::Lost(why) if why.contains("must be one of a.example"))
        );
        assert!(
            matches!(fate_of(&old, &new, at_a, &of_a[1..]), Fate::Lost(why) if why.contains("`tenant` is missing"))
        );
        // Another preset moves only credentials without a value of their own.
        let other = described(OLD, &["b.example", "a.example"]);
        assert_eq!(fate_of(&old, &other, at_a, &of_a), Fate::Stays);
        assert_eq!(fate_of(&old, &other, at_a, &of_a[..1]), moves(at_a, at_b));
        assert!(has_endpoint(&old, "code", Some(IssuingEndpoint { url: at_b, variables: &values(&of_b) })));
        assert!(!has_endpoint(&old, "code", Some(IssuingEndpoint { url: at_b, variables: &values(&of_a) })));
    }

    /// The provider was removed, and with it its grant: what is added under its name may be another service.
    #[test]
    fn without_a_grant_before_nothing_moves() {
        let after = grant(vec![code(B, &[]), form()]);
        assert!(matches!(fate(None, &after, &of_connection("code", Some(A))), Fate::Lost(_)));
        assert_eq!(fate(None, &after, &of_connection("code", Some(B))), Fate::Stays);
        assert_eq!(fate(None, &after, &of_connection("form", None)), Fate::Stays);
    }

    #[test]
    fn the_operator_is_told_how_many_move_and_how_many_do_not() {
        let moves = || Fate::Moves { from: A.into(), to: B.into() };
        let moved = CredentialMoves(vec![
            (group(Holder::Connection, "code", Some(A), 2), moves()),
            (group(Holder::ServiceAccount, "code", Some(A), 1), moves()),
            (group(Holder::Revocation, "code", Some(A), 1), moves()),
            (group(Holder::Connection, "form", None, 1), Fate::Lost("the sign-in is removed".into())),
            (group(Holder::Revocation, "form", Some(A), 2), Fate::Lost("the sign-in is removed".into())),
        ]);
        let lines: Vec<_> = moved.lines().iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "  sign-in code, from https://a.example/token to https://b.example/token without a new sign-in: 2 \
                 connections and 1 service account and 1 token of a former connection",
                "  sign-in form, is not revoked, because the sign-in is removed: 2 tokens of former connections",
                "  sign-in form, must be connected again, because the sign-in is removed: 1 connection",
            ]
        );
        let values = serde_json::to_value(moved.values(Values::new())).unwrap();
        assert_eq!(values, serde_json::json!({ "moved": 4, "lost": 3 }));
        assert_eq!(CredentialMoves::default().lines(), []);
        assert_eq!(CredentialMoves::default().values(Values::new()), Values::new());
    }
}
