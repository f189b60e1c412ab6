# SPDX-License-Identifier: Apache-2.0
"""Selectors: one fact each about a process, as attestation finds it.

Written ``type:value``, in SPIRE's words where SPIRE has them: ``unix:uid:1000``,
``unix:path:/usr/bin/web``, ``k8s:pod-uid:…``. Only the first colon divides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from handfast.errors import ConfigError, Reason, detail_for
from handfast.text import escape

if TYPE_CHECKING:
    from typing import Final

__all__ = ["SELECTOR_MAX", "Selector"]

#: Bytes of a selector as text: a path of 4,096 bytes fits.
SELECTOR_MAX: Final = 4200

_TYPE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def _refuse(expected: str, seen: str) -> NoReturn:
    raise ConfigError(
        detail_for(Reason.CONFIG_INVALID, expected=expected, seen=f"'{escape(seen)}'")
    )


@dataclass(frozen=True, slots=True, order=True, repr=False)
class Selector:
    """One fact about a process; compared byte for byte.

    Attributes:
        type: Who found it: ``unix``, ``systemd``, ``docker``, ``k8s``.
        value: What was found: ``uid:1000``.

    Example:
        >>> Selector.parse("unix:uid:1000")
        Selector('unix:uid:1000')
        >>> Selector.parse("unix:uid:1000").value
        'uid:1000'
    """

    type: str
    value: str

    def __post_init__(self) -> None:
        if not _TYPE.fullmatch(self.type):
            _refuse("a selector's type of a-z, 0-9, '_' and '-'", self.type)
        if not self.value:
            _refuse("a selector with a value: TYPE:VALUE", f"{self.type}:")
        if not self.value.isprintable():
            # What does not show in a list of entries cannot be reviewed there.
            _refuse("a selector of printable characters", self.value)
        if len(str(self).encode("utf-8", "surrogatepass")) > SELECTOR_MAX:
            _refuse(f"a selector of at most {SELECTOR_MAX} bytes", self.value)

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Read ``type:value``.

        Raises:
            ConfigError: It is not that.
        """
        kind, colon, value = text.partition(":")
        if not colon:
            _refuse("a selector: TYPE:VALUE, as unix:uid:1000", text)
        return cls(kind, value)

    def __str__(self) -> str:
        return f"{self.type}:{self.value}"

    def __repr__(self) -> str:
        return f"Selector('{self}')"
