//! The pages: each refuses browsers that it must refuse, links work once, and mail reaches its address.

mod administrators;
mod errors;
mod links;
mod mail;
mod sessions;
mod table;
pub(crate) mod world;
