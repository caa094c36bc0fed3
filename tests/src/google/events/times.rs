//! When an event starts or ends, as requests say it and as answers show it.
//!
//! A request may leave the offset to the zone that it names; an answer never does. So what is kept is the instant and
//! the name of the zone, and what is shown is written in the zone of the account that asks. Whole days stay days.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::google::errors::{ApiResult, Refusal};
use crate::google::state::zone;

/// A start or an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum When {
    Day(Date),
    At {
        instant: Timestamp,
        /// IANA.
        zone: String,
    },
}

impl When {
    /// Reads `start` or `end` (`which`) of a request, or of what was kept.
    pub(crate) fn read(value: Option<&Value>, which: &str, default_zone: &str, recurring: bool) -> ApiResult<Self> {
        let missing = || Refusal::required(format!("Missing {which} time."));
        let value = value.and_then(Value::as_object).ok_or_else(missing)?;
        let part = |name: &str| value.get(name).and_then(Value::as_str);
        let wrong = || Refusal::invalid(format!("Invalid {which} time."));
        let named = part("timeZone");
        if named.is_some_and(|name| zone(name).is_none()) {
            return Err(Refusal::invalid(format!("Invalid time zone definition for {which} time.")));
        }
        match (part("date"), part("dateTime")) {
            (Some(day), None) => Ok(Self::Day(day.parse().map_err(|_| wrong())?)),
            (None, Some(time)) => {
                let undefined = || Refusal::required(format!("Missing time zone definition for {which} time."));
                if recurring && named.is_none() {
                    return Err(undefined());
                }
                let instant = match time.parse::<Timestamp>() {
                    Ok(instant) => instant,
                    Err(_) => {
                        let wall: DateTime = time.parse().map_err(|_| wrong())?;
                        let rules = zone(named.ok_or_else(undefined)?).ok_or_else(undefined)?;
                        rules.to_timestamp(wall).map_err(|_| wrong())?
                    }
                };
                Ok(Self::At { instant, zone: named.unwrap_or(default_zone).to_owned() })
            }
            (None, None) => Err(missing()),
            (Some(_), Some(_)) => Err(wrong()),
        }
    }

    /// As an instant; of a day, its midnight in this zone.
    pub(crate) fn instant(&self, day_zone: &TimeZone) -> Timestamp {
        match self {
            Self::At { instant, .. } => *instant,
            Self::Day(day) => day_zone.to_timestamp(day.to_datetime(jiff::civil::Time::midnight())).unwrap_or_default(),
        }
    }

    /// As it is kept: written in its own zone.
    pub(crate) fn kept(&self) -> Value {
        match self {
            Self::Day(day) => json!({ "date": day.to_string() }),
            Self::At { instant, zone: name } => {
                let rules = zone(name).unwrap_or(TimeZone::UTC);
                json!({ "dateTime": written(*instant, &rules), "timeZone": name })
            }
        }
    }

    /// As the id of an occurrence ends: `20261124` or `20261124T090000Z`.
    pub(crate) fn suffix(&self) -> String {
        match self {
            Self::Day(day) => day.strftime("%Y%m%d").to_string(),
            Self::At { instant, .. } => instant.strftime("%Y%m%dT%H%M%SZ").to_string(),
        }
    }

    /// What [`When::suffix`] wrote, of an occurrence that is kept like this one.
    pub(crate) fn of_suffix(&self, suffix: &str) -> Option<Self> {
        match self {
            Self::Day(_) => Date::strptime("%Y%m%d", suffix).ok().map(Self::Day),
            Self::At { zone, .. } => {
                let wall = DateTime::strptime("%Y%m%dT%H%M%SZ", suffix).ok()?;
                Some(Self::At { instant: TimeZone::UTC.to_timestamp(wall).ok()?, zone: zone.clone() })
            }
        }
    }
}

/// An instant to the second in a zone (RFC 3339).
pub(crate) fn written(instant: Timestamp, zone: &TimeZone) -> String {
    if zone.iana_name().is_none_or(|name| name == "UTC") && zone.to_offset(instant).is_zero() {
        return instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    }
    instant.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// An instant to the millisecond in UTC, as `created` and `updated` are written.
pub(crate) fn stamp(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A kept start or end, written in another zone.
pub(crate) fn shown(kept: &Value, zone: &TimeZone) -> Value {
    let mut value = kept.clone();
    if let Some(instant) = kept.get("dateTime").and_then(Value::as_str).and_then(|time| time.parse().ok()) {
        value["dateTime"] = written(instant, zone).into();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::{When, shown};
    use jiff::tz::TimeZone;
    use serde_json::json;

    fn kept(value: serde_json::Value) -> Result<serde_json::Value, String> {
        When::read(Some(&value), "start", "Europe/Rome", false)
            .map(|when| when.kept())
            .map_err(|refusal| format!("{refusal:?}"))
    }

    #[test]
    fn times_are_kept_with_their_zone() {
        let local = json!({ "dateTime": "2026-07-01T09:00:00", "timeZone": "America/New_York" });
        let whole = json!({ "dateTime": "2026-07-01T09:00:00-04:00", "timeZone": "America/New_York" });
        assert_eq!(kept(local).unwrap(), whole);
        let rome = json!({ "dateTime": "2026-07-01T15:00:00+02:00", "timeZone": "Europe/Rome" });
        assert_eq!(kept(json!({ "dateTime": "2026-07-01T13:00:00Z" })).unwrap(), rome);
        assert_eq!(kept(json!({ "date": "2026-07-01" })).unwrap(), json!({ "date": "2026-07-01" }));
        assert_eq!(shown(&whole, &TimeZone::UTC)["dateTime"], "2026-07-01T13:00:00Z");
    }

    #[test]
    fn what_has_no_one_meaning_is_refused() {
        assert!(kept(json!({ "dateTime": "2026-07-01T09:00:00" })).unwrap_err().contains("Missing time zone"));
        assert!(kept(json!({ "dateTime": "2026-07-01T09:00:00", "timeZone": "Nowhere" })).is_err());
        assert!(kept(json!({ "dateTime": "2026-07-01T09:00:00Z", "date": "2026-07-01" })).is_err());
        assert!(kept(json!({ "timeZone": "Europe/Rome" })).is_err());
    }
}
