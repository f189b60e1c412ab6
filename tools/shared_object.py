# SPDX-License-Identifier: Apache-2.0
"""What a built extension module offers and asks for, from its ELF or Mach-O file."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elftools.elf.constants import P_FLAGS
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

if TYPE_CHECKING:
    from pathlib import Path

DF_1_NOW, DF_1_NODELETE = 0x1, 0x8


@dataclass(frozen=True, slots=True)
class SharedObject:
    """The facts that the checks are about."""

    exported: frozenset[str]  # defined here and visible to other libraries
    needed: frozenset[str]  # libraries loaded with it
    has_executable_stack: bool
    binds_at_load: bool  # RELRO and BIND_NOW, or what the platform always does
    stays_loaded: bool  # dlclose does not unload it


def read(path: Path) -> SharedObject:
    """Read a module of this platform."""
    return read_macho(path) if sys.platform == "darwin" else read_elf(path)


def read_elf(path: Path) -> SharedObject:
    """Read an ELF file without any tool of a compiler."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        symbols = elf.get_section_by_name(".dynsym")
        dynamic = elf.get_section_by_name(".dynamic")
        if not (
            isinstance(symbols, SymbolTableSection)
            and isinstance(dynamic, DynamicSection)
        ):
            raise ValueError(f"{path.name} is not a shared library")  # noqa: TRY004
        exported = frozenset(
            str(symbol.name)
            for symbol in symbols.iter_symbols()
            if symbol["st_shndx"] != "SHN_UNDEF" and symbol.name
        )
        tags = {tag.entry.d_tag: tag for tag in dynamic.iter_tags()}
        needed = frozenset(
            str(getattr(tag, "needed", ""))
            for tag in dynamic.iter_tags()
            if tag.entry.d_tag == "DT_NEEDED"
        )
        segments = {segment["p_type"]: segment for segment in elf.iter_segments()}
        stack = segments.get("PT_GNU_STACK")
        # No header at all means an executable stack on most machines.
        executable = stack is None or bool(stack["p_flags"] & P_FLAGS.PF_X)
        flags = tags["DT_FLAGS_1"].entry.d_val if "DT_FLAGS_1" in tags else 0
        now = "DT_BIND_NOW" in tags or bool(flags & DF_1_NOW)
        binds = now and "PT_GNU_RELRO" in segments
    stays = bool(flags & DF_1_NODELETE)
    return SharedObject(exported, needed, executable, binds, stays)


def read_macho(path: Path) -> SharedObject:
    """Read a Mach-O file with the tools that Xcode's command line brings."""

    def lines_of(*command: str) -> list[str]:
        text = subprocess.run(command, check=True, capture_output=True, text=True)
        return [line for line in text.stdout.splitlines() if line.strip()]

    names = (line.split()[-1] for line in lines_of("nm", "-gU", str(path)))
    loaded = lines_of("otool", "-L", str(path))[1:]
    return SharedObject(
        frozenset(name.removeprefix("_") for name in names),
        frozenset(line.split()[0] for line in loaded),
        has_executable_stack=False,
        binds_at_load=True,
        stays_loaded=True,  # dyld never unloads what has thread-local variables
    )
