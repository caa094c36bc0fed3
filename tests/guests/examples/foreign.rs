//! A provider that imports what runtimes of other languages import without need: WASI's environment, files, sockets,
//! standard streams and exit. `open` tries all of them and returns the results.

use chronus_sdk::{Provider, descriptions::*, failure, values::*};
use chronus_test_guests::{account, description};

/// The part of WASI that is used here.
#[cfg(target_arch = "wasm32")]
mod wasi {
    chronus_sdk::wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package test:foreign;

            world foreign {
                import wasi:cli/environment@0.2.0;
                import wasi:cli/exit@0.2.0;
                import wasi:cli/stderr@0.2.0;
                import wasi:filesystem/preopens@0.2.0;
                import wasi:sockets/instance-network@0.2.0;
                import wasi:sockets/tcp@0.2.0;
                import wasi:sockets/tcp-create-socket@0.2.0;
                import wasi:sockets/ip-name-lookup@0.2.0;
            }

            package wasi:cli@0.2.0 {
                interface environment {
                    get-environment: func() -> list<tuple<string, string>>;
                    get-arguments: func() -> list<string>;
                    initial-cwd: func() -> option<string>;
                }
                interface exit {
                    exit: func(status: result);
                }
                interface stderr {
                    use wasi:io/streams@0.2.12.{output-stream};
                    get-stderr: func() -> output-stream;
                }
            }

            package wasi:filesystem@0.2.0 {
                interface types {
                    resource descriptor;
                }
                interface preopens {
                    use types.{descriptor};
                    get-directories: func() -> list<tuple<descriptor, string>>;
                }
            }

            package wasi:sockets@0.2.0 {
                interface network {
                    resource network;
                    enum error-code {
                        unknown, access-denied, not-supported, invalid-argument, out-of-memory, timeout,
                        concurrency-conflict, not-in-progress, would-block, invalid-state, new-socket-limit,
                        address-not-bindable, address-in-use, remote-unreachable, connection-refused,
                        connection-reset, connection-aborted, datagram-too-large, name-unresolvable,
                        temporary-resolver-failure, permanent-resolver-failure,
                    }
                    enum ip-address-family { ipv4, ipv6 }
                    record ipv4-socket-address { port: u16, address: tuple<u8, u8, u8, u8> }
                    record ipv6-socket-address {
                        port: u16, flow-info: u32, address: tuple<u16, u16, u16, u16, u16, u16, u16, u16>, scope-id: u32,
                    }
                    variant ip-socket-address { ipv4(ipv4-socket-address), ipv6(ipv6-socket-address) }
                }
                interface instance-network {
                    use network.{network};
                    instance-network: func() -> network;
                }
                interface tcp {
                    use network.{network, error-code, ip-socket-address};
                    resource tcp-socket {
                        start-connect: func(network: borrow<network>, remote: ip-socket-address) -> result<_, error-code>;
                    }
                }
                interface tcp-create-socket {
                    use network.{error-code, ip-address-family};
                    use tcp.{tcp-socket};
                    create-tcp-socket: func(family: ip-address-family) -> result<tcp-socket, error-code>;
                }
                interface ip-name-lookup {
                    use network.{network, error-code};
                    resource resolve-address-stream;
                    resolve-addresses: func(network: borrow<network>, name: string)
                        -> result<resolve-address-stream, error-code>;
                }
            }
        ",
        generate_all,
        runtime_path: "chronus_sdk::wit_bindgen::rt",
    });
}

/// The provider.
pub struct Foreign;
chronus_sdk::provider!(Foreign, read_only);

impl Provider for Foreign {
    fn describe() -> Description {
        description("foreign", "Foreign")
    }

    fn open(connection: &Connection) -> Result<AccountReply, Failure> {
        let calendar = |(id, name): (&str, String)| Calendar {
            id: id.into(),
            name,
            role: CalendarRole::Reader,
            is_default: false,
            takes_meetings: false,
            zone: None,
        };
        Ok(account(try_everything(connection).into_iter().map(calendar).collect()))
    }

    fn busy(_: &Connection, _: &BusyTargets, _: Window) -> Result<BusyReply, Failure> {
        Err(failure::unsupported(""))
    }
}

#[cfg(target_arch = "wasm32")]
fn try_everything(connection: &Connection) -> Vec<(&'static str, String)> {
    use wasi::wasi::{
        cli::{environment, exit, stderr},
        filesystem::preopens,
        sockets::{
            instance_network::instance_network,
            ip_name_lookup::resolve_addresses,
            network::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress},
            tcp_create_socket::create_tcp_socket,
        },
    };
    let field = |name: &str| connection.fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| &**value);
    let port = field("port").parse().unwrap_or(0);
    let remote = IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (127, 0, 0, 1) });
    let network = instance_network();
    let connected = create_tcp_socket(IpAddressFamily::Ipv4).and_then(|socket| socket.start_connect(&network, remote));
    let found = vec![
        ("environment", format!("{:?}", environment::get_environment())),
        ("arguments", format!("{:?}", environment::get_arguments())),
        ("directory", format!("{:?}", environment::initial_cwd())),
        ("files", format!("{:?}", preopens::get_directories().len())),
        ("socket", format!("{connected:?}")),
        ("name", format!("{:?}", resolve_addresses(&network, "localhost").map(|_| ()))),
    ];
    // To write is no failure, and the text appears in no other output.
    let _ = stderr::get_stderr().blocking_write_and_flush(b"last words\n");
    match field("act") {
        "exit" => exit::exit(Err(())),
        "mutter" => {
            // Empty writes, without end.
            let stream = stderr::get_stderr();
            while stream.write(&[]).is_ok() {}
        }
        _ => {}
    }
    found
}

/// For other targets this file is only checked.
#[cfg(not(target_arch = "wasm32"))]
fn try_everything(_: &Connection) -> Vec<(&'static str, String)> {
    vec![]
}
