//! The text of the mail that asks a person to connect their calendar again.

use askama::Template;

/// The subject of the mail.
pub const SUBJECT: &str = "Chronus can no longer access your calendar";

/// The values of the mail.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "mail/reconnect.txt")]
pub struct ReconnectMail<'a> {
    /// The name of the person.
    pub name: &'a str,
    /// The name of the calendar service.
    pub service: &'a str,
    /// The account at the service, if it is known.
    pub account: Option<&'a str>,
    /// Whether the organisation had connected the calendar.
    pub by_organisation: bool,
    /// The address of Calendar Settings.
    pub url: &'a str,
}

impl ReconnectMail<'_> {
    /// The text of the mail.
    ///
    /// # Errors
    /// Never in practice: the template has no part that can fail.
    pub fn text(&self) -> Result<String, askama::Error> {
        self.render()
    }
}
