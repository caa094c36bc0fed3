//! The address of a PostgreSQL server.
//!
//! Problem: an address that is refused as a whole does not tell what to correct, and may contain a password, so it is
//! never repeated. Decision: an error names the part. A host may be missing, as libpq allows: it is then in the
//! parameter `host`, which may be the folder of a socket. Unknown parameters are refused, because sqlx would log them
//! with their values.

use super::OpenError;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::{borrow::Cow, net::IpAddr, str::FromStr};
use url::{ParseError, Url};

/// Parameters that sqlx reads, and that can have any value.
const TEXTS: [&str; 13] = [
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Parses an address.
pub(super) fn parse(address: &str) -> Result<PgConnectOptions, OpenError> {
    let address = with_host(address);
    let wrong = |part: &str| OpenError::Address(part.to_owned());
    let url = Url::parse(&address).map_err(|error| wrong(part(error)))?;
    for (name, value) in url.query_pairs() {
        match &*name {
            "sslmode" | "ssl-mode" if is::<PgSslMode>(&value) => {}
            "sslmode" | "ssl-mode" => {
                return Err(wrong("`sslmode` must be disable, allow, prefer, require, verify-ca or verify-full"));
            }
            "port" if is::<u16>(&value) => {}
            "port" => return Err(wrong("`port` must be a number up to 65535")),
            "hostaddr" if is::<IpAddr>(&value) => {}
            "hostaddr" => return Err(wrong("`hostaddr` must be an IP address")),
            "statement-cache-capacity" if is::<usize>(&value) => {}
            "statement-cache-capacity" => return Err(wrong("`statement-cache-capacity` must be a number")),
            name if TEXTS.contains(&name) || name.starts_with("options[") => {}
            name => return Err(wrong(&format!("the parameter `{}` is unknown", name.escape_debug()))),
        }
    }
    address.parse().map_err(|_| wrong("its user, password or database name is not valid UTF-8"))
}

fn is<T: FromStr>(value: &str) -> bool {
    value.parse::<T>().is_ok()
}

/// The part that makes an address malformed.
const fn part(error: ParseError) -> &'static str {
    match error {
        ParseError::InvalidPort => {
            "its port is not a number up to 65535; in a user name or password, write / as %2F, : as %3A and @ as %40"
        }
        ParseError::InvalidIpv4Address | ParseError::InvalidIpv6Address => "its host is not a valid IP address",
        ParseError::IdnaError | ParseError::InvalidDomainCharacter | ParseError::EmptyHost => {
            "its host is not a valid name; for a socket, write postgres://user:password@/database?host=/folder"
        }
        _ => "it is not a URL",
    }
}

/// The address with `localhost` in place of a missing host, without which it is no URL.
pub(super) fn with_host(address: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = address.split_once("://") else { return address.into() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    if !(host.is_empty() || host.starts_with(':')) {
        return address.into();
    }
    let at = if authority.contains('@') { "@" } else { "" };
    format!("{scheme}://{user}{at}localhost{host}{path}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// O18 of the operators' review: the socket form was refused as "wrong".
    #[test]
    fn a_socket_can_be_named() {
        for address in [
            "postgres://u:p@/db?host=/run/postgresql",
            "postgres:///db?host=/run/postgresql&user=u",
            "postgres://u:p@%2Frun%2Fpostgresql/db",
            "postgres://u:p@localhost/db?host=/run/postgresql",
        ] {
            let options = parse(address).unwrap();
            assert_eq!(options.get_socket().unwrap().to_str(), Some("/run/postgresql"), "{address}");
            assert_eq!((options.get_username(), options.get_database()), ("u", Some("db")), "{address}");
        }
        let options = parse("postgres://u:p@:5433/db").unwrap();
        assert_eq!((options.get_host(), options.get_port()), ("localhost", 5433));
    }

    #[test]
    fn an_error_names_the_part_and_repeats_no_secret() {
        let cases = [
            ("postgres://u:hunter22@h/db?sslmode=hunter22", "sslmode"),
            ("postgres://u:hunter22@h/db?port=hunter22", "port"),
            ("postgres://u:hunter22@h:hunter22/db", "port"),
            ("postgres://u:hunt/er22@h/db", "%2F"),
            ("postgres://u:hunter22@h/db?sslmod=hunter22", "`sslmod` is unknown"),
            ("postgres://u:hunter22@[::g]/db", "IP address"),
            ("postgres://u:hunter22@a b/db", "host"),
        ];
        for (address, words) in cases {
            let error = parse(address).unwrap_err();
            assert!(matches!(&error, OpenError::Address(_)), "{address}: {error}");
            assert!(error.to_string().contains(words) && !error.to_string().contains("hunter22"), "{address}: {error}");
        }
    }
}
