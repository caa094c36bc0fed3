//! Query parameters of single operations.

use crate::ids::PersonId;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

/// Parameters of a busy query.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct BusyQuery {
    /// Start of the time window, as RFC 3339. Write the `+` of an offset as `%2B`.
    #[param(value_type = String, format = DateTime, example = "2027-03-01T00:00:00Z")]
    pub(in crate::http) from: Timestamp,
    /// End of the time window, as RFC 3339; after `from`, by at most 366 days.
    #[param(value_type = String, format = DateTime, example = "2027-03-08T00:00:00Z")]
    pub(in crate::http) to: Timestamp,
}

/// Parameters of the list of meetings.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct MeetingsQuery {
    /// Only meetings that this person owns or attends.
    #[param(value_type = Option<String>, format = "uuid", pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    pub(in crate::http) person: Option<PersonId>,
    /// `next` of the previous page.
    #[param(format = "uuid", pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    pub(in crate::http) after: Option<String>,
    /// The maximum number of items.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub(in crate::http) limit: Option<u32>,
}
