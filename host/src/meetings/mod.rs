//! Meetings, and their events in people's calendars.
