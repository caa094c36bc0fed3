//! Mail domains whose IT administrators must approve first (M13).
//!
//! Problem: a person reads "need admin approval" at the service's page, takes it for the administrator of the program, and
//! so does everybody of the same domain after them. Decision: when a person returns with that refusal, it is stored for
//! their mail domain, with the page for the administrator if the service has one. The next person of that domain reads this
//! before they try, and the first who succeeds removes it.
//!
//! Threat: the refusal comes with a browser, whose owner can write it into the address bar (S17). So one browser tells its
//! owner only; the others of the domain are told after [`WITNESSES`] different people, or after one answer of the service's
//! token endpoint, for [`MEMORY`]. The page is the one that the provider names, or the sign-in's `approval` with the tenant
//! that the service named, our client and the scopes. The people of a public mail domain have no administrator in common, so nothing is stored for
//! one. Rejected: telling nobody else, which is the problem.

mod store;

use super::access::CalendarAccess;
use crate::{
    db::{self, Db, Tx},
    ids::{OrganisationId, PersonId},
    oauth::{
        clients,
        code_grant::Authorization,
        token::{names, scopes},
    },
    plugins::endpoints::{ApprovalParts, ResolvedSignIn},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use url::Url;

/// The number of people whose browsers must have returned with the refusal before the others are told.
const WITNESSES: usize = 2;

/// How long a refusal is remembered.
const MEMORY: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The `state` of the approval page. It is constant, because the page to which the administrator returns changes nothing.
const STATE: &str = "approval";

/// Mail domains at which anybody can get an address. Not in this folder, whose files name no service.
const PUBLIC_DOMAINS: &str = include_str!("../../../public_mail_domains.txt");

/// A mail domain whose administrator must approve first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRequest {
    /// The domain of people's addresses.
    pub domain: String,
    /// The page where the administrator approves, if the service has one.
    pub link: Option<String>,
}

/// The person who asks at a service, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Applicant<'a> {
    /// The person's organisation.
    pub organisation: OrganisationId,
    /// The person.
    pub person: PersonId,
    /// The person's email address.
    pub address: &'a str,
    /// The id of the provider.
    pub provider: &'a str,
}

/// Where a refusal came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The person's browser.
    Browser,
    /// The service's token endpoint.
    TokenEndpoint,
}

/// A refusal that a person returned with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    person: PersonId,
    link: Option<String>,
    source: Source,
    noticed_at: Timestamp,
}

/// The service's page where an administrator approves the sign-in for everybody, for the scopes that a person was refused.
/// `None` if the sign-in has no such page, or nothing says which tenant must approve.
pub(super) async fn page(
    calendars: &CalendarAccess,
    authorization: &Authorization,
    granted: &ResolvedSignIn,
    tenant: Option<&str>,
) -> sqlx::Result<Option<String>> {
    let Some(code) = granted.code().filter(|code| code.approval.is_some()) else { return Ok(None) };
    let sign_in = authorization.sign_in_ref();
    let client = calendars.db.read(async |tx| clients::registered(tx, sign_in).await).await?;
    let (Some(client), Ok(back)) = (client, calendars.links.approval_return(sign_in.provider)) else { return Ok(None) };
    let page = granted.approval_page(ApprovalParts {
        tenant,
        client_id: &client.client_id,
        redirect_uri: back.as_str(),
        state: STATE,
        scopes: &names(scopes(code, authorization.level).1).join(" "),
    });
    let page = page.and_then(|page| Url::parse(&page).ok());
    Ok(page.map(|page| calendars.registry.sandbox().for_browsers(&page).into()))
}

/// The domain of an e-mail address, in lower case, if it can have an administrator.
fn domain(address: &str) -> Option<String> {
    let domain = address.rsplit_once('@')?.1.to_lowercase();
    let is_public = PUBLIC_DOMAINS.lines().any(|public| public == domain);
    Some(domain).filter(|domain| !domain.is_empty() && !is_public)
}

/// Whether the domain of this person needs an approval, as far as it is known.
pub async fn needed(tx: &mut Tx, applicant: Applicant<'_>) -> sqlx::Result<Option<ApprovalRequest>> {
    let Some(domain) = domain(applicant.address) else { return Ok(None) };
    let now = db::instant(tx.now().await?);
    let refusals = store::refusals(tx, applicant, &domain).await?;
    let link = decisive(&refusals, applicant.person, now).map(|refusal| refusal.link.clone());
    Ok(link.map(|link| ApprovalRequest { domain, link }))
}

/// The newest refusal, if there are enough of them for this person to be told.
fn decisive(refusals: &[Refusal], reader: PersonId, now: Timestamp) -> Option<&Refusal> {
    let fresh: Vec<_> = refusals.iter().filter(|refusal| now.duration_since(refusal.noticed_at) < MEMORY).collect();
    let witnesses: BTreeSet<_> = fresh.iter().map(|refusal| refusal.person).collect();
    let is_sure = witnesses.len() >= WITNESSES
        || witnesses.contains(&reader)
        || fresh.iter().any(|refusal| refusal.source == Source::TokenEndpoint);
    fresh.into_iter().max_by_key(|refusal| refusal.noticed_at).filter(|_| is_sure)
}

/// Stores that this person was refused because their domain needs an approval.
pub(super) async fn record_needed(
    db: &Db,
    applicant: Applicant<'_>,
    link: Option<&str>,
    source: Source,
) -> sqlx::Result<()> {
    let Some(domain) = domain(applicant.address) else { return Ok(()) };
    let mut tx = db.begin().await?;
    store::put(&mut tx, applicant, &domain, link, source).await?;
    tx.commit().await
}

/// Stores that the domain of this address needs no approval: a person of the domain has connected.
pub(super) async fn record_given(
    tx: &mut Tx,
    organisation: OrganisationId,
    provider: &str,
    address: &str,
) -> sqlx::Result<()> {
    match domain(address) {
        Some(domain) => store::delete(tx, organisation, provider, &domain).await,
        None => Ok(()),
    }
}

/// Deletes refusals that are no longer remembered.
///
/// # Errors
/// If the database fails.
pub async fn delete_expired(tx: &mut Tx) -> sqlx::Result<()> {
    let now = db::instant(tx.now().await?);
    store::delete_until(tx, now.checked_sub(MEMORY).unwrap_or_default()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_follows_the_last_at_sign_and_is_no_public_one() {
        assert_eq!(domain("Ann@School.EXAMPLE").as_deref(), Some("school.example"));
        assert_eq!(domain("\"a@b\"@c.example").as_deref(), Some("c.example"));
        assert_eq!(domain("ann").or_else(|| domain("ann@")), None);
        let public = PUBLIC_DOMAINS.lines().filter(|line| !line.starts_with('#'));
        assert!(public.clone().count() > 100);
        assert!(public.clone().all(|public| public == public.to_lowercase().trim() && public.contains('.')));
        assert!(public.clone().all(|public| domain(&format!("ann@{public}")).is_none()));
    }

    /// S17 of the security review.
    #[test]
    fn one_browser_convinces_nobody_else() {
        let at = |days: i64| Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_hours(days * 24)).unwrap();
        let [ann, ben, eve] = [(); 3].map(|()| PersonId::new(at(0)));
        let refusal = |person, source, day| Refusal { person, link: None, source, noticed_at: at(day) };
        let told = |refusals: &[Refusal], reader, day| decisive(refusals, reader, at(day)).is_some();
        let by_ann = [refusal(ann, Source::Browser, 0)];
        assert!(told(&by_ann, ann, 1) && !told(&by_ann, ben, 1));
        let both = [refusal(ann, Source::Browser, 0), refusal(eve, Source::Browser, 10)];
        assert!(told(&both, ben, 29) && !told(&both, ben, 30), "ann's is forgotten on the thirtieth day");
        assert!(told(&[refusal(ann, Source::TokenEndpoint, 0)], ben, 29));
        assert!(!told(&[refusal(ann, Source::TokenEndpoint, 0)], ben, 30));
        assert!(!told(&[], ben, 0));
    }
}
