# SPDX-License-Identifier: Apache-2.0
"""The build backend: scikit-build-core, and crypto_mb where there is one.

pyproject.toml names this module, so that builds in isolation get the library of the
signature lanes, too. Its packages are there for x86-64 Linux with glibc alone; what
pyproject.toml could say (a marker) does not tell glibc from musl, and a requirement
that cannot be had would end the build instead of making one without lanes.

`--config-settings=cmake.define.HANDFAST_MB=OFF` builds without lanes and asks for
nothing. A folder of its own: frontends look for modules in it before anywhere else.
"""

from __future__ import annotations

import os
import platform
import sys
from typing import Any

LANES = ("ipp-crypto-static>=2026.2", "ipp-crypto-include>=2026.2")
# What the packages are built for: manylinux_2_28.
GLIBC = (2, 28)


def lanes() -> list[str]:
    """Return what the signature lanes need on this machine: nothing, or the library."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return []
    # "glibc 2.36"; musl and others have no such name.
    if "CS_GNU_LIBC_VERSION" not in os.confstr_names:
        return []
    name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    numbers = [int(part) for part in version.split(".")[:2] if part.isdecimal()]
    return list(LANES) if name == "glibc" and tuple(numbers) >= GLIBC else []


def _with_lanes(found: list[str], config_settings: dict[str, Any] | None) -> list[str]:
    switched = (config_settings or {}).get("cmake.define.HANDFAST_MB")
    return found if switched == "OFF" else [*found, *lanes()]


def get_requires_for_build_wheel(
    config_settings: dict[str, Any] | None = None,
) -> list[str]:
    """Return what building a wheel needs beside build-system.requires."""
    from scikit_build_core import build  # noqa: PLC0415 - not there in lanes()'s callers

    return _with_lanes(
        build.get_requires_for_build_wheel(config_settings), config_settings
    )


def get_requires_for_build_editable(
    config_settings: dict[str, Any] | None = None,
) -> list[str]:
    """Return what an editable installation needs beside build-system.requires."""
    from scikit_build_core import build  # noqa: PLC0415 - see above

    return _with_lanes(
        build.get_requires_for_build_editable(config_settings), config_settings
    )


def __getattr__(name: str) -> Any:
    """Every other hook is scikit-build-core's."""
    if name.startswith("__"):
        raise AttributeError(name)
    from scikit_build_core import build  # noqa: PLC0415 - see above

    return getattr(build, name)
