//! Rust as a flat list of tokens, which is all that the rules need: comments are gone, strings are marked as such, and
//! every token knows its line and the inline modules around it.

use std::rc::Rc;
use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One token. Brackets count as marks.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// From 1.
    pub(super) line: usize,
    /// The names of the `mod name { … }` around it within the file.
    pub(super) modules: Rc<[String]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Word(String),
    Mark(char),
    /// As written, with its quotes.
    Literal(String),
}

impl Token {
    pub(super) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            Kind::Mark(_) | Kind::Literal(_) => None,
        }
    }

    pub(super) fn is(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }
}

/// The tokens of a file without its comments, documentation included.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let stream = TokenStream::from_str(text).map_err(|error| format!("this is not Rust: {error}"))?;
    let mut tokens = Vec::new();
    flatten(stream, &Rc::from([]), &mut tokens);
    Ok(tokens)
}

/// Whether the tokens from `at` on are `first::` and which token comes then.
pub(super) fn after_path_start(tokens: &[Token], at: usize, first: &str) -> Option<usize> {
    let is_start = tokens.get(at)?.word() == Some(first) && tokens.get(at + 1)?.is(':') && tokens.get(at + 2)?.is(':');
    is_start.then_some(at + 3)
}

/// The names that a path goes on with at `at`: one, or the first ones of each branch of `{a::b, c}`.
pub(super) fn branches(tokens: &[Token], at: usize) -> Vec<&Token> {
    let Some(first) = tokens.get(at) else { return Vec::new() };
    if !first.is('{') {
        return vec![first];
    }
    let mut depth = 0usize;
    let mut begins = false;
    let mut names = Vec::new();
    for token in tokens.get(at..).unwrap_or_default() {
        match token.kind {
            Kind::Mark('{') => {
                depth += 1;
                begins = depth == 1;
            }
            Kind::Mark('}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            Kind::Mark(',') if depth == 1 => begins = true,
            _ if begins => {
                names.push(token);
                begins = false;
            }
            _ => {}
        }
    }
    names
}

fn flatten(stream: TokenStream, modules: &Rc<[String]>, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        let mut push = |kind| tokens.push(Token { kind, line, modules: Rc::clone(modules) });
        match tree {
            TokenTree::Ident(word) => push(Kind::Word(word.to_string().trim_start_matches("r#").to_owned())),
            TokenTree::Punct(mark) => push(Kind::Mark(mark.as_char())),
            TokenTree::Literal(literal) => push(Kind::Literal(literal.to_string())),
            TokenTree::Group(group) => {
                if is_documentation(&group) {
                    continue;
                }
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ('{', '}'),
                    Delimiter::Bracket => ('[', ']'),
                    Delimiter::Parenthesis => ('(', ')'),
                    Delimiter::None => (' ', ' '),
                };
                push(Kind::Mark(open));
                let inner = inline_module(tokens).map(|name| modules.iter().cloned().chain([name]).collect());
                flatten(group.stream(), inner.as_ref().unwrap_or(modules), tokens);
                let line = group.span_close().start().line;
                tokens.push(Token { kind: Kind::Mark(close), line, modules: Rc::clone(modules) });
            }
        }
    }
}

/// Comments for documentation arrive as `#[doc = "…"]`. A lone `#` stays behind, which no rule minds.
fn is_documentation(group: &proc_macro2::Group) -> bool {
    let mut inside = group.stream().into_iter();
    group.delimiter() == Delimiter::Bracket
        && matches!(inside.next(), Some(TokenTree::Ident(word)) if word == "doc")
        && matches!(inside.next(), Some(TokenTree::Punct(mark)) if mark.as_char() == '=')
}

/// The name, if the tokens so far end with `mod name {`.
fn inline_module(tokens: &[Token]) -> Option<String> {
    let [.., keyword, name, open] = tokens else { return None };
    (keyword.word() == Some("mod") && open.is('{')).then(|| name.word().map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::{after_path_start, branches, tokens};

    #[test]
    fn comments_go_and_strings_are_not_code() {
        let text = "//! crate::a\n/* crate::b */ fn f() { \"crate::c\"; } /// crate::d\nstruct S;";
        assert!(tokens(text).unwrap().iter().all(|token| token.word() != Some("crate")));
    }

    #[test]
    fn tokens_know_their_line_and_their_module() {
        let tokens = tokens("mod a {\n mod b {\n  fn here() {}\n }\n fn there() {}\n}").unwrap();
        let find = |name: &str| tokens.iter().find(|token| token.word() == Some(name)).unwrap();
        assert_eq!((find("here").line, &*find("here").modules), (3, &["a".to_owned(), "b".to_owned()][..]));
        assert_eq!((find("there").line, &*find("there").modules), (5, &["a".to_owned()][..]));
    }

    #[test]
    fn a_path_branches() {
        let names = |text: &str| -> Vec<String> {
            let tokens = tokens(text).unwrap();
            let at = (0..tokens.len()).find_map(|at| after_path_start(&tokens, at, "crate")).unwrap();
            branches(&tokens, at).into_iter().filter_map(|token| token.word().map(str::to_owned)).collect()
        };
        assert_eq!(names("use crate::a::{b, c};"), ["a"]);
        assert_eq!(names("use crate::{a::{b, c}, d::e, f as g};"), ["a", "d", "f"]);
    }
}
