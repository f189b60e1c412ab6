# SPDX-License-Identifier: Apache-2.0
"""NIST's Public Key Interoperability Test Suite against `ChainVerifier`."""
