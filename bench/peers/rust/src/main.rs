// SPDX-License-Identifier: Apache-2.0

//! Peer in Rust: chains of bench/corpus.py from DER to a SPIFFE ID by rustls-webpki, with the
//! cryptography that rustls has by default (aws-lc-rs).
//!
//! It speaks the protocol of bench/peers/sampler.py. The trust anchor is read once.

use std::fs;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{anchor_from_trusted_cert, EndEntityCert, KeyUsage, ALL_VERIFICATION_ALGS};

/// How many chains are verified between two looks at the clock.
const BLOCK: usize = 100;

type Failure = Box<dyn std::error::Error>;

struct Corpus {
    anchor: CertificateDer<'static>,
    rest: Vec<CertificateDer<'static>>,
    leaves: Vec<(CertificateDer<'static>, String)>,
}

fn load(directory: &Path, signatures: usize) -> Result<Corpus, Failure> {
    let read = |name: &str| fs::read(directory.join(name));
    let (name, rest) = match signatures {
        2 => ("root.der", vec![read("intermediate.der")?.into()]),
        _ => ("direct.der", vec![]),
    };
    let data = read("leaves.bin")?;
    let mut offsets = Vec::new();
    for raw in read("leaves.idx")?.chunks_exact(8) {
        offsets.push(u64::from_le_bytes(raw.try_into()?) as usize);
    }
    let leaves = offsets
        .windows(2)
        .enumerate()
        .map(|(number, place)| {
            let id = format!("spiffe://bench.example/workload/{number:08}");
            (data[place[0]..place[1]].to_vec().into(), id)
        })
        .collect();
    Ok(Corpus {
        anchor: read(name)?.into(),
        rest,
        leaves,
    })
}

/// Parse, verify for clients now, and compare the one URI SAN.
fn verify(corpus: &Corpus, anchors: &[TrustAnchor<'_>], number: usize) -> Result<(), Failure> {
    let (der, expected) = &corpus.leaves[number];
    let leaf = EndEntityCert::try_from(der)?;
    leaf.verify_for_usage(
        ALL_VERIFICATION_ALGS,
        anchors,
        &corpus.rest,
        UnixTime::now(),
        KeyUsage::client_auth(),
        None,
        None,
    )?;
    let mut names = leaf.valid_uri_names();
    if names.next() != Some(expected.as_str()) || names.next().is_some() {
        return Err(format!("expected {expected} alone").into());
    }
    Ok(())
}

/// Seconds that this process has worked.
fn cpu() -> f64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the clock exists on every POSIX system and `now` is ours to write to.
    let code = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) };
    assert_eq!(code, 0, "clock_gettime");
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

fn serve(corpus: &Corpus) -> Result<(), Failure> {
    let anchors = [anchor_from_trusted_cert(&corpus.anchor)?];
    let mut out = io::stdout();
    writeln!(out, "{{\"webpki\": \"0.103\", \"crypto\": \"aws-lc-rs\"}}")?;
    out.flush()?;
    let mut next = 0;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let seconds: f64 = line.split(' ').next().unwrap_or_default().parse()?;
        let length = Duration::from_secs_f64(seconds);
        let (before, begin) = (cpu(), Instant::now());
        let mut count = 0;
        while begin.elapsed() < length {
            for _ in 0..BLOCK {
                verify(corpus, &anchors, next)?;
                next = (next + 1) % corpus.leaves.len();
            }
            count += BLOCK;
        }
        let wall = begin.elapsed().as_secs_f64();
        let spent = cpu() - before;
        writeln!(
            out,
            "{{\"count\": {count}, \"cpu\": {spent}, \"wall\": {wall}}}"
        )?;
        out.flush()?;
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let mut directory = PathBuf::new();
    let mut signatures = 2;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or("every option takes a value")?;
        match word.as_str() {
            "--pki" => directory = value.into(),
            "--signatures" => signatures = value.parse()?,
            other => return Err(format!("no such option: {other}").into()),
        }
    }
    serve(&load(&directory, signatures)?)
}
