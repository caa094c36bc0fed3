//! Connecting a calendar with a form.

use super::{
    access::CalendarAccess,
    attempts::Attempt,
    connection::Connection,
    error::ConnectError,
    establish::{NewConnection, establish},
    store,
};
use crate::{
    audit::{Act, Entry},
    auth::Actor,
    ids::PersonId,
    oauth::{SignInRef, token::is_code_grant},
    organisations::offers,
    people,
    plugins::sign_in::{self, SignInInput},
};
use secrecy::SecretString;
use std::collections::BTreeMap;

/// A form that a person filled in.
#[derive(Debug, Clone)]
pub struct FormSignIn {
    /// Id of the provider.
    pub provider: String,
    /// Id of the provider's sign-in.
    pub sign_in: String,
    /// The server, if the form asks for one.
    pub server: Option<String>,
    /// The form's public fields, by name.
    pub fields: BTreeMap<String, String>,
    /// The form's secret fields, by name.
    pub secrets: BTreeMap<String, SecretString>,
}

/// Connects the person's calendar: checks the form, opens the account, seals the secrets and stores the connection. A person
/// who signs in again to the connected account keeps the connection, and meetings that waited are delivered. After an error,
/// nothing is stored.
pub async fn connect(
    calendars: &CalendarAccess,
    actor: &Actor,
    person: PersonId,
    form: FormSignIn,
) -> Result<Connection, ConnectError> {
    if !actor.is(person) {
        return Err(ConnectError::NotThemself);
    }
    let organisation = actor.organisation_id().ok_or(ConnectError::Unknown)?;
    let mut tx = calendars.db.begin_read().await?;
    let person = people::person(&mut tx, organisation, person).await?.ok_or(ConnectError::Unknown)?;
    let offered = offers::to_person(&mut tx, organisation, person.id).await?;
    let before = store::of_person(&mut tx, organisation, person.id).await?;
    tx.commit().await?;
    if !offered.contains(&form.provider) {
        return Err(ConnectError::NotOffered(form.provider));
    }

    let provider = calendars.registry.provider(&form.provider).await?;
    let unknown = || ConnectError::SignIn(form.sign_in.clone());
    let granted = provider.granted.sign_in(&form.sign_in).ok_or_else(unknown)?;
    if is_code_grant(granted) {
        return Err(ConnectError::NeedsBrowser);
    }
    if !sign_in::is_form(granted) {
        return Err(unknown());
    }
    let secrets = form.secrets.clone();
    let input = SignInInput { server: form.server, fields: form.fields, secrets: form.secrets };
    let signed_in = sign_in::sign_in(granted, input)?;
    let sign_in = SignInRef { provider: &form.provider, sign_in: &form.sign_in };
    let by = actor.author();
    let new = NewConnection { by, sign_in, signed_in, secrets, token: None, service_account: None };
    let server = new.signed_in.server.as_ref().unwrap_or(&form.provider).clone();
    let attempt = Attempt::to_connect(calendars, &person, &server).await??;
    let id = person.id;
    match establish(calendars, &provider, person, before, new).await {
        Ok(connection) => {
            attempt.succeeded(calendars).await;
            Ok(connection)
        }
        Err(error) => {
            let by = actor.author();
            let entry = Entry::new(&by, Act::ConnectingFailed, id).organisation(organisation);
            attempt.failed(calendars, entry.after(sign_in.values().outcome(error.outcome()))).await?;
            Err(error)
        }
    }
}
