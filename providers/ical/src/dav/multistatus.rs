//! Answers of servers: a multistatus (RFC 4918 §13), or the preconditions of an error (§16).
//!
//! A property counts only if its own `propstat` says 2xx: servers list what they do not have beside what they have, in
//! any order, and a reader that takes the last one finds every ctag empty. A status on the response itself speaks of
//! the whole resource: 404 means deleted (RFC 6578 §3.5), 507 on the collection means that the answer was cut short.

use super::xml::{self, Element, Ns};
use super::{Etag, href};
use chronus_sdk::http::Url;

/// A multistatus.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Multistatus {
    pub(crate) answers: Vec<Answer>,
    /// RFC 6578 §6.2
    pub(crate) sync_token: Option<String>,
}

/// The part about one resource.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The resource's address, resolved and in canonical form.
    pub(crate) url: Url,
    /// The status of the whole resource, where the response has no properties.
    pub(crate) status: Option<u16>,
    /// The present properties.
    props: Vec<Element>,
}

impl Answer {
    pub(crate) fn prop(&self, ns: Ns, name: &str) -> Option<&Element> {
        self.props.iter().find(|prop| prop.is(ns, name))
    }

    /// The trimmed text of a property, if it has any.
    pub(crate) fn text(&self, ns: Ns, name: &str) -> Option<&str> {
        self.prop(ns, name).map(Element::trimmed).filter(|text| !text.is_empty())
    }

    /// Takes a property's text out of it, for large ones.
    pub(crate) fn take_text(&mut self, ns: Ns, name: &str) -> Option<String> {
        self.props.iter_mut().find(|prop| prop.is(ns, name)).map(|prop| std::mem::take(&mut prop.text))
    }

    /// The addresses in a property, resolved and in canonical form. What is no address is left out.
    pub(crate) fn hrefs(&self, ns: Ns, name: &str) -> Vec<Url> {
        let hrefs = self.prop(ns, name).into_iter().flat_map(|prop| prop.all(Ns::Dav, "href"));
        hrefs.filter_map(|href| href::resolve(&self.url, href.trimmed())).collect()
    }

    /// The entity tag.
    pub(crate) fn etag(&self) -> Option<Etag> {
        self.text(Ns::Dav, "getetag").and_then(Etag::read)
    }

    /// Whether it is the collection that was asked, and not one of its members. iCloud lists it among them.
    pub(crate) fn is_collection(&self) -> bool {
        self.url.path().ends_with('/')
    }
}

/// Reads a multistatus. `base` is where the request went.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn parse(body: &[u8], base: &Url) -> Result<Multistatus, &'static str> {
    let root = xml::parse(body)?;
    if !root.is(Ns::Dav, "multistatus") {
        return Err("it is not a multistatus");
    }
    let sync_token = root.child(Ns::Dav, "sync-token").map(|token| token.trimmed().to_owned());
    let mut answers = Vec::new();
    for response in root.children.into_iter().filter(|child| child.is(Ns::Dav, "response")) {
        read_response(response, base, &mut answers);
    }
    Ok(Multistatus { answers, sync_token })
}

fn read_response(response: Element, base: &Url, answers: &mut Vec<Answer>) {
    let own_status = response.child(Ns::Dav, "status").and_then(status);
    let mut urls = Vec::new();
    let mut props = Vec::new();
    for child in response.children {
        if child.is(Ns::Dav, "href") {
            // A resource with an unusable address cannot be requested.
            urls.extend(href::resolve(base, child.trimmed()));
        } else if child.is(Ns::Dav, "propstat") {
            let found = child.child(Ns::Dav, "status").and_then(status).is_none_or(|status| status / 100 == 2);
            if found {
                let inner = child.children.into_iter().filter(|prop| prop.is(Ns::Dav, "prop"));
                props.extend(inner.flat_map(|prop| prop.children));
            }
        }
    }
    // Several addresses share one status (RFC 4918 §14.24); properties come with one address only.
    let last = urls.pop();
    let bare = |url| Answer { url, status: own_status, props: Vec::new() };
    answers.extend(urls.into_iter().map(bare));
    answers.extend(last.map(|url| Answer { url, status: own_status, props }));
}

/// `HTTP/1.1 404 Not Found`
fn status(element: &Element) -> Option<u16> {
    element.trimmed().split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The preconditions that an error names (RFC 4918 §16), and the address that comes with one of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Preconditions {
    names: Vec<(Ns, String)>,
    pub(crate) href: Option<Url>,
}

impl Preconditions {
    /// Reads the body of an error; other bodies name no precondition.
    pub(crate) fn of(body: &[u8], base: &Url) -> Preconditions {
        let Ok(root) = xml::parse(body) else { return Preconditions::default() };
        if !root.is(Ns::Dav, "error") {
            return Preconditions::default();
        }
        let href = root.children.iter().find_map(|precondition| {
            let found = precondition.child(Ns::Dav, "href")?;
            href::resolve(base, found.trimmed())
        });
        let names = root.children.into_iter().map(|precondition| (precondition.ns, precondition.name)).collect();
        Preconditions { names, href }
    }

    pub(crate) fn has(&self, ns: Ns, name: &str) -> bool {
        self.names.iter().any(|(at, known)| *at == ns && known == name)
    }

    /// Whether another event holds the UID: in the calendar (RFC 4791 §5.3.2.1), or anywhere in the account of a server
    /// that schedules (RFC 6638 §3.2.4.1).
    pub(crate) fn is_uid_taken(&self) -> bool {
        self.has(Ns::CalDav, "no-uid-conflict") || self.has(Ns::CalDav, "unique-scheduling-object-resource")
    }

    /// The first one, for a failure's code. Descriptions for people do not count.
    pub(crate) fn first(&self) -> Option<&str> {
        let first = self.names.iter().find(|(ns, name)| *ns != Ns::Other && name != "responsedescription");
        first.map(|(_, name)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Url {
        Url::parse("https://dav.example/alice/cal/").expect("an address")
    }

    fn read(inner: &str) -> Multistatus {
        let body = format!(
            "<m:multistatus xmlns:m='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav' \
             xmlns:s='http://calendarserver.org/ns/'>{inner}</m:multistatus>"
        );
        parse(body.as_bytes(), &base()).expect("a multistatus")
    }

    #[test]
    fn a_property_that_is_not_there_does_not_hide_one_that_is() {
        for order in [[0, 1], [1, 0]] {
            let parts = [
                "<m:propstat><m:prop><s:getctag>7</s:getctag></m:prop><m:status>HTTP/1.1 200 OK</m:status></m:propstat>",
                "<m:propstat><m:status>HTTP/1.1 404 Not Found</m:status><m:prop><s:getctag/></m:prop></m:propstat>",
            ];
            let inner = format!("<m:response><m:href>.</m:href>{}{}</m:response>", parts[order[0]], parts[order[1]]);
            assert_eq!(read(&inner).answers[0].text(Ns::CalendarServer, "getctag"), Some("7"));
        }
    }

    #[test]
    fn addresses_come_in_one_form() {
        let answers = read(
            "<m:response><m:href>/alice/cal/a@b.ics</m:href><m:status>HTTP/1.1 404 Not Found</m:status></m:response>\
             <m:response><m:href>https://DAV.example:443/alice/cal/a%40b.ics</m:href><m:propstat><m:prop>\
             <m:getetag>W/\"1\"</m:getetag></m:prop><m:status>HTTP/1.1 200 OK</m:status></m:propstat></m:response>",
        )
        .answers;
        assert_eq!(answers[0].url, answers[1].url);
        assert_eq!((answers[0].status, answers[0].etag()), (Some(404), None));
        assert_eq!((answers[1].status, answers[1].etag().map(|etag| etag.shown())), (None, Some("\"1\"".to_owned())));
    }

    #[test]
    fn a_response_may_name_many_resources() {
        let answers = read(
            "<m:response><m:href>a.ics</m:href><m:href>b.ics</m:href><m:status>HTTP/1.1 404 Not Found</m:status>\
             </m:response><m:response><m:href>/alice/cal/</m:href><m:status>HTTP/1.1 507 Insufficient Storage\
             </m:status></m:response><m:sync-token>t-2</m:sync-token>",
        );
        assert_eq!(answers.sync_token.as_deref(), Some("t-2"));
        let seen: Vec<_> = answers.answers.iter().map(|a| (a.url.path(), a.status, a.is_collection())).collect();
        assert_eq!(
            seen,
            [
                ("/alice/cal/a.ics", Some(404), false),
                ("/alice/cal/b.ics", Some(404), false),
                ("/alice/cal/", Some(507), true)
            ]
        );
    }

    #[test]
    fn what_is_no_multistatus_is_an_error() {
        assert!(parse(b"<html><body>Sign in</body></html>", &base()).is_err());
        assert!(parse(b"<multistatus/>", &base()).is_err(), "without the namespace it is something else");
    }

    #[test]
    fn an_error_names_its_preconditions() {
        let body = b"<e:error xmlns:e='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><c:no-uid-conflict>\
            <e:href>/alice/cal/other.ics</e:href></c:no-uid-conflict></e:error>";
        let found = Preconditions::of(body, &base());
        assert!(found.has(Ns::CalDav, "no-uid-conflict") && !found.has(Ns::Dav, "no-uid-conflict"));
        assert_eq!(found.href.as_ref().map(Url::path), Some("/alice/cal/other.ics"));
        assert_eq!(found.first(), Some("no-uid-conflict"));
        assert_eq!(Preconditions::of(b"Precondition failed.", &base()), Preconditions::default());
    }
}
