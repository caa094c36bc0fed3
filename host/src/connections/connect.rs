//! Connecting a calendar by a form.

use super::{
    Calendars, Connection, State, sealing,
    store::{self, Kept},
};
use crate::{
    db,
    ids::{ConnectionId, PersonId},
    jobs::{self, Effect},
    people::{self, Actor},
    plugins::{
        Access, AccessError, CallError, Connection as Address, Remedy,
        registry::RegistryError,
        sign_in::{self, Input, InputError},
    },
    programs::offers,
};
use secrecy::SecretString;
use std::collections::BTreeMap;

/// What a person filled in.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which provider.
    pub provider: String,
    /// Which of its sign-ins.
    pub sign_in: String,
    /// The server, where the form asks for one.
    pub server: Option<String>,
    /// By the names of the form.
    pub fields: BTreeMap<String, String>,
    /// By the names of the form.
    pub secrets: BTreeMap<String, SecretString>,
}

/// A calendar is not connected, and nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody connects a calendar for somebody else (M12).
    #[error("only the person themself can connect their calendar")]
    NotThemself,
    /// There is no such person.
    #[error("there is no such person")]
    Unknown,
    /// The provider may not be used here.
    #[error("`{0}` is not offered to this person; an operator enables it for the organisation or a program")]
    NotOffered(String),
    /// The provider is not there, or not granted.
    #[error(transparent)]
    Provider(#[from] RegistryError),
    /// The provider has no such sign-in, or the operator has not accepted it.
    #[error("the provider has no sign-in `{0}` by a form")]
    SignIn(String),
    /// What was filled in has not the form that is asked for.
    #[error("{0}")]
    Input(#[from] InputError),
    /// What was filled in makes no connection.
    #[error("{0}")]
    Access(#[from] AccessError),
    /// The service did not open the account.
    #[error("{0}")]
    Refused(CallError),
    /// They have another calendar connected.
    #[error("another calendar is connected; disconnect it first")]
    AlreadyConnected,
    /// The database.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ConnectError {
    /// For the person: what happened and what to do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        let Self::Refused(error) = self else { return self.to_string() };
        match error {
            CallError::Failure(failure) => match failure.remedy {
                Remedy::Reconnect => format!(
                    "The calendar's service refused this user name and password; nothing was stored. {}",
                    failure.detail
                ),
                Remedy::Temporary | Remedy::SlowDown(_) => {
                    format!(
                        "The calendar's service could not be reached; nothing was stored. Try again later. {}",
                        failure.detail
                    )
                }
                _ => format!("The calendar's service did not open the account; nothing was stored. {failure}"),
            },
            other => format!("The calendar could not be opened; nothing was stored. {other}"),
        }
    }
}

/// Connects the person's calendar: format checked, verified by opening the account, sealed, stored. Who signs in again
/// to the account that is connected already keeps the connection, and what waited is delivered.
///
/// # Errors
/// If it is not connected; then nothing was stored.
pub async fn connect(
    calendars: &Calendars,
    actor: &Actor,
    person: PersonId,
    request: Request,
) -> Result<Connection, ConnectError> {
    if !actor.is(person) {
        return Err(ConnectError::NotThemself);
    }
    let organisation = actor.own().ok_or(ConnectError::Unknown)?;
    let mut tx = calendars.db.read().await?;
    let person = people::person(&mut tx, organisation, person).await?.ok_or(ConnectError::Unknown)?;
    let offered = offers::to_person(&mut tx, organisation, person.id).await?;
    let before = store::of_person(&mut tx, organisation, person.id).await?;
    tx.commit().await?;
    if !offered.contains(&request.provider) {
        return Err(ConnectError::NotOffered(request.provider));
    }

    let provider = calendars.registry.provider(&request.provider).await?;
    let unknown = || ConnectError::SignIn(request.sign_in.clone());
    let granted = provider.granted.sign_in(&request.sign_in).ok_or_else(unknown)?;
    if !sign_in::is_form(granted) {
        return Err(unknown());
    }
    let secrets = request.secrets.clone();
    let input = Input { server: request.server, fields: request.fields, secrets: request.secrets };
    let signed_in = sign_in::sign_in(granted, input)?;
    let mut address = Address {
        sign_in: request.sign_in,
        server: signed_in.server,
        zone: person.zone.clone(),
        fields: signed_in.fields,
        ..Address::default()
    };
    let access = Access::new(
        organisation.to_string(),
        address.clone(),
        signed_in.credential,
        provider.granted.egress(),
        calendars.budget.clone(),
    )?;
    let opened = provider.plugin.open(&access).await.map_err(ConnectError::Refused)?;
    address.memo = opened.memo;

    let now = calendars.now();
    let again = before.filter(|kept| same_account(&kept.connection, &request.provider, &address));
    let id = again.as_ref().map_or_else(|| ConnectionId::new(now), |kept| kept.connection.id);
    let sealed = calendars.keyring.seal_map(&sealing::place(organisation, id), &secrets);
    let zone = opened.value.zone.clone().filter(|zone| jiff::tz::TimeZone::get(zone).is_ok()).unwrap_or(person.zone);
    let memo_state_format = address.memo.as_ref().map(|_| provider.plugin.description().state_format);
    let connection = Connection {
        id,
        organisation,
        person: person.id,
        provider: request.provider,
        sign_in: address.sign_in,
        server: address.server,
        subject: None,
        address: opened.value.address.clone().or(Some(person.email)),
        zone,
        fields: address.fields,
        account: opened.value,
        opened_at: now,
        state: State::Connected,
        memo: address.memo,
        memo_revision: 0,
        connected_at: again.as_ref().map_or(now, |kept| kept.connection.connected_at),
    };
    let kept = Kept { connection, sealed, memo_state_format };
    let mut tx = calendars.db.begin().await?;
    if again.is_none() || !store::renew(&mut tx, id, &kept).await? {
        store::insert(&mut tx, &kept).await.map_err(|error| match error {
            error if db::is_taken(&error) => ConnectError::AlreadyConnected,
            error => error.into(),
        })?;
    }
    // Meetings that waited for a calendar get there now.
    jobs::put(&mut tx, &Effect::DeliverMeetings { person: person.id }).await?;
    tx.commit().await?;
    tracing::info!(connection = %id, person = %person.id, provider = %kept.connection.provider, "connected");
    Ok(kept.connection)
}

/// The same sign-in to the same server with the same fields: only the secret may be another.
fn same_account(connection: &Connection, provider: &str, address: &Address) -> bool {
    connection.provider == provider
        && connection.sign_in == address.sign_in
        && connection.server == address.server
        && connection.fields == address.fields
}
