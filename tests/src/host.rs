//! A running `chronus serve`, as a child of this process, and a client of its API.
//!
//! Tests of the service use the released program over HTTP and read its log, as its users do. It listens on a port that the
//! system chooses, which it prints. It is killed when its value is dropped, so it ends with this process.

use crate::command;
use anyhow::{Context, bail, ensure};
use chronus_host::locks;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::{
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    sync::Notify,
    time::timeout,
};

/// How long anything may take on a busy machine before it counts as hung.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running host.
#[derive(Debug)]
pub struct Host {
    child: Child,
    origin: String,
    said: OutputLines,
}

/// The output of a child process so far, line by line.
#[derive(Debug, Clone, Default)]
pub(crate) struct OutputLines {
    lines: Arc<Mutex<Vec<String>>>,
    more: Arc<Notify>,
}

impl Host {
    /// Starts a host with this configuration file, and waits until it listens.
    pub async fn start(config: &Path, environment: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::spawn(tokio::task::spawn_blocking(command).await??, config, environment).await
    }

    /// Starts a host by a shell script, which gets the command and its arguments as its own.
    pub async fn start_by(script: &str, config: &Path, environment: &[(&str, &str)]) -> anyhow::Result<Self> {
        let program = tokio::task::spawn_blocking(command).await??;
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]).arg(program.as_std().get_program());
        for (name, _) in program.as_std().get_envs().filter(|(_, value)| value.is_none()) {
            shell.env_remove(name);
        }
        Self::spawn(shell, config, environment).await
    }

    async fn spawn(mut command: Command, config: &Path, environment: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut child = command
            .args(["serve", "--config"])
            .arg(config)
            // No load balancer is in front of it.
            .env("CHRONUS_NOTICE_SECONDS", "0")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting chronus")?;
        let said = OutputLines::default();
        said.keep(child.stdout.take().context("it has a standard output")?);
        said.keep(child.stderr.take().context("it has an error output")?);
        let mut host = Self { child, origin: String::new(), said };
        let said = host.said.clone();
        let line = tokio::select! {
            line = said.says(&["listens on http://"]) => line?,
            ended = host.child.wait() => bail!("it ended ({}) before it listened:\n{}", ended?, host.log()),
        };
        let origin = line.split_whitespace().find(|word| word.starts_with("http://"));
        host.origin = origin.context("it says where it listens")?.trim_end_matches('/').to_owned();
        Ok(host)
    }

    /// `http://127.0.0.1:` and the port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The id of its process.
    pub fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().context("it has ended already")
    }

    /// A client of its API with this token.
    pub fn client(&self, token: &str) -> anyhow::Result<Client> {
        Client::new(&self.origin, token)
    }

    /// Waits for the first line with all of these words.
    pub async fn says(&self, words: &[&str]) -> anyhow::Result<String> {
        self.said.says(words).await
    }

    /// Waits until there are lines with this word beyond the first `told`, and returns them.
    pub async fn goes_on(&self, word: &str, told: usize) -> Vec<String> {
        let more = |lines: &[String]| {
            let more: Vec<_> = lines.iter().filter(|line| line.contains(word)).skip(told).cloned().collect();
            if more.is_empty() { None } else { Some(more) }
        };
        self.said.whenever(more).await
    }

    /// The output so far.
    pub fn log(&self) -> String {
        self.said.lines().join("\n")
    }

    /// Kills the host as `kill -9` does, and waits for its end.
    pub async fn kill(mut self) -> anyhow::Result<String> {
        self.child.kill().await.context("killing the host")?;
        Ok(self.log())
    }

    /// Stops the host as an operator does, and waits for its end, which must be a success.
    pub async fn stop(mut self) -> anyhow::Result<String> {
        let pid = self.child.id().context("it has ended already")?;
        let asked = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await?;
        ensure!(asked.success(), "kill -TERM {pid}: {asked}");
        let ended = timeout(PATIENCE, self.child.wait()).await.context("it does not end")??;
        ensure!(ended.success(), "it ended with {ended}:\n{}", self.log());
        Ok(self.log())
    }
}

impl OutputLines {
    /// Waits for the first line with all of these words.
    pub(crate) async fn says(&self, words: &[&str]) -> anyhow::Result<String> {
        let fits = |line: &&String| words.iter().all(|word| line.contains(word));
        let found = self.once(|lines| lines.iter().find(fits).cloned()).await;
        found.with_context(|| format!("it never said {words:?}, but:\n{}", self.lines().join("\n")))
    }

    /// Waits for this many lines and returns all.
    pub(crate) async fn at_least(&self, count: usize) -> anyhow::Result<Vec<String>> {
        let found = self.once(|lines| (lines.len() >= count).then(|| lines.to_vec())).await;
        found.with_context(|| format!("it never said {count} lines, but:\n{}", self.lines().join("\n")))
    }

    /// Waits until `find` finds something in the lines; fails after too long.
    async fn once<T>(&self, find: impl Fn(&[String]) -> Option<T>) -> Option<T> {
        timeout(PATIENCE, self.whenever(find)).await.ok()
    }

    /// Waits until `find` finds something in the lines.
    async fn whenever<T>(&self, find: impl Fn(&[String]) -> Option<T>) -> T {
        loop {
            // Subscribed before the search, so that no line is missed in between.
            let more = self.more.notified();
            if let Some(found) = find(&self.lines()) {
                return found;
            }
            more.await;
        }
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        locks::lock(&self.lines)
    }

    /// Records the lines of a stream.
    pub(crate) fn keep(&self, stream: impl AsyncRead + Send + Unpin + 'static) {
        let said = self.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                said.lines().push(line);
                said.more.notify_waiters();
            }
        });
    }
}

/// A client of the API.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    origin: String,
    token: String,
}

/// An answer of the API.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body; null if it is empty.
    pub body: Value,
    /// The `retry-after` header, in seconds.
    pub retry_after: Option<u64>,
}

impl Client {
    /// A client with this token.
    pub fn new(origin: &str, token: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { http, origin: origin.to_owned(), token: token.to_owned() })
    }

    /// Sends a request; with a body of JSON, if there is one.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        self.send_with(method, path, body, &[]).await
    }

    /// The same, with more headers.
    pub async fn send_with(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.origin)).bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await?;
        let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let (status, text) = (answer.status(), answer.text().await?);
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).context(text)? };
        Ok(Answer { status, body, retry_after })
    }

    /// GET, which succeeds.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, None).await?.good()
    }

    /// POST, which succeeds.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(Method::POST, path, Some(body)).await?.good()
    }

    /// PUT, which succeeds.
    pub async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(Method::PUT, path, Some(body)).await?.good()
    }

    /// PATCH, which succeeds.
    pub async fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(Method::PATCH, path, Some(body)).await?.good()
    }

    /// DELETE, which succeeds.
    pub async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::DELETE, path, None).await?.good()
    }
}

impl Answer {
    /// The body of an answer that is a success.
    pub fn good(self) -> anyhow::Result<Value> {
        if !self.status.is_success() {
            bail!("{}: {}", self.status, self.body);
        }
        Ok(self.body)
    }
}
