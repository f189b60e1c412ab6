# SPDX-License-Identifier: Apache-2.0
"""``python -m handfast.cli`` is the ``handfast`` command."""

from __future__ import annotations

from handfast.cli import main

main()
