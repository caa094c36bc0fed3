//! The mail by which somebody signs in.
//!
//! One mail answers one wish, with a link for each account of the address: a person may be in several organisations.
//! Links are made here and not before, and begin to age now. A wish that is older than an hour is not answered any more:
//! whoever had it has asked again or gone away.

use super::{Mailer, OutgoingMail, SendError};
use crate::{
    db::{self, Db},
    ids::SignInId,
    jobs::{self, Lease, LeaseError, Outcome},
    people::sign_in::{self, Account, LIFETIME, WINDOW},
    plugins::egress::Origin,
};
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt::Write as _;

/// Where a link leads: this and its secret part, below the address of the host.
pub const PATH: &str = "/sign-in/";

/// Answers a wish: writes to the address if anybody has it. What cannot be sent now is made anew when it is tried again;
/// the links of a mail that arrived all the same work beside the new ones.
///
/// # Errors
/// If the lease was lost, or by the database.
pub async fn send(db: &Db, mailer: &Mailer, here: &Origin, lease: &Lease, id: SignInId) -> Result<Outcome, LeaseError> {
    let mut tx = db.begin().await?;
    let now = db::instant(tx.now().await?);
    let wish = sign_in::request(&mut tx, id).await?.filter(|wish| now.duration_since(wish.created_at) < WINDOW);
    let Some(wish) = wish else { return answered(tx, lease, id).await };
    let mut links = Vec::new();
    for account in sign_in::accounts(&mut tx, &wish.email).await? {
        let link = sign_in::make_link(&mut tx, account.person, &wish.return_to).await?;
        links.push((account, link));
    }
    if links.is_empty() {
        return answered(tx, lease, id).await;
    }
    tx.commit().await?;
    let letter = OutgoingMail { id: id.to_string(), to: wish.email, subject: SUBJECT.into(), text: text(here, &links) };
    match mailer.send(&letter).await {
        Ok(()) => answered(db.begin().await?, lease, id).await,
        Err(error @ SendError::Refused(_)) => Ok(Outcome::Dead { error: error.to_string() }),
        Err(error @ SendError::Later(_)) => Ok(Outcome::Retry { error: error.to_string(), after: None }),
    }
}

async fn answered(mut tx: db::Tx, lease: &Lease, id: SignInId) -> Result<Outcome, LeaseError> {
    sign_in::forget(&mut tx, id).await?;
    jobs::finish(&mut tx, lease).await?;
    tx.commit().await?;
    Ok(Outcome::Done)
}

const SUBJECT: &str = "Sign in to Chronus";

fn text(here: &Origin, links: &[(Account, SecretString)]) -> String {
    let mut text = format!("Somebody, you most likely, wants to sign in at {here} with this mail address.\n");
    for (Account { name, organisation, .. }, link) in links {
        // Writing to a string cannot fail.
        let _ = write!(text, "\nSign in as {name} ({organisation}):\n{here}{PATH}{}\n", link.expose_secret());
    }
    let which = if links.len() == 1 { "The link works" } else { "Each link works" };
    let _ = write!(
        text,
        "\n{which} once, within {} minutes. If it was not you, do nothing: without this mail nobody gets in.\n",
        LIFETIME.as_mins()
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::PersonId;

    #[test]
    fn each_account_has_its_link() {
        let account = |organisation: &str| Account {
            person: PersonId::new(jiff::Timestamp::UNIX_EPOCH),
            name: "Ann".into(),
            email: "ann@example.org".into(),
            organisation: organisation.into(),
        };
        let here = "https://chronus.example.org".parse().unwrap();
        let one = text(&here, &[(account("Ours"), "abc".to_owned().into())]);
        assert!(one.contains("Ann (Ours):\nhttps://chronus.example.org/sign-in/abc\n"), "{one}");
        assert!(one.contains("The link works once, within 15 minutes"), "{one}");
        let two = [(account("Ours"), "abc".to_owned().into()), (account("Theirs"), "def".to_owned().into())];
        let two = text(&here, &two);
        assert!(
            two.contains("/sign-in/abc\n") && two.contains("Ann (Theirs):\n") && two.contains("Each link"),
            "{two}"
        );
    }
}
