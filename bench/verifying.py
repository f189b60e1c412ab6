# SPDX-License-Identifier: Apache-2.0
"""The verification scenarios: `make bench-verify`.

Everybody gets the same chains (corpus.py) as DER and has to say whose they are. The
aims are issue 3's, "It must show" 1 and 2. `raw` and `raw_lanes` are bounds, not peers:
loops of nothing but signatures, with the digests made beforehand.
"""

from __future__ import annotations

from dataclasses import replace

from bench.corpus import Corpus
from bench.scenarios import Aim, Peer, Scenario

GROUP = "verify"
MANY, SOME = 100_000, 10_000  # leaves; where the aims are, and elsewhere

RAW = Peer(
    name="raw",
    program="c_openssl",
    options=("--mode", "raw"),
    note="OpenSSL, leaves' signatures alone, one after the other",
)
RAW_LANES = Peer(
    name="raw_lanes",
    program="c_lanes",
    note="crypto_mb, leaves' signatures alone, eight at a time",
    rival=False,
)
C_OPENSSL = Peer(
    name="c_openssl",
    program="c_openssl",
    options=("--mode", "chain"),
    note="C, d2i_X509, X509_verify_cert, URI SAN",
)
CRYPTOGRAPHY = Peer(
    name="cryptography",
    program="verify_cryptography",
    note="ClientVerifier from DER, subjects read",
)
PYOPENSSL = Peer(
    name="pyopenssl",
    program="verify_pyopenssl",
    note="X509StoreContext from DER, URI SAN by cryptography",
)
GO_X509 = Peer(
    name="go_x509",
    program="go_verify",
    options=("--mode", "x509"),
    note="crypto/x509, Certificate.Verify from DER",
)
GO_SPIFFE = Peer(
    name="go_spiffe",
    program="go_verify",
    options=("--mode", "spiffe"),
    note="go-spiffe v2, x509svid.ParseAndVerify",
)
WEBPKI = Peer(
    name="webpki", program="rust_verify", note="rustls-webpki with aws-lc-rs, from DER"
)
KNOWN = Peer(
    name="handfast",
    program="verify_handfast",
    note="Verifier.verify: new leaf, issuer known, no cache",
)
FRESH = Peer(
    name="handfast_fresh",
    program="verify_handfast",
    options=("--fresh",),
    note="Verifier.verify: new leaf, new issuer",
    rival=False,
)
CACHED = Peer(
    name="handfast_cached",
    program="verify_handfast",
    options=("--cached",),
    note="Verifier.verify: 1,000 chains, all in the chain cache",
    rival=False,
)
C_KNOWN = Peer(
    name="c_handfast",
    program="c_verify",
    options=("--mode", "known"),
    note="hf_verifier_verify: new leaf, issuer known, no cache",
    rival=False,
)
C_FRESH = Peer(
    name="c_handfast_fresh",
    program="c_verify",
    options=("--mode", "known", "--fresh"),
    note="hf_verifier_verify: new leaf, new issuer",
    rival=False,
)
C_CACHED = Peer(
    name="c_handfast_cached",
    program="c_verify",
    options=("--mode", "cached"),
    note="hf_verifier_verify: 1,000 chains, all in the chain cache",
    rival=False,
)


def _batch(name: str, note: str, *options: str) -> Peer:
    return Peer(
        name=name, program="verify_batch", options=options, note=note, rival=False
    )


BATCH = _batch("batch_1", "verify_many, list of bytes, one thread")
BATCH_2 = _batch("batch_2", "the same, two threads", "--threads", "2")
BATCH_BUFFER = _batch("batch_buffer", "verify_many, one buffer, one thread", "--buffer")
EVP = _batch("batch_evp_1", "verify_many, lanes off, one thread", "--no-lanes")
EVP_2 = _batch("batch_evp_2", "the same, two threads", "--no-lanes", "--threads", "2")


def _counter(name: str, beside: str, note: str) -> Peer:
    return Peer(
        name=name, program="gil_counter", options=("--beside", beside), note=note
    )


OTHERS = (C_OPENSSL, CRYPTOGRAPHY, PYOPENSSL, GO_X509, GO_SPIFFE, WEBPKI)

P256 = Corpus(algorithm="p256", leaves=MANY, issuers=1_000)

CHAINS = Scenario(
    name="verify-single",
    group=GROUP,
    title="one chain at a time; leaves under one P-256 intermediate",
    unit="chain",
    corpus=P256,
    peers=(RAW, *OTHERS, FRESH, KNOWN, CACHED, C_FRESH, C_KNOWN, C_CACHED),
    aims=(
        Aim(peer="handfast", over="cryptography", ratio=2.2),
        Aim(peer="handfast_cached", rate=250_000),
    ),
    split=False,
)

BATCHES = Scenario(
    name="verify-batch",
    group=GROUP,
    title="many at once: the same chains in one call",
    unit="chain",
    corpus=P256,
    peers=(RAW, RAW_LANES, CRYPTOGRAPHY, BATCH, BATCH_2, BATCH_BUFFER, EVP, EVP_2),
    aims=(
        Aim(peer="batch_1", over="raw", ratio=2.5, needs="raw_lanes"),
        Aim(peer="batch_1", over="cryptography", ratio=7.0, needs="raw_lanes"),
        Aim(peer="batch_evp_1", over="raw", ratio=0.9),
        Aim(peer="batch_2", over="batch_1", ratio=1.8, wall=True),
        Aim(peer="batch_evp_2", over="batch_evp_1", ratio=1.8, wall=True),
    ),
    split=False,
)

GIL = Scenario(
    name="verify-gil",
    group=GROUP,
    title="a Python thread that counts, on the other core",
    unit="count",
    corpus=P256,
    peers=(
        _counter("alone", "nothing", "nobody else works"),
        _counter("beside_hash", "hash", "PBKDF2 in C beside it: no GIL at all"),
        _counter("beside_batch", "batch", "verify_many beside it"),
    ),
    aims=(Aim(peer="beside_batch", over="alone", ratio=0.9, wall=True),),
    split=False,
    wall=True,
)


def _axis(algorithm: str, signatures: int) -> Scenario:
    """Everybody on another kind of authority, or on shorter chains."""
    lanes = (RAW_LANES,) if algorithm in {"p256", "p384"} else ()
    peers = (RAW, *lanes, *OTHERS, KNOWN, CACHED, C_KNOWN, BATCH)
    options = ("--signatures", str(signatures))
    words = "leaf under the anchor" if signatures == 1 else "leaf, intermediate, anchor"
    return Scenario(
        name=f"verify-{algorithm}-{signatures}",
        group=GROUP,
        title=f"authorities of {algorithm}; {words}",
        unit="chain",
        corpus=Corpus(algorithm=algorithm, leaves=SOME, issuers=100),
        peers=tuple(replace(one, options=one.options + options) for one in peers),
        split=False,
        rounds=5,
    )


AXES = tuple(
    _axis(algorithm, signatures)
    for algorithm in ("p256", "p384", "rsa2048", "ed25519")
    for signatures in (1, 2)
)

SCENARIOS = (CHAINS, BATCHES, GIL, *AXES)
