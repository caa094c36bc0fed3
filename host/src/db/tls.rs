//! TLS to PostgreSQL.
//!
//! Threat: libpq's default, `sslmode=prefer`, goes on without TLS if the server says that it has none, so anybody on
//! the network path can send that answer and read the password. Decision: a server on this machine is reached as its
//! address says, any other one at least with TLS (`require`). In production, `config` also wants its certificate checked
//! (`verify-full`), unless the address says otherwise. Rejected: `verify-full` everywhere, which the self-signed
//! certificate of a fresh installation does not pass.

use super::{OpenError, address::with_host};
use crate::network::is_this_machine;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

/// The options with TLS, where the server is on another machine.
pub(super) fn require(options: PgConnectOptions) -> Result<PgConnectOptions, OpenError> {
    if is_here(&options) {
        return Ok(options);
    }
    match options.get_ssl_mode() {
        PgSslMode::Disable => Err(OpenError::NoTls),
        PgSslMode::Allow | PgSslMode::Prefer => Ok(options.ssl_mode(PgSslMode::Require)),
        PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => Ok(options),
    }
}

fn is_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some() || host.starts_with('/') || is_this_machine(host)
}

/// The address of a server for `production`: it says which certificates are accepted, or all are checked.
pub(super) fn with_verification(address: &str) -> String {
    // A malformed address is reported when the database is opened.
    let complete = with_host(address);
    let (Ok(options), Ok(mut url)) = (complete.parse::<PgConnectOptions>(), Url::parse(&complete)) else {
        return address.to_owned();
    };
    let says_mode = url.query_pairs().any(|(name, _)| matches!(&*name, "sslmode" | "ssl-mode"));
    if says_mode || is_here(&options) {
        return address.to_owned();
    }
    url.set_fragment(None);
    url.query_pairs_mut().append_pair("sslmode", "verify-full");
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(address: &str) -> Option<PgSslMode> {
        require(address.parse().unwrap()).ok().map(|options| options.get_ssl_mode())
    }

    /// S11 of the security review: a server that said "no TLS" was sent the password.
    #[test]
    fn tls_cannot_be_talked_down_except_on_this_machine() {
        for mode_of_address in ["", "?sslmode=prefer", "?sslmode=allow", "?sslmode=require"] {
            let address = format!("postgres://a:b@db.example.org/c{mode_of_address}");
            assert!(matches!(mode(&address), Some(PgSslMode::Require)), "{address}");
        }
        for address in ["postgres://a:b@192.0.2.1/c?sslmode=disable", "postgres://a:b@[2001:db8::1]/c?sslmode=disable"]
        {
            assert!(mode(address).is_none(), "{address}");
        }
        assert!(matches!(mode("postgres://a:b@db.example.org/c?sslmode=verify-full"), Some(PgSslMode::VerifyFull)));
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            assert!(matches!(mode(&format!("postgres://a:b@{host}/c")), Some(PgSslMode::Prefer)), "{host}");
            assert!(matches!(mode(&format!("postgres://a:b@{host}/c?sslmode=disable")), Some(PgSslMode::Disable)));
        }
        assert!(matches!(mode("postgres://a@localhost/c?host=/run/postgresql"), Some(PgSslMode::Prefer)));
    }

    #[test]
    fn production_checks_certificates_unless_the_address_says_otherwise() {
        let full = "postgres://a:b@db.example.org/c?sslmode=verify-full";
        assert_eq!(with_verification("postgres://a:b@db.example.org/c"), full);
        let other = "postgres://a:b@db.example.org/c?application_name=x";
        assert_eq!(with_verification(other), format!("{other}&sslmode=verify-full"));
        assert_eq!(with_verification("postgres://a:b@db.example.org/c#d"), full);
        let by_parameter = "postgres://a:b@/c?host=db.example.org";
        assert!(with_verification(by_parameter).ends_with("&sslmode=verify-full"));
        for same in [full, "postgres://a:b@db.example.org/c?sslmode=require", "postgres://a:b@127.0.0.1/c", "nonsense"]
        {
            assert_eq!(with_verification(same), same);
        }
    }
}
