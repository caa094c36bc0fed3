//! The table of API routes.
//!
//! Problem: an API whose operations nobody can list, and a route that forgets to authenticate. Decision: every route is a
//! row that says its method, its path, what it requires and which problems it can answer with; the router, the guard
//! before each route, the OpenAPI document and the tests are made from the rows. A new resource is one file of handlers
//! in `api` and its rows here. Rejected: routers nested per resource, whose layers apply to some routes only.

use super::{
    api::{
        about, busy, connections, health, meetings, organisations, people, programs, service_accounts, stuck, tokens,
    },
    middleware::auth::RouteAuth,
    problem::Code,
};
use crate::{app::App, auth::Scope};
use utoipa_axum::{router::UtoipaMethodRouter, routes};

/// A route of the API.
pub struct Route {
    /// HTTP method.
    pub method: &'static str,
    /// Path; ids are in braces.
    pub path: &'static str,
    /// What the route requires.
    pub need: RouteAuth,
    /// Codes of the problems that the route can answer with, beside those that follow from the other columns.
    pub(super) codes: &'static [Code],
    pub(super) handler: fn() -> UtoipaMethodRouter<App>,
}

type Handler = fn() -> UtoipaMethodRouter<App>;

const fn row(
    method: &'static str,
    path: &'static str,
    need: RouteAuth,
    codes: &'static [Code],
    handler: Handler,
) -> Route {
    Route { method, path, need, codes, handler }
}

const PUBLIC: RouteAuth = RouteAuth::Nothing;
const TOKEN: RouteAuth = RouteAuth::Token;
const READ: RouteAuth = RouteAuth::Scope(Scope::OrganisationRead);
const WRITE: RouteAuth = RouteAuth::Scope(Scope::OrganisationWrite);
const READ_CONNECTION: RouteAuth = RouteAuth::Scope(Scope::ConnectionRead);
const CONNECT: RouteAuth = RouteAuth::Scope(Scope::ConnectionWrite);
const READ_BUSY: RouteAuth = RouteAuth::Scope(Scope::BusyRead);
const READ_MEETINGS: RouteAuth = RouteAuth::Scope(Scope::MeetingsRead);
const WRITE_MEETINGS: RouteAuth = RouteAuth::Scope(Scope::MeetingsWrite);

use Code::{
    AlreadyConnected, CalendarUnavailable, ConsentNotGiven, EmailTaken, IdempotencyKeyReused, InvalidEmail,
    InvalidExpiry, InvalidMeeting, InvalidName, InvalidScopes, InvalidSignIn, InvalidWindow, InvalidZone,
    MailboxElsewhere, MalformedHeader, MeetingCancelled, MoreThanOwn, NameTaken, NeedsAdminApproval, NeedsBrowser,
    NotAMember, NotByToken, NotConnected, NotFound, NotOffered, NotReady, NotThePerson, OrganisationNotNamed,
    PreconditionFailed, RoleMissing, SignInRefused, StaleRevision, TooBusy, TooManyGenerations,
};

/// Codes of a list of an organisation, which an operator must name.
const OF_ORGANISATION: &[Code] = &[NotFound, RoleMissing, OrganisationNotNamed];

/// Codes of operations that try a service account.
const TRY_ACCOUNT: &[Code] = &[
    RoleMissing,
    NotOffered,
    InvalidSignIn,
    NeedsBrowser,
    InvalidEmail,
    MailboxElsewhere,
    SignInRefused,
    ConsentNotGiven,
    NeedsAdminApproval,
    CalendarUnavailable,
    TooBusy,
];

/// Codes of connecting a calendar.
const TRY_CONNECTION: &[Code] = &[
    RoleMissing,
    NotThePerson,
    NotOffered,
    InvalidSignIn,
    NeedsBrowser,
    SignInRefused,
    ConsentNotGiven,
    NeedsAdminApproval,
    CalendarUnavailable,
    TooBusy,
    AlreadyConnected,
];

/// Every route.
pub static ROUTES: &[Route] = &[
    row("GET", "/health", PUBLIC, &[], || routes!(health::check_liveness)),
    row("GET", "/health/ready", PUBLIC, &[NotReady], || routes!(health::check_readiness)),
    row("GET", "/v1/openapi.json", PUBLIC, &[], || routes!(about::get_document)),
    row("GET", "/v1/problems", PUBLIC, &[], || routes!(about::list_problems)),
    row("GET", "/v1/problems/{code}", PUBLIC, &[], || routes!(about::get_problem)),
    row("GET", "/v1/me", TOKEN, &[], || routes!(people::get_current_actor)),
    row("GET", "/v1/organisations", READ, &[RoleMissing], || routes!(organisations::list_organisations)),
    row("POST", "/v1/organisations", WRITE, &[RoleMissing, InvalidName, NameTaken], || {
        routes!(organisations::create_organisation)
    }),
    row("GET", "/v1/organisations/{organisation}/service-accounts", READ, &[RoleMissing], || {
        routes!(service_accounts::list_service_accounts)
    }),
    row("GET", "/v1/organisations/{organisation}/service-accounts/{provider}", READ, &[RoleMissing], || {
        routes!(service_accounts::get_service_account)
    }),
    row("PUT", "/v1/organisations/{organisation}/service-accounts/{provider}", WRITE, TRY_ACCOUNT, || {
        routes!(service_accounts::save_service_account)
    }),
    row("DELETE", "/v1/organisations/{organisation}/service-accounts/{provider}", WRITE, &[RoleMissing], || {
        routes!(service_accounts::delete_service_account)
    }),
    row("POST", "/v1/organisations/{organisation}/service-accounts/{provider}/probe", WRITE, TRY_ACCOUNT, || {
        routes!(service_accounts::probe_service_account)
    }),
    row("GET", "/v1/programs", READ, OF_ORGANISATION, || routes!(programs::list_programs)),
    row("POST", "/v1/programs", WRITE, &[NotFound, RoleMissing, OrganisationNotNamed, InvalidName, NameTaken], || {
        routes!(programs::create_program)
    }),
    row("GET", "/v1/programs/{program}", READ, &[RoleMissing], || routes!(programs::get_program)),
    row("PATCH", "/v1/programs/{program}", WRITE, &[RoleMissing], || routes!(programs::update_program)),
    row("GET", "/v1/programs/{program}/members/{person}", READ, &[RoleMissing], || routes!(programs::get_member)),
    row("PUT", "/v1/programs/{program}/members/{person}", WRITE, &[RoleMissing, NotByToken], || {
        routes!(programs::set_member)
    }),
    row("DELETE", "/v1/programs/{program}/members/{person}", WRITE, &[RoleMissing], || {
        routes!(programs::remove_member)
    }),
    row("GET", "/v1/people", READ, OF_ORGANISATION, || routes!(people::list_people)),
    row(
        "POST",
        "/v1/people",
        WRITE,
        &[NotFound, RoleMissing, NotByToken, OrganisationNotNamed, InvalidName, InvalidEmail, InvalidZone, EmailTaken],
        || routes!(people::create_person),
    ),
    row("GET", "/v1/people/{person}", READ, &[RoleMissing], || routes!(people::get_person)),
    row("GET", "/v1/people/{person}/offers", READ_CONNECTION, &[RoleMissing], || routes!(connections::list_offers)),
    row("GET", "/v1/people/{person}/connection", READ_CONNECTION, &[RoleMissing, NotConnected], || {
        routes!(connections::get_connection)
    }),
    row("PUT", "/v1/people/{person}/connection", CONNECT, TRY_CONNECTION, || routes!(connections::connect_calendar)),
    row("DELETE", "/v1/people/{person}/connection", CONNECT, &[RoleMissing, NotConnected], || {
        routes!(connections::disconnect_calendar)
    }),
    row("GET", "/v1/people/{person}/busy", READ_BUSY, &[RoleMissing, InvalidWindow, TooBusy], || {
        routes!(busy::get_busy_times)
    }),
    row("GET", "/v1/meetings", READ_MEETINGS, &[NotFound, RoleMissing], || routes!(meetings::list_meetings)),
    row(
        "POST",
        "/v1/meetings",
        WRITE_MEETINGS,
        &[MalformedHeader, NotFound, RoleMissing, InvalidMeeting, NotAMember, IdempotencyKeyReused],
        || routes!(meetings::create_meeting),
    ),
    row("GET", "/v1/meetings/{meeting}", READ_MEETINGS, &[MalformedHeader, RoleMissing], || {
        routes!(meetings::get_meeting)
    }),
    row(
        "PATCH",
        "/v1/meetings/{meeting}",
        WRITE_MEETINGS,
        &[
            MalformedHeader,
            RoleMissing,
            InvalidMeeting,
            NotAMember,
            MeetingCancelled,
            StaleRevision,
            PreconditionFailed,
        ],
        || routes!(meetings::update_meeting),
    ),
    row(
        "DELETE",
        "/v1/meetings/{meeting}",
        WRITE_MEETINGS,
        &[MalformedHeader, RoleMissing, StaleRevision, PreconditionFailed],
        || routes!(meetings::cancel_meeting),
    ),
    row("GET", "/v1/stuck-meetings", READ, OF_ORGANISATION, || routes!(stuck::list_stuck_meetings)),
    row("GET", "/v1/tokens", READ, OF_ORGANISATION, || routes!(tokens::list_tokens)),
    row(
        "POST",
        "/v1/tokens",
        WRITE,
        &[
            NotFound,
            RoleMissing,
            OrganisationNotNamed,
            NotThePerson,
            MoreThanOwn,
            TooManyGenerations,
            InvalidName,
            InvalidScopes,
            InvalidExpiry,
        ],
        || routes!(tokens::create_token),
    ),
    row("DELETE", "/v1/tokens/{token}", WRITE, &[RoleMissing], || routes!(tokens::revoke_token)),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// S16 of the security review: a token for meetings read connections, because their routes needed no scope.
    #[test]
    fn every_route_for_tokens_needs_a_scope_except_the_one_that_tells_them() {
        let without: Vec<_> = ROUTES.iter().filter(|route| route.need == TOKEN).map(|route| route.path).collect();
        assert_eq!(without, ["/v1/me"]);
    }
}
