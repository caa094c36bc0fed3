//! What the provider says of itself.

use chronus_sdk::descriptions::{Attach, AttachBasic, Description, FieldKind, Form, FormField, Limits, Method, SignIn};

use crate::session::ICLOUD;

/// How many events one page of changes, and one request for many events, holds. One multiget of iCloud takes a second
/// or two with so many.
pub(crate) const PAGE: u32 = 200;

/// A little more than a year.
const WINDOW: u64 = 400 * 86_400;

pub(crate) fn describe() -> Description {
    Description {
        id: "ical".to_owned(),
        name: "iCal (CalDAV)".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state_format: 1,
        sign_ins: vec![app_password(), any_server()],
        hosts: vec![ICLOUD.to_owned(), "https://*.icloud.com".to_owned()],
        read_posts: Vec::new(),
        limits: Limits {
            busy_window: WINDOW,
            changes_window: 4 * WINDOW,
            page_size: PAGE,
            get_many: PAGE,
            poll_floor: 60,
        },
    }
}

/// iCloud, and every server that is found by its name alone.
fn app_password() -> SignIn {
    let server = FormField {
        name: "server".to_owned(),
        label: "Server".to_owned(),
        kind: FieldKind::ServerUrl,
        pattern: None,
        help: "Leave this as it is for iCloud. For another CalDAV server: its address, such as https://dav.example.org"
            .to_owned(),
        preset: Some(ICLOUD.to_owned()),
    };
    let form = Form { fields: vec![server, username(), password()], help_link: Some(HELP.to_owned()) };
    SignIn {
        id: "app-password".to_owned(),
        label: "Apple Account and app-specific password".to_owned(),
        method: Method::Form(form),
        attach: basic(),
    }
}

/// Servers that must be told by path where they live.
fn any_server() -> SignIn {
    let server = FormField {
        name: "server".to_owned(),
        label: "Server".to_owned(),
        kind: FieldKind::ServerUrl,
        pattern: None,
        help: "The address of the CalDAV server without its path, such as https://dav.example.org".to_owned(),
        preset: None,
    };
    let path = FormField {
        name: "path".to_owned(),
        label: "Path".to_owned(),
        kind: FieldKind::Text,
        pattern: Some("(/[^?#\\s]*)?".to_owned()),
        help: "Only if the server does not find it itself: what follows its name in the address that your \
               administrator gave you, such as /caldav.php/"
            .to_owned(),
        preset: Some(String::new()),
    };
    let form = Form { fields: vec![server, path, username(), password()], help_link: None };
    SignIn {
        id: "caldav".to_owned(),
        label: "Another CalDAV server, by its full address".to_owned(),
        method: Method::Form(form),
        attach: basic(),
    }
}

const HELP: &str = "https://account.apple.com";

fn username() -> FormField {
    FormField {
        name: "username".to_owned(),
        label: "User name".to_owned(),
        kind: FieldKind::Text,
        // HTTP Basic cannot carry a colon in it (RFC 7617 §2).
        pattern: Some("[^:]+".to_owned()),
        help: "For iCloud: your Apple Account's e-mail address".to_owned(),
        preset: None,
    }
}

fn password() -> FormField {
    FormField {
        name: "password".to_owned(),
        label: "App-specific password".to_owned(),
        kind: FieldKind::Secret,
        // Apple's have the form xxxx-xxxx-xxxx-xxxx; those of other servers have any.
        pattern: Some(".+".to_owned()),
        help:
            "For iCloud: an app-specific password of the form xxxx-xxxx-xxxx-xxxx, made at https://account.apple.com \
               under Sign-In and Security. The password of the Apple Account itself does not work, and you should not \
               give it to anybody"
                .to_owned(),
        preset: None,
    }
}

fn basic() -> Attach {
    Attach::Basic(AttachBasic { user_field: "username".to_owned(), secret_field: "password".to_owned() })
}
