//! What can go wrong while building, each with what to do about it.

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The skeleton of the public interface; replaced before this crate is used.
    #[error("the builder is not written yet")]
    NotYet,
}
