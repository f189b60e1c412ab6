# SPDX-License-Identifier: Apache-2.0
"""``handfast fetch``: once, for ever, with commands and signals, and how it fails."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import click
import pytest
import trio
from tests.support.agent_messages import API, OWN, WEB, part, svid, svids
from tests.support.fake_agent import Agents, FakeAgent, socket_path
from tests.support.net_world import trio_test

from handfast import FileSource, HandfastError, SourceError, WorkloadApiSource
from handfast.cli.app import exit_code
from handfast.cli.fetch import Found, Job, _fetch
from handfast.cli.fetch import fetch as command
from handfast.cli.fetch_after import After
from handfast.jwt_signer import JwtSigner
from handfast.workload_api import StatusCode, proto

X509 = proto.FETCH_X509_SVID
SIGNER = JwtSigner.generate(OWN)


def _tokens(request: proto.JWTSVIDRequest) -> proto.JWTSVIDResponse:
    token = SIGNER.sign(request.spiffe_id, list(request.audience)).token
    message = proto.JWTSVID(spiffe_id=request.spiffe_id, svid=token)
    return proto.JWTSVIDResponse(svids=[message])


@asynccontextmanager
async def agent() -> AsyncGenerator[FakeAgent, None]:
    with socket_path() as path:
        async with trio.open_nursery() as nursery:
            it = FakeAgent(path)
            it.say(X509, svids(part(svid(WEB)), part(svid(API), hint="in")))
            keys = {f"spiffe://{OWN}": SIGNER.bundle.to_jwks()}
            it.say(proto.FETCH_JWT_BUNDLES, proto.JWTBundlesResponse(bundles=keys))
            it.answers[proto.FETCH_JWT_SVID] = _tokens
            await Agents(nursery, it).start()
            yield it
            nursery.cancel_scope.cancel()


def words(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "handfast.cli", "fetch", *map(str, arguments)]


async def fetch(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end."""
    return await trio.run_process(
        words(*arguments), capture_stdout=True, capture_stderr=True, check=False
    )


class Watching:
    """A command that goes on, and what it says."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self._text = b""

    async def event(self, name: str) -> dict[str, Any]:
        """Wait for an event of a name."""
        assert self.process.stdout is not None
        while True:
            line, newline, rest = self._text.partition(b"\n")
            if newline:
                self._text = rest
                found: dict[str, Any] = json.loads(line)
                if found["event"] == name:
                    return found
                continue
            data = await self.process.stdout.receive_some()
            assert data, "the command has ended"
            self._text += data


@asynccontextmanager
async def watching(*arguments: str | Path) -> AsyncGenerator[Watching, None]:
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(
                trio.run_process,
                words(*arguments, "--watch", "--json"),
                stdout=subprocess.PIPE,
                check=False,
            )
        )
        yield Watching(process)
        nursery.cancel_scope.cancel()


async def line_of(process: trio.Process) -> bytes:
    """Read one line; nothing comes after it for a while."""
    assert process.stdout is not None
    text = b""
    while not text.endswith(b"\n"):
        text += await process.stdout.receive_some()
    return text.strip()


# ---- once ----


@trio_test
async def test_it_says_who_we_are() -> None:
    async with agent() as it:
        done = await fetch("--endpoint", it.endpoint, "--json")
        assert done.returncode == 0, done.stderr
        facts = json.loads(done.stdout)
        assert facts["spiffe_id"] == WEB
        assert facts["identities"] == [WEB, API]
        assert facts["bundles"] == {OWN: 1}
        assert b"PRIVATE" not in done.stdout + done.stderr
        hinted = await fetch("--endpoint", it.endpoint, "--json", "--hint", "in")
        assert json.loads(hinted.stdout)["spiffe_id"] == API
        for_people = await fetch("--endpoint", it.endpoint)
        assert for_people.stdout == b""
        assert WEB.encode() in for_people.stderr


@trio_test
async def test_it_writes_files(tmp_path: Path) -> None:
    async with agent() as it:
        done = await fetch(
            *("--endpoint", it.endpoint, "--write", tmp_path / "out"),
            *("--jwt", "shop", "--jwt-bundles"),
            *("--exec", f"{sys.executable} -c 'import os; print(os.environ)'"),
        )
        assert done.returncode == 0, done.stderr
        assert f"'HANDFAST_DIRECTORY': '{tmp_path}/out'".encode() in done.stdout
        found = FileSource(tmp_path / "out").refresh()
        assert found.svid.chain == svid(WEB).chain
        token = (tmp_path / "out" / "jwt_svid.token").read_text()
        assert token.count(".") == 2
        assert token.encode() not in done.stdout + done.stderr
        assert (tmp_path / "out" / "jwt_bundles" / f"{OWN}.json").exists()


@trio_test
async def test_a_token_goes_to_standard_output_where_there_is_no_file() -> None:
    async with agent() as it:
        done = await fetch("--endpoint", it.endpoint, "--jwt", "shop")
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip().count(b".") == 2
        assert done.stdout.strip() not in done.stderr


@trio_test
async def test_a_command_that_fails_is_a_failure(tmp_path: Path) -> None:
    async with agent() as it:
        for program in ("false", "/nowhere/to/be/found"):
            done = await fetch(
                "--endpoint", it.endpoint, "--write", tmp_path, "--exec", program
            )
            assert done.returncode == 3
            assert program.encode() in done.stderr.replace(b"\n", b"")


@trio_test
async def test_nobody_there_is_exit_code_4() -> None:
    """P7: the reason, and where nobody is."""
    with socket_path() as path:
        done = await fetch("--endpoint", f"unix://{path}", "--wait", "2", "--json")
        assert done.returncode == 4
        facts = json.loads(done.stdout.splitlines()[-1])
        assert facts["exit_code"] == 4
        assert facts["reason"] == "source_unavailable"
        assert str(path) in facts["seen"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--endpoint", "http://agent"],
        ["--endpoint", "unix:relative"],
        ["--signal", "HUP"],
        ["--pid-file", "x"],
        ["--signal", "NOSUCH", "--pid-file", "x", "--endpoint", "unix:///a"],
        ["--wait", "-1"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    """WAPI-11, WAPI-12: and no agent is asked."""
    with pytest.raises((click.ClickException, HandfastError)) as caught:
        command.main(arguments, standalone_mode=False)
    assert exit_code(caught.value) == 2


@trio_test
async def test_a_directory_that_cannot_be_written_is_exit_code_3(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("x")
    async with agent() as it:
        where = tmp_path / "file" / "below"
        done = await fetch("--endpoint", it.endpoint, "--write", where)
        assert done.returncode == 3


# ---- for ever ----


@pytest.mark.parametrize("minutes", [-1, 5])
@trio_test
async def test_a_renewed_certificate_takes_no_ended_token_along(minutes: int) -> None:
    """P7: nor does it wait for a new one, while the agent gives none."""
    async with agent() as it, WorkloadApiSource(it.endpoint) as source:
        before = await source.wait_ready(10)
        life = timedelta(minutes=30)
        begin = datetime.now(UTC) + timedelta(minutes=minutes) - life
        token = SIGNER.sign(WEB, "shop", ttl=life, now=begin)
        it.fail(proto.FETCH_JWT_SVID, StatusCode.UNAVAILABLE)
        job = Job(
            endpoint=it.endpoint,
            hint=None,
            audience=("shop",),
            jwt_bundles=False,
            writer=None,
            after=After(command=None, signum=None, pid_file=None, as_json=True),
            wait=10,
            as_json=True,
        )
        found = await _fetch(job, source, 10, Found(before, token, None))
        assert found.snapshot is before
        assert found.token is (token if minutes > 0 else None)
        with pytest.raises(SourceError):
            await _fetch(job, source, 10)


@trio_test
async def test_files_follow_the_agent(tmp_path: Path) -> None:
    """WAPI-33, WAPI-51: renewed, withdrawn, and there again; a command each time."""
    log = tmp_path / "log"
    program = f"open({str(log)!r}, 'a').write('x')"
    run = shlex.join([sys.executable, "-c", program])
    folder = tmp_path / "out"
    async with (
        agent() as it,
        watching("--endpoint", it.endpoint, "--write", folder, "--exec", run) as on,
    ):
        assert (await on.event("identity"))["generation"] == 1
        it.say(X509, svids(part(svid(WEB, 1))))
        assert (await on.event("identity"))["generation"] == 2
        assert FileSource(folder).refresh().svid.chain == svid(WEB, 1).chain
        it.fail(X509, StatusCode.PERMISSION_DENIED)
        await on.event("withdrawn")
        assert not (folder / "svid_key.pem").exists()
        it.say(X509, svids(part(svid(WEB, 2))))
        await on.event("identity")
        assert FileSource(folder).refresh().svid.chain == svid(WEB, 2).chain
        assert len(log.read_text()) >= 3


@trio_test
async def test_a_signal_is_sent_to_the_process_in_the_file(tmp_path: Path) -> None:
    sleeper = (
        "import signal\n"
        "signal.signal(signal.SIGUSR1, lambda *_: print('heard', flush=True))\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()\n"
    )
    async with agent() as it, trio.open_nursery() as nursery:
        heard: trio.Process = await nursery.start(
            partial(
                trio.run_process,
                [sys.executable, "-c", sleeper],
                stdout=subprocess.PIPE,
                check=False,
            )
        )
        assert await line_of(heard) == b"ready"
        pid_file = tmp_path / "pid"
        pid_file.write_text(f"{heard.pid}\n")
        done = await fetch(
            *("--endpoint", it.endpoint, "--write", tmp_path / "out"),
            *("--signal", "usr1", "--pid-file", pid_file),
        )
        assert done.returncode == 0, done.stderr
        assert await line_of(heard) == b"heard"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("number", ["0", "1", "-1", "x", "", "99999999"])
@trio_test
async def test_a_number_that_is_no_process_gets_no_signal(
    tmp_path: Path, number: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """P7: least of all everybody, as 0 and -1 would be."""
    pid_file = tmp_path / "pid"
    pid_file.write_text(number)
    after = After(command=None, signum=signal.SIGTERM, pid_file=pid_file, as_json=True)
    assert not await after.act(None)
    assert json.loads(capfd.readouterr().out)["event"] == "signal_failed"


@trio_test
async def test_a_watch_that_is_interrupted_ends_quietly(tmp_path: Path) -> None:
    async with (
        agent() as it,
        watching("--endpoint", it.endpoint, "--write", tmp_path) as on,
    ):
        await on.event("identity")
        on.process.send_signal(signal.SIGINT)
        assert await on.process.wait() == 130
        assert (tmp_path / "svid.pem").exists()
