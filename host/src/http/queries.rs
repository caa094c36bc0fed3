//! The parameters that operations take in a query, beside those of every list.

use crate::ids::PersonId;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

/// The window.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct BusyQuery {
    /// RFC 3339; the first instant inside.
    #[param(value_type = String, format = DateTime)]
    pub(super) from: Timestamp,
    /// RFC 3339; the first instant outside, at most 366 days later.
    #[param(value_type = String, format = DateTime)]
    pub(super) to: Timestamp,
}

/// Which account.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AccountQuery {
    /// At which provider.
    pub(super) provider: String,
}

/// Which meetings.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct MeetingsQuery {
    /// Those that this person owns or takes part in.
    #[param(value_type = Option<String>)]
    pub(super) person: Option<PersonId>,
    /// What comes after this id: `next` of the page before.
    pub(super) after: Option<String>,
    /// The most items: 1 to 200, and 50 if it is not said.
    pub(super) limit: Option<u32>,
}
