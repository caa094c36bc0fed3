//! `chronus serve` as a process: it prints its address, and finishes running requests when it is told to stop.

use anyhow::{Context, ensure};
use chronus_host::db::DatabaseUrl;
use chronus_tests::database::Database;
use chronus_tests::program;
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Time limit of each step.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host process, killed when dropped.
struct Host {
    child: Child,
    address: String,
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Host {
    fn start(folder: &Path, variables: &[(String, String)]) -> anyhow::Result<Self> {
        let mut child = chronus(folder, variables)?.args(["serve", "--json"]).stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut said = String::new();
        while !said.trim_end().ends_with('}') {
            ensure!(lines.read_line(&mut said)? > 0, "it ended without listening: {said}");
        }
        let said: Value = serde_json::from_str(&said)?;
        let address = said["listening"].as_str().and_then(|url| url.strip_prefix("http://")).context("no address")?;
        Ok(Self { address: address.to_owned(), child })
    }

    /// Sends a signal, as a supervisor does.
    fn tell(&self, signal: &str) -> anyhow::Result<()> {
        let told = Command::new("kill").args([signal, &self.child.id().to_string()]).status()?;
        ensure!(told.success(), "the signal was not sent");
        Ok(())
    }

    fn connect(&self) -> anyhow::Result<TcpStream> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }
}

fn chronus(folder: &Path, variables: &[(String, String)]) -> anyhow::Result<Command> {
    let mut command = Command::new(program()?);
    command.current_dir(folder).env("CHRONUS_LISTEN", "127.0.0.1:0").env("CHRONUS_LOG", "warn");
    // No load balancer is in front of it.
    command.env("CHRONUS_NOTICE_SECONDS", "0");
    command.envs(variables.iter().map(|(name, text)| (name, text)));
    Ok(command)
}

/// The environment variable for the database of this test run.
fn database(database: &Database) -> Vec<(String, String)> {
    let place = match database.place() {
        DatabaseUrl::File(path) => path.display().to_string(),
        DatabaseUrl::Server(address) => address.clone(),
    };
    vec![("CHRONUS_DATABASE".into(), place)]
}

#[tokio::test]
async fn a_request_under_way_is_answered_although_the_host_was_told_to_end() -> anyhow::Result<()> {
    let (kept, folder) = (Database::fresh().await?, TempDir::new()?);
    let database = database(&kept);
    let run = |arguments: &[&str]| -> anyhow::Result<String> {
        let output = chronus(folder.path(), &database)?.args(arguments).output()?;
        ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    };
    run(&["organisation", "add", "Ours"])?;
    let token = run(&["token", "create", "--organisation", "Ours"])?;
    for signal in ["-TERM", "-INT"] {
        let mut host = Host::start(folder.path(), &database)?;
        let mut idle = host.connect()?;
        let mut under_way = host.connect()?;
        let body = format!("{{\"name\": \"P{signal}\"}}");
        let (half, rest) = body.split_at(5);
        let head = format!(
            "POST /v1/programs HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\nexpect: 100-continue\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        under_way.write_all(head.as_bytes())?;
        // The host sends 100 when it starts to read the body: now the request is running.
        let mut answer = BufReader::new(under_way.try_clone()?);
        let mut line = String::new();
        answer.read_line(&mut line)?;
        ensure!(line.starts_with("HTTP/1.1 100"), "{line}");
        answer.read_line(&mut line)?;
        under_way.write_all(half.as_bytes())?;
        host.tell(signal)?;
        // The host closes idle connections when it begins to stop.
        ensure!(idle.read(&mut [0])? == 0, "it says something");
        under_way.write_all(rest.as_bytes())?;
        let mut text = String::new();
        answer.read_to_string(&mut text)?;
        ensure!(text.starts_with("HTTP/1.1 201"), "{text}");
        ensure!(host.child.wait()?.code() == Some(0), "it did not end well");
    }
    Ok(())
}

/// O24 of the operators' review: a host that was stopped was ready until nobody could ask it any more.
#[tokio::test]
async fn a_host_that_stops_is_not_ready_before_it_accepts_no_more() -> anyhow::Result<()> {
    let (kept, folder) = (Database::fresh().await?, TempDir::new()?);
    let mut variables = database(&kept);
    variables.push(("CHRONUS_NOTICE_SECONDS".into(), "3600".into()));
    let host = Host::start(folder.path(), &variables)?;
    let get = |path: &str| -> anyhow::Result<String> {
        let mut client = host.connect()?;
        client.write_all(format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        client.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let ready = get("/health/ready")?;
    ensure!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    host.tell("-TERM")?;
    let begun = Instant::now();
    loop {
        let ready = get("/health/ready")?;
        if ready.starts_with("HTTP/1.1 503") {
            ensure!(ready.contains("the host is stopping"), "{ready}");
            break;
        }
        ensure!(begun.elapsed() < PATIENCE, "{ready}");
    }
    let live = get("/health")?;
    ensure!(live.starts_with("HTTP/1.1 200"), "{live}");
    Ok(())
}

/// S12 of the security review: half a request kept its connection for ever, and 1,200 of them stopped the host.
#[tokio::test]
async fn half_a_request_is_waited_for_ten_seconds_and_keeps_nobody_else_waiting() -> anyhow::Result<()> {
    let (kept, folder) = (Database::fresh().await?, TempDir::new()?);
    let host = Host::start(folder.path(), &database(&kept))?;
    let is_healthy = || -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut client = host.connect()?;
        client.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        client.read_to_string(&mut answer)?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        ensure!(begun.elapsed() < Duration::from_secs(2), "it took {:?}", begun.elapsed());
        Ok(())
    };
    is_healthy()?;
    let mut half_open = Vec::new();
    for number in 1..=1000 {
        let mut client = host.connect()?;
        client.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n")?;
        half_open.push(client);
        if number % 200 == 0 {
            is_healthy()?;
        }
    }
    let begun = Instant::now();
    for client in &mut half_open {
        // Either is an end: nothing more to read, or a reset.
        let _ = client.read_to_end(&mut Vec::new());
    }
    ensure!(begun.elapsed() < Duration::from_secs(15), "the last was open after {:?}", begun.elapsed());
    is_healthy()
}

#[tokio::test]
async fn what_an_operator_makes_the_running_host_knows() -> anyhow::Result<()> {
    let (kept, folder) = (Database::fresh().await?, TempDir::new()?);
    let database = database(&kept);
    let host = Host::start(folder.path(), &database)?;
    let run = |arguments: &[&str]| -> anyhow::Result<Value> {
        let output = chronus(folder.path(), &database)?.arg("--json").args(arguments).output()?;
        ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    };
    let made = run(&["organisation", "add", "Ours"])?;
    let program = run(&["program", "add", "A program", "--organisation", "Ours"])?;
    let of = ["--organisation", "Ours", "--email", "Ann@example.org", "--name", "Ann", "--zone", "europe/rome"];
    let person = run(&[&["person", "add", "--program", "A program"], &of[..]].concat())?;
    ensure!(person["email"] == "ann@example.org" && person["zone"] == "Europe/Rome", "{person}");
    let token = run(&["token", "create", "--organisation", "Ours", "--person", "ANN@example.org"])?;
    let secret = token["secret"].as_str().context("no secret")?.to_owned();
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
    let me = || client.get(format!("http://{}/v1/me", host.address)).bearer_auth(&secret).send();
    let seen: Value = serde_json::from_str(&me().await?.text().await?)?;
    ensure!(seen["organisation"] == made["id"] && seen["person"] == person["id"], "{seen}");
    ensure!(seen["programs"][0]["program"] == program["id"], "{seen}");
    let listed = run(&["token", "list", "--organisation", "Ours"])?;
    ensure!(listed["tokens"][0]["id"] == token["id"] && !listed.to_string().contains(&secret), "{listed}");
    ensure!(run(&["person", "list", "--organisation", "Ours"])?["people"][0] == person);
    ensure!(run(&["program", "list", "--organisation", "Ours"])?["programs"][0] == program);
    ensure!(run(&["organisation", "list"])?["organisations"][0] == made);
    run(&["token", "revoke", token["id"].as_str().context("no id")?])?;
    ensure!(me().await?.status() == 401);
    Ok(())
}

#[tokio::test]
async fn a_host_that_cannot_work_says_why_and_no_secret() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
    file("unknown.toml", "lisen = \"127.0.0.1:0\"")?;
    file("map.toml", "production = true\n[egress.map]\n\"https://a.example\" = \"http://127.0.0.1:1\"")?;
    // A command that only reads creates no database.
    let output = chronus(folder.path(), &[])?.args(["organisation", "list"]).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(2) && said.contains("chronus.db does not exist"),
        "{:?}: {said}",
        output.status
    );
    ensure!(!folder.path().join("chronus.db").exists(), "a database was made");
    let output = chronus(folder.path(), &[])?.args(["organisation", "add", "Ours"]).output()?;
    ensure!(output.status.success(), "{output:?}");
    for (code, arguments, variable, part) in [
        (2, "serve --config nowhere.toml", ("", ""), "nowhere.toml"),
        (2, "serve --config unknown.toml", ("", ""), "did you mean `listen`"),
        (2, "serve --config map.toml", ("", ""), "production"),
        (2, "serve", ("CHRONUS_LISTENS", "a"), "CHRONUS_LISTEN`"),
        (2, "serve", ("CHRONUS_STOP_AT", "nowhere"), "unknown fail point"),
        (2, "config", ("CHRONUS_CONFIG", "unknown.toml"), "did you mean `listen`"),
        (2, "serve", ("CHRONUS_DATABASE", "mysql://ann:hunter22@a/b"), "`CHRONUS_DATABASE`: write"),
        (3, "organisation list", ("CHRONUS_DATABASE", "postgres://ann:hunter22@127.0.0.1:1/b"), "database"),
        (2, "program list --organisation Nowhere", ("", ""), "`chronus organisation list`"),
        (2, "token create --operator --scope hunter22", ("", ""), "write one of organisation-read"),
        (2, "token create --operator --scope busy-read", ("", ""), "cannot have the scope"),
        (2, "token create --operator --expires 2020-01-01T00:00:00Z", ("", ""), "in the future"),
        (2, "token create --person a@b.c", ("", ""), "--organisation"),
        (2, "token revoke hunter22", ("", ""), "`chronus token list`"),
        (2, "organisation add --", ("", ""), "<NAME>"),
    ] {
        let variable = Some(variable).filter(|(name, _)| !name.is_empty());
        let variables: Vec<_> = variable.map(|(name, text)| (name.to_owned(), text.to_owned())).into_iter().collect();
        let output = chronus(folder.path(), &variables)?.args(arguments.split(' ')).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(code) && said.contains(part), "{arguments}: {:?}: {said}", output.status);
        ensure!(!said.contains("hunter22") || arguments.contains("hunter22"), "{arguments}: {said}");
        ensure!(output.stdout.is_empty(), "{arguments}: something on standard output");
    }
    Ok(())
}

#[tokio::test]
async fn a_key_file_that_is_gone_is_not_made_anew_over_sealed_credentials() -> anyhow::Result<()> {
    let (kept, folder) = (Database::fresh().await?, TempDir::new()?);
    let database = database(&kept);
    drop(Host::start(folder.path(), &database)?);
    let keys = folder.path().join("chronus.keys");
    ensure!(keys.exists(), "the first start makes the key file");
    for statement in [
        "insert into organisations (id, name, created_at) values ('o', 'Ours', 0)",
        "insert into people (id, organisation_id, email, name, zone, role, created_at)
            values ('p', 'o', 'ann@example.org', 'Ann', 'UTC', 'participant', 0)",
        "insert into providers (id, name, generation, revision) values ('s', 'A service', 'g', 1)",
        "insert into connections (id, organisation_id, person_id, provider_id, sign_in, zone, fields, sealed, sealed_by,
            account, opened_at, state, memo_revision, connected_at)
            values ('c', 'o', 'p', 's', 'form', 'UTC', '{}', '', 'k', '{}', 0, 'connected', 0, 0)",
    ] {
        kept.run(statement).await?;
    }
    std::fs::remove_file(&keys)?;
    let output = chronus(folder.path(), &database)?.arg("serve").output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(2) && said.contains("restore it from a copy"), "{:?}: {said}", output.status);
    ensure!(!keys.exists(), "a key file was made all the same");
    Ok(())
}
