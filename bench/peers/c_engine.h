/* SPDX-License-Identifier: Apache-2.0
 *
 * c_engine.h - what peers on handfast's engine have in common.
 */
#ifndef HANDFAST_BENCH_C_ENGINE_H
#define HANDFAST_BENCH_C_ENGINE_H

#include <handfast.h>

#define TRUST_DOMAIN "bench.example"

/* End the process with the engine's own words, at once or when a call failed. */
_Noreturn void engine_die(const char *what);
void engine_need(hf_result result, const char *what);

/* A verifier that trusts one authority, lets all of the trust domain in and has met nobody yet.
 * cache NULL: none. */
struct hf_verifier *engine_verifier(const uint8_t *anchor, size_t len,
                                    struct hf_chain_cache *cache);

#endif
