//! The provider's description of itself.

use chronus_sdk::descriptions::{Attach, AttachBasic, Description, FieldKind, Form, FormField, Limits, Method, SignIn};

use crate::session::ICLOUD;

/// The most events of one page of changes, and of one request for many events. With this number, a multiget of iCloud takes
/// one or two seconds.
pub(crate) const PAGE: u32 = 200;

/// More than four years: servers set no limit, and the cost of a series depends on its occurrences in the window.
const WINDOW: u64 = 1600 * 86_400;

pub(crate) fn describe() -> Description {
    Description {
        id: "ical".to_owned(),
        name: "iCal (CalDAV)".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state_format: 2,
        sign_ins: vec![icloud(), any_server()],
        hosts: vec![ICLOUD.to_owned(), "https://*.icloud.com".to_owned()],
        read_only_posts: Vec::new(),
        limits: Limits {
            busy_window: WINDOW,
            changes_window: WINDOW,
            page_size: PAGE,
            get_many: PAGE,
            poll_floor: 60,
            concurrency: 1,
        },
    }
}

/// iCloud. It needs no address, and its app-specific passwords have a form that the pattern checks.
fn icloud() -> SignIn {
    let user = field(
        "username",
        "Apple Account",
        FieldKind::Text,
        Some("[^:\\s]+"),
        "The e-mail address (or telephone number) of your Apple Account",
    );
    let password = field(
        "password",
        "App-specific password",
        FieldKind::Secret,
        Some("[a-zA-Z]{4}-[a-zA-Z]{4}-[a-zA-Z]{4}-[a-zA-Z]{4}"),
        "An app-specific password of the form xxxx-xxxx-xxxx-xxxx, made at https://account.apple.com under Sign-In and \
         Security. The password of the Apple Account itself does not work, and you should not give it to anybody",
    );
    let form = Form { fields: vec![user, password], help_link: Some(APPLE.to_owned()) };
    sign_in("app-password", "Apple Account and app-specific password", form)
}

/// Any other server, found by its name or its path.
fn any_server() -> SignIn {
    let server = field(
        "server",
        "Server",
        FieldKind::ServerUrl,
        None,
        "The address of the CalDAV server without its path, such as https://dav.example.org",
    );
    let path = FormField {
        preset: Some(String::new()),
        ..field(
            "path",
            "Path",
            FieldKind::Text,
            Some("(/[^?#\\s]*)?"),
            "Only if the server does not find it itself: what follows its name in the address that your administrator \
             gave you, such as /caldav.php/",
        )
    };
    // HTTP Basic cannot carry a colon in it (RFC 7617 §2).
    let user = field("username", "User name", FieldKind::Text, Some("[^:]+"), "Your user name at the server");
    let password = field(
        "password",
        "Password",
        FieldKind::Secret,
        Some(".+"),
        "An app password, if the server has them: it opens calendars only, and you can revoke it separately",
    );
    let form = Form { fields: vec![server, path, user, password], help_link: None };
    sign_in("caldav", "Another CalDAV server", form)
}

const APPLE: &str = "https://account.apple.com";

fn field(name: &str, label: &str, kind: FieldKind, pattern: Option<&str>, help: &str) -> FormField {
    FormField {
        name: name.to_owned(),
        label: label.to_owned(),
        kind,
        pattern: pattern.map(str::to_owned),
        help: help.to_owned(),
        preset: None,
    }
}

fn sign_in(id: &str, label: &str, form: Form) -> SignIn {
    let attach = Attach::Basic(AttachBasic { user_field: "username".to_owned(), secret_field: "password".to_owned() });
    SignIn { id: id.to_owned(), label: label.to_owned(), method: Method::Form(form), attach, subject_paths: Vec::new() }
}
