//! Connecting at the service's own page, from the first click to the last token: the host's own steps, the shipped Google
//! component, and the sandbox Google.

mod audit; // Everything that acts leaves an entry in the audit log, without a secret.
mod daily; // Accounts are opened again, and what has expired is deleted.
mod directory; // A service with other addresses for each tenant and cloud.
mod emulate; // The same with somebody else's OAuth, and in a real browser.
mod flows; // Consent given, refused, cut down, stolen and replayed.
mod foreign; // A version that names another token endpoint.
mod hosts; // Two host processes and one token that has ended.
mod meeting; // A meeting of two people, on both calendars.
mod moved; // A version with another token endpoint, which is accepted: what becomes of the tokens.
mod pages; // What people read at each end of the way.
mod service_accounts; // Service accounts connect the people of an organisation.
mod tokens; // Tokens that end, are refused, are taken back.
mod uids; // The UID of a meeting, in the API and in the calendar.
mod unknown_words; // A database with words that this version does not know.
mod visitor; // A browser that goes where it is sent, and fills in what it finds.
mod world;
