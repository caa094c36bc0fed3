//! The provider's description.

use chronus_sdk::descriptions::*;

pub(crate) fn describe() -> Description {
    let field = |name: &str, kind| FormField {
        name: name.into(),
        label: name.into(),
        kind,
        pattern: None,
        help: String::new(),
        preset: None,
    };
    let fields = vec![
        field("user", FieldKind::Text),
        field("password", FieldKind::Secret),
        // The planted error; empty for none of them.
        field("wrong", FieldKind::Text),
    ];
    Description {
        id: "memory".into(),
        name: "Memory".into(),
        version: "0.1.0".into(),
        state_format: 1,
        sign_ins: vec![SignIn {
            id: "password".into(),
            label: "User and password".into(),
            method: Method::Form(Form { fields, help_link: None }),
            attach: Attach::Basic(AttachBasic { user_field: "user".into(), secret_field: "password".into() }),
        }],
        hosts: vec![crate::service::ORIGIN.into()],
        read_posts: vec![],
        limits: Limits {
            busy_window: 366 * 86_400,
            changes_window: 366 * 86_400,
            page_size: 100,
            get_many: 20,
            poll_floor: 1,
        },
    }
}
