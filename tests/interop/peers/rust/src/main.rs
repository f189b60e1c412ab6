// SPDX-License-Identifier: Apache-2.0

//! A client and a server on rustls, with certificates on both sides and sessions.
//!
//!     rust_tls client VERSION CERT KEY CA ADDRESS COUNT
//!     rust_tls server VERSION CERT KEY CA KEPT
//!
//! The client connects COUNT times, says a line and hears one. The server echoes lines, its
//! sessions in a "cache" or in "ticket"s. Both print a line of JSON for each connection.

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, ClientConnection, CommonState, HandshakeKind, ProtocolVersion, RootCertStore,
    ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
};
use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

type Outcome<T> = Result<T, Box<dyn Error>>;

struct Files {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: Arc<RootCertStore>,
}

fn read(arguments: &[String]) -> Outcome<Files> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(&arguments[4])? {
        roots.add(root?)?;
    }
    Ok(Files {
        chain: CertificateDer::pem_file_iter(&arguments[2])?.collect::<Result<_, _>>()?,
        key: PrivateKeyDer::from_pem_file(&arguments[3])?,
        roots: Arc::new(roots),
    })
}

static TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
static TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

fn version(name: &str) -> &'static [&'static SupportedProtocolVersion] {
    match name {
        "1.2" => TLS12,
        _ => TLS13,
    }
}

fn report(state: &CommonState) {
    let resumed = state.handshake_kind() == Some(HandshakeKind::Resumed);
    let version = match state.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "1.3",
        _ => "1.2",
    };
    let certificates = state.peer_certificates().map_or(0, <[_]>::len);
    println!(
        "{{\"event\":\"met\",\"resumed\":{resumed},\"version\":\"{version}\",\
         \"certificates\":{certificates}}}"
    );
}

fn visit(address: &str, config: &Arc<ClientConfig>) -> Outcome<()> {
    let name = ServerName::try_from("localhost")?;
    let tls = ClientConnection::new(config.clone(), name)?;
    let mut stream = StreamOwned::new(tls, TcpStream::connect(address)?);
    stream.write_all(b"forty-two\n")?;
    // The ticket comes with what the server says.
    let mut line = String::new();
    BufReader::new(&mut stream).read_line(&mut line)?;
    report(&stream.conn);
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}

fn client(arguments: &[String]) -> Outcome<()> {
    let files = read(arguments)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(version(&arguments[1]))?
        .with_root_certificates(files.roots)
        .with_client_auth_cert(files.chain, files.key)?;
    let config = Arc::new(config);
    for _ in 0..arguments[6].parse()? {
        visit(&arguments[5], &config)?;
    }
    Ok(())
}

fn echo(config: &Arc<ServerConfig>, socket: TcpStream) -> Outcome<()> {
    let mut stream = StreamOwned::new(ServerConnection::new(config.clone())?, socket);
    let mut data = [0; 1024];
    let mut met = false;
    loop {
        let len = stream.read(&mut data)?;
        if len == 0 {
            stream.conn.send_close_notify();
            stream.flush()?;
            return Ok(());
        }
        if !met {
            report(&stream.conn);
            met = true;
        }
        stream.write_all(&data[..len])?;
    }
}

fn server(arguments: &[String]) -> Outcome<()> {
    let files = read(arguments)?;
    let provider = Arc::new(ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(files.roots, provider.clone()).build()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(version(&arguments[1]))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(files.chain, files.key)?;
    if arguments[5] == "ticket" {
        config.ticketer = ring::Ticketer::new()?;
    }
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!(
        "{{\"event\":\"listening\",\"port\":{}}}",
        listener.local_addr()?.port()
    );
    for socket in listener.incoming() {
        // One peer's failure is told, and is not the next one's.
        if let Err(error) = echo(&config, socket?) {
            eprintln!("{error}");
        }
    }
    Ok(())
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments[0].as_str() {
        "client" => client(&arguments),
        _ => server(&arguments),
    }
}
