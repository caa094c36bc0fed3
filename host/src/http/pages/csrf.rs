//! Whether a form was sent from a page of ours, in this browser.
//!
//! Threat: another site's page that sends a form here, with the person's cookies (cross-site request csrf). Decision:
//! three things that it cannot have all hold. The browser says where the form came from, by `Sec-Fetch-Site` (Fetch
//! Metadata) or `Origin` (RFC 6454 §7), and it was here; the form holds a token that only our pages in this browser are
//! given, derived from the cookie that the browser sends; and that cookie is not sent along from other sites. A browser
//! that tells nothing of where the form came from is refused. Rejected: a table of tokens, which is one write more for
//! every page that is looked at.

use super::super::problem::{Code, Problem};
use crate::plugins::egress::Origin;
use axum::http::{HeaderMap, header};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The form's field with the token.
pub(super) const FIELD: &str = "form-token";

/// A new value to bind forms to.
pub(super) fn random() -> Result<String, Problem> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(Problem::internal)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(random))
}

/// The token of the forms that are bound to a cookie. The cookie cannot be found out from it.
pub(super) fn token(cookie: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(format!("token of forms, bound to {cookie}")))
}

/// The form holds the token.
pub(super) fn verify_token(held: Option<&str>, token: &str) -> Result<(), Problem> {
    let held = held.unwrap_or_default();
    if bool::from(held.as_bytes().ct_eq(token.as_bytes())) { Ok(()) } else { Err(Problem::new(Code::ForeignForm)) }
}

/// The browser says that the form came from here.
pub(super) fn same_origin(headers: &HeaderMap, here: &Origin) -> Result<(), Problem> {
    let one = |name: &str| headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?")).collect::<Vec<_>>();
    let (site, origin) = (one("sec-fetch-site"), one(header::ORIGIN.as_str()));
    let site_fits = matches!(*site, [] | ["same-origin"]);
    let origin_fits = match *origin {
        [] => true,
        [origin] => origin.parse::<Origin>().is_ok_and(|origin| origin == *here),
        _ => false,
    };
    let is_told = !site.is_empty() || !origin.is_empty();
    if site_fits && origin_fits && is_told {
        return Ok(());
    }
    Err(Problem::detailed(Code::ForeignForm, format!("this host's pages are at {here}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_from_elsewhere_are_refused() {
        let here = "https://chronus.example.org".parse().unwrap();
        let told = |headers: &[(&'static str, &'static str)]| {
            let mut all = HeaderMap::new();
            for (name, value) in headers {
                all.append(*name, value.parse().unwrap());
            }
            same_origin(&all, &here).is_ok()
        };
        let (ours, theirs) = (("origin", "https://chronus.example.org"), ("origin", "https://evil.example"));
        for good in [&[ours][..], &[("sec-fetch-site", "same-origin")], &[ours, ("sec-fetch-site", "same-origin")]] {
            assert!(told(good), "{good:?}");
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
            assert!(!told(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_token_is_that_of_one_cookie() {
        let (one, other) = (token("a"), token("b"));
        assert!(verify_token(Some(&one), &one).is_ok());
        for bad in [None, Some(""), Some(&*other), Some("a"), Some(&one[1..])] {
            assert!(verify_token(bad, &one).is_err(), "{bad:?}");
        }
    }
}
