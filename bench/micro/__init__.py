# SPDX-License-Identifier: Apache-2.0
"""Micro-benchmarks, run by pytest-benchmark."""
