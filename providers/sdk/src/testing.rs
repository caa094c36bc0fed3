//! Values for the tests of providers. Not part of a component.

use crate::types::Connection;

/// A connection by a sign-in, in Rome, without a server, an address, fields or a memo.
///
/// ```
/// use chronus_sdk::{testing::connection, types::Connection};
///
/// let shared = Connection { subject: Some("ann@example.com".into()), ..connection("google") };
/// assert_eq!(shared.zone, "Europe/Rome");
/// ```
pub fn connection(sign_in: &str) -> Connection {
    Connection {
        sign_in: sign_in.to_owned(),
        server: None,
        subject: None,
        address: None,
        zone: "Europe/Rome".to_owned(),
        fields: Vec::new(),
        memo: None,
    }
}
