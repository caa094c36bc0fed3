//! The URLs of this host that mails and calendar services are given.
//!
//! Decision: they are all made here, from the origin that `public-url` names, so that a host behind a reverse proxy is
//! set up by one setting. The paths are those of the pages' route table, and a page that moves must be moved here.
//! Rejected: the `Host` header of the request, which the client chooses.

use crate::plugins::egress::Origin;
use secrecy::{ExposeSecret as _, SecretString};
use url::{ParseError, Url};

/// The path of a sign-in link, before its secret part.
const SIGN_IN: &str = "/sign-in/";
/// The path to which a calendar service sends the browser back, before the provider's id.
pub const CALLBACK: &str = "/connect/callback/";
/// The path to which a calendar service sends the browser of an administrator back who approved or not, before the provider's id.
const APPROVAL_RETURN: &str = "/connect/approval/";
/// The path of the page on which a person connects their calendar.
const CALENDAR_SETTINGS: &str = "/settings/calendar";

/// Makes URLs of this host.
#[derive(Debug, Clone)]
pub struct Links {
    origin: Origin,
}

impl Links {
    /// The URLs of a host that browsers reach at this origin.
    #[must_use]
    pub const fn new(origin: Origin) -> Self {
        Self { origin }
    }

    /// The origin itself.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// A sign-in link. It contains the secret.
    #[must_use]
    pub fn sign_in(&self, secret: &SecretString) -> String {
        format!("{}{SIGN_IN}{}", self.origin, secret.expose_secret())
    }

    /// The page on which a person connects their calendar.
    #[must_use]
    pub fn calendar_settings(&self) -> String {
        format!("{}{CALENDAR_SETTINGS}", self.origin)
    }

    /// Where a service sends the browser of an IT administrator back to after its page for approvals.
    ///
    /// # Errors
    /// If the provider's id does not fit into a URL.
    pub fn approval_return(&self, provider: &str) -> Result<Url, ParseError> {
        Url::parse(&format!("{}{APPROVAL_RETURN}{provider}", self.origin))
    }

    /// The OAuth redirect URI for a provider.
    ///
    /// # Errors
    /// If the provider's id does not fit into a URL.
    pub fn oauth_callback(&self, provider: &str) -> Result<Url, ParseError> {
        Url::parse(&format!("{}{CALLBACK}{provider}", self.origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_begin_with_the_public_origin() {
        let links = Links::new("https://chronus.example.org".parse().unwrap());
        assert_eq!(links.sign_in(&"abc".to_owned().into()), "https://chronus.example.org/sign-in/abc");
        assert_eq!(links.calendar_settings(), "https://chronus.example.org/settings/calendar");
        let callback = links.oauth_callback("a").unwrap();
        assert_eq!(callback.as_str(), "https://chronus.example.org/connect/callback/a");
    }
}
