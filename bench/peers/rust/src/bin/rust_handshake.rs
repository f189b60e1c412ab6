// SPDX-License-Identifier: Apache-2.0

//! Peer in Rust: mutual TLS 1.3 handshakes in memory by rustls with its default cryptography
//! (aws-lc-rs), both ends in one thread.
//!
//! It speaks the protocol of bench/peers/sampler.py. Configurations are made once. The server
//! has the stock verifier of client certificates; the client verifies chains by the same
//! library and no host name, because SVIDs have none. Each end then reads the URI SAN of the
//! other. Without `--resume` there are no tickets; with it they are stateless, come with the
//! server's first byte of data, and every handshake but the first has to resume.

use std::fs;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, Resumption};
use rustls::crypto::{aws_lc_rs, CryptoProvider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    ClientConfig, ClientConnection, CommonState, DigitallySignedStruct, HandshakeKind,
    RootCertStore, ServerConfig, ServerConnection, SignatureScheme,
};
use webpki::EndEntityCert;

type Failure = Box<dyn std::error::Error>;

/// Verifies a chain and no name.
#[derive(Debug)]
struct AnyName {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let algorithms = self.provider.signature_verification_algorithms.all;
        let leaf = ParsedCertificate::try_from(leaf)?;
        verify_server_cert_signed_by_trust_anchor(&leaf, &self.roots, rest, now, algorithms)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _leaf: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not offered".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, leaf, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

struct Ends {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    name: ServerName<'static>,
    resume: bool,
    resumed: bool, // the first one is not
}

/// Reads chain and key as bench/pki.py names and writes them: DER, one after the other.
fn identity(
    pki: &Path,
    who: &str,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Failure> {
    let raw = fs::read(pki.join(format!("{who}.der")))?;
    let (mut chain, mut rest) = (Vec::new(), raw.as_slice());
    while rest.len() > 4 {
        // Certificates are SEQUENCEs of 256 to 65,535 bytes: 30 82 and two bytes of length.
        if rest[..2] != [0x30, 0x82] {
            return Err("expected certificates one after the other".into());
        }
        let size = 4 + usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        let one = rest.get(..size).ok_or("a certificate is cut off")?;
        chain.push(one.to_vec().into());
        rest = &rest[size..];
    }
    let key = fs::read(pki.join(format!("{who}.key.der")))?;
    Ok((chain, PrivateKeyDer::try_from(key)?))
}

fn make(pki: &Path, group: &str, resume: bool) -> Result<Ends, Failure> {
    let kx_group = match group {
        "X25519" => aws_lc_rs::kx_group::X25519,
        "P-256" => aws_lc_rs::kx_group::SECP256R1,
        "X25519MLKEM768" => aws_lc_rs::kx_group::X25519MLKEM768,
        other => return Err(format!("no such group: {other}").into()),
    };
    let provider = Arc::new(CryptoProvider {
        kx_groups: vec![kx_group],
        ..aws_lc_rs::default_provider()
    });
    let mut roots = RootCertStore::empty();
    roots.add(fs::read(pki.join("root.der"))?.into())?;
    let roots = Arc::new(roots);
    let only = [&rustls::version::TLS13];

    let (chain, key) = identity(pki, "server")?;
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build()?;
    let mut server = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&only)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;

    let (chain, key) = identity(pki, "client")?;
    let any_name = AnyName {
        roots,
        provider: provider.clone(),
    };
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&only)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(any_name))
        .with_client_auth_cert(chain, key)?;
    if resume {
        server.ticketer = aws_lc_rs::Ticketer::new()?;
    } else {
        server.send_tls13_tickets = 0;
        client.resumption = Resumption::disabled();
    }
    Ok(Ends {
        client: Arc::new(client),
        server: Arc::new(server),
        name: ServerName::try_from("server.bench.example")?,
        resume,
        resumed: false,
    })
}

/// Seconds on a CPU clock of this process or thread.
fn clock(which: libc::clockid_t) -> f64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: both clocks exist on every POSIX system and `now` is ours to write to.
    let code = unsafe { libc::clock_gettime(which, &mut now) };
    assert_eq!(code, 0, "clock_gettime");
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// Ends the benchmark when an end met somebody else: it would measure nothing.
fn check(end: &CommonState, expected: &str, resumed: bool) -> Result<(), Failure> {
    let chain = end
        .peer_certificates()
        .ok_or("no certificate of the peer")?;
    let leaf = EndEntityCert::try_from(&chain[0])?;
    if !leaf.valid_uri_names().eq([expected]) {
        return Err(format!("expected {expected}").into());
    }
    let kind = end.handshake_kind().ok_or("the handshake is not done")?;
    match (kind, resumed) {
        (HandshakeKind::Resumed, true) | (HandshakeKind::Full, false) => Ok(()),
        _ => Err(format!("resumed, or not, against the plan: {kind:?}").into()),
    }
}

impl Ends {
    /// Makes one handshake; with `split`, adds each end's CPU seconds.
    fn handshake(&mut self, split: Option<&mut [f64; 2]>) -> Result<ClientConnection, Failure> {
        let timed = split.is_some();
        let now = || {
            if timed {
                clock(libc::CLOCK_THREAD_CPUTIME_ID)
            } else {
                0.0
            }
        };
        let mut spent = [0.0; 2];
        let begin = now();
        let mut client = ClientConnection::new(self.client.clone(), self.name.clone())?;
        let middle = now();
        let mut server = ServerConnection::new(self.server.clone())?;
        spent[0] += middle - begin;
        spent[1] += now() - middle;
        let mut wire = Vec::with_capacity(8192);
        while client.is_handshaking() || server.is_handshaking() {
            let begin = now();
            while client.wants_write() {
                client.write_tls(&mut wire)?;
            }
            let middle = now();
            take(&wire, |more| server.read_tls(more))?;
            server.process_new_packets()?;
            wire.clear();
            while server.wants_write() {
                server.write_tls(&mut wire)?;
            }
            let after = now();
            take(&wire, |more| client.read_tls(more))?;
            client.process_new_packets()?;
            wire.clear();
            spent[0] += (middle - begin) + (now() - after);
            spent[1] += after - middle;
        }
        check(&client, "spiffe://bench.example/server", self.resumed)?;
        check(&server, "spiffe://bench.example/client", self.resumed)?;
        if self.resume {
            // Tickets have gone to the client already, or go with this byte.
            server.writer().write_all(b"x")?;
            while server.wants_write() {
                server.write_tls(&mut wire)?;
            }
            take(&wire, |more| client.read_tls(more))?;
            if client.process_new_packets()?.plaintext_bytes_to_read() != 1 {
                return Err("expected the server's byte".into());
            }
            self.resumed = true;
        }
        if let Some(sums) = split {
            sums[0] += spent[0];
            sums[1] += spent[1];
        }
        Ok(client)
    }
}

/// Gives all bytes to an end, which takes them in pieces.
fn take(
    bytes: &[u8],
    mut read: impl FnMut(&mut &[u8]) -> io::Result<usize>,
) -> Result<(), Failure> {
    let mut rest = bytes;
    while !rest.is_empty() {
        if read(&mut rest)? == 0 {
            return Err("an end takes no more".into());
        }
    }
    Ok(())
}

/// Returns the latencies on the grid of sampler.py, in microseconds.
fn grid(mut seconds: Vec<f64>) -> String {
    seconds.sort_by(f64::total_cmp);
    let last = (seconds.len() - 1) as f64;
    let shares = (0..100).map(|percent| f64::from(percent) / 100.0);
    let points = shares.chain([0.999, 1.0]).map(|share| {
        let value = seconds[(share * last + 0.5) as usize] * 1e6;
        format!("{value:.1}")
    });
    points.collect::<Vec<_>>().join(", ")
}

fn sample(ends: &mut Ends, seconds: f64, split: bool) -> Result<String, Failure> {
    let mut latencies = Vec::new();
    let mut sums = [0.0; 2];
    let (before, begin) = (clock(libc::CLOCK_PROCESS_CPUTIME_ID), Instant::now());
    let mut last = 0.0;
    while last < seconds {
        ends.handshake(split.then_some(&mut sums))?;
        let now = begin.elapsed().as_secs_f64();
        latencies.push(now - last);
        last = now;
    }
    let cpu = clock(libc::CLOCK_PROCESS_CPUTIME_ID) - before;
    let count = latencies.len();
    let mut line = format!("{{\"count\": {count}, \"cpu\": {cpu}, \"wall\": {last}");
    if split {
        line += &format!(", \"client_cpu\": {}, \"server_cpu\": {}", sums[0], sums[1]);
    }
    Ok(format!("{line}, \"latency_us\": [{}]}}", grid(latencies)))
}

fn main() -> Result<(), Failure> {
    let (mut pki, mut group, mut resume) = (PathBuf::new(), String::from("X25519"), false);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} takes a value"));
        match word.as_str() {
            "--pki" => pki = value()?.into(),
            "--groups" => group = value()?,
            "--resume" => resume = true,
            other => return Err(format!("no such option: {other}").into()),
        }
    }
    let mut ends = make(&pki, &group, resume)?;
    let probe = ends.handshake(None)?;
    let cipher = probe.negotiated_cipher_suite().ok_or("no cipher")?.suite();
    let mut out = io::stdout();
    writeln!(
        out,
        "{{\"rustls\": \"0.23\", \"crypto\": \"aws-lc-rs\", \"protocol\": \"TLSv1.3\", \
         \"cipher\": \"{}\", \"group\": \"{group}\", \"verification\": \"webpki\", \
         \"tickets\": {}}}",
        cipher.as_str().ok_or("no name")?,
        if resume { 2 } else { 0 },
    )?;
    out.flush()?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (seconds, split) = line.split_once(' ').ok_or("expected SECONDS SPLIT")?;
        let taken = sample(&mut ends, seconds.parse()?, split == "1")?;
        writeln!(out, "{taken}")?;
        out.flush()?;
    }
    Ok(())
}
