//! The provider's description of itself.
//!
//! It asks for the smallest scopes that work: free/busy alone to see when a person is free, events alone to write meetings.
//! Neither opens the list of calendars, so the connection is to the primary calendar.

use chronus_sdk::descriptions::{
    Attach, AttachHeader, Description, Level, LevelScopes, Limits, Method, Oauth2Code, Oauth2JwtBearer, SignIn,
};

use crate::sign_ins::{PERSON, SERVICE_ACCOUNT};
use crate::{api, scopes};

/// How many events one page of changes holds; Google's own default.
pub(crate) const PAGE: u32 = 250;

/// A little more than a year, in seconds. It takes five requests for free/busy, which Google answers for ninety days.
pub(crate) const BUSY_WINDOW: u64 = 400 * 86_400;

/// More than four years, in seconds: a listing is paged, whatever it covers.
const CHANGES_WINDOW: u64 = 1600 * 86_400;

const TOKEN: &str = "https://oauth2.googleapis.com/token";

pub(crate) fn describe() -> Description {
    Description {
        id: "google".to_owned(),
        name: "Google Calendar".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state_format: 1,
        sign_ins: vec![person(), service_account()],
        hosts: vec![api::ORIGIN.to_owned()],
        read_only_posts: vec![api::free_busy()],
        limits: Limits {
            busy_window: BUSY_WINDOW,
            changes_window: CHANGES_WINDOW,
            page_size: PAGE,
            // Each is a request of its own.
            get_many: 50,
            poll_floor: 60,
            concurrency: 1,
        },
    }
}

fn person() -> SignIn {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let scopes = |level, scope: &str| LevelScopes { level, scopes: scopes::with_identity(scope) };
    sign_in(
        PERSON,
        "Google account",
        Method::Oauth2Code(Oauth2Code {
            authorize: "https://accounts.google.com/o/oauth2/v2/auth".to_owned(),
            token: TOKEN.to_owned(),
            revoke: Some("https://oauth2.googleapis.com/revoke".to_owned()),
            manage: Some("https://myaccount.google.com/connections".to_owned()),
            variables: Vec::new(),
            scopes: vec![scopes(Level::Read, scopes::FREE_BUSY), scopes(Level::Write, scopes::EVENTS)],
            approval: None,
            // The first and the last are needed for a refresh token (the host omits `prompt` where it has one); the second keeps
            // scopes that were granted earlier.
            authorize_parameters: vec![
                pair("access_type", "offline"),
                pair("include_granted_scopes", "true"),
                pair("prompt", "consent"),
            ],
            endpoint_choices: Vec::new(),
            keep_from_token: vec![scopes::FIELD.to_owned()],
            keep_claims: Vec::new(),
        }),
    )
}

fn service_account() -> SignIn {
    sign_in(
        SERVICE_ACCOUNT,
        "Google service account with domain-wide delegation",
        Method::Oauth2JwtBearer(Oauth2JwtBearer {
            token: TOKEN.to_owned(),
            variables: Vec::new(),
            audience: TOKEN.to_owned(),
            subject_claim: "sub".to_owned(),
            scopes: vec![scopes::requested(scopes::EVENTS), scopes::requested(scopes::FREE_BUSY)],
            keep_from_token: vec![scopes::FIELD.to_owned()],
        }),
    )
}

fn sign_in(id: &str, label: &str, method: Method) -> SignIn {
    let attach = Attach::Header(AttachHeader { name: "authorization".to_owned(), prefix: "Bearer ".to_owned() });
    SignIn { id: id.to_owned(), label: label.to_owned(), method, attach, subject_paths: Vec::new() }
}
