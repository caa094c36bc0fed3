//! Edit Profile → Settings → Calendar Settings: a person's connected calendar, or the options to connect one.
//!
//! Providers describe what can be connected and how, and operators grant it; this page knows no provider. A sign-in that
//! is a form becomes a form here ([`submit`]); every other sign-in is a button that leads to the service
//! ([`options`] has a function for each method). The page is always about the person of the session: no address and no
//! field names another one (M12).

mod disconnect;
mod options;
mod page;
mod submission;
mod submit;

pub(super) use disconnect::{confirm, disconnect};
pub(super) use options::form_action_origins;
pub(super) use page::page;
pub(super) use submit::submit;
