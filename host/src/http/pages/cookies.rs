//! The two cookies: the session's, and the one that forms are bound to before there is a session.
//!
//! Both are only for this host, not for scripts, and not sent along when another site's form comes here. With https they
//! have the prefix by which browsers see to it that nobody else has set them (RFC 6265bis §4.1.3.2).

use crate::{
    auth::sessions::LIFETIME,
    plugins::egress::{Origin, Scheme},
};
use axum::http::{HeaderMap, HeaderValue, header};
use secrecy::{ExposeSecret as _, SecretString};

/// A cookie of ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cookie {
    name: &'static str,
    /// How long the browser keeps it, in seconds; until it is closed if not said.
    lasts: Option<i64>,
}

/// Says in which session a browser is.
pub(super) const SESSION: Cookie = Cookie { name: "chronus_session", lasts: Some(LIFETIME.as_secs()) };
/// What the forms of a browser without a session are bound to.
pub(super) const FORM: Cookie = Cookie { name: "chronus_form", lasts: None };

impl Cookie {
    /// Its name at this address.
    pub(super) fn name(self, here: &Origin) -> String {
        match here.scheme() {
            Scheme::Https => format!("__Host-{}", self.name),
            Scheme::Http => self.name.to_owned(),
        }
    }

    /// The header that gives it to a browser.
    pub(super) fn set(self, here: &Origin, value: &str) -> HeaderValue {
        self.header(here, value, self.lasts)
    }

    /// The same, of a secret.
    pub(super) fn set_secret(self, here: &Origin, value: &SecretString) -> HeaderValue {
        self.set(here, value.expose_secret())
    }

    /// The header that takes it away.
    pub(super) fn clear(self, here: &Origin) -> HeaderValue {
        self.header(here, "", Some(0))
    }

    fn header(self, here: &Origin, value: &str, lasts: Option<i64>) -> HeaderValue {
        let lasts = lasts.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let secure = if here.scheme() == Scheme::Https { "; Secure" } else { "" };
        let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{lasts}{secure}", self.name(here));
        // Values are base64, so this is a header.
        let mut header = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        header.set_sensitive(true);
        header
    }
}

/// The value of a cookie; of two of one name none, because one of them is not ours.
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
    fn a_cookie_is_as_strict_as_the_address_lets_it_be() {
        let (http, https) = ("http://127.0.0.1:8080".parse().unwrap(), "https://a.example".parse().unwrap());
        assert_eq!(FORM.set(&http, "abc"), "chronus_form=abc; Path=/; HttpOnly; SameSite=Lax");
        let set = "__Host-chronus_session=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000; Secure";
        assert_eq!(SESSION.set(&https, "abc"), set);
        assert_eq!(SESSION.clear(&http), "chronus_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
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
