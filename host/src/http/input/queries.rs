//! The parameters that operations take in a query, beside those of every list.

use crate::ids::PersonId;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

/// The window.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct BusyQuery {
    /// RFC 3339; the first instant inside.
    #[param(value_type = String, format = DateTime)]
    pub(in crate::http) from: Timestamp,
    /// RFC 3339; the first instant outside, at most 366 days later.
    #[param(value_type = String, format = DateTime)]
    pub(in crate::http) to: Timestamp,
}

/// Which account.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct AccountQuery {
    /// At which provider.
    pub(in crate::http) provider: String,
}

/// Which meetings.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct MeetingsQuery {
    /// Those that this person owns or takes part in.
    #[param(value_type = Option<String>)]
    pub(in crate::http) person: Option<PersonId>,
    /// What comes after this id: `next` of the page before.
    pub(in crate::http) after: Option<String>,
    /// The most items: 1 to 200, and 50 if it is not said.
    pub(in crate::http) limit: Option<u32>,
}
