# SPDX-License-Identifier: Apache-2.0
"""Containers, pods and systemd units, read off the cgroups of a process.

A cgroup is a path of names, and who may make a directory chooses its name. The kernel
and the machine's root make the upper ones; below a delegated one (user@1000.service, a
container's own) everybody may write what he likes. So:

1. Only the outermost container counts, and what is above it must be slices of systemd's
   or the names that Kubernetes and the runtimes use; anything else is no evidence.
2. The unit is the first name that is not a slice, as systemd itself reads it.
3. Only systemd's own hierarchy, or version 2, names a unit.
4. Version 1 has several hierarchies. When one says that the process is elsewhere than
   in that container or pod, it is in none: somebody may have been given one of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from handfast.authority.selectors import Selector

__all__ = ["cgroup_selectors"]

_DISAGREE: Final = "the cgroup hierarchies disagree"

_ID: Final = r"([0-9a-f]{64})"
_POD: Final = r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})"
_SLICE: Final = re.compile(r"[A-Za-z0-9:_.\\-]+\.slice")
_UNIT: Final = re.compile(r"[A-Za-z0-9:_.\\@-]+\.(?:service|scope|socket|mount|swap)")
# What runtimes call their scopes where systemd makes the cgroups.
_RUNTIMES: Final = {
    "docker": "docker",
    "cri-containerd": "containerd",
    "nerdctl": "containerd",
    "crio": "crio",
    "libpod": "podman",
}
_SCOPE: Final = re.compile(rf"({'|'.join(_RUNTIMES)})-{_ID}\.scope")
_POD_SLICE: Final = re.compile(rf"kubepods(?:-besteffort|-burstable)?-{_POD}\.slice")
# And where the runtimes make them themselves.
_OWN_PARENTS: Final = {"docker": "docker", "libpod_parent": "podman"}
_OWN: Final = re.compile(rf"(?:libpod-|crio-)?{_ID}")
_POD_FOLDER: Final = re.compile(_POD)
_QOS: Final = {"besteffort", "burstable"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What one path says."""

    runtime: str | None = None
    container: str | None = None
    pod: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    """One hierarchy: its names from the root, and what they say."""

    names: tuple[str, ...]
    place: _Place
    is_systemds: bool


def cgroup_selectors(text: str) -> tuple[frozenset[Selector], dict[str, str]]:
    """Read /proc/PID/cgroup.

    Returns:
        The selectors, and why others are missing.

    Example:
        >>> text = "0::/system.slice/web.service"
        >>> [str(it) for it in cgroup_selectors(text)[0]]
        ['systemd:id:web.service']
    """
    # Not splitlines(): the kernel keeps LF out of names, but neither CR nor U+2028. A
    # line of its own choice would name a unit that the process is not in.
    lines = [it for it in map(_read_line, text.split("\n")) if it is not None]
    found: set[Selector] = set()
    missing: dict[str, str] = {}
    units = {it.place.unit for it in lines if it.is_systemds and it.place.unit}
    if len(units) == 1:
        found.add(Selector("systemd", f"id:{units.pop()}"))
    elif units:
        missing["systemd:id"] = _DISAGREE
    places = {_of_container(it.place): it for it in lines if _has_container(it.place)}
    if len(places) > 1 or not all(_agree(it, lines) for it in places.values()):
        missing |= dict.fromkeys(("container:id", "k8s:pod-uid"), _DISAGREE)
        return frozenset(found), missing
    for runtime, container, pod in places:
        if pod is not None:
            found.add(Selector("k8s", f"pod-uid:{pod}"))
        if container is not None:
            found.add(Selector("container", f"id:{container}"))
        if runtime is not None:
            found.add(Selector(runtime, f"container_id:{container}"))
    return frozenset(found), missing


def _has_container(place: _Place) -> bool:
    return place.container is not None or place.pod is not None


def _of_container(place: _Place) -> tuple[str | None, str | None, str | None]:
    return place.runtime, place.container, place.pod


def _agree(one: _Line, lines: list[_Line]) -> bool:
    """Whether no hierarchy says that the process is somewhere else.

    Of version 1 some may be used less deeply than others, up to not at all.
    """
    return all(
        _has_container(other.place) or one.names[: len(other.names)] == other.names
        for other in lines
    )


def _read_line(line: str) -> _Line | None:
    """Take one line apart; None for one that says nothing."""
    fields = line.split(":", 2)
    if len(fields) != 3 or not fields[2].startswith("/"):  # noqa: PLR2004 - id:controllers:path
        return None
    names = fields[2][1:].removesuffix(" (deleted)").split("/")
    # Outside of our cgroup namespace the kernel counts upwards, and names are relative.
    if ".." in names or not names[0]:
        return None
    is_systemds = fields[1] in {"", "name=systemd"}
    return _Line(tuple(names), _place(names), is_systemds)


def _place(names: list[str]) -> _Place:
    rest = list(names)
    pod: str | None = None
    while rest and _SLICE.fullmatch(rest[0]):
        if found := _POD_SLICE.fullmatch(rest[0]):
            pod = _uid(found[1])
        rest.pop(0)
    if not rest:
        return _Place(pod=pod)
    if scope := _SCOPE.fullmatch(rest[0]):
        runtime = _RUNTIMES[scope[1]]
        return _Place(runtime=runtime, container=scope[2], pod=pod, unit=rest[0])
    if _UNIT.fullmatch(rest[0]):
        return _Place(unit=rest[0])
    return _without_systemd(names)


def _without_systemd(names: list[str]) -> _Place:
    """Read the path that a runtime or the kubelet made itself, from the root."""
    match names:
        case [parent, own, *_] if parent in _OWN_PARENTS:
            found = _OWN.fullmatch(own)
            if found is None:
                return _Place()
            return _Place(runtime=_OWN_PARENTS[parent], container=found[1])
        case ["kubepods", qos, *rest] if qos in _QOS:
            return _pod(rest)
        case ["kubepods", *rest]:
            return _pod(rest)
        case _:
            return _Place()


def _pod(names: list[str]) -> _Place:
    found = _POD_FOLDER.fullmatch(names[0]) if names else None
    if found is None:
        return _Place()
    own = _OWN.fullmatch(names[1]) if len(names) > 1 else None
    return _Place(pod=_uid(found[1]), container=own[1] if own else None)


def _uid(text: str) -> str:
    """Undo what systemd's names make of a pod's UID."""
    return text.replace("_", "-")
