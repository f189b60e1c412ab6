/* SPDX-License-Identifier: Apache-2.0
 *
 * handfast_lanes.h - signature lanes: eight ECDSA signatures at once (Intel's crypto_mb), where
 * the build has the library and the CPU has AVX-512 IFMA. Part of handfast.h, which includes it.
 *
 * Lanes only ever shorten the way to "it holds": whatever a lane does not find to hold is asked of
 * OpenSSL, and what OpenSSL says counts.
 */
#ifndef HANDFAST_LANES_H
#define HANDFAST_LANES_H

#include <stdbool.h>

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

#ifdef __cplusplus
}
#endif

#endif
