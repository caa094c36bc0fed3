//! `/v1/tokens`: tokens of people, integrations and operators.

use super::responses::Created;
use crate::{
    app::App,
    auth::{
        Actor, Scope, Scopes,
        tokens::{self, Holder, Token},
    },
    http::{
        input::{Body, List, ListParams, PathIds, QueryParams},
        problem::Problem,
        schema::list_schema,
    },
    ids::{OrganisationId, PersonId, TokenId},
};
use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A token, without its secret. An operator token has no organisation; an integration token has no person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token, example = json!({
    "id": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e68", "organisation": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e65",
    "person": null, "name": "Nightly report", "scopes": ["busy-read"], "created_at": "2026-11-23T09:00:00Z",
    "expires_at": "2027-11-23T09:00:00Z", "revoked_at": null, "parent": null, "created_by": null
}))]
pub(in crate::http) struct TokenOut {
    id: TokenId,
    organisation: Option<OrganisationId>,
    person: Option<PersonId>,
    name: String,
    #[schema(value_type = Vec<Scope>)]
    scopes: Scopes,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    /// Id of the token that created this one; null for a token from the command line. Revoking that token also revokes
    /// this one.
    parent: Option<TokenId>,
    /// Id of the person who created the token; null if an integration or an operator did.
    created_by: Option<PersonId>,
}

list_schema!(TokenList of TokenOut);

impl From<Token> for TokenOut {
    fn from(token: Token) -> Self {
        let Token { id, holder, name, scopes, created_at, expires_at, revoked_at, parent, created_by } = token;
        let (organisation, person) = (holder.organisation(), holder.person());
        Self { id, organisation, person, name, scopes, created_at, expires_at, revoked_at, parent, created_by }
    }
}

/// A token that was just created, with its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "secret": "chronus_2yQpTnYbq1Jr0v8m3Xw5sKc7LdHfGzA9eUiOoRtB4Nk",
    "token": {
        "id": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e68", "organisation": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e65",
        "person": null, "name": "Nightly report", "scopes": ["busy-read"], "created_at": "2026-11-23T09:00:00Z",
        "expires_at": "2027-11-23T09:00:00Z", "revoked_at": null, "parent": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e67",
        "created_by": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e66"
    }
}))]
pub(in crate::http) struct CreatedToken {
    /// Send this as `authorization: Bearer`. It is not stored and is shown only once.
    secret: String,
    token: TokenOut,
}

/// A new token: of an integration of the organisation, or, with `person`, of the person who sends the request. An
/// operator who names no organisation creates an operator token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Nightly report", "scopes": ["busy-read"] }))]
pub(in crate::http) struct NewToken {
    /// The token's organisation; only an operator token can name one that is not its own.
    organisation: Option<OrganisationId>,
    /// The person who sends the request; nobody can create a token for another person.
    person: Option<PersonId>,
    /// What the token is for; one line without a space at either end.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$"
    )]
    name: String,
    /// Only scopes that the requesting token has and that a token of this kind can have.
    #[schema(value_type = Vec<Scope>, min_items = 1)]
    scopes: Scopes,
    /// The time when the token expires, in the future and not later than the requesting token expires. Without it, the token
    /// expires after 365 days, or with the requesting token if that is earlier.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// Lists tokens.
///
/// People get their own tokens; global administrators and integrations those of the organisation's integrations, too.
///
/// Allowed for: everybody with a token; operators must name an organisation to see its tokens.
#[utoipa::path(get, path = "/v1/tokens", tag = "tokens", operation_id = "listTokens",
    params(ListParams),
    responses((status = 200, description = "A page of tokens, the oldest first.", body = TokenList)))]
pub(in crate::http) async fn list_tokens(
    State(app): State<App>,
    actor: Actor,
    QueryParams(params): QueryParams<ListParams>,
) -> Result<Json<List<TokenOut>>, Problem> {
    let (organisation, page) = (params.organisation, params.page());
    let rows = tokens::list(&app.db, &actor, organisation, &page.rows::<TokenId>()?).await?;
    page.list(rows, |token| token.id.to_string(), TokenOut::from)
}

/// Creates a token.
///
/// The response holds the secret of the token, which cannot be read again. The expiry time must be in the future, and
/// not later than that of the requesting token; the scopes must be among those that the requesting token has and that a
/// token of this kind can have. Revoking the requesting token also revokes this token. A line of tokens that created each
/// other has at most five tokens.
///
/// Allowed for: people for themselves; operators, integrations and global administrators for integrations.
#[utoipa::path(post, path = "/v1/tokens", tag = "tokens", operation_id = "createToken",
    request_body = NewToken,
    responses((status = 201, description = "The token was created.", body = CreatedToken,
        headers(("Location" = String, description = "Path of the token, for DELETE.")))))]
pub(in crate::http) async fn create_token(
    State(app): State<App>,
    actor: Actor,
    Body(NewToken { organisation, person, name, scopes, expires_at }): Body<NewToken>,
) -> Result<Created<CreatedToken>, Problem> {
    let holder = Holder::of(&actor, organisation, person)?;
    let new = tokens::NewToken { holder, name, scopes, expires_at };
    let (token, secret) = tokens::create(&app.db, &actor, new).await?;
    let location = format!("/v1/tokens/{}", token.id);
    Ok(Created::at(location, CreatedToken { secret: secret.expose_secret().to_owned(), token: token.into() }))
}

/// Revokes a token.
///
/// The token and the tokens that were created with it stop working at once. Revoking it again is not an error.
///
/// Allowed for: the person of the token; operators, integrations and global administrators for integrations.
#[utoipa::path(delete, path = "/v1/tokens/{token}", tag = "tokens", operation_id = "revokeToken",
    params(("token" = TokenId, Path, description = "Id of the token.")),
    responses((status = 204, description = "The token is revoked.")))]
pub(in crate::http) async fn revoke_token(
    State(app): State<App>,
    actor: Actor,
    PathIds(token): PathIds<TokenId>,
) -> Result<StatusCode, Problem> {
    tokens::revoke(&app.db, &actor, token).await?;
    Ok(StatusCode::NO_CONTENT)
}
