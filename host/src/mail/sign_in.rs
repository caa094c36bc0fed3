//! The mail with sign-in links.
//!
//! One mail answers one request, with a link for each account of the address, because a person can be in several
//! organisations. Links are created when the mail is sent, so their lifetime begins then. A request that is older than an
//! hour is dropped: the person has asked again or given up.

use super::{Mailer, OutgoingMail, record};
use crate::{
    auth::sign_in::{self, Account, LIFETIME, WINDOW},
    db::{self, Db},
    ids::SignInId,
    jobs::{self, Lease, LeaseError, Outcome},
    links::Links,
};
use askama::Template;
use secrecy::SecretString;

/// Answers a request: sends a mail if a person has the address. A retry creates new links; the links of an earlier attempt
/// that arrived after all keep working.
///
/// # Errors
/// If the lease was lost.
pub async fn send(db: &Db, mailer: &Mailer, links: &Links, lease: &Lease, id: SignInId) -> Result<Outcome, LeaseError> {
    let mut tx = db.begin().await?;
    let now = db::instant(tx.now().await?);
    let request = sign_in::request(&mut tx, id).await?;
    let request = request.filter(|request| now.duration_since(request.created_at) < WINDOW);
    let Some(request) = request else { return answered(tx, lease, id).await };
    let mut secrets = Vec::new();
    for account in sign_in::accounts(&mut tx, &request.email).await? {
        let link = sign_in::make_link(&mut tx, account.person, &request.return_to).await?;
        secrets.push((account, link));
    }
    if secrets.is_empty() {
        return answered(tx, lease, id).await;
    }
    if mailer.is_configured() {
        jobs::begin_act(&mut tx, lease).await?;
    }
    tx.commit().await?;
    let text = match text(links, &secrets) {
        Ok(text) => text,
        Err(error) => return Ok(Outcome::Dead { error: error.to_string() }),
    };
    let mail = OutgoingMail { id: id.to_string(), to: request.email, subject: SUBJECT.into(), text };
    match mailer.send(&mail).await {
        Ok(()) => {
            let mut tx = db.begin().await?;
            for (Account { organisation_id, person, .. }, _) in &secrets {
                record(&mut tx, lease, *organisation_id, *person).await?;
            }
            answered(tx, lease, id).await
        }
        Err(error) => Ok(error.into()),
    }
}

async fn answered(mut tx: db::Tx, lease: &Lease, id: SignInId) -> Result<Outcome, LeaseError> {
    sign_in::forget(&mut tx, id).await?;
    jobs::complete_in(tx, lease).await
}

/// The subject of the mail.
pub const SUBJECT: &str = "Sign in to Chronus";

#[derive(Template)]
#[template(path = "mail/sign_in.txt")]
struct SignInMail<'a> {
    origin: &'a crate::plugins::egress::Origin,
    links: Vec<Link<'a>>,
    minutes: i128,
}

/// A link for one account.
struct Link<'a> {
    name: &'a str,
    organisation: &'a str,
    url: String,
}

/// The text of the mail, with a link for each account.
///
/// # Errors
/// Never in practice: the template has no part that can fail.
pub fn text(links: &Links, secrets: &[(Account, SecretString)]) -> Result<String, askama::Error> {
    let mailed = secrets.iter().map(|(account, secret)| Link {
        name: &account.name,
        organisation: &account.organisation,
        url: links.sign_in(secret),
    });
    SignInMail { origin: links.origin(), links: mailed.collect(), minutes: LIFETIME.as_mins().into() }.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{OrganisationId, PersonId};

    #[test]
    fn each_account_has_its_link() {
        let account = |organisation: &str| Account {
            person: PersonId::new(jiff::Timestamp::UNIX_EPOCH),
            name: "Ann".into(),
            email: "ann@example.org".into(),
            organisation: organisation.into(),
            organisation_id: OrganisationId::new(jiff::Timestamp::UNIX_EPOCH),
        };
        let here = Links::new("https://chronus.example.org".parse().unwrap());
        let one = text(&here, &[(account("Ours"), "abc".to_owned().into())]).unwrap();
        assert!(one.contains("Ann (Ours):\nhttps://chronus.example.org/sign-in/abc\n"), "{one}");
        assert!(one.contains("The link works once, within 15 minutes"), "{one}");
        let two = [(account("Ours"), "abc".to_owned().into()), (account("Theirs"), "def".to_owned().into())];
        let two = text(&here, &two).unwrap();
        assert!(
            two.contains("/sign-in/abc\n") && two.contains("Ann (Theirs):\n") && two.contains("Each link"),
            "{two}"
        );
    }
}
