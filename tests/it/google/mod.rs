//! The stand-in for Google: what it does is what Google's documents, Google's client and other people's clients expect.

mod events;
mod world;
