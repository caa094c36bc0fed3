//! Checks that a form was sent from a page of ours, in this browser.
//!
//! Threat: a page of another site that sends a form here with the person's cookies (cross-site request forgery). Decision:
//! three conditions must hold, and such a page can meet none. The browser says with `Sec-Fetch-Site` (Fetch Metadata) or
//! `Origin` (RFC 6454 §7) that the form comes from this origin; the form holds a token that is derived from the browser's
//! cookie, which only our pages in this browser have; and that cookie is `SameSite`. A request with neither header is
//! refused. Rejected: the `csrf` layer of tower-http, which accepts such requests and compares with `Host` and not with
//! the public URL; a table of tokens, which costs a write for every page view.

use super::{super::problem::Problem, error::PageError, messages::Message};
use crate::plugins::egress::Origin;
use axum::http::{HeaderMap, header};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The name of the field with the token.
pub(super) const FIELD: &str = "form-token";

/// A new random value for the cookie that forms are bound to.
pub(super) fn random() -> Result<String, PageError> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(Problem::internal)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(random))
}

/// The token of forms that are bound to a cookie. The cookie cannot be derived from it.
pub(super) fn token(cookie: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(format!("token of forms, bound to {cookie}")))
}

/// Checks that a form holds the token.
pub(super) fn verify_token(held: Option<&str>, token: &str) -> Result<(), PageError> {
    let held = held.unwrap_or_default();
    if bool::from(held.as_bytes().ct_eq(token.as_bytes())) { Ok(()) } else { Err(Message::ForeignForm.into()) }
}

/// Checks that the browser says that the form comes from this origin.
pub(super) fn verify_origin(headers: &HeaderMap, here: &Origin) -> Result<(), PageError> {
    let one = |name: &str| headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?")).collect::<Vec<_>>();
    let (site, origin) = (one("sec-fetch-site"), one(header::ORIGIN.as_str()));
    let site_fits = matches!(*site, [] | ["same-origin"]);
    let origin_fits = match *origin {
        [] => true,
        [origin] => origin.parse::<Origin>().is_ok_and(|origin| origin == *here),
        _ => false,
    };
    let is_known = !site.is_empty() || !origin.is_empty();
    if site_fits && origin_fits && is_known {
        return Ok(());
    }
    tracing::info!(%here, "a form from another site was refused; if it was not, check public-url");
    Err(Message::ForeignForm.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_from_other_sites_are_refused() {
        let here = "https://chronus.example.org".parse().unwrap();
        let accepts = |headers: &[(&'static str, &'static str)]| {
            let mut all = HeaderMap::new();
            for (name, value) in headers {
                all.append(*name, value.parse().unwrap());
            }
            verify_origin(&all, &here).is_ok()
        };
        let (ours, theirs) = (("origin", "https://chronus.example.org"), ("origin", "https://evil.example"));
        for good in [&[ours][..], &[("sec-fetch-site", "same-origin")], &[ours, ("sec-fetch-site", "same-origin")]] {
            assert!(accepts(good), "{good:?}");
        }
        for bad in [
            &[][..],
            &[theirs],
            &[("origin", "null")],
            &[("origin", "http://chronus.example.org")],
            &[("origin", "https://chronus.example.org:8443")],
            &[("origin", "https://a.chronus.example.org")],
            &[ours, theirs],
            &[ours, ("sec-fetch-site", "cross-site")],
            &[ours, ("sec-fetch-site", "same-site")],
            &[theirs, ("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")],
        ] {
            assert!(!accepts(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_token_belongs_to_one_cookie() {
        let (one, other) = (token("a"), token("b"));
        assert!(verify_token(Some(&one), &one).is_ok());
        for bad in [None, Some(""), Some(&*other), Some("a"), Some(&one[1..])] {
            assert!(verify_token(bad, &one).is_err(), "{bad:?}");
        }
    }
}
