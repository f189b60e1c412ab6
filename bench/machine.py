# SPDX-License-Identifier: Apache-2.0
"""What a reader must know about the machine to believe a figure."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

CPU = Path("/sys/devices/system/cpu")


def _read(path: Path) -> str | None:
    """Return a kernel file's text; None where this kernel (or system) has none."""
    try:
        return path.read_text("utf-8").strip()
    except OSError:
        return None


def _cpuinfo(key: str) -> str | None:
    text = _read(Path("/proc/cpuinfo")) or ""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return None


def steal_ticks() -> int | None:
    """Return what the hypervisor took from us so far (hundredths of a second)."""
    text = _read(Path("/proc/stat"))
    return None if text is None else int(text.split("\n", 1)[0].split()[8])


def facts() -> dict[str, Any]:
    """Return the machine's part of a report."""
    affinity = (
        sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    )
    return {
        "cpu": _cpuinfo("model name") or platform.processor(),
        "microcode": _cpuinfo("microcode"),
        "cpus": os.cpu_count(),
        "affinity": affinity,
        "smt": _read(CPU / "smt/control"),
        "governor": _read(CPU / "cpu0/cpufreq/scaling_governor"),
        "boost": _read(CPU / "cpufreq/boost"),
        "hypervisor": "hypervisor" in (_cpuinfo("flags") or ""),
        "kernel": platform.platform(),
        "load": [round(value, 2) for value in os.getloadavg()],
    }
