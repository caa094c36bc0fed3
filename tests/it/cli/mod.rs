//! The command line from outside: its output, its messages and its exit codes.
//!
//! The program is started as a user starts it, because the exit codes and the use of the streams are promised. A secret
//! of a target must not appear in any stream in any form.

mod commands; // Every command there is.
mod operator; // The commands that work on a deployment's database.

use anyhow::{Context, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chronus_tests::peers::{self, Peer, Radicale};
use chronus_tests::{components, program, repo_root};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The secret of every target here; it must not appear in any output.
const SECRET: &str = "hunter22 \"secret\"";

/// The exit code for an invalid argument, file, target or component.
const INPUT: i32 = 2;

#[test]
fn inspect_tells_what_a_component_is() -> anyhow::Result<()> {
    let built = components()?.provider("ical")?;
    let trusted = repo_root().join("plugins-build/out/trusted.pub");
    let run =
        Run::new()?.arguments(&["plugin", "inspect", "--json", "--trusted"]).path(&trusted).path(&built.path).end()?;
    run.has_code(0)?;
    let seen = run.json()?;
    ensure!(seen["sha256"] == *built.sha256 && seen["size"] == built.size, "{seen}");
    ensure!(seen["id"] == "ical" && seen["contract"] == "0.2.0" && seen["level"] == "two-way", "{seen}");
    ensure!(
        seen["imports"] == serde_json::to_value(&built.imports)? && seen["inert"] == Value::Array(vec![]),
        "{seen}"
    );
    ensure!(seen["hosts"][0] == "https://caldav.icloud.com" && seen["sign_ins"][0]["method"] == "form", "{seen}");
    ensure!(seen["signature"]["state"] == "trusted", "{seen}");
    let table = Run::new()?.arguments(&["plugin", "inspect"]).path(&built.path).end()?;
    table.has_code(0)?;
    ensure!(table.stdout().contains(&built.sha256) && table.stdout().contains("two-way"), "{}", table.stdout());
    Ok(())
}

#[test]
fn inspect_tells_how_a_signature_stands() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let built = components()?.provider("ical")?;
    let copy = folder.path().join("copy.wasm");
    std::fs::copy(&components()?.guest("idle")?.path, &copy)?;
    let state = |code: i32, arguments: &[&str]| -> anyhow::Result<String> {
        let run = Run::new()?.arguments(&["plugin", "inspect", "--json"]).arguments(arguments).path(&copy).end()?;
        run.has_code(code)?;
        Ok(run.json()?["signature"]["state"].as_str().unwrap_or_default().to_owned())
    };
    let trusted = repo_root().join("plugins-build/out/trusted.pub");
    let trusted = trusted.to_str().context("the checkout's path is text")?;
    ensure!(state(0, &[])? == "unsigned" && state(1, &["--trusted", trusted])? == "unsigned");
    // A signature of other bytes.
    std::fs::copy(built.signature.as_ref().context("providers are signed")?, folder.path().join("copy.wasm.sig"))?;
    ensure!(state(0, &[])? == "invalid" && state(1, &["--trusted", trusted])? == "invalid");
    std::fs::write(folder.path().join("copy.wasm.sig"), "signed, honestly")?;
    ensure!(state(0, &[])? == "malformed");
    std::fs::copy(&built.path, &copy)?;
    std::fs::copy(built.signature.as_ref().context("providers are signed")?, folder.path().join("copy.wasm.sig"))?;
    ensure!(state(0, &[])? == "valid" && state(0, &["--trusted", trusted])? == "trusted");
    Ok(())
}

#[test]
fn call_prints_what_the_provider_answers() -> anyhow::Result<()> {
    let run = Run::on("idle", "")?.arguments(&["account"]).end()?;
    run.has_code(0)?;
    ensure!(run.json()?["abilities"]["read_busy"] == true, "{}", run.stdout());
    let window = ["--from", "2026-01-01T01:00:00+01:00", "--to", "2026-02-01T00:00:00Z"];
    let run =
        Run::on("idle", "")?.arguments(&["busy", "--calendar", "a", "--calendar", "b"]).arguments(&window).end()?;
    run.has_code(0)?;
    let seen = run.json()?;
    ensure!(seen["from"] == "2026-01-01T00:00:00Z" && seen["to"] == "2026-02-01T00:00:00Z", "{seen}");
    ensure!(seen["answers"][1]["target"] == "b" && seen["answers"][1]["intervals"] == Value::Array(vec![]));
    Ok(())
}

#[test]
fn malformed_files_and_components_are_refused_with_advice() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str, bytes: &[u8]| -> anyhow::Result<PathBuf> {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes)?;
        Ok(path)
    };
    let idle = std::fs::read(&components()?.guest("idle")?.path)?;
    let half = idle.get(..idle.len() / 2).context("the guest is not empty")?;
    let cases = [
        (folder.path().join("nowhere.wasm"), "nowhere.wasm"),
        (folder.path().to_owned(), "is a folder"),
        (file("empty", b"")?, "cargo plugins"),
        (file("text", b"#!/bin/sh\nexit 0\n")?, "cargo plugins"),
        (file("module", b"\0asm\x01\0\0\0")?, "wasm-tools component new"),
        (file("component", b"\0asm\x0d\0\x01\0")?, "not a calendar provider"),
        (file("half", half)?, "not a WebAssembly component"),
    ];
    for (path, advice) in cases {
        let run = Run::new()?.arguments(&["plugin", "inspect", "--json"]).path(&path).end()?;
        run.refuses(advice).with_context(|| path.display().to_string())?;
    }
    let keys = file("keys", b"no key\n")?;
    let component = &components()?.guest("idle")?.path;
    let run = Run::new()?.arguments(&["plugin", "inspect", "--json", "--trusted"]).path(&keys).path(component).end()?;
    run.refuses("trusted.pub")?;
    let target = file("target.toml", b"")?;
    let call = |arguments: &[&str], path: &Path| {
        let run = Run::new()?.arguments(&["plugin", "call"]).path(component).arguments(arguments).path(path);
        run.arguments(&["--target"]).path(&target).end()
    };
    call(&["account", "--memo"], &keys)?.refuses("delete it")?;
    call(&["changes", "--calendar", "a", "--cursor"], &folder.path().join("no-cursor"))?.refuses("no-cursor")?;
    call(&["events", "create", "--calendar", "a", "--file"], &keys)?.refuses("not a draft")?;
    Ok(())
}

/// A target for the iCal provider; `{secret}` stands for the secret.
const TARGET: &str = "sign-in = \"caldav\"\nserver = \"https://dav.example.org\"\n[fields]\nusername = \"ann\"\n[secrets]\npassword = {secret}\n";

#[test]
fn malformed_targets_are_refused_with_advice_and_tell_no_secret() -> anyhow::Result<()> {
    let cases = [
        ("sever = \"https://dav.example.org\"", "expected one of `sign-in`, `server`"),
        ("[secrets]\npassword = hunter22", "line 2"),
        ("[secrets]\npassword = [{secret}]", "{ env = \"NAME\" }"),
        ("secrets = {secret}", "[secrets]"),
        ("sign-in = \"consent\"\n", "it has `app-password`"),
        (
            "sign-in = \"caldav\"\nserver = \"https://dav.example.org\"\n[fields]\nusername = \"ann\"",
            "[secrets] lacks `password`",
        ),
        ("[secrets]\npassword = {secret}", "[fields] lacks `username`"),
        ("[fields]\nusername = \"ann\"\npassword = {secret}", "`password` belongs in [secrets]"),
        ("[fields]\nusername = \"ann\"\n[secrets]\ntoken = {secret}", "it takes `password`"),
        (
            "sign-in = \"caldav\"\nserver = \"https://ann:hunter22@dav.example.org\"\n[fields]\nusername = \"ann\"\n[secrets]\npassword = {secret}",
            "the server is wrong",
        ),
        (
            "sign-in = \"caldav\"\nserver = \"dav.example.org\"\n[fields]\nusername = \"ann\"\n[secrets]\npassword = {secret}",
            "write for example `https://",
        ),
        (
            "[fields]\nusername = \"a:hunter22\"\n[secrets]\npassword = {secret}",
            "`username` does not have the required format",
        ),
        (
            "[fields]\nusername = \"ann\"\n[secrets]\npassword = { env = \"CHRONUS_TEST_NOT_SET\" }",
            "CHRONUS_TEST_NOT_SET",
        ),
        (
            "sign-in = \"caldav\"\nserver = \"https://dav.example.org\"\nzone = \"Rome\"\n[fields]\nusername = \"ann\"\n[secrets]\npassword = {secret}",
            "write for example `Europe/Rome`",
        ),
        ("[egress]\nnetworks = [\"all\"]", "10.20.0.0/16"),
        ("[egress.map]\n\"https://a.example\" = \"http://b.example\"", "another machine"),
        ("[grant]\nhosts = [\"https://*.org\"]", "public suffix"),
        ("[budget]\nwall-ms = -1", "line 2"),
    ];
    for (target, advice) in cases {
        let run = Run::on("ical", &target.replace("{secret}", &quoted()))?.arguments(&["account"]).end()?;
        run.refuses(advice).with_context(|| target.to_owned())?;
        run.tells_no_secret().with_context(|| target.to_owned())?;
    }
    Ok(())
}

#[test]
fn malformed_arguments_are_refused_with_advice() -> anyhow::Result<()> {
    let cases: [(&[&str], &str); 11] = [
        (&["busy"], "--from <TIME>"),
        (&["busy", "--from", "yesterday", "--to", "2026-01-01T00:00:00Z"], "RFC 3339"),
        (&["busy", "--from", "2026-01-01T00:00:00", "--to", "2026-01-02T00:00:00Z"], "with an offset or Z"),
        (&["busy", "--from", "2026-01-02T00:00:00Z", "--to", "2026-01-02T01:00:00+01:00"], "use a --to after --from"),
        (&["busy", "--from", "2020-01-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z"], "accepts at most 366"),
        (&["changes", "--calendar", "a", "--max", "0"], "--max"),
        (&["changes", "--calendar", "a", "--max", "2"], "at most 1 items"),
        (&["events", "get", "x"], "name one with --calendar"),
        (&["events", "get", "--calendar", "a", "x"], "does not export `events`"),
        (&["events", "create", "--calendar", "a", "--title", "t", "--start", "noon"], "use 2026-03-29T09:00"),
        (&["fly"], "'fly'"),
    ];
    for (arguments, advice) in cases {
        let run = Run::on("idle", "")?.arguments(arguments).end()?;
        run.refuses(advice).with_context(|| arguments.join(" "))?;
    }
    let run = Run::on("idle", "")?.arguments(&["account", "--log", "loud=very=much"]).end()?;
    run.refuses("warn,provider=debug")?;
    Run::new()?.arguments(&["--json"]).end()?.refuses("requires a subcommand")?;
    Ok(())
}

/// The whole life of an event with commands alone; each command continues with the files (memo, cursor) of the one before.
#[tokio::test]
async fn events_and_changes_of_a_real_server() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale])? {
        return Ok(());
    }
    let server = Radicale::start(&[("ann", SECRET)]).await?;
    let calendar = server.put_calendar("ann", "work").await?;
    let files = tempfile::tempdir()?;
    let (memo, cursor) = (files.path().join("memo"), files.path().join("cursor"));
    let target = format!(
        "zone = \"Europe/Rome\"\n{TARGET}[egress.map]\n\"https://dav.example.org\" = \"{}\"\n",
        server.origin()
    );
    let call = |code: i32, arguments: &[&str]| -> anyhow::Result<Value> {
        let run = Run::on("ical", &target.replace("{secret}", &quoted()))?.arguments(arguments);
        let run = run.arguments(&["--memo"]).path(&memo).end()?;
        run.has_code(code).and_then(|()| run.tells_no_secret()).with_context(|| arguments.join(" "))?;
        run.json()
    };
    let window = ["--from", "2026-07-01T00:00:00Z", "--to", "2026-07-02T00:00:00Z"];
    let changes = |first: bool| -> anyhow::Result<Value> {
        let cursor = cursor.to_str().context("a temporary path is text")?;
        let from = if first { &[][..] } else { &["--cursor", cursor] };
        call(0, &[&["changes", "--all", "--save-cursor", cursor][..], from, &window].concat())
    };

    ensure!(call(0, &["account"])?["calendars"][0]["id"] == *calendar);
    ensure!(memo.exists(), "the account's memo was not kept");
    ensure!(changes(true)?["complete_listing"] == true);

    let lunch = ["--title", "Lunch ☕", "--start", "2026-07-01T12:00", "--end", "2026-07-01T13:00", "--uid", "lunch"];
    let create = [&["events", "create"][..], &lunch].concat();
    let made = call(0, &create)?;
    let id = made["id"].as_str().context("the event has an id")?;
    ensure!(made["uid"] == "lunch" && made["when"]["timed"]["start"]["at"] == "2026-07-01T10:00:00Z", "{made}");
    ensure!(call(0, &create)?["id"] == id, "a second event was made");
    let busy = call(0, &[&["busy"][..], &window].concat())?;
    ensure!(busy["answers"][0]["intervals"][0]["start"] == "2026-07-01T10:00:00Z", "{busy}");
    ensure!(busy["answers"][0]["intervals"].as_array().is_some_and(|intervals| intervals.len() == 1), "{busy}");

    let update =
        call(0, &["events", "update", id, "--title", "Late lunch", "--etag", made["etag"].as_str().unwrap_or("")])?;
    ensure!(update["title"] == "Late lunch" && update["when"] == made["when"], "{update}");
    let stale = call(1, &["events", "cancel", id, "--etag", made["etag"].as_str().unwrap_or("")])?;
    ensure!(stale["error"]["failure"]["event"]["title"] == "Late lunch", "{stale}");
    let many = call(1, &["events", "get-many", "no-such.ics", id])?;
    ensure!(
        many["items"][0]["failure"]["remedy"] == "not-found" && many["items"][1]["event"]["uid"] == "lunch",
        "{many}"
    );
    ensure!(changes(false)?["items"].as_array().is_some_and(|items| items.len() == 1));

    ensure!(call(0, &["events", "cancel", id])?["cancelled"] == id);
    ensure!(call(1, &["events", "get", id])?["error"]["code"] == "not-found");
    ensure!(changes(false)?["items"][0]["gone"] == id);
    ensure!(changes(false)?["items"] == Value::Array(vec![]), "a second look finds something");
    let unknown = call(1, &[&["busy", "--calendar", "/nowhere/", "--calendar", &calendar][..], &window].concat())?;
    ensure!(unknown["answers"][0]["failure"]["remedy"] == "not-found", "{unknown}");
    ensure!(unknown["answers"][1]["intervals"] == Value::Array(vec![]), "{unknown}");
    Ok(())
}

/// The service refuses the credential. The failure is printed, and even at the most verbose level no part of the credential.
#[test]
fn what_the_service_refuses_is_an_answer_and_no_line_tells_the_secret() -> anyhow::Result<()> {
    let service = refuse_everybody()?;
    let target = format!("{TARGET}[egress.map]\n\"https://dav.example.org\" = \"http://{service}\"\n");
    let run =
        Run::on("ical", &target.replace("{secret}", &quoted()))?.arguments(&["account", "--log", "trace"]).end()?;
    run.has_code(1)?;
    let seen = run.json()?;
    ensure!(seen["error"]["code"] == "reconnect" && seen["error"]["failure"]["remedy"] == "reconnect", "{seen}");
    ensure!(run.stderr().contains("egress.map is in force"), "{}", run.stderr());
    run.tells_no_secret()
}

#[test]
fn doctor_says_what_to_do() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let run = Run::new()?.arguments(&["doctor", "--json", "--components"]).path(folder.path()).end()?;
    run.has_code(0)?;
    let named = |run: &CommandOutput, name: &str| -> anyhow::Result<Value> {
        let checks = run.json()?["checks"].as_array().cloned().unwrap_or_default();
        checks
            .into_iter()
            .find(|check| check["name"].as_str().is_some_and(|n| n.contains(name)))
            .context("no such check")
    };
    ensure!(named(&run, "components")?["what"].as_str().is_some_and(|what| what.contains("cargo plugins")));
    std::fs::write(folder.path().join("broken.wasm"), "x")?;
    let run = Run::new()?.arguments(&["doctor", "--json", "--components"]).path(folder.path()).end()?;
    run.has_code(1)?;
    ensure!(named(&run, "broken.wasm")?["standing"] == "fail", "{}", run.stdout());
    components()?;
    let out = repo_root().join("plugins-build/out");
    let run = Run::new()?.arguments(&["doctor", "--json", "--components"]).path(&out).end()?;
    ensure!(named(&run, "ical.wasm")?["standing"] == "ok", "{}", run.stdout());
    Ok(())
}

// ---- running it -----------------------------------------------------------------------------------------------------

/// A command to run.
struct Run {
    command: Command,
    /// Holds the target.
    folder: tempfile::TempDir,
}

impl Run {
    fn new() -> anyhow::Result<Self> {
        let mut command = Command::new(program()?);
        // Compiled code is cached in the checkout, beside all other build output.
        command.env("XDG_CACHE_HOME", repo_root().join("target/cache")).env_remove("CHRONUS_LOG");
        command.stdin(std::process::Stdio::null());
        Ok(Self { command, folder: tempfile::tempdir()? })
    }

    /// `plugin call` of a provider or guest, with this text as target.
    fn on(component: &str, target: &str) -> anyhow::Result<Self> {
        let (run, built) = (Self::new()?, components()?);
        let built = built.provider(component).or_else(|_| built.guest(component))?;
        let path = run.folder.path().join("target.toml");
        std::fs::write(&path, target)?;
        // The operation comes before its arguments, so the target is added last.
        Ok(run.arguments(&["plugin", "call"]).path(&built.path))
    }

    fn arguments(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    fn path(mut self, path: &Path) -> Self {
        self.command.arg(path);
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    fn end(mut self) -> anyhow::Result<CommandOutput> {
        let target = self.folder.path().join("target.toml");
        if target.exists() {
            self.command.arg("--target").arg(target);
        }
        Ok(CommandOutput(self.command.output()?))
    }
}

/// The result of a command.
struct CommandOutput(Output);

impl CommandOutput {
    fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.stdout()).with_context(|| format!("no JSON: {}{}", self.stdout(), self.stderr()))
    }

    fn has_code(&self, code: i32) -> anyhow::Result<()> {
        let found = self.0.status.code();
        ensure!(found == Some(code), "exit code {found:?}, not {code}: {}{}", self.stdout(), self.stderr());
        Ok(())
    }

    /// Checks for exit code 2 and a message with this advice, on standard error and as JSON.
    fn refuses(&self, advice: &str) -> anyhow::Result<()> {
        self.has_code(INPUT)?;
        ensure!(self.stderr().contains(advice), "no `{advice}` in {}", self.stderr());
        let error = &self.json()?["error"];
        ensure!(error["message"].as_str().is_some_and(|message| message.contains(advice)), "no `{advice}` in {error}");
        ensure!(error["code"].as_str().is_some_and(|code| !code.is_empty()), "no code in {error}");
        for unfit in ["panicked", "RUST_BACKTRACE", "Error {", "Some("] {
            ensure!(!self.stderr().contains(unfit), "`{unfit}` in {}", self.stderr());
        }
        Ok(())
    }

    fn tells_no_secret(&self) -> anyhow::Result<()> {
        let both = self.stdout() + &self.stderr();
        let percent: String = SECRET
            .bytes()
            .map(|byte| match byte {
                byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect();
        let pair = BASE64_STANDARD.encode(format!("ann:{SECRET}"));
        for form in
            ["hunter22", &percent, pair.trim_end_matches('='), BASE64_STANDARD.encode(SECRET).trim_end_matches('=')]
        {
            ensure!(!both.contains(form), "`{form}` in {both}");
        }
        Ok(())
    }
}

/// The secret as a TOML string.
fn quoted() -> String {
    format!("'{SECRET}'")
}

/// A service that answers every request with 401, as long as this process lives.
fn refuse_everybody() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let (mut line, mut length) = (String::new(), 0_u64);
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap_or(0);
                }
                line.clear();
            }
            let _ = std::io::copy(&mut std::io::Read::take(&mut reader, length), &mut std::io::sink());
            let answer = "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm=\"x\"\r\n\
                          content-length: 0\r\nconnection: close\r\n\r\n";
            let _ = reader.get_mut().write_all(answer.as_bytes());
        }
    });
    Ok(address)
}
