//! `/v1/tokens`.

use crate::{
    app::App,
    auth::{
        Actor, Scopes,
        tokens::{self, Holder, NewToken, Token},
    },
    http::{
        input::{Body, Created, List, ListParams, PathIds, QueryParams},
        problem::Problem,
    },
    ids::{OrganisationId, PersonId, TokenId},
};
use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A token, without itself. Without an organisation it is an operator's, without a person an integration's.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub(in crate::http) struct TokenOut {
    id: TokenId,
    organisation: Option<OrganisationId>,
    person: Option<PersonId>,
    name: String,
    scopes: Scopes,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

impl From<Token> for TokenOut {
    fn from(token: Token) -> Self {
        let Token { id, holder, name, scopes, created_at, expires_at, revoked_at } = token;
        let (organisation, person) = (holder.organisation(), holder.person());
        Self { id, organisation, person, name, scopes, created_at, expires_at, revoked_at }
    }
}

/// A token, and itself, this once.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct NewTokenOut {
    /// For `authorization: Bearer`. It is not kept and cannot be had again.
    secret: String,
    token: TokenOut,
}

/// A new token: of an integration of the organisation, or, with a person, of the person who asks. An operator who
/// names no organisation makes an operator's.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken)]
pub(in crate::http) struct TokenIn {
    organisation: Option<OrganisationId>,
    /// Only the person themself makes a token of a person.
    person: Option<PersonId>,
    /// What people call it.
    name: String,
    /// Not more than those of the token that asks.
    scopes: Scopes,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// The tokens that whoever asks has the say over.
#[utoipa::path(get, path = "/v1/tokens", tag = "tokens", operation_id = "listTokens",
    params(ListParams), responses((status = 200, body = List<TokenOut>)))]
pub(in crate::http) async fn list_tokens(
    State(app): State<App>,
    actor: Actor,
    QueryParams(asked): QueryParams<ListParams>,
) -> Result<Json<List<TokenOut>>, Problem> {
    let (organisation, part) = (asked.organisation, asked.part());
    let found = tokens::list(&app.db, &actor, organisation, &part.page::<TokenId>()?).await?;
    part.answer(found, |token| token.id.to_string(), TokenOut::from)
}

/// Makes a token. It is told this once.
#[utoipa::path(post, path = "/v1/tokens", tag = "tokens", operation_id = "createToken",
    request_body = TokenIn, responses((status = 201, body = NewTokenOut)))]
pub(in crate::http) async fn create_token(
    State(app): State<App>,
    actor: Actor,
    Body(TokenIn { organisation, person, name, scopes, expires_at }): Body<TokenIn>,
) -> Result<Created<NewTokenOut>, Problem> {
    let holder = Holder::of(&actor, organisation, person)?;
    let (token, secret) = tokens::create(&app.db, &actor, NewToken { holder, name, scopes, expires_at }).await?;
    Ok(Created(NewTokenOut { secret: secret.expose_secret().to_owned(), token: token.into() }))
}

/// Ends a token at once.
#[utoipa::path(delete, path = "/v1/tokens/{token}", tag = "tokens", operation_id = "revokeToken",
    params(("token" = TokenId, Path)), responses((status = 204)))]
pub(in crate::http) async fn revoke_token(
    State(app): State<App>,
    actor: Actor,
    PathIds(token): PathIds<TokenId>,
) -> Result<StatusCode, Problem> {
    tokens::revoke(&app.db, Some(&actor), token).await?;
    Ok(StatusCode::NO_CONTENT)
}
