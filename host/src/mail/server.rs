//! The configured mail server: `smtp://` or `smtps://`, with an optional user and password.
//!
//! Threat: a password or a sign-in link that crosses a network unencrypted. Decision: `smtps://` uses TLS from the first
//! byte; `smtp://` requires STARTTLS before anything else is sent, except on a loopback address. Rejected: opportunistic
//! TLS, which an attacker on the network can switch off.

use crate::network::is_this_machine;
use lettre::{
    AsyncSmtpTransport, Tokio1Executor,
    transport::smtp::{
        self,
        authentication::Credentials,
        client::{Tls, TlsParameters},
        extension::ClientId,
    },
};
use std::{fmt, str::FromStr, time::Duration};
use url::{Host, Url};

/// How long the server may take for one answer.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// A mail server. `Debug` does not print its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// Whether the connection begins with TLS, and not with STARTTLS.
    implicit_tls: bool,
    host: Host<String>,
    port: u16,
    user: Option<(String, String)>,
}

/// The text is not the URL of a mail server. The error does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the URL of a mail server; use smtps://user:password@mail.example.org, or smtp://… for STARTTLS, and write special characters as %40 for @"
)]
pub struct InvalidServerUrl;

impl FromStr for Server {
    type Err = InvalidServerUrl;

    fn from_str(text: &str) -> Result<Self, InvalidServerUrl> {
        let url = Url::parse(text).map_err(|_| InvalidServerUrl)?;
        let (implicit_tls, default_port) = match url.scheme() {
            "smtps" => (true, 465),
            "smtp" => (false, 587),
            _ => return Err(InvalidServerUrl),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidServerUrl);
        }
        // The parser does not normalise hosts of schemes that it does not know.
        let host = Host::parse(url.host_str().ok_or(InvalidServerUrl)?).map_err(|_| InvalidServerUrl)?;
        let decoded = |text: &str| {
            let pair = format!("a={}", text.replace('+', "%2B"));
            let (_, value) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
            Some(value.into_owned())
        };
        let user = match (url.username(), url.password()) {
            ("", None) => None,
            ("", Some(_)) | (_, None) => return Err(InvalidServerUrl),
            (user, Some(password)) => {
                Some((decoded(user).ok_or(InvalidServerUrl)?, decoded(password).ok_or(InvalidServerUrl)?))
            }
        };
        Ok(Self { implicit_tls, host, port: url.port().unwrap_or(default_port), user })
    }
}

impl Server {
    /// Creates a transport that introduces itself with this domain.
    pub(super) fn transport(&self, domain: &str) -> Result<AsyncSmtpTransport<Tokio1Executor>, smtp::Error> {
        let name = match &self.host {
            Host::Ipv6(address) => address.to_string(),
            host => host.to_string(),
        };
        let tls = match (self.implicit_tls, self.is_here()) {
            (true, _) => Tls::Wrapper(TlsParameters::new(name.clone())?),
            (false, false) => Tls::Required(TlsParameters::new(name.clone())?),
            (false, true) => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(name)
            .port(self.port)
            .tls(tls)
            .timeout(Some(COMMAND_TIMEOUT))
            .hello_name(ClientId::Domain(domain.to_owned()));
        if let Some((user, password)) = &self.user {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(builder.build())
    }

    fn is_here(&self) -> bool {
        is_this_machine(&self.host.to_string())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { implicit_tls, host, port, user: _ } = self;
        f.debug_struct("Server").field("implicit_tls", implicit_tls).field("host", host).field("port", port).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_parsed_and_its_password_is_not_printed() {
        let server: Server = "smtps://ann%40example.org:p%2Bq+%C5%BE@mail.example.org".parse().unwrap();
        assert_eq!((server.implicit_tls, server.port, server.is_here()), (true, 465, false));
        assert_eq!(server.user, Some(("ann@example.org".into(), "p+q+ž".into())));
        assert!(!format!("{server:?}").contains("p+q"));
        for (text, port, here) in [
            ("smtp://mail.example.org", 587, false),
            ("smtp://127.0.0.1:25/", 25, true),
            ("smtp://[::1]:2525", 2525, true),
            ("smtp://localhost:1", 1, true),
            ("smtp://127.0.0.1.example.org:1", 1, false),
        ] {
            let server: Server = text.parse().unwrap();
            assert_eq!((server.port, server.is_here(), server.implicit_tls), (port, here, false), "{text}");
            assert!(server.transport("example.org").is_ok());
        }
    }

    #[test]
    fn an_invalid_url_is_refused() {
        for bad in [
            "",
            "mail.example.org",
            "https://mail.example.org",
            "smtp://",
            "smtp://ann@mail.example.org",
            "smtp://:hunter22@mail.example.org",
            "smtp://mail.example.org/inbox",
            "smtp://mail.example.org?tls=none",
        ] {
            let error = bad.parse::<Server>().unwrap_err();
            assert!(!error.to_string().contains("hunter22"), "{bad}");
        }
    }
}
