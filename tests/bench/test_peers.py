# SPDX-License-Identifier: Apache-2.0
"""The benchmark's peers: that all do what is counted, on the same certificates."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from bench.peers import handfast_memory, memory, sampler, stdlib_ssl
from bench.sampling import PeerError, RunningPeer
from bench.scenarios import Peer
from cryptography import x509
from cryptography.x509 import verification
from OpenSSL import crypto

from bench import pki


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pki.write(tmp_path_factory.mktemp("pki"))


class End:
    """An end that is done after some steps and met somebody."""

    def __init__(self, steps: int, met: str) -> None:
        self.done = False
        self._steps = steps
        self._met = met

    def step(self, data: bytes) -> bytes:
        assert not self.done
        self._steps -= 1
        self.done = self._steps == 0
        return data + b"."

    def peer_id(self) -> str:
        return self._met


def test_the_loop_ends_when_both_ends_are_done() -> None:
    client, server = End(2, pki.SERVER_ID), End(3, pki.CLIENT_ID)
    memory.handshake(client, server)
    assert client.done
    assert server.done


def test_a_handshake_with_somebody_else_ends_the_benchmark() -> None:
    with pytest.raises(AssertionError, match="expected spiffe://"):
        memory.handshake(End(1, pki.SERVER_ID), End(1, pki.SERVER_ID))


@pytest.mark.parametrize("key_type", pki.KEY_TYPES)
def test_certificates_are_good_by_the_word_of_openssl(
    tmp_path: Path, key_type: str
) -> None:
    directory = pki.write(tmp_path, key_type)
    leaf, *rest = (
        crypto.load_certificate(crypto.FILETYPE_ASN1, der)
        for der in pki.chain_der(directory, "client")
    )
    root = (directory / "root.pem").read_bytes()
    store = crypto.X509Store()
    store.add_cert(crypto.load_certificate(crypto.FILETYPE_PEM, root))
    crypto.X509StoreContext(store, leaf, rest).verify_certificate()


# The profile of `cryptography` has no Ed25519.
@pytest.mark.parametrize("key_type", sorted(set(pki.KEY_TYPES) - {"ed25519"}))
def test_certificates_are_good_by_the_word_of_cryptography(
    tmp_path: Path, key_type: str
) -> None:
    directory = pki.write(tmp_path, key_type)
    root = x509.load_pem_x509_certificate((directory / "root.pem").read_bytes())
    verifier = verification.PolicyBuilder().store(verification.Store([root]))
    leaf, *rest = map(
        x509.load_der_x509_certificate, pki.chain_der(directory, "client")
    )
    seen = verifier.build_client_verifier().verify(leaf, rest)
    assert seen.subjects == [x509.UniformResourceIdentifier(pki.CLIENT_ID)]
    assert root not in rest


def test_stdlib_and_handfast_shake_hands_with_each_other(files: Path) -> None:
    """They are given the same files, groups and identities."""
    given = argparse.Namespace(pki=files, groups="X25519", tickets=False, identities=1)
    context = stdlib_ssl.context(given, "client")
    config = handfast_memory.config(given, "server")
    client = stdlib_ssl.StdlibEnd(context, server_side=False)
    memory.handshake(client, handfast_memory.HandfastEnd(config))
    assert client.tls.version() == "TLSv1.3"


def test_a_clock_counts_laps_until_the_time_is_up() -> None:
    clock = sampler.Clock(seconds=0.01)
    laps = sum(1 for _ in clock.laps())
    sample = clock.sample()
    assert sample["count"] == laps > 0
    assert sample["wall"] >= 0.01
    assert len(sample["latency_us"]) == len(sampler.LATENCY_GRID)


def test_a_clock_with_a_limit_makes_so_many_laps() -> None:
    assert sum(1 for _ in sampler.Clock(limit=7).laps()) == 7


def test_a_lap_of_many_units_counts_them_all() -> None:
    clock = sampler.Clock(seconds=0.01)
    laps = sum(1 for _ in clock.laps(50))
    sample = clock.sample()
    assert sample["count"] == laps * 50
    assert sample["latency_us"][-1] <= 1e6 * sample["wall"] / 50
    assert sum(1 for _ in sampler.Clock(limit=200).laps(50)) == 4


def test_who_cannot_take_part_says_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        sampler.absent("no such algorithm")
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out) == {"absent": "no such algorithm"}


def test_strangers_are_met_once_and_then_forgotten(tmp_path: Path) -> None:
    """`first-sight` would measure the cache if anybody were met twice."""
    given = argparse.Namespace(
        pki=pki.write(tmp_path, identities=3), groups="X25519", identities=3
    )
    facts: sampler.Facts = {}
    clients, servers = handfast_memory.chooser(given, facts)
    met = set()
    for _ in range(6):
        client = handfast_memory.HandfastEnd(next(clients))
        server = handfast_memory.HandfastEnd(next(servers))
        memory.handshake(client, server)
        met.add(server.tls.peer.chain_digest)
    assert len(met) == 3
    assert facts["chain_cache"].startswith("cold")


def test_a_running_peer_gives_facts_and_samples(files: Path) -> None:
    peer = Peer(name="ours", program="handfast_memory", note="")
    with RunningPeer(peer, files, Path(), None) as running:
        assert running.facts["protocol"] == "1.3"
        sample = running.sample(0.01, split=True)
    assert sample["count"] > 0
    assert 0 < sample["client_cpu"] + sample["server_cpu"] <= sample["cpu"]


def test_a_peer_that_cannot_start_is_named_with_its_command(tmp_path: Path) -> None:
    peer = Peer(name="ours", program="handfast_memory", note="")
    with pytest.raises(PeerError, match="ours: expected a JSON line"):
        RunningPeer(peer, tmp_path, Path(), None)
