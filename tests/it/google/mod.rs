//! The stand-in for Google: what it does is what Google's documents, Google's client and other people's clients expect.

mod access; // Who sees and changes what, by role and by scope; what is refused, in which words.
mod channels; // Channels call, and end.
mod client; // Google's own client, without a special case.
mod events; // Events are written, invited to, answered, listed and followed.
mod faults; // What goes wrong on request, and what is found to be against the document.
mod oauth; // Consent, tokens and keys, by other people's clients.
mod world;
