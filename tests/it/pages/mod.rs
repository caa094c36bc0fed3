//! The pages: each refuses whom it must, links work once, and mail gets to those whose address it is.

mod links;
mod mail;
mod sessions;
mod table;
mod world;
