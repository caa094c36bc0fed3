//! People's connected calendars.

pub mod sealing;
