# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: handfast beside its peers, in one run, on one machine."""
