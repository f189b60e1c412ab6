# SPDX-License-Identifier: Apache-2.0
"""What attestation can find: an entry that asks for anything else fits nobody.

Who writes entries is told so at once. A misspelt selector would otherwise be found out
by a workload that gets nothing, on another day, by somebody else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from handfast.authority.refusal import refuse
from handfast.text import escape

if TYPE_CHECKING:
    from handfast.authority.selectors import Selector

__all__ = ["need_attestable"]

_NUMBER: Final = r"0|[1-9][0-9]{0,9}"
_PATH: Final = r"/.*[^/]"
_HEX: Final = r"[0-9a-f]{64}"

#: By type and name: what the value looks like.
_FOUND: Final = {
    "unix:uid": _NUMBER,
    "unix:gid": _NUMBER,
    "unix:supplementary_gid": _NUMBER,
    "unix:path": _PATH,
    "unix:parent_path": _PATH,
    "unix:sha256": _HEX,
    "systemd:id": r".+\.[a-z]+",
    "k8s:pod-uid": r"[0-9a-f-]{32,36}",
    "container:id": _HEX,
    "docker:container_id": _HEX,
    "containerd:container_id": _HEX,
    "crio:container_id": _HEX,
    "podman:container_id": _HEX,
}
_HINTS: Final = {
    "unix:user": "names are not asked for: unix:uid and the number",
    "unix:group": "names are not asked for: unix:gid and the number",
    _NUMBER: "a number, without zeros before it",
    _PATH: "a whole path, as `readlink -f` prints it",
    _HEX: "64 digits of 0-9 and a-f: of a file as `sha256sum` prints it",
}


def need_attestable(selector: Selector) -> Selector:
    """See that a process could have a selector.

    Returns:
        The selector.

    Raises:
        ConfigError: None can.

    Example:
        >>> from handfast.authority.selectors import Selector
        >>> str(need_attestable(Selector.parse("unix:uid:1000")))
        'unix:uid:1000'
        >>> need_attestable(Selector.parse("unix:user:web"))
        Traceback (most recent call last):
        handfast.errors.ConfigError: a setting is not valid: ...
    """
    name, _, value = selector.value.partition(":")
    known = f"{selector.type}:{name}"
    form = _FOUND.get(known)
    if form is None:
        expected = f"what attestation finds: {', '.join(_FOUND)}"
        refuse(expected, f"'{escape(str(selector))}'", _HINTS.get(known, ""))
    if re.fullmatch(form, value) is None:
        seen = f"'{escape(str(selector))}'"
        refuse(f"a value that {known} can have", seen, _HINTS.get(form, ""))
    return selector
