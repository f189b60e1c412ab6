# SPDX-License-Identifier: Apache-2.0
"""Third opinions: where OpenSSL, `cryptography` and handfast differ, and why."""
