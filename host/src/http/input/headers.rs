//! Request headers: `Idempotency-Key`, which makes it safe to send a request twice, and preconditions (RFC 9110 §13).

use crate::http::problem::{Code, FieldError, Problem};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, header, request::Parts},
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key, in bytes.
const LONGEST_KEY: usize = 200;

/// The `Idempotency-Key` of a request, if there is one.
pub(in crate::http) struct IdempotencyKey(pub(in crate::http) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let text = value.to_str().ok().filter(|text| (1..=LONGEST_KEY).contains(&text.len()));
        match (text, values.next()) {
            (Some(text), None) => Ok(Self(Some(text.to_owned()))),
            _ => Err(malformed("Idempotency-Key", "must be given once, with 1 to 200 visible ASCII characters")),
        }
    }
}

/// `If-Match`: the change is made only if the resource has one of these entity tags.
pub(in crate::http) struct IfMatch(Option<Condition>);

/// `If-None-Match`: the resource is sent only if it has none of these entity tags.
pub(in crate::http) struct IfNoneMatch(Option<Condition>);

enum Condition {
    /// `*`: any resource.
    Any,
    /// Entity tags without their quotes; true for a weak one.
    Tags(Vec<(bool, String)>),
}

impl IfMatch {
    /// Whether the header is there.
    pub(in crate::http) const fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the condition holds for a resource. `is_current` compares an entity tag; weak tags never match.
    pub(in crate::http) fn holds(&self, is_current: impl Fn(&str) -> bool) -> bool {
        match &self.0 {
            None | Some(Condition::Any) => true,
            Some(Condition::Tags(tags)) => tags.iter().any(|(weak, tag)| !weak && is_current(tag)),
        }
    }
}

impl IfNoneMatch {
    /// Whether the client already has the resource with this entity tag.
    pub(in crate::http) fn has(&self, current: &str) -> bool {
        match &self.0 {
            None => false,
            Some(Condition::Any) => true,
            Some(Condition::Tags(tags)) => tags.iter().any(|(_, tag)| tag == current),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        condition(&parts.headers, &header::IF_MATCH, "If-Match").map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        condition(&parts.headers, &header::IF_NONE_MATCH, "If-None-Match").map(Self)
    }
}

/// The condition in a header, which may be spread over several lines.
fn condition(headers: &HeaderMap, name: &HeaderName, shown: &str) -> Result<Option<Condition>, Problem> {
    let lines: Vec<_> = headers.get_all(name).iter().collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let lines: Option<Vec<_>> = lines.into_iter().map(|line| line.to_str().ok()).collect();
    let parsed = lines.and_then(|lines| parse(&lines.join(",")));
    let error = || malformed(shown, "must be *, or entity tags as the ETag header gives them, with their quotes");
    parsed.map(Some).ok_or_else(error)
}

fn parse(text: &str) -> Option<Condition> {
    let mut rest = text.trim();
    if rest == "*" {
        return Some(Condition::Any);
    }
    let mut tags = Vec::new();
    while !rest.is_empty() {
        let (weak, tag) = rest.strip_prefix("W/").map_or((false, rest), |tag| (true, tag));
        let (tag, after) = tag.strip_prefix('"')?.split_once('"')?;
        tags.push((weak, tag.to_owned()));
        let after = after.trim_start();
        rest = after.strip_prefix(',').or(Some(after).filter(|after| after.is_empty()))?.trim_start();
    }
    (!tags.is_empty()).then_some(Condition::Tags(tags))
}

fn malformed(name: &str, detail: &str) -> Problem {
    Problem::with_errors(Code::MalformedHeader, vec![FieldError::in_header(name, detail)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_any_or_quoted_tags() {
        let holds = |text: &str| parse(text).map(|condition| IfMatch(Some(condition)).holds(|tag| tag == "1"));
        for good in ["*", "\"1\"", "\"0\", \"1\"", "\"a,b\" , \"1\""] {
            assert_eq!(holds(good), Some(true), "{good}");
        }
        for other in ["\"2\"", "W/\"1\"", "\"\""] {
            assert_eq!(holds(other), Some(false), "{other}");
        }
        for bad in ["", "1", "\"1", "*,\"1\"", "\"1\" \"2\"", "w/\"1\""] {
            assert_eq!(holds(bad), None, "{bad}");
        }
        let known = IfNoneMatch(parse("W/\"1\""));
        assert!(known.has("1") && !known.has("2") && !IfNoneMatch(None).has("1"));
    }
}
