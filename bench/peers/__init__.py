# SPDX-License-Identifier: Apache-2.0
"""What handfast is compared with: one program a peer, all driven the same way."""
