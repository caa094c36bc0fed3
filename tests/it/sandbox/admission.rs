//! Which components are admitted, and which are refused before they run.

use super::yard::{Ask, config, guest};
use chronus_host::plugins::{
    AdmissionError, CallError, EgressRule, Level, Sandbox, admission::inspect, contract::CONTRACT,
};
use chronus_tests::repo_root;
use tokio::net::TcpListener;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

/// A component of this world; all its functions trap. The world may use the interfaces of the contract and of other
/// packages that the text defines.
fn component(text: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve.push_dir(repo_root().join("wit")).unwrap();
    let package = resolve.push_str("test.wit", text).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

/// The component with another memory of `pages` pages of 64 KiB: a core module and its instance are appended.
pub(super) fn with_memory(component: &[u8], pages: u32) -> Vec<u8> {
    let modules =
        wasmparser::Parser::new(0).parse_all(component).fold((0_u32, 0_u32), |(depth, modules), payload| match payload
            .unwrap()
        {
            wasmparser::Payload::ModuleSection { .. } => (depth + 1, modules + u32::from(depth == 0)),
            wasmparser::Payload::ComponentSection { .. } => (depth + 1, modules),
            wasmparser::Payload::End(_) => (depth.saturating_sub(1), modules),
            _ => (depth, modules),
        });
    let leb = |mut n: u32| {
        let mut bytes = vec![];
        while n >= 0x80 {
            bytes.push((n & 0x7f) as u8 | 0x80);
            n >>= 7;
        }
        bytes.push(n as u8);
        bytes
    };
    let section = |id: u8, content: &[u8]| [&[id][..], &leb(content.len() as u32), content].concat();
    // A module's memory section: one memory, without a maximum.
    let memory = section(5, &[&[1, 0][..], &leb(pages)].concat());
    let module = section(1, &[b"\0asm\x01\0\0\0", &*memory].concat());
    // One core instance: an instantiation of that module without arguments.
    let instance = section(2, &[&[1, 0][..], &leb(modules.1), &[0]].concat());
    [component, &module, &instance].concat()
}

/// The error with which the component is refused, before it is compiled if its bytes are sufficient.
async fn refused(bytes: &[u8]) -> AdmissionError {
    Sandbox::new(config()).unwrap().admit(bytes).await.err().expect("it got in")
}

#[test]
fn an_undeclared_import_is_named_with_its_likely_origin_before_anything_is_compiled() {
    for (import, world, origin) in [
        (
            "wasi:keyvalue/store@0.2.0",
            "import wasi:keyvalue/store@0.2.0; } package wasi:keyvalue@0.2.0 { interface store { get: func(); }",
            "providers/README.md lists alternatives",
        ),
        (
            "acme:db/sql",
            "import acme:db/sql; } package acme:db { interface sql { query: func(text: string); }",
            "a tool for another host",
        ),
        (
            "wasi:http/incoming-handler@0.2.0",
            "import wasi:http/incoming-handler@0.2.0; }
             package wasi:http@0.2.0 { interface incoming-handler { handle: func(); }",
            "push.parse-notification",
        ),
        (
            "wasi:http/client@0.3.0",
            "import wasi:http/client@0.3.0; } package wasi:http@0.3.0 { interface client { send: func(); }",
            "providers get WASI 0.2",
        ),
        ("print", "import print: func(text: string);", "a tool for another host"),
    ] {
        let world = format!("package a:b; world w {{ include chronus:calendar/read-only@{CONTRACT}; {world} }}");
        match inspect(&component(&world)) {
            Err(error @ AdmissionError::Import { .. }) => {
                let text = error.to_string();
                assert!(text.contains(&format!("`{import}`")) && text.contains(origin), "{text}");
            }
            other => panic!("{import}: {other:?}"),
        }
    }
}

#[test]
fn a_component_of_another_contract_is_refused_by_its_number() {
    for (number, advice) in [("0.3.0", "Update the host"), ("0.1.0", "Rebuild the provider"), ("1.0.0", "Update")] {
        let text = format!(
            "package a:b; world w {{ export chronus:calendar/plugin@{number}; import chronus:calendar/log@{number}; }}
             package chronus:calendar@{number} {{ interface plugin {{ describe: func(); }} interface log {{ write: func(); }} }}"
        );
        match inspect(&component(&text)) {
            Err(error @ AdmissionError::Contract { .. }) => {
                let text = error.to_string();
                assert!(text.contains(number) && text.contains(CONTRACT) && text.contains(advice), "{text}");
            }
            other => panic!("{number}: {other:?}"),
        }
    }
}

#[test]
fn a_component_whose_exports_make_no_level_is_told_which_is_missing() {
    for (exports, lacking) in [
        (&["plugin", "busy"][..], "account"),
        (&["plugin", "account"], "busy"),
        (&["plugin", "account", "busy", "events"], "changes"),
        (&["plugin", "account", "busy", "changes"], "events"),
        (&["plugin", "account", "busy", "push"], "events"),
    ] {
        let exports: String =
            exports.iter().map(|name| format!("export chronus:calendar/{name}@{CONTRACT}; ")).collect();
        match inspect(&component(&format!("package a:b; world w {{ {exports} }}"))) {
            Err(AdmissionError::Level { lacks, .. }) => assert_eq!(lacks, lacking),
            other => panic!("{exports}: {other:?}"),
        }
    }
    let command = "package a:b; world w { export run: func(); }";
    assert!(matches!(inspect(&component(command)), Err(AdmissionError::NoProvider(_))));
}

#[tokio::test]
async fn the_number_of_the_contract_is_not_believed_without_its_types() {
    let text = format!(
        "package a:b; world w {{ {} }} package chronus:calendar@{CONTRACT} {{ {} }}",
        ["plugin", "account", "busy"].map(|name| format!("export chronus:calendar/{name}@{CONTRACT};")).concat(),
        "interface plugin { describe: func() -> string; } interface account { open: func(); } interface busy { query: func(); }",
    );
    let mut resolve = Resolve::default();
    let package = resolve.push_str("test.wit", &text).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let bytes = ComponentEncoder::default().module(&module).unwrap().encode().unwrap();
    inspect(&bytes).unwrap();
    match refused(&bytes).await {
        error @ AdmissionError::Types(_) => assert!(error.to_string().contains("chronus:calendar/account"), "{error}"),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_component_that_cannot_describe_itself_is_refused_with_its_crash() {
    let world = format!("package a:b; world w {{ include chronus:calendar/two-way-push@{CONTRACT}; }}");
    let bytes = component(&world);
    assert_eq!(inspect(&bytes).unwrap().level, Level::TwoWayPush);
    match refused(&bytes).await {
        AdmissionError::Describe(error) => assert_eq!(error.code(), "provider-trapped", "{error}"),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_request_while_describing_is_refused_whatever_the_component_makes_of_it() {
    match refused(&guest("eager").await).await {
        AdmissionError::Describe(error) => match *error {
            CallError::Denied(denial) => {
                assert_eq!((denial.rule, &*denial.what), (EgressRule::Method, "GET https://home.example.org"));
            }
            other => panic!("{other}"),
        },
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn what_the_pool_does_not_have_is_refused_by_number() {
    let hostile = guest("hostile").await;
    let many = (0..4).fold(hostile.clone(), |bytes, _| with_memory(&bytes, 1));
    match refused(&many).await {
        AdmissionError::Resources { what: "memories", need: 5, most: 4 } => {}
        other => panic!("{other}"),
    }
    match inspect(&with_memory(&hostile, 5000)) {
        Err(AdmissionError::Resources { what: "bytes of initial memory", need, .. }) => {
            assert_eq!(need, 5000 << 16);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_runtimes_of_other_languages_import_links_and_leads_nowhere() {
    let bytes = guest("foreign").await;
    let inspection = inspect(&bytes).unwrap();
    for inert in ["wasi:cli/environment@0.2.0", "wasi:filesystem/preopens@0.2.0", "wasi:sockets/tcp@0.2.0"] {
        assert!(inspection.inert.iter().any(|import| import == inert), "{:?}", inspection.inert);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sandbox = Sandbox::new(config()).unwrap();
    let plugin = sandbox.admit(&bytes).await.unwrap();
    let ask = Ask::act("look").say("port", listener.local_addr().unwrap().port());
    let found = ask.open(&plugin).await.unwrap();
    assert_eq!(found.get("environment"), "[]");
    assert_eq!(found.get("arguments"), "[]");
    assert_eq!(found.get("directory"), "None");
    assert_eq!(found.get("files"), "0");
    assert!(found.get("socket").contains("access-denied"), "{found:?}");
    assert!(found.get("name").contains("resolver-failure"), "{found:?}");
    let nobody =
        std::future::poll_fn(|context| std::task::Poll::Ready(listener.poll_accept(context).is_pending())).await;
    assert!(nobody, "a socket was connected");
}
