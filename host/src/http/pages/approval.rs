//! Where a calendar service sends the browser of an IT administrator back to, who has approved Chronus or not.
//!
//! Threat: anybody can open this address with any query, and claim an approval or a refusal. Decision: the page needs no
//! session, because the administrator may have no account here; it repeats what the service reports, in words of our own, and
//! changes nothing. Whether an approval works shows when a person connects. Rejected: storing the approval, which would be a
//! stranger's word; a `state` that is checked, because the administrator opens the link in a browser without a session here.

use super::{connect::parameters, error::PageError, layout::Layout, messages::Message, view::View};
use crate::app::App;
use askama::Template;
use axum::{
    extract::{Path, RawQuery, State},
    response::IntoResponse,
};
use std::collections::BTreeMap;

#[derive(Template)]
#[template(path = "approval.html")]
struct ApprovalPage {
    layout: Layout,
    service: String,
    report: Report,
}

/// What the service reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Report {
    /// An administrator approved.
    Approved,
    /// An administrator declined.
    Declined,
    /// The approval failed.
    Failed,
}

impl Report {
    /// Reads the query. A service without an error reports a success (RFC 6749 §4.1.2.1).
    fn read(parameters: &BTreeMap<String, String>) -> Self {
        match parameters.get("error").map(String::as_str) {
            None => Self::Approved,
            Some("access_denied") => Self::Declined,
            Some(_) => Self::Failed,
        }
    }
}

/// Says what the service reports. Nothing of the query is shown.
pub(super) async fn returned(
    State(app): State<App>,
    layout: Layout,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, PageError> {
    let parameters = parameters(&query.unwrap_or_default()).ok_or(Message::InvalidAddress)?;
    let provider = app.calendars.registry.provider(&provider).await.ok();
    let service = provider.map(|provider| provider.plugin.description().name.clone());
    let service = service.unwrap_or_else(|| "The calendar service".to_owned());
    Ok(View::new(ApprovalPage { layout, service, report: Report::read(&parameters) }))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{golden::golden, layout},
        *,
    };

    #[test]
    fn golden_pages_of_what_a_service_reports() {
        for (name, report) in [
            ("page_approval_approved", Report::Approved),
            ("page_approval_declined", Report::Declined),
            ("page_approval_failed", Report::Failed),
        ] {
            golden(
                name,
                &ApprovalPage { layout: layout::testing::signed_in(), service: "Example Calendar".into(), report },
            );
        }
    }

    #[test]
    fn only_an_error_is_a_failure() {
        let read = |query: &str| Report::read(&parameters(query).unwrap_or_default());
        assert_eq!(read("state=approval&admin_consent=True"), Report::Approved);
        assert_eq!(read("error=access_denied&error_description=x"), Report::Declined);
        assert_eq!(read("error=consent_required"), Report::Failed);
    }
}
