//! The two cookies: that of a session, and the one that forms are bound to before there is a session.
//!
//! Both are sent to this host only, are invisible to scripts, and do not accompany forms from other sites. With https,
//! their names have the prefix `__Host-`, so that browsers accept them from nobody else (RFC 6265bis §4.1.3.2).

use crate::{
    auth::sessions::LIFETIME,
    plugins::egress::{Origin, Scheme},
};
use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite, time::Duration};
use secrecy::{ExposeSecret as _, SecretString};

/// One of the two cookies.
#[derive(Debug, Clone, Copy)]
pub(super) struct CookieKind {
    name: &'static str,
    /// How long the browser keeps the cookie, in seconds; without it, until the browser is closed.
    max_age: Option<i64>,
}

/// Identifies a session.
pub(super) const SESSION: CookieKind = CookieKind { name: "chronus_session", max_age: Some(LIFETIME.as_secs()) };
/// Binds the forms of a browser without a session.
pub(super) const FORM: CookieKind = CookieKind { name: "chronus_form", max_age: None };

impl CookieKind {
    /// The name of the cookie at this origin.
    pub(super) fn name(self, origin: &Origin) -> String {
        match origin.scheme() {
            Scheme::Https => format!("__Host-{}", self.name),
            Scheme::Http => self.name.to_owned(),
        }
    }

    /// The header that stores the cookie in a browser.
    pub(super) fn set(self, origin: &Origin, value: &str) -> HeaderValue {
        self.header(origin, value, self.max_age)
    }

    /// The same, with a secret value.
    pub(super) fn set_secret(self, origin: &Origin, value: &SecretString) -> HeaderValue {
        self.set(origin, value.expose_secret())
    }

    /// The header that deletes the cookie.
    pub(super) fn clear(self, origin: &Origin) -> HeaderValue {
        self.header(origin, "", Some(0))
    }

    fn header(self, origin: &Origin, value: &str, max_age: Option<i64>) -> HeaderValue {
        let mut cookie = Cookie::build((self.name(origin), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(origin.scheme() == Scheme::Https);
        if let Some(seconds) = max_age {
            cookie = cookie.max_age(Duration::seconds(seconds));
        }
        // Values are base64, so the text is a valid header.
        let mut header = HeaderValue::try_from(cookie.build().to_string()).unwrap_or(HeaderValue::from_static(""));
        header.set_sensitive(true);
        header
    }
}

/// The value of a cookie. If the name is there twice, one of the two is not ours, so neither is used.
pub(super) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(other, _)| *other == name).map(|(_, value)| value);
    let (value, None) = (found.next()?, found.next()) else { return None };
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_as_strict_as_the_origin_allows() {
        let (http, https) = ("http://127.0.0.1:8080".parse().unwrap(), "https://a.example".parse().unwrap());
        let header = |header: HeaderValue| {
            let text = header.to_str().unwrap().to_owned();
            let (pair, attributes) = text.split_once("; ").unwrap();
            let mut attributes: Vec<_> = attributes.split("; ").map(str::to_owned).collect();
            attributes.sort();
            (pair.to_owned(), attributes.join("; "))
        };
        let set = |pair: &str, attributes: &str| (pair.to_owned(), attributes.to_owned());
        assert_eq!(header(FORM.set(&http, "abc")), set("chronus_form=abc", "HttpOnly; Path=/; SameSite=Lax"));
        assert_eq!(
            header(SESSION.set(&https, "abc")),
            set("__Host-chronus_session=abc", "HttpOnly; Max-Age=2592000; Path=/; SameSite=Lax; Secure")
        );
        assert_eq!(header(SESSION.clear(&http)), set("chronus_session=", "HttpOnly; Max-Age=0; Path=/; SameSite=Lax"));
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name_and_once() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; xa=2; b=3=4"));
        assert_eq!((find(&headers, "a"), find(&headers, "b"), find(&headers, "c")), (Some("1"), Some("3=4"), None));
        headers.append(header::COOKIE, HeaderValue::from_static("a=5"));
        assert_eq!(find(&headers, "a"), None);
    }
}
