//! The addresses of the pages that other pages lead to.

/// The first page after signing in.
pub(super) const HOME: &str = "/settings";
/// The page that asks for an email address.
pub(super) const SIGN_IN: &str = "/sign-in";
/// Calendar Settings.
pub(super) const CALENDAR: &str = "/settings/calendar";
/// Receives the forms of sign-ins.
pub(super) const CALENDAR_FORM: &str = "/settings/calendar/form";
/// Receives the buttons of all other sign-ins.
pub(super) const CALENDAR_CONNECT: &str = "/settings/calendar/connect";
/// Service Accounts.
pub(super) const ORGANISATION: &str = "/settings/organisation";
/// Administrators.
pub(super) const ADMINISTRATORS: &str = "/settings/administrators";
/// Calendar services send browsers back to this path, followed by the provider's id.
pub(super) use crate::links::CALLBACK;

/// A path of this host to open after signing in, or [`HOME`]: a link to our sign-in page must not become a redirect to
/// another site.
pub(super) fn local_or_home(wanted: &str) -> &str {
    let fits = wanted.starts_with('/') && !wanted.starts_with("//") && wanted.len() <= 500;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~?=&%".contains(&byte);
    let is_sign_in = wanted.starts_with(SIGN_IN) || wanted == "/sign-out";
    if fits && wanted.bytes().all(plain) && !is_sign_in { wanted } else { HOME }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_host_are_returned_to() {
        for good in ["/settings/calendar", "/settings?a=b&c=%2F", "/"] {
            assert_eq!(local_or_home(good), good);
        }
        let long = format!("/{}", "a".repeat(500));
        for bad in [
            "",
            "settings",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nset-cookie: b",
            "/ü",
            "/sign-in",
            "/sign-in/abc",
            "/sign-out",
            "/\t/evil.example",
            "javascript:alert(1)",
            &long,
        ] {
            assert_eq!(local_or_home(bad), HOME, "{bad:?}");
        }
    }
}
