//! The mail server of the configuration: `smtp://` or `smtps://`, with a user and a password if it wants them.
//!
//! Threat: a password, or a link by which somebody signs in, that crosses a network in clear. Decision: `smtps://` is
//! TLS from the first byte, `smtp://` becomes TLS before anything is said (STARTTLS), or nothing is; only to this machine
//! itself it stays as it is. Rejected: TLS where it is offered, which whoever is in between takes away.

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

/// How long the server may take over any one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A mail server. Its password is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// Whether TLS comes first.
    tls_first: bool,
    host: Host<String>,
    port: u16,
    user: Option<(String, String)>,
}

/// Not the address of a mail server. Does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write smtps://user:password@mail.example.org, or smtp://… for STARTTLS; what is special in it as %40 for @")]
pub struct NotAServer;

impl FromStr for Server {
    type Err = NotAServer;

    fn from_str(text: &str) -> Result<Self, NotAServer> {
        let url = Url::parse(text).map_err(|_| NotAServer)?;
        let (tls_first, usual) = match url.scheme() {
            "smtps" => (true, 465),
            "smtp" => (false, 587),
            _ => return Err(NotAServer),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(NotAServer);
        }
        // A scheme that the parser does not know keeps its host as it was written.
        let host = Host::parse(url.host_str().ok_or(NotAServer)?).map_err(|_| NotAServer)?;
        let decoded = |text: &str| {
            let pair = format!("a={}", text.replace('+', "%2B"));
            let (_, value) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
            Some(value.into_owned())
        };
        let user = match (url.username(), url.password()) {
            ("", None) => None,
            ("", Some(_)) | (_, None) => return Err(NotAServer),
            (user, Some(password)) => Some((decoded(user).ok_or(NotAServer)?, decoded(password).ok_or(NotAServer)?)),
        };
        Ok(Self { tls_first, host, port: url.port().unwrap_or(usual), user })
    }
}

impl Server {
    /// What sends to it, and says that it is of this domain.
    pub(super) fn transport(&self, domain: &str) -> Result<AsyncSmtpTransport<Tokio1Executor>, smtp::Error> {
        let name = match &self.host {
            Host::Ipv6(address) => address.to_string(),
            host => host.to_string(),
        };
        let tls = match (self.tls_first, self.is_here()) {
            (true, _) => Tls::Wrapper(TlsParameters::new(name.clone())?),
            (false, false) => Tls::Required(TlsParameters::new(name.clone())?),
            (false, true) => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(name)
            .port(self.port)
            .tls(tls)
            .timeout(Some(PATIENCE))
            .hello_name(ClientId::Domain(domain.to_owned()));
        if let Some((user, password)) = &self.user {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(builder.build())
    }

    fn is_here(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tls_first, host, port, user: _ } = self;
        f.debug_struct("Server").field("tls_first", tls_first).field("host", host).field("port", port).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_its_password_is_not_told() {
        let server: Server = "smtps://ann%40example.org:p%2Bq+%C5%BE@mail.example.org".parse().unwrap();
        assert_eq!((server.tls_first, server.port, server.is_here()), (true, 465, false));
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
            assert_eq!((server.port, server.is_here(), server.tls_first), (port, here, false), "{text}");
            assert!(server.transport("example.org").is_ok());
        }
    }

    #[test]
    fn what_is_no_server_is_refused() {
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
