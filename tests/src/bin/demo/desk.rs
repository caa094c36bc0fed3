//! The desk at which the demo works in place of a person: it prints each line, and does what the line says.
//!
//! Problem: a line that is printed and never tried is wrong one day. Decision: a request is one value, of which both
//! the curl line and what is sent are made; so is a command. What a person would keep in variables of the shell is kept
//! here under the same names, and ends up in a file to be sourced. Rejected: running the lines through a shell and
//! curl, which the demo would then need.

use anyhow::{Context, ensure};
use chronus_tests::host::Client;
use reqwest::Method;
use serde_json::Value;
use std::{fmt::Write as _, path::Path, process::Stdio};
use tokio::process::Command;

/// How much of what a command prints is shown.
const MOST_LINES: usize = 8;

/// What was found out so far, by the name that it has in lines.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    variables: Vec<(&'static str, String)>,
}

/// A request to the API. `$NAME` stands for a variable, in the path and as a whole text of the body.
#[derive(Debug)]
pub(crate) struct Request {
    /// The variable that holds the token.
    token: &'static str,
    method: Method,
    path: String,
    body: Option<Value>,
}

impl Request {
    pub(crate) fn new(token: &'static str, method: Method, path: impl Into<String>) -> Self {
        Self { token, method, path: path.into(), body: None }
    }

    pub(crate) fn body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }
}

impl Desk {
    /// Gives something a name.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.variables.push((name, value.into()));
    }

    /// Writes all names to a file for `source`.
    pub(crate) fn save(&self, path: &Path) -> anyhow::Result<()> {
        let mut text = String::from("# Made by `cargo demo`, for a shell: source it.\n");
        for (name, value) in &self.variables {
            writeln!(text, "export {name}={}", quoted(value))?;
        }
        // Nobody reaches this machine by a proxy.
        text += "export no_proxy=\"127.0.0.1${no_proxy:+,$no_proxy}\"\n";
        std::fs::write(path, text).with_context(|| path.display().to_string())
    }

    /// Says and runs a command of cargo's, and shows and gives what it prints.
    pub(crate) async fn cargo(&self, arguments: &[&str]) -> anyhow::Result<String> {
        println!("  $ {}", command(arguments));
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let config = self.variables.iter().filter(|(name, _)| name.starts_with("CHRONUS_"));
        let mut child = Command::new(cargo);
        child.args(arguments).envs(config.map(|(name, value)| (name, value)));
        // Everything was compiled together with the demo: cargo has nothing to tell.
        child.env("CARGO_TERM_QUIET", "true");
        // What it says of its progress is seen at once.
        child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let ran = child.spawn().context("starting cargo")?.wait_with_output().await?;
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        let lines: Vec<_> = said.lines().collect();
        show(&lines.iter().take(MOST_LINES).copied().collect::<Vec<_>>().join("\n"));
        if let Some(more) = lines.len().checked_sub(MOST_LINES + 1) {
            show(&format!("… and {} lines more", more + 1));
        }
        ensure!(ran.status.success(), "`{}` failed ({}); what it said is above", command(arguments), ran.status);
        Ok(said)
    }

    /// The curl line of a request, in lines that a shell takes as one.
    pub(crate) fn curl(&self, request: &Request) -> String {
        let Request { token, method, path, body } = request;
        let mut line = String::from("curl -sSw '\\n'");
        if *method != Method::GET {
            line += &format!(" -X {method}");
        }
        line += &format!(" \"$API{path}\" -H \"authorization: Bearer ${token}\"");
        if let Some(body) = body {
            let mut body = quoted(&body.to_string());
            for (name, _) in &self.variables {
                // Out of the quotes and in again.
                body = body.replace(&format!("\"${name}\""), &format!("\"'${name}'\""));
            }
            line += &format!(" \\\n    -H 'content-type: application/json' \\\n    -d {body}");
        }
        line
    }

    /// Says and sends a request, and shows and gives the answer, which is a success.
    pub(crate) async fn ask(&self, request: &Request) -> anyhow::Result<Value> {
        println!("  $ {}", self.curl(request).replace('\n', "\n  "));
        let answer = self.send(request).await?;
        show(&format!("{answer:#}"));
        Ok(answer)
    }

    /// Sends a request, which succeeds.
    pub(crate) async fn send(&self, request: &Request) -> anyhow::Result<Value> {
        let client = Client::new(self.get("API")?, self.get(request.token)?)?;
        let body = request.body.as_ref().map(|body| self.filled(body));
        client.send(request.method.clone(), &self.expanded(&request.path), body.as_ref()).await?.good()
    }

    fn get(&self, name: &str) -> anyhow::Result<&str> {
        let found = self.variables.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| &**value).with_context(|| format!("${name} is not known yet"))
    }

    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let name = text.strip_prefix('$').and_then(|name| self.get(name).ok());
                Value::from(name.unwrap_or(text))
            }
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), self.filled(field))).collect(),
            other => other.clone(),
        }
    }

    /// A path, part by part.
    fn expanded(&self, path: &str) -> String {
        let part = |part: &str| {
            let name = part.strip_prefix('$').and_then(|name| self.get(name).ok());
            name.unwrap_or(part).to_owned()
        };
        path.split('/').map(part).collect::<Vec<_>>().join("/")
    }
}

/// A command of cargo's, as it is typed.
pub(crate) fn command(arguments: &[&str]) -> String {
    let is_plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:@=".contains(c));
    let word = |text: &&str| if is_plain(text) { (*text).to_owned() } else { quoted(text) };
    format!("cargo {}", arguments.iter().map(word).collect::<Vec<_>>().join(" "))
}

/// Shows the output of a command, indented.
pub(crate) fn show(text: &str) {
    for line in text.lines() {
        println!("    {line}");
    }
}

/// One word for a shell, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines_are_quoted_for_a_shell() {
        let mut desk = Desk::default();
        desk.set("ANN", "1-2");
        let body = json!({ "owner": "$ANN", "title": "Ann's $5", "who": ["$ANN"] });
        let request = Request::new("T", Method::PUT, "/v1/people/$ANN/busy?from=1").body(body.clone());
        assert_eq!(
            desk.curl(&request),
            "curl -sSw '\\n' -X PUT \"$API/v1/people/$ANN/busy?from=1\" -H \"authorization: Bearer $T\" \\\n    \
             -H 'content-type: application/json' \\\n    \
             -d '{\"owner\":\"'$ANN'\",\"title\":\"Ann'\\''s $5\",\"who\":[\"'$ANN'\"]}'"
        );
        assert_eq!(desk.filled(&body), json!({ "owner": "1-2", "title": "Ann's $5", "who": ["1-2"] }));
        assert_eq!(desk.expanded(&request.path), "/v1/people/1-2/busy?from=1");
        assert_eq!(command(&["a", "b c", "it's"]), "cargo a 'b c' 'it'\\''s'");
    }
}
