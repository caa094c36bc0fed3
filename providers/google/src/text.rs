//! Conversion of descriptions between plain text and Google's markup.
//!
//! Google shows a description as HTML. Its own pages write tags and entities; other programs mostly write plain text, whose
//! line ends are shown. If plain text were stored unchanged, text after a `<` would not be shown, and a person who schedules a
//! meeting could put disguised links into other people's calendars. So writing escapes `&`, `<` and `>` and nothing else, and
//! reading turns entities and the tags of Google's pages into text. Reading returns exactly what was written.
//!
//! Other tags are kept as text, because another program's plain text may hold `List<String>`.
//!
//! Rejected: marking the host's descriptions and reading those unchanged. The mark would stay when a person edits the
//! description.

/// Plain text as markup.
pub(crate) fn to_markup(text: &str) -> String {
    let mut markup = String::with_capacity(text.len());
    for character in lines(text).chars() {
        match character {
            '&' => markup.push_str("&amp;"),
            '<' => markup.push_str("&lt;"),
            '>' => markup.push_str("&gt;"),
            character => markup.push(character),
        }
    }
    markup
}

/// Text with `\n` at the end of each line.
pub(crate) fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The text that a description shows.
pub(crate) fn from_markup(markup: &str) -> String {
    let markup = lines(markup);
    let mut text = Text::default();
    let mut rest = markup.as_str();
    while let Some(character) = rest.chars().next() {
        let taken = match character {
            '&' => entity(rest).map(|(shown, length)| {
                text.out.push(shown);
                length
            }),
            '<' => tag(rest).map(|(tag, length)| {
                text.tag(&tag);
                length
            }),
            _ => None,
        };
        let length = taken.unwrap_or_else(|| {
            text.out.push(character);
            character.len_utf8()
        });
        rest = rest.get(length..).unwrap_or_default();
    }
    text.out
}

#[derive(Default)]
struct Text {
    out: String,
    /// The targets of open links, and the positions at which their texts begin.
    links: Vec<(String, usize)>,
}

impl Text {
    fn tag(&mut self, tag: &Tag<'_>) {
        match (tag.name.as_str(), tag.closes) {
            ("br", _) => self.out.push('\n'),
            ("li", false) => {
                self.begin_line();
                self.out.push_str("- ");
            }
            ("a", false) => self.links.push((tag.href.map(from_markup).unwrap_or_default(), self.out.len())),
            ("a", true) => {
                if let Some((target, from)) = self.links.pop() {
                    let shown = self.out.get(from..).unwrap_or_default().trim();
                    if !target.is_empty() && shown != target && !target.ends_with(shown) {
                        self.out.push_str(&format!(" ({target})"));
                    }
                }
            }
            ("p" | "div" | "ul" | "ol" | "li" | "tr" | "table" | "blockquote" | "pre" | "hr", _)
            | ("h1" | "h2" | "h3" | "h4" | "h5" | "h6", _) => self.begin_line(),
            _ => {}
        }
    }

    fn begin_line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }
}

struct Tag<'a> {
    name: String,
    closes: bool,
    href: Option<&'a str>,
}

/// The tags of Google's pages and mails.
const TAGS: [&str; 37] = [
    "a",
    "b",
    "blockquote",
    "br",
    "code",
    "div",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "html-blob",
    "i",
    "img",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "tr",
    "u",
    "ul",
    "wbr",
];

/// The tag that a text begins with, and its length.
fn tag(text: &str) -> Option<(Tag<'_>, usize)> {
    let end = text.find('>')?;
    let inner = text.get(1..end)?;
    let (inner, closes) = inner.strip_prefix('/').map_or((inner, false), |inner| (inner, true));
    let length = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(inner.len());
    let (name, attributes) = inner.split_at(length);
    let name = name.to_ascii_lowercase();
    let ends_there = attributes.is_empty() || attributes.starts_with([' ', '\n', '\t', '/']);
    let known = TAGS.contains(&name.as_str()) && ends_there && !attributes.contains('<');
    known.then(|| (Tag { href: href(attributes), name, closes }, end + 1))
}

fn href(attributes: &str) -> Option<&str> {
    let value = attributes.split_once("href=")?.1;
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value.get(1..)?.split(quote).next()
}

/// The character that an entity at the beginning of a text stands for, and the entity's length.
fn entity(text: &str) -> Option<(char, usize)> {
    const LONGEST: usize = 12;
    let end = text.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let shown = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        // Pages write it between spaces; the host's spaces are stored unchanged.
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
                    u32::from_str_radix(digits, 16).ok()?
                }
                None if number.bytes().all(|digit| digit.is_ascii_digit()) => number.parse().ok()?,
                _ => return None,
            };
            char::from_u32(code).filter(|shown| *shown != '\0')?
        }
    };
    Some((shown, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_googles_read_as_text() {
        for (markup, text) in [
            ("one<br>two<br/>three<BR />", "one\ntwo\nthree\n"),
            ("<p>one</p><p>two</p>", "one\ntwo\n"),
            ("<ul><li>one</li><li>two</li></ul>end", "- one\n- two\nend"),
            ("<b>bold</b> &amp; <i>it</i>&nbsp;<u>x</u>", "bold & it x"),
            ("<html-blob>one<br></html-blob>", "one\n"),
            (
                r#"see <a href="https://x.example/a?b=1&amp;c=2" target="_blank">here</a>"#,
                "see here (https://x.example/a?b=1&c=2)",
            ),
            (r#"<a href="https://x.example/">https://x.example/</a>"#, "https://x.example/"),
            (r#"<a href="mailto:ann@example.com">ann@example.com</a>"#, "ann@example.com"),
            ("&#233;&#xe9;&apos;&quot;", "éé'\""),
        ] {
            assert_eq!(from_markup(markup), text, "{markup}");
        }
    }

    #[test]
    fn texts_of_other_programs_stay() {
        for text in
            ["AT&T; x & y", "List<String> a < b > c", "<foo>", "a <", "&#0;&#xzz;&unknown;", "<b", "5 <br", "<bx>"]
        {
            assert_eq!(from_markup(text), text);
        }
    }

    #[test]
    fn nothing_that_is_written_is_markup() {
        assert_eq!(to_markup("<a href=\"x\">&amp;</a>\r\n"), "&lt;a href=\"x\"&gt;&amp;amp;&lt;/a&gt;\n");
        assert_eq!(to_markup("plain, as it is: é"), "plain, as it is: é");
    }

    proptest::proptest! {
        #[test]
        fn what_was_written_is_read(text in "(?s)([a&<>;/#]|amp|lt|br|\\PC|\n){0,40}") {
            proptest::prop_assert_eq!(from_markup(&to_markup(&text)), text);
        }

        #[test]
        fn anything_can_be_read(markup in "(?s).{0,60}") {
            let _ = from_markup(&markup);
        }

        #[test]
        fn what_was_read_is_written_and_read_again(markup in "(?s)(<br>|<p>|&amp;|&lt;|[a-c<>&]){0,20}") {
            let text = from_markup(&markup);
            proptest::prop_assert_eq!(from_markup(&to_markup(&text)), text);
        }
    }
}
