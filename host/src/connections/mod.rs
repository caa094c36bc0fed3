//! People's connected calendars.
