# SPDX-License-Identifier: Apache-2.0
"""What the Python targets share."""

from __future__ import annotations

from fuzzing.imports import instrumented

__all__ = ["instrumented"]
