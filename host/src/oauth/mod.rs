//! OAuth 2.0 as the client of calendar services: authorization codes, assertions, client credentials, refresh.
//!
//! Threat: a component that names other endpoints or wider scopes than the operator accepted; a token or a client secret
//! in a log, an error or a component; a refresh token that two hosts use at once, which services that rotate refresh
//! tokens take for theft. Decision: the host speaks the protocol itself, by the operator's grant only, and one function
//! refreshes all tokens ([`token_lease::refresh`]). This room knows no connection and no service account: both implement
//! [`token_lease::TokenOwner`]. Rejected: letting a provider exchange codes, which would show it the code and the client
//! secret; one refresh per kind of credential, which gave two copies of the same locking.
//!
//! Where to look: [`code_grant`] sign-in at the service's own page (RFC 6749 §4.1, PKCE), [`jwt_bearer`] assertions for
//! mailboxes (RFC 7523), [`client_credentials`] (RFC 6749 §4.4), [`clients`] the applications that operators register,
//! [`endpoint`] requests and replies, [`id_token`] the claims that a reply may hold, [`token_lease`] refresh.

pub mod authorization;
pub mod client_credentials;
pub mod clients;
pub mod code_grant;
pub mod context;
pub mod endpoint;
pub mod id_token;
pub mod jwt_bearer;
pub mod single_flight;
pub mod store;
pub mod token;
pub mod token_lease;

pub use clients::{Client, ClientError};
pub use context::{Context, SignInRef};
pub use endpoint::{TokenEndpoint, TokenError, TokenResponse};
pub use token::{REFRESH_TOKEN, State, Token};
