# SPDX-License-Identifier: Apache-2.0
"""spiffe-limbo: SVID validation cases for any implementation, as one JSON file."""
