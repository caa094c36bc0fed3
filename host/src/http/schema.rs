//! Schemas of the OpenAPI document that no derive can make: ids, pages of lists, and closed sets of words.

use crate::ids::{ConnectionId, JobId, MeetingId, OrganisationId, PersonId, ProgramId, ServiceAccountId, TokenId};
use utoipa::openapi::{
    RefOr,
    schema::{ObjectBuilder, Schema, SchemaFormat, Type},
};

/// The one spelling of ids: lower-case, hyphenated.
const ID_PATTERN: &str = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

macro_rules! ids {
    ($($name:ident: $of:literal, $example:literal;)*) => {$(
        impl utoipa::PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some(concat!("Id of ", $of, ".")))
                    .format(Some(SchemaFormat::Custom("uuid".into())))
                    .pattern(Some(ID_PATTERN))
                    .examples([$example])
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}

ids! {
    ConnectionId: "a connection", "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e61";
    JobId: "a job", "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e62";
    MeetingId: "a meeting", "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e63";
    ServiceAccountId: "a service account", "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e64";
    OrganisationId: "an organisation", "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e65";
    PersonId: "a person", "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e66";
    ProgramId: "a program", "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e67";
    TokenId: "a token", "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e68";
}

/// Names the schema of a page of a list. It refers to the schema of its items instead of repeating it.
macro_rules! list_schema {
    ($name:ident of $item:ty) => {
        #[doc = concat!("Schema of a page of `", stringify!($item), "`.")]
        pub(in crate::http) struct $name;

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                crate::http::schema::list(&<$item as utoipa::ToSchema>::name())
            }
        }

        impl utoipa::ToSchema for $name {
            fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
                let name = <$item as utoipa::ToSchema>::name().into_owned();
                schemas.push((name, <$item as utoipa::PartialSchema>::schema()));
                <$item as utoipa::ToSchema>::schemas(schemas);
            }
        }
    };
}
pub(super) use list_schema;

/// The schema of a page of a list.
pub(super) fn list(item: &str) -> RefOr<Schema> {
    use utoipa::openapi::{ArrayBuilder, Ref};
    let next = ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::SchemaType::from_iter([Type::String, Type::Null]))
        .format(Some(SchemaFormat::Custom("uuid".into())))
        .description(Some("Send this as `after` for the next page; null on the last page."));
    ObjectBuilder::new()
        .description(Some("A page of a list."))
        .property("items", ArrayBuilder::new().items(Ref::from_schema_name(item)).max_items(Some(200)))
        .property("next", next)
        .required("items")
        .required("next")
        .into()
}

/// Declares the words of a closed set, as the API shows a value of the domain. A variant that the domain adds does not
/// compile until it is listed here.
macro_rules! closed_set {
    ($(#[doc = $doc:literal] $name:ident from $source:ty { $(#[doc = $meaning:literal] $variant:ident)* })*) => {$(
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, serde::Serialize, utoipa::ToSchema)]
        #[serde(rename_all = "kebab-case")]
        pub(in crate::http) enum $name {
            $(#[doc = $meaning] $variant,)*
        }

        impl From<$source> for $name {
            fn from(value: $source) -> Self {
                match value {
                    $(<$source>::$variant => Self::$variant,)*
                }
            }
        }
    )*};
}
pub(super) use closed_set;
