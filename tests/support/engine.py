# SPDX-License-Identifier: Apache-2.0
"""What depends on the OpenSSL that the engine was built on."""

from __future__ import annotations

from handfast import openssl_version

PINNED = openssl_version().origin == "pinned"

#: The alert for a peer that may not come in, by number and in OpenSSL's words. Another
#: OpenSSL cannot be told to send access_denied: csrc/src/tls/alert.c.
NOT_AUTHORIZED_ALERT = 49 if PINNED else 46
NOT_AUTHORIZED_TEXT = "access denied" if PINNED else "certificate unknown"

#: OpenSSL 3.5 names signature algorithms as TLS does, 3.0 by key and digest.
P256_SIGNATURE = "ecdsa_secp256r1" if PINNED else ("ecdsa_secp256r1", "id-ecPublicKey")
