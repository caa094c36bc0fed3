//! What the decisions of this module must come to.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::failure::pause;
use crate::values::{PauseScope, Remedy};

fn url(text: &str) -> Url {
    Url::parse(text).expect("an address")
}

#[test]
fn an_address_is_brought_to_one_form() {
    assert_eq!(url("HTTPS://Dav.Example.org:443").to_string(), "https://dav.example.org/");
    assert_eq!(url("http://[::1]:5232/a/./b/../c?x=1#y").to_string(), "http://[::1]:5232/a/c?x=1");
    assert_eq!(url("https://h/a/%2e%2E/b/..").path(), "/");
    assert_eq!(url("https://h/é").path(), "/%C3%A9");
    assert_eq!(url("http://127.0.0.1:80/").authority(), "127.0.0.1");
    assert_eq!((url("https://h:8443/").host(), url("https://[::1]/").host()), ("h", "[::1]"));
}

#[test]
fn an_address_that_could_mean_two_things_is_refused() {
    for bad in [
        "",
        "/path",
        "ftp://h/",
        "https://",
        "https:///x",
        "https://user@h/",
        "https://user:secret@h/",
        "https://h:99999/",
        "https://h:x/",
        "https://h\\@evil.example/",
        "https://h/a\\b",
        "https://h/a b",
        "https://h/a\nb",
        "https://[::1/",
        "https://[evil]/",
        "https://[::1]x/",
        "https://hö/",
    ] {
        assert!(Url::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn links_resolve_as_rfc_3986_says() {
    let base = url("https://h/b/c/d?q");
    for (link, expected) in [
        ("g", "https://h/b/c/g"),
        ("./g/", "https://h/b/c/g/"),
        ("../g", "https://h/b/g"),
        ("../../../g", "https://h/g"),
        ("/g", "https://h/g"),
        ("?y", "https://h/b/c/d?y"),
        ("", "https://h/b/c/d?q"),
        ("#f", "https://h/b/c/d?q"),
        ("//p34.example/g", "https://p34.example/g"),
        ("http://other:80/x", "http://other/x"),
        ("g?u=http://x/", "https://h/b/c/g?u=http://x/"),
    ] {
        assert_eq!(base.join(link).expect("a link").to_string(), expected, "{link}");
    }
}

#[test]
fn percent_encoding_goes_both_ways() {
    let text = "a b/ü%@~.ics";
    assert_eq!(encode(text), "a%20b%2F%C3%BC%25%40~.ics");
    assert_eq!(decode(&encode(text)), text.as_bytes());
    assert_eq!(decode("100%"), b"100%");
    assert_eq!(decode("%zz%4"), b"%zz%4");
    assert_eq!(decode("%+1"), b"%+1");
}

#[test]
fn the_three_formats_of_a_date() {
    for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06-Nov-1994 08:49:37 GMT"] {
        assert_eq!(parse_date(text), Some(784_111_777), "{text}");
    }
    assert_eq!(parse_date("Sunday, 22-Nov-26 08:00:00 GMT"), parse_date("Sun, 22 Nov 2026 08:00:00 GMT"));
    assert_eq!(parse_date("Sat, 31 Dec 2016 23:59:60 GMT"), parse_date("Sat, 31 Dec 2016 23:59:59 GMT"));
    for bad in ["", "soon", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "06 Nov 1994"] {
        assert_eq!(parse_date(bad), None, "{bad}");
    }
}

#[test]
fn a_wait_is_neither_too_short_nor_endless() {
    let answer = |status, value: &str| {
        let response = Response::new("https://h/", status).with_header("Retry-After", value);
        error::of_status(&response, 784_111_700).remedy
    };
    assert_eq!(answer(503, "1"), pause(2_000, PauseScope::Connection));
    assert_eq!(answer(429, "30"), pause(30_000, PauseScope::Connection));
    assert_eq!(answer(429, "Sun, 06 Nov 1994 08:49:37 GMT"), pause(77_000, PauseScope::Connection));
    assert_eq!(answer(429, "Sun, 06 Nov 1994 08:00:00 GMT"), pause(2_000, PauseScope::Connection));
    assert_eq!(answer(503, "99999999999"), pause(86_400_000, PauseScope::Connection));
    assert_eq!(answer(503, "soon"), pause(2_000, PauseScope::Connection));
}

#[test]
fn a_status_has_one_remedy() {
    for (status, remedy) in [
        (401, Remedy::Reconnect),
        (403, Remedy::NotPermitted),
        (404, Remedy::NotFound),
        (410, Remedy::Gone),
        (408, Remedy::Temporary),
        (500, Remedy::Temporary),
        (502, Remedy::Temporary),
        (507, Remedy::Temporary),
        (400, Remedy::Invalid("status 400".into())),
        (412, Remedy::Invalid("status 412".into())),
    ] {
        let failure = Response::new("https://h/p?secret=1", status).failure();
        assert_eq!(failure.remedy, remedy, "{status}");
        assert_eq!(failure.service_code, status.to_string());
        assert!(failure.detail.contains("https://h/p") && !failure.detail.contains("secret"), "{}", failure.detail);
    }
}

#[test]
fn what_the_host_refuses_is_not_tried_again() {
    let failure = Failure::from(HttpError::Refused("not granted".into()));
    assert_eq!(failure.remedy, Remedy::Invalid("egress".into()));
    assert!(failure.detail.contains("the host refused"));
    assert_eq!(Failure::from(HttpError::Unreachable("x".into())).remedy, Remedy::Temporary);
    assert_eq!(Failure::from(HttpError::Cut("x".into())).remedy, Remedy::Temporary);
}

/// What a chain of redirects asks for, and how it ends.
fn redirected(
    start: Request,
    answer: impl Fn(&Request) -> Response + 'static,
) -> (Vec<String>, Result<Response, HttpError>) {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&asked);
    let result = native::answering(
        move |request| {
            seen.borrow_mut().push(format!("{} {}", request.method, request.url));
            Ok(answer(request))
        },
        || follow(&start),
    );
    (asked.take(), result)
}

#[test]
fn redirects_keep_the_method_and_are_bounded() {
    let start = Request::new("PROPFIND", "https://h/.well-known/caldav").body("application/xml", "<x/>");
    let (asked, result) = redirected(start, |request| match request.url.as_str() {
        "https://h/.well-known/caldav" => Response::new(&request.url, 301).with_header("location", "/dav/"),
        "https://h/dav/" => Response::new(&request.url, 307).with_header("location", "https://p1.h/dav/"),
        _ => Response::new(&request.url, 207),
    });
    assert_eq!(
        asked,
        ["PROPFIND https://h/.well-known/caldav", "PROPFIND https://h/dav/", "PROPFIND https://p1.h/dav/"]
    );
    assert_eq!(result.expect("an answer").url, "https://p1.h/dav/");

    let (asked, result) = redirected(Request::new("GET", "https://h/"), |request| {
        Response::new(&request.url, 302).with_header("location", "/")
    });
    assert_eq!(asked.len(), MAX_REDIRECTS + 1);
    assert!(matches!(result, Err(HttpError::BadRequest(_))));
}

#[test]
fn a_redirect_never_leaves_https() {
    let (asked, result) = redirected(Request::new("GET", "https://h/"), |request| {
        Response::new(&request.url, 302).with_header("location", "http://h/")
    });
    assert_eq!(asked.len(), 1);
    assert!(matches!(result, Err(HttpError::BadRequest(_))));
}

#[test]
fn a_303_is_fetched() {
    let (asked, _) = redirected(Request::new("POST", "https://h/a").body("text/plain", "x"), |request| {
        match request.method.as_str() {
            "POST" => Response::new(&request.url, 303).with_header("location", "b"),
            _ => {
                assert!(request.body.is_empty() && request.headers.is_empty());
                Response::new(&request.url, 200)
            }
        }
    });
    assert_eq!(asked, ["POST https://h/a", "GET https://h/b"]);
}

#[test]
fn an_answer_is_never_longer_than_asked_for() {
    let big = |request: &Request| Ok(Response::new(&request.url, 200).with_body("text/plain", vec![0; 11]));
    let request = Request::new("GET", "https://h/").limit(10);
    assert_eq!(native::answering(big, || send(&request)), Err(HttpError::TooBig(10)));
    assert!(native::answering(big, || send(&request.clone().limit(11))).is_ok());
}

#[test]
fn without_a_host_nothing_is_sent() {
    assert!(matches!(send(&Request::new("GET", "https://h/")), Err(HttpError::Refused(_))));
    assert!(matches!(send(&Request::new("GET", "h")), Err(HttpError::BadRequest(_))));
}

proptest::proptest! {
    #[test]
    fn joining_any_link_stays_well_formed(link in "\\PC{0,40}") {
        if let Ok(joined) = url("https://h/a/b").join(&link) {
            proptest::prop_assert_eq!(&url(&joined.to_string()), &joined);
            proptest::prop_assert!(joined.path().starts_with('/') && !joined.path().contains("/../"));
        }
    }

    #[test]
    fn decoding_undoes_encoding(text in "\\PC{0,40}") {
        proptest::prop_assert_eq!(decode(&encode(&text)), text.into_bytes());
    }
}
