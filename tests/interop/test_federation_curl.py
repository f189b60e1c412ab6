# SPDX-License-Identifier: Apache-2.0
"""curl, which knows nothing of SPIFFE, fetches from our bundle endpoint."""

from __future__ import annotations

import json
import subprocess
from functools import partial
from pathlib import Path

import trio
from tests.interop.conftest import World
from tests.interop.world import PATIENCE, require

from handfast import StaticSource
from handfast.federation import BundleService
from handfast.net import serve_bundle_endpoint


async def ask(
    world: World, *options: str | Path, path: str = "/"
) -> subprocess.CompletedProcess[bytes]:
    """Serve on a free port and let curl ask once."""
    svid = world.a.issue("spiffe://a.example/bundles", dns_names=["localhost"])
    source = StaticSource(svid, world.a.bundle)
    service = BundleService(lambda: world.a.bundle)
    serve = partial(serve_bundle_endpoint, service, 0, source, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(serve)
        port = listener.socket.getsockname()[1]
        command = [require("curl"), "--silent", "--show-error", "--ipv4"]
        command += ["--cacert", str(world.bundle_a), "--noproxy", "*"]
        command += map(str, options)
        with trio.fail_after(PATIENCE):
            done = await trio.run_process(
                [*command, f"https://localhost:{port}{path}"],
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
        nursery.cancel_scope.cancel()
    return done


def test_curl_fetches_a_bundle(world: World) -> None:
    """FED-23, FED-24, FED-44: no client certificate, no password: a GET is enough."""
    done = trio.run(partial(ask, world))
    assert done.returncode == 0, done.stderr
    assert done.stdout == world.a.bundle.to_json()
    assert json.loads(done.stdout)["keys"][0]["use"] == "x509-svid"


def test_curl_sees_type_and_length(world: World) -> None:
    """FED-25, FED-26, FED-45: as curl understands them."""
    form = "%{http_code} %{content_type} %{ssl_verify_result}"
    done = trio.run(partial(ask, world, "--head", "--write-out", form))
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(b"200 application/json 0")
    size = len(world.a.bundle.to_json())
    assert b"content-length: %d\r\n" % size in done.stdout.lower()


def test_curl_asks_whether_it_has_changed(world: World, tmp_path: Path) -> None:
    """The entity tag that curl kept is answered with a 304."""
    tag, body = tmp_path / "tag", tmp_path / "body"
    done = trio.run(partial(ask, world, "--etag-save", tag, "--output", body))
    assert done.returncode == 0, done.stderr
    assert body.read_bytes() == world.a.bundle.to_json()
    form = "%{http_code}"
    done = trio.run(partial(ask, world, "--etag-compare", tag, "--write-out", form))
    assert done.stdout == b"304"


def test_curl_may_speak_tls_12_and_nothing_older(world: World) -> None:
    """FED-12: Mozilla's intermediate."""
    done = trio.run(partial(ask, world, "--tls-max", "1.2"))
    assert done.returncode == 0, done.stderr
    done = trio.run(partial(ask, world, "--tlsv1.0", "--tls-max", "1.1"))
    assert done.returncode != 0
    assert not done.stdout


def test_curl_on_a_wrong_path_gets_nothing(world: World) -> None:
    done = trio.run(partial(ask, world, "--fail", path="/other"))
    assert done.returncode == 22
    assert not done.stdout
