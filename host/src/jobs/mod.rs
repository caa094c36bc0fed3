//! Work that is done later, surely.
