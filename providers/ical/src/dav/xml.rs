//! XML as WebDAV uses it: elements with a namespace, a local name, text and a few attributes.
//!
//! Servers choose prefixes freely, use a default namespace or none, put calendar data into CDATA or escape it, and some answer
//! with HTML if there is a problem. So an answer is read completely, by namespaces, into a small tree; malformed XML is an error
//! and never half an answer. Entities other than the five of XML are refused, which prevents entity attacks; the depth is
//! bounded.
//!
//! Rejected: matching raw text or prefixes, which works with one server only.

use std::borrow::Cow;

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

/// The deepest nesting. A multistatus needs about seven levels.
const MAX_DEPTH: usize = 32;

/// The known namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ns {
    Dav,
    CalDav,
    /// `http://calendarserver.org/ns/`
    CalendarServer,
    Other,
}

impl Ns {
    fn of(resolved: &ResolveResult<'_>) -> Ns {
        match resolved {
            ResolveResult::Bound(namespace) => match namespace.as_ref() {
                "DAV:" => Ns::Dav,
                "urn:ietf:params:xml:ns:caldav" => Ns::CalDav,
                "http://calendarserver.org/ns/" => Ns::CalendarServer,
                _ => Ns::Other,
            },
            ResolveResult::Unbound | ResolveResult::Unknown(_) => Ns::Other,
        }
    }
}

/// An element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) ns: Ns,
    pub(crate) name: String,
    /// Names without their prefixes; values as they came, since those that are looked at hold nothing to be decoded.
    pub(crate) attributes: Vec<(String, String)>,
    /// All text directly in it, joined.
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    pub(crate) fn is(&self, ns: Ns, name: &str) -> bool {
        self.ns == ns && self.name == name
    }

    pub(crate) fn child(&self, ns: Ns, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.is(ns, name))
    }

    pub(crate) fn all<'a>(&'a self, ns: Ns, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.is(ns, name))
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The text without white space around it.
    pub(crate) fn trimmed(&self) -> &str {
        self.text.trim()
    }
}

/// Reads a document. Bytes that are not UTF-8 become U+FFFD.
///
/// # Errors
/// If it is malformed. The text says why, and holds no text of the document.
pub(crate) fn parse(body: &[u8]) -> Result<Element, &'static str> {
    // Nearly all answers are UTF-8, for which this is faster than the lossy conversion alone.
    let text = str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed);
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{feff}'));
    let mut open: Vec<Element> = Vec::new();
    loop {
        let (resolved, event) = reader.read_resolved_event().map_err(|_| "it is not well-formed XML")?;
        let mut closed = None;
        match event {
            Event::Start(start) => {
                if open.len() >= MAX_DEPTH {
                    return Err("its elements nest too deep");
                }
                open.push(element(Ns::of(&resolved), &start)?);
            }
            Event::Empty(start) => closed = Some(element(Ns::of(&resolved), &start)?),
            Event::End(_) => closed = open.pop(),
            // Line ends stay as they are; no reader depends on them.
            Event::Text(text) => push_text(&mut open, text.into_inner()),
            Event::CData(text) => push_text(&mut open, text.into_inner()),
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref() {
                    Ok(Some(character)) => character,
                    Ok(None) => predefined(&reference).ok_or("it uses an entity that XML does not define")?,
                    Err(_) => return Err("it holds an invalid character reference"),
                };
                push_text(&mut open, Cow::Borrowed(character.encode_utf8(&mut [0; 4])));
            }
            Event::Eof => return Err("it ends before its outermost element does"),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
        if let Some(element) = closed {
            match open.last_mut() {
                Some(outer) => outer.children.push(element),
                None => return Ok(element),
            }
        }
    }
}

fn push_text(open: &mut [Element], text: Cow<'_, str>) {
    if let Some(element) = open.last_mut() {
        // The text of a large element is usually one piece, which is moved and not copied.
        match (element.text.is_empty(), text) {
            (true, Cow::Owned(text)) => element.text = text,
            (_, text) => element.text.push_str(&text),
        }
    }
}

fn element(ns: Ns, start: &BytesStart<'_>) -> Result<Element, &'static str> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| "it holds an attribute that cannot be read")?;
        attributes.push((attribute.key.local_name().as_ref().to_owned(), attribute.value.into_owned()));
    }
    let name = start.local_name().as_ref().to_owned();
    Ok(Element { ns, name, attributes, text: String::new(), children: Vec::new() })
}

fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// Escapes text for an element or a quoted attribute. Characters that XML cannot hold are left out.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => escaped.push_str(&format!("&#{};", u32::from(character))),
            character if character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}') => {}
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_do_not_matter() {
        let with =
            parse(b"<?xml version='1.0'?><x:a xmlns:x='DAV:'><y:b xmlns:y='urn:ietf:params:xml:ns:caldav'/></x:a>");
        let without = parse(b"<a xmlns=\"DAV:\"><b xmlns=\"urn:ietf:params:xml:ns:caldav\"></b></a>");
        let mut with = with.expect("well-formed");
        assert!(with.is(Ns::Dav, "a") && with.child(Ns::CalDav, "b").is_some());
        // Declarations are attributes too; apart from them the two say the same.
        let mut without = without.expect("well-formed");
        for element in [&mut with, &mut without] {
            element.attributes.clear();
            element.children.iter_mut().for_each(|child| child.attributes.clear());
        }
        assert_eq!(with, without);
    }

    #[test]
    fn text_comes_as_it_was_meant() {
        let read = |body: &[u8]| parse(body).expect("well-formed").text;
        assert_eq!(read(b"<a>1 &lt; 2 &amp;&#38;&#x26; 3<!-- no --> ]]</a>"), "1 < 2 &&& 3 ]]");
        assert_eq!(read(b"<a><![CDATA[A & <B>\r\nC]]></a>"), "A & <B>\r\nC");
        assert_eq!(read(b"<a>x&#13;\ny</a>"), "x\r\ny");
        assert_eq!(read("\u{feff}<a>é\u{1F4C5}</a>".as_bytes()), "é\u{1F4C5}");
        assert_eq!(read(&[b"<a>".as_slice(), &[0xff], b"</a>"].concat()), "\u{fffd}");
    }

    #[test]
    fn half_an_answer_is_none() {
        for bad in [
            "",
            "hello",
            "<a>",
            "<a><b></a>",
            "<a/",
            "</a>",
            "<a>&nbsp;</a>",
            "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
            "<a>&#xZZ;</a>",
            "<a b=1/>",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let deep = "<a>".repeat(100) + &"</a>".repeat(100);
        assert_eq!(parse(deep.as_bytes()), Err("its elements nest too deep"));
    }

    proptest::proptest! {
        #[test]
        fn escaping_and_parsing_are_inverse(text in "[^\\p{Cc}\u{fffe}\u{ffff}]{0,40}") {
            let document = format!("<a b=\"{0}\">{0}</a>", escape(&text));
            let element = parse(document.as_bytes()).expect("well-formed");
            proptest::prop_assert_eq!(&element.text, &text);
        }

        #[test]
        fn nothing_makes_it_panic(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = parse(&body);
        }
    }
}
