//! Ending the sessions of a person.
//!
//! Apart from [`sessions`] and [`sign_in`], because it needs both: a mailed link that is still valid could otherwise
//! start a new session right after all sessions have ended.

use super::{
    sessions::{self, Session},
    sign_in,
};
use crate::{
    audit::{self, Act, Values},
    db::Db,
};

/// Ends all sessions of the person except this one, and invalidates all mailed sign-in links of the person. Returns the
/// number of sessions ended.
///
/// # Errors
/// If the database fails.
pub async fn end_other_sessions(db: &Db, session: &Session) -> sqlx::Result<u64> {
    let mut tx = db.begin().await?;
    let ended = sessions::end_others(&mut tx, session).await?;
    sign_in::delete_links(&mut tx, session.person).await?;
    let by = session.author();
    let entry = session.entry(&by, Act::OtherSessionsEnded);
    audit::record(&mut tx, entry.after(Values::new().count(ended))).await?;
    tx.commit().await?;
    Ok(ended)
}
