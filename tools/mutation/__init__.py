# SPDX-License-Identifier: Apache-2.0
"""The parts of tools/mutate.py: what is changed, how it is tried, what may survive."""
