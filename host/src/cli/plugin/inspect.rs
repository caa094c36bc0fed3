//! `chronus plugin inspect`: shows what a component is, what it requests, and who signed it.

use crate::cli::{
    component::{LARGEST_COMPONENT, SignatureOut, SignatureState, signature, trusted_keys},
    input, machine,
    output::{self, CliError, Exit, line},
};
use crate::plugins::{
    Level, Plugin,
    contract::{EndpointVariable, Limits, Method, SignIn, VariablePlace},
    endpoints,
};
use serde::Serialize;
use std::path::PathBuf;

const JSON: &str = "\
With --json, one object:
  id, name, version  as the component describes itself
  state_format       the version of the layout of its memos and cursors
  contract           the version of chronus:calendar that it was built for
  level              read-only, two-way or two-way-push
  imports, inert     the interfaces that it imports; the imported interfaces that
                     the host replaces with stubs, which do nothing
  hosts, read_only_posts  the access that it requests; a server that a person enters
                     is reachable for that person's connection only
  sign_ins           [{id, label, method, variables}]; method is oauth2-code,
                     oauth2-client-credentials, oauth2-jwt-bearer, form,
                     secret-url or none; variables is [{name, label, help,
                     preset, pattern, hosts}], the parts of its addresses that
                     an operator's client or a service account sets
  limits             {busy_window, changes_window, poll_floor} in seconds,
                     {page_size, get_many} in events
  size, sha256       the size in bytes; the digest in hex
  signature          {state, key}; state is unsigned, malformed, invalid (made
                     for a different file), valid (by a key that is not in
                     --trusted) or trusted

The exit code is 0 if the component passes the checks of the host; with --trusted,
it is 1 unless the signature is trusted.";

#[derive(Debug, clap::Args)]
#[command(after_help = JSON)]
pub(in crate::cli) struct Args {
    /// The component, a `.wasm` file; its signature is read from `<file>.sig`
    file: PathBuf,
    /// A file with the public keys that you trust, one per line, such as `plugins-build/out/trusted.pub`
    #[arg(long, value_name = "FILE")]
    trusted: Option<PathBuf>,
}

/// The output.
#[derive(Debug, Serialize)]
struct Report<'a> {
    id: &'a str,
    name: &'a str,
    version: &'a str,
    state_format: u32,
    contract: &'a str,
    level: Level,
    imports: &'a [String],
    inert: &'a [String],
    hosts: &'a [String],
    read_only_posts: &'a [String],
    sign_ins: Vec<SignInOut<'a>>,
    limits: LimitsOut,
    size: usize,
    sha256: &'a str,
    signature: SignatureOut,
}

#[derive(Debug, Serialize)]
struct SignInOut<'a> {
    id: &'a str,
    label: &'a str,
    method: &'static str,
    variables: Vec<VariableOut<'a>>,
}

/// A variable stands for a segment of a path that matches the pattern, or for one of the hosts.
#[derive(Debug, Serialize)]
struct VariableOut<'a> {
    name: &'a str,
    label: &'a str,
    help: &'a str,
    preset: Option<&'a str>,
    pattern: Option<&'a str>,
    hosts: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct LimitsOut {
    busy_window: u64,
    changes_window: u64,
    page_size: u32,
    get_many: u32,
    poll_floor: u32,
    concurrency: u32,
}

/// Runs the command.
pub(super) async fn run(args: Args, as_json: bool) -> Result<Exit, CliError> {
    let bytes = input::read(&args.file, "the component", LARGEST_COMPONENT)?;
    let keys = args.trusted.as_deref().map(trusted_keys).transpose()?;
    let plugin = machine::sandbox(Default::default(), Vec::new())?.admit(&bytes).await?;
    let signature = signature(&args.file, &plugin.inspection().sha256, keys.as_deref().unwrap_or_default())?;
    let trusted = signature.state == SignatureState::Trusted;
    let report = report(&plugin, signature);
    if as_json {
        output::json(&report)?;
    } else {
        output::text(&table(&report))?;
    }
    if keys.is_none() || trusted {
        return Ok(Exit::Done);
    }
    output::note("the component is not signed by a key that you trust");
    Ok(Exit::Failed)
}

fn report(plugin: &Plugin, signature: SignatureOut) -> Report<'_> {
    let (description, inspection) = (plugin.description(), plugin.inspection());
    let Limits { busy_window, changes_window, page_size, get_many, poll_floor, concurrency } = description.limits;
    let sign_ins = description.sign_ins.iter();
    Report {
        id: &description.id,
        name: &description.name,
        version: &description.version,
        state_format: description.state_format,
        contract: &inspection.contract,
        level: inspection.level,
        imports: &inspection.imports,
        inert: &inspection.inert,
        hosts: &description.hosts,
        read_only_posts: &description.read_only_posts,
        sign_ins: sign_ins.map(sign_in_out).collect(),
        limits: LimitsOut { busy_window, changes_window, page_size, get_many, poll_floor, concurrency },
        size: inspection.size,
        sha256: &inspection.sha256,
        signature,
    }
}

fn sign_in_out(sign_in: &SignIn) -> SignInOut<'_> {
    let variables = endpoints::variables(sign_in).iter().map(variable_out).collect();
    SignInOut { id: &sign_in.id, label: &sign_in.label, method: method(&sign_in.method), variables }
}

fn variable_out(variable: &EndpointVariable) -> VariableOut<'_> {
    let EndpointVariable { name, label, help, place, preset } = variable;
    let (pattern, hosts) = match place {
        VariablePlace::Path(pattern) => (Some(pattern.as_str()), vec![]),
        VariablePlace::Host(choices) => (None, choices.iter().map(|choice| choice.host.as_str()).collect()),
    };
    VariableOut { name, label, help, preset: preset.as_deref(), pattern, hosts }
}

const fn method(method: &Method) -> &'static str {
    match method {
        Method::Oauth2Code(_) => "oauth2-code",
        Method::Oauth2ClientCredentials(_) => "oauth2-client-credentials",
        Method::Oauth2JwtBearer(_) => "oauth2-jwt-bearer",
        Method::Form(_) => "form",
        Method::SecretUrl(_) => "secret-url",
        Method::None => "none",
    }
}

/// The report as a table.
fn table(report: &Report<'_>) -> String {
    let imports = report.imports.iter().map(|import| match report.inert.contains(import) {
        true => format!("{} (inert: it links but does nothing)", line(import)),
        false => line(import),
    });
    let hosts = report.hosts.iter().map(|host| line(host));
    let posts = report.read_only_posts.iter().map(|post| format!("POST {} (read-only)", line(post)));
    let sign_ins = report.sign_ins.iter().map(|one| {
        let variables: Vec<_> = one.variables.iter().map(|variable| variable.name).collect();
        let variables =
            if variables.is_empty() { String::new() } else { format!(", variables {}", variables.join(", ")) };
        format!("{}: {} ({}{variables})", one.id, line(one.label), one.method)
    });
    let key = report.signature.key.as_deref().map(line).unwrap_or_default();
    let signature = match report.signature.state {
        SignatureState::Unsigned => "none".to_owned(),
        SignatureState::Malformed => "malformed".to_owned(),
        SignatureState::Invalid => format!("INVALID: made for other bytes, by {key}"),
        SignatureState::Valid => format!("valid, by {key}; use --trusted to check that you trust this key"),
        SignatureState::Trusted => format!("trusted, by {key}"),
    };
    let rows: [(&str, Vec<String>); 9] = [
        ("provider", vec![format!("{} {} ({})", report.id, line(report.version), line(report.name))]),
        ("contract", vec![report.contract.to_owned()]),
        ("level", vec![report.level.name().to_owned()]),
        ("imports", imports.collect()),
        ("requests", hosts.chain(posts).collect()),
        ("sign-ins", sign_ins.collect()),
        ("size", vec![format!("{} bytes", report.size)]),
        ("sha256", vec![report.sha256.to_owned()]),
        ("signature", vec![signature]),
    ];
    let mut lines = Vec::new();
    for (name, values) in rows {
        let values = if values.is_empty() { vec!["nothing".to_owned()] } else { values };
        for (at, value) in values.into_iter().enumerate() {
            lines.push(format!("{:<10}  {value}", if at == 0 { name } else { "" }));
        }
    }
    lines.join("\n")
}
