# SPDX-License-Identifier: Apache-2.0
"""Tries mutants of a Python module: pytest, with another file under its name.

The plugin below goes before every other finder of modules (an editable install has one
of its own), so the working tree stays as it is and others may use it meanwhile.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mutation.c_engine import ROOT
from mutation.group import run_whole
from mutation.worker import Outcome

#: Seconds that the tests of one module may take.
LIMIT = 120

_PLUGIN = """\
import importlib.abc
import importlib.util
import os
import sys


class Instead(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):
        if fullname != os.environ["MUTANT_MODULE"]:
            return None
        place = os.environ["MUTANT_FILE"]
        return importlib.util.spec_from_file_location(fullname, place)


sys.meta_path.insert(0, Instead())
"""


class PythonTests:
    """Runs pytest on mutants."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.python = ROOT / ".venv" / "bin" / "python"

    def try_mutant(self, file: str, text: str, tests: Sequence[str]) -> Outcome:
        """Say what becomes of a changed module."""
        try:
            compile(text, file, "exec")
        except SyntaxError:
            return Outcome("invalid")
        module = file.removeprefix("src/").removesuffix(".py").replace("/", ".")
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            changed = Path(folder) / "mutant.py"
            changed.write_text(text, "utf-8")
            Path(folder, "mutant_plugin.py").write_text(_PLUGIN, "utf-8")
            environment = {
                **os.environ,
                "MUTANT_MODULE": module,
                "MUTANT_FILE": str(changed),
                "PYTHONPATH": folder,
                "PYTHONDONTWRITEBYTECODE": "1",
            }
            command = [str(self.python), "-m", "pytest", "-p", "mutant_plugin", "-x"]
            command += ["-q", "-p", "no:cacheprovider", *tests]
            code = run_whole(command, cwd=ROOT, env=environment, timeout=LIMIT)
        if code is None:
            return Outcome("killed", "time")
        return Outcome("survived" if code == 0 else "killed", "pytest")
