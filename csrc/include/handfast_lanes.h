/* SPDX-License-Identifier: Apache-2.0
 *
 * handfast_lanes.h - signature lanes: eight ECDSA signatures at once (Intel's crypto_mb), where
 * the build has the library and the CPU has AVX-512 IFMA. Part of handfast.h, which includes it.
 * The same switch is that of X25519 keys for handshakes, which are made eight at a time.
 *
 * Lanes only ever shorten the way to "it holds": whatever a lane does not find to hold is asked of
 * OpenSSL, and what OpenSSL says counts.
 */
#ifndef HANDFAST_LANES_H
#define HANDFAST_LANES_H

#include <stdbool.h>

#include "handfast.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Switch the lanes of this process off, or on again; they begin switched on. The engine reads no
 * environment: Python passes HANDFAST_MB on. Any thread, any time; work that runs ends as it
 * began. */
void hf_mb_allow(bool allowed);

/* True when lanes are built in, allowed, supported by this CPU and passed their self-test, which
 * the first question runs (a few milliseconds). A failed self-test is for good. Any thread. */
bool hf_mb_available(void);

/* The same as a word, for people: "avx512ifma" (available), "off" (switched off), "not built",
 * "unsupported" (by this CPU), "failed" (the self-test did). */
const char *hf_mb_state(void);

/* One signature, by a lane of the caller's choice: for test vectors. BOTH is what a batch does:
 * the lane first, and OpenSSL about everything that did not hold there. */
#define HF_LANE_OPENSSL 0
#define HF_LANE_MB 1
#define HF_LANE_BOTH 2

/* `algorithm` is one of the allow-list: "ecdsa-sha256" (-sha384, -sha512), "rsa-sha256" (...),
 * "rsa-pss-sha256" (...), "ed25519"; the key a SubjectPublicKeyInfo, read as strictly as in a
 * certificate (HF_E_DER_*, HF_E_CERT_KEY). HF_E_BAD_SIGNATURE when the signature does not hold, or,
 * by HF_LANE_MB, when no lane says that it does. */
HF_MUST_USE hf_result hf_signature_check(int lane, const char *algorithm, const uint8_t *spki,
                                         size_t spki_len, const uint8_t *message,
                                         size_t message_len, const uint8_t *signature,
                                         size_t signature_len);

/* What an X25519 key and a peer's public one agree on, computed as for a handshake: for test
 * vectors. HF_E_OPENSSL when they agree on nothing (a peer's point of small order, another length).
 */
#define HF_X25519_BYTES 32
HF_MUST_USE hf_result hf_x25519_agree(const uint8_t private_key[HF_X25519_BYTES],
                                      const uint8_t *peer, size_t peer_len,
                                      uint8_t out[HF_X25519_BYTES]);

#ifdef __cplusplus
}
#endif

#endif
