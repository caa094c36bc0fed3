//! Every message that a page shows when something did not work, in one table.
//!
//! Problem: the API's texts are written for developers; a person at a page needs other words and another next step.
//! Decision: pages have messages of their own, each with a status, a title, an explanation and a next step. `{service}`
//! stands for the name of the calendar service. The texts are here and in the templates only, so that they could be
//! translated. Rejected: the detail of a problem or of a provider's failure on a page, which is for logs.

use super::super::problem::{Code, Problem};
use crate::{
    connections::{AccountError, ConnectError},
    oauth::jwt_bearer::KeyError,
    plugins::{CallError, EgressRule, Remedy},
};
use axum::http::StatusCode;

macro_rules! messages {
    ($($name:ident = $status:ident, $title:literal, $explanation:literal, $next_step:literal;)*) => {
        /// A message of a page.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Message {
            $(#[doc = $title] $name,)*
        }

        impl Message {
            /// Every message.
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name),*];

            const fn texts(self) -> (StatusCode, &'static str, &'static str, &'static str) {
                match self {
                    $(Self::$name => (StatusCode::$status, $title, $explanation, $next_step),)*
                }
            }
        }
    };
}

messages! {
    // Addresses and forms.
    NotFound = NOT_FOUND, "Page not found",
        "There is no page at this address.",
        "Check the address.";
    CannotOpen = METHOD_NOT_ALLOWED, "This page cannot be opened directly",
        "The address only receives a form, so there is nothing to show.",
        "Open the page that has the form.";
    InvalidAddress = BAD_REQUEST, "The address is invalid",
        "Its parameters are incomplete or altered, so nothing was changed.",
        "Start again on the page that led you here.";
    ForeignForm = FORBIDDEN, "The form was not accepted",
        "It was sent from another site or from an outdated page, so nothing was changed. A page is outdated after you \
         sign in or out in another tab.",
        "Load the page again, and send the form from there.";
    MalformedForm = BAD_REQUEST, "The form was not accepted",
        "Its fields do not match the page, so nothing was changed.",
        "Load the page again, and send the form from there.";
    TooLarge = PAYLOAD_TOO_LARGE, "The form is too large",
        "A form can have at most 256 KiB. Nothing was changed.",
        "Shorten what you entered, and send the form again.";

    // Signing in.
    TooManySignIns = TOO_MANY_REQUESTS, "Too many sign-in emails",
        "Too many sign-in links were requested from your network within an hour.",
        "Use a link that you have already received, or wait an hour.";
    LinkUsedUp = GONE, "This link no longer works",
        "A sign-in link works once, within 15 minutes.",
        "Request a new link on the sign-in page.";
    NoMail = SERVICE_UNAVAILABLE, "Nobody can sign in at the moment",
        "Chronus is not set up to send email, so it cannot send you a sign-in link.",
        "Ask the operator of this host to set up email.";

    // Access.
    AdministratorsOnly = FORBIDDEN, "You cannot use this page",
        "It is for global administrators of your organisation.",
        "Ask a global administrator of your organisation to make the change.";
    NotAnAdministrator = FORBIDDEN, "You cannot use this page",
        "It is for administrators of your organisation or of one of its programs.",
        "Ask an administrator to make the change.";
    NobodyAppointed = UNPROCESSABLE_ENTITY, "Nobody was made an administrator",
        "Nobody in your organisation has this email address.",
        "Check the address, and try again. A person must belong to your organisation first.";
    NotAllowed = FORBIDDEN, "You cannot change these settings",
        "You can change only your own settings.",
        "Open your own settings, and make the change there.";

    // Connecting a calendar.
    NotOffered = FORBIDDEN, "This calendar service is not available to you",
        "Neither your organisation nor any of your programs offers it, so your calendar was not connected.",
        "Choose another service, or ask an administrator of your program to make this one available.";
    FieldsInvalid = UNPROCESSABLE_ENTITY, "Your calendar was not connected",
        "Some fields are missing or invalid.",
        "Correct the marked fields, and try again.";
    SignInInvalid = UNPROCESSABLE_ENTITY, "Your calendar was not connected",
        "{service} cannot be connected with these values.",
        "Check the fields, and try again.";
    SignInRefused = UNPROCESSABLE_ENTITY, "Your calendar was not connected",
        "{service} did not accept the user name and password.",
        "Check both, and try again. Many services require an app password, which you create in your account at the service.";
    AddressRefused = UNPROCESSABLE_ENTITY, "Your calendar was not connected",
        "{service} did not accept the secret address.",
        "Copy the address again from the service, and try again.";
    TooManyAttempts = TOO_MANY_REQUESTS, "Too many attempts to connect a calendar",
        "Connecting has failed so often within an hour that Chronus no longer tries. Your calendar was not connected.",
        "Check your user name and password at the service itself, and try again in an hour.";
    AccountNotOpened = UNPROCESSABLE_ENTITY, "Your calendar was not connected",
        "The account that you signed in with at {service} does not give access to a calendar.",
        "Check that the account has a calendar, or use another account.";
    ServiceUnreachable = BAD_GATEWAY, "{service} cannot be reached",
        "The service did not answer, so your calendar was not connected.",
        "Check the address of the server if you entered one. Otherwise, try again later.";
    ServerNotAllowed = BAD_GATEWAY, "Chronus cannot connect to {service}",
        "Chronus is not allowed to connect to the server, for example because the server is on a private network. \
         Your calendar was not connected.",
        "Check the address of the server if you entered one. Otherwise, tell an administrator of your program.";
    ProviderFailed = BAD_GATEWAY, "{service} is unavailable at the moment",
        "Chronus could not use the service, so your calendar was not connected.",
        "Try again later. If it happens again, tell an administrator of your program.";
    NotRegistered = BAD_GATEWAY, "{service} is not set up yet",
        "The operator of this host has not registered Chronus with the service, so your calendar was not connected.",
        "Tell an administrator of your program.";
    SignInOver = FORBIDDEN, "This sign-in is no longer valid",
        "It was already completed, took longer than 15 minutes, or was started in another browser.",
        "Start again in Calendar Settings, in this browser.";
    ConsentRefused = UNPROCESSABLE_ENTITY, "Your calendar was not connected",
        "You did not give {service} permission to share your calendar, so nothing was saved.",
        "You can connect it at any time in Calendar Settings.";
    SignInIncomplete = UNPROCESSABLE_ENTITY, "{service} did not complete the sign-in",
        "The service reported an error, so your calendar was not connected.",
        "Try again. If it happens again, tell an administrator of your program.";
    ConsentIncomplete = UNPROCESSABLE_ENTITY, "Your calendar was not connected",
        "A box was not ticked at {service}. Chronus needs all the permissions in the list, so nothing was saved.",
        "Connect your calendar again, with every box ticked.";
    NoLastingAccess = UNPROCESSABLE_ENTITY, "Your calendar was not connected",
        "{service} gave access for a short time only, so nothing was saved.",
        "Remove Chronus from the connected applications of your account at the service, and connect your calendar again.";
    NeedsAdminApproval = UNPROCESSABLE_ENTITY, "An IT administrator must approve Chronus first",
        "The IT administrator of your organisation (not the administrator of your program) has not given people \
         permission to connect {service} to Chronus, so your calendar was not connected.",
        "Ask your IT administrator to give everyone in your organisation permission, then connect your calendar again.";
    AlreadyConnected = CONFLICT, "Another calendar is already connected",
        "Only one calendar can be connected at a time, so the new one was not connected.",
        "Disconnect the connected calendar first.";
    NotConnected = NOT_FOUND, "No calendar is connected",
        "Your calendar was already disconnected, or was never connected.",
        "Open Calendar Settings to connect a calendar.";

    // Service Accounts.
    AccountInvalid = UNPROCESSABLE_ENTITY, "The account was not saved",
        "The account cannot be used with these values.",
        "Check the fields, and try again.";
    AccountNotOffered = FORBIDDEN, "The account was not saved",
        "{service} is not offered to your whole organisation.",
        "Ask the operator of this host to offer it.";
    AccountNotRegistered = BAD_GATEWAY, "{service} is not set up yet",
        "The operator of this host has not registered Chronus with the service, so nothing was saved.",
        "Ask the operator of this host to register Chronus.";
    KeyInvalid = UNPROCESSABLE_ENTITY, "The key file is invalid",
        "The text is not the key file that {service} creates for a service account. Nothing was saved.",
        "Create a key at the service, and paste the whole text of its file.";
    KeyIncomplete = UNPROCESSABLE_ENTITY, "The key file is incomplete",
        "Part of the key is missing or damaged. Nothing was saved.",
        "Paste the whole text of the file, or create a new key at the service.";
    MailboxInvalid = UNPROCESSABLE_ENTITY, "The mailbox is invalid",
        "It is not an email address. Nothing was saved.",
        "Enter an address such as ann@example.org.";
    MailboxElsewhere = UNPROCESSABLE_ENTITY, "The mailbox is not in your organisation",
        "Its email domain does not belong to your organisation. Nothing was saved.",
        "Enter a mailbox in an email domain of your organisation.";
    AccountRefused = UNPROCESSABLE_ENTITY, "{service} did not accept the account",
        "The account has no access to this mailbox, or does not exist. Nothing was saved.",
        "Check at the service that the account exists and has access to the mailbox.";
    AccountApproval = UNPROCESSABLE_ENTITY, "{service} requires approval by an IT administrator",
        "An IT administrator of your organisation has not approved the account at {service} yet. Nothing was saved.",
        "Approve the account at the service, or ask your IT administrator to do so. Try again a few minutes later.";
    AccountConsent = UNPROCESSABLE_ENTITY, "The shared mailbox was not connected",
        "{service} did not give lasting access, or a box was not ticked. Nothing was saved.",
        "Connect the mailbox again, with every box ticked.";
    AccountMissing = NOT_FOUND, "The account was not found",
        "It may already have been removed.",
        "Load the page again.";
    AccountUnreachable = BAD_GATEWAY, "{service} cannot be reached",
        "The service did not answer. Nothing was saved.",
        "Try again later.";

    // This host.
    Timeout = SERVICE_UNAVAILABLE, "Your request took too long",
        "Chronus stopped the request, but may already have made the change.",
        "Load the page again and check the result before you try again.";
    Unavailable = SERVICE_UNAVAILABLE, "Chronus is unavailable at the moment",
        "The database does not answer.",
        "Try again in a few minutes.";
    Internal = INTERNAL_SERVER_ERROR, "Your request failed",
        "The cause is an error in Chronus. The error was logged.",
        "Try again. If it happens again, tell an administrator of your program when it happened.";
}

/// The texts of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Texts {
    /// Says what happened, on one line.
    pub(super) title: String,
    /// Says why.
    pub(super) explanation: String,
    /// The action of the reader.
    pub(super) next_step: String,
}

impl Message {
    /// The status of a page that shows the message.
    pub(super) const fn status(self) -> StatusCode {
        self.texts().0
    }

    /// The texts, with the name of the service.
    pub(super) fn fill_in(self, service: Option<&str>) -> Texts {
        let (_, title, explanation, next_step) = self.texts();
        let [title, explanation, next_step] = [title, explanation, next_step].map(|text| {
            let text = text.replace("{service}", service.unwrap_or("The calendar service"));
            if service.is_some() { text } else { text.replace(" The calendar service", " the calendar service") }
        });
        Texts { title, explanation, next_step }
    }
}

impl From<&Problem> for Message {
    fn from(problem: &Problem) -> Self {
        match problem.code() {
            Code::NotFound => Self::NotFound,
            Code::MethodNotAllowed => Self::CannotOpen,
            Code::MalformedQuery => Self::InvalidAddress,
            Code::TooLarge => Self::TooLarge,
            Code::RoleMissing => Self::AdministratorsOnly,
            Code::NotThePerson => Self::NotAllowed,
            Code::NotOffered => Self::NotOffered,
            Code::AlreadyConnected => Self::AlreadyConnected,
            Code::NotConnected => Self::NotConnected,
            Code::TooManySignIns => Self::TooManySignIns,
            Code::TooManyRequests => Self::TooManyAttempts,
            Code::Timeout => Self::Timeout,
            Code::Unavailable => Self::Unavailable,
            _ => Self::Internal,
        }
    }
}

impl From<&ConnectError> for Message {
    fn from(error: &ConnectError) -> Self {
        match error {
            ConnectError::NotThemself => Self::NotAllowed,
            ConnectError::Unknown => Self::NotFound,
            ConnectError::NotOffered(_) | ConnectError::NoServiceAccount => Self::NotOffered,
            ConnectError::Provider(_)
            | ConnectError::NoToken(_)
            | ConnectError::IdToken(_)
            | ConnectError::Sealed(_) => Self::ProviderFailed,
            ConnectError::Input(_) => Self::FieldsInvalid,
            ConnectError::SignIn(_) | ConnectError::Access(_) | ConnectError::NeedsBrowser => Self::SignInInvalid,
            ConnectError::Refused(CallError::Failure(failure)) => match failure.remedy {
                // A refused form has a message of its own ([`Submission::failed`]).
                Remedy::Reconnect => Self::SignInIncomplete,
                Remedy::Temporary | Remedy::SlowDown(_) => Self::ServiceUnreachable,
                Remedy::NeedsAdminApproval(_) | Remedy::AccessPending => Self::NeedsAdminApproval,
                _ => Self::AccountNotOpened,
            },
            ConnectError::Refused(CallError::Denied(denial)) => match denial.rule {
                EgressRule::Leak => Self::ProviderFailed,
                _ => Self::ServerNotAllowed,
            },
            ConnectError::Refused(_) => Self::ProviderFailed,
            ConnectError::TooOften(_) => Self::TooManyAttempts,
            ConnectError::AlreadyConnected => Self::AlreadyConnected,
            ConnectError::NoClient(_) | ConnectError::Variable(_) => Self::NotRegistered,
            ConnectError::State => Self::SignInOver,
            ConnectError::Consent(failure) => match failure.remedy {
                Remedy::NeedsAdminApproval(_) | Remedy::AccessPending => Self::NeedsAdminApproval,
                Remedy::Temporary | Remedy::SlowDown(_) => Self::ServiceUnreachable,
                Remedy::NotPermitted | Remedy::NeedsScope => Self::ConsentRefused,
                _ => Self::SignInIncomplete,
            },
            ConnectError::ScopesMissing(_) => Self::ConsentIncomplete,
            ConnectError::NoRefreshToken => Self::NoLastingAccess,
            ConnectError::Account(error) => Self::from(&**error),
            ConnectError::Database(_) => Self::Internal,
        }
    }
}

impl From<&AccountError> for Message {
    fn from(error: &AccountError) -> Self {
        match error {
            AccountError::NotAllowed(_) => Self::AdministratorsOnly,
            AccountError::TooOften(_) => Self::TooManyAttempts,
            AccountError::NotOffered(_) => Self::AccountNotOffered,
            AccountError::Provider(_)
            | AccountError::NoToken(_)
            | AccountError::IdToken(_)
            | AccountError::Call(_)
            | AccountError::Sealed(_) => Self::AccountUnreachable,
            AccountError::SignIn(_)
            | AccountError::Secret(_)
            | AccountError::NeedsBrowser
            | AccountError::Variable(_)
            | AccountError::Input(_)
            | AccountError::Access(_) => Self::AccountInvalid,
            AccountError::NoClient(_) | AccountError::ClientVariable(_) => Self::AccountNotRegistered,
            AccountError::Key(KeyError::Json | KeyError::Kind) => Self::KeyInvalid,
            AccountError::Key(KeyError::Missing(_) | KeyError::Unfit) => Self::KeyIncomplete,
            AccountError::Mailbox(_) => Self::MailboxInvalid,
            AccountError::Domain(_) => Self::MailboxElsewhere,
            AccountError::Refused { failure, .. } => match failure.remedy {
                Remedy::NeedsAdminApproval(_) | Remedy::AccessPending => Self::AccountApproval,
                Remedy::Temporary | Remedy::SlowDown(_) => Self::AccountUnreachable,
                _ => Self::AccountRefused,
            },
            AccountError::ScopesMissing(_) | AccountError::NoRefreshToken => Self::AccountConsent,
            AccountError::NoAccount(_) => Self::AccountMissing,
            AccountError::Database(_) => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_messages() {
        let mut text = String::new();
        for message in Message::ALL {
            let Texts { title, explanation, next_step } = message.fill_in(Some("Example Calendar"));
            text.push_str(&format!("{} {title}\n{explanation}\n{next_step}\n\n", message.status().as_u16()));
        }
        super::super::golden::check("page_messages", &text);
    }

    #[test]
    fn a_message_names_the_service_or_says_the_calendar_service() {
        let texts = Message::ServiceUnreachable.fill_in(Some("Lamp"));
        assert_eq!(texts.title, "Lamp cannot be reached");
        let texts = Message::ConsentRefused.fill_in(None);
        assert!(texts.explanation.starts_with("You did not give the calendar service permission"), "{texts:?}");
        assert_eq!(Message::ServiceUnreachable.fill_in(None).title, "The calendar service cannot be reached");
    }

    #[test]
    fn a_message_has_three_pillars_and_no_words_of_the_api() {
        for message in Message::ALL {
            let Texts { title, explanation, next_step } = message.fill_in(None);
            assert!(!title.ends_with('.') && explanation.ends_with('.') && next_step.ends_with('.'), "{message:?}");
            for word in ["/v1", "token", "detail", "PUT ", "API"] {
                assert!(![&title, &explanation, &next_step].iter().any(|text| text.contains(word)), "{message:?}");
            }
        }
    }
}
