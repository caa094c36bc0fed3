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
    let server = field(
        "server",
        "Server",
        FieldKind::ServerUrl,
        None,
        "Leave this as it is for iCloud. For another CalDAV server: its address, such as https://dav.example.org",
        Some(ICLOUD),
    );
    let form = Form { fields: vec![server, username(), password()], help_link: Some(HELP.to_owned()) };
    sign_in("app-password", "Apple Account and app-specific password", form)
}

/// Servers that must be told by path where they live.
fn any_server() -> SignIn {
    let server = field(
        "server",
        "Server",
        FieldKind::ServerUrl,
        None,
        "The address of the CalDAV server without its path, such as https://dav.example.org",
        None,
    );
    let path = field(
        "path",
        "Path",
        FieldKind::Text,
        Some("(/[^?#\\s]*)?"),
        "Only if the server does not find it itself: what follows its name in the address that your administrator gave \
         you, such as /caldav.php/",
        Some(""),
    );
    let form = Form { fields: vec![server, path, username(), password()], help_link: None };
    sign_in("caldav", "Another CalDAV server, by its full address", form)
}

const HELP: &str = "https://account.apple.com";

fn username() -> FormField {
    // HTTP Basic cannot carry a colon in it (RFC 7617 §2).
    let pattern = Some("[^:]+");
    let help = "For iCloud: your Apple Account's e-mail address";
    field("username", "User name", FieldKind::Text, pattern, help, None)
}

fn password() -> FormField {
    // Apple's have the form xxxx-xxxx-xxxx-xxxx; those of other servers have any.
    let pattern = Some(".+");
    let help = "For iCloud: an app-specific password of the form xxxx-xxxx-xxxx-xxxx, made at \
                https://account.apple.com under Sign-In and Security. The password of the Apple Account itself does \
                not work, and you should not give it to anybody";
    field("password", "App-specific password", FieldKind::Secret, pattern, help, None)
}

fn field(
    name: &str,
    label: &str,
    kind: FieldKind,
    pattern: Option<&str>,
    help: &str,
    preset: Option<&str>,
) -> FormField {
    FormField {
        name: name.to_owned(),
        label: label.to_owned(),
        kind,
        pattern: pattern.map(str::to_owned),
        help: help.to_owned(),
        preset: preset.map(str::to_owned),
    }
}

fn sign_in(id: &str, label: &str, form: Form) -> SignIn {
    let attach = Attach::Basic(AttachBasic { user_field: "username".to_owned(), secret_field: "password".to_owned() });
    SignIn { id: id.to_owned(), label: label.to_owned(), method: Method::Form(form), attach }
}
