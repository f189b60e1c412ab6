/* SPDX-License-Identifier: Apache-2.0
 *
 * Where sessions wait, from the inside: by a key of 32 bytes, in bounded memory. Nothing here looks
 * at what a session is bound to; session.h does.
 */
#ifndef HF_TLS_SESSION_STORE_H
#define HF_TLS_SESSION_STORE_H

#include <openssl/ssl.h>

#include "base/span.h"

/* Random bytes that belong into the keys that callers make. */
#define HF_SESSION_SEED_SIZE 16
const uint8_t *hf_session_store_seed(const struct hf_session_store *store);

int64_t hf_session_store_max_age(const struct hf_session_store *store);

/* The newest session of this key; NULL when there is none. The caller owns it, and nobody else has
 * the same object: one of TLS 1.3 leaves the store, of another a copy is made. */
SSL_SESSION *hf_session_store_take(struct hf_session_store *store,
                                   const uint8_t key[HF_DIGEST_SIZE]);

/* Takes the session over, whatever happens. `deadline`, of the monotonic clock, is when it is of no
 * use any more. At most `per_key` of one key are kept. Never fails: what cannot be kept is not. */
void hf_session_store_put(struct hf_session_store *store, const uint8_t key[HF_DIGEST_SIZE],
                          SSL_SESSION *session, int64_t deadline, uint32_t per_key);

/* All sessions of this key. */
void hf_session_store_forget(struct hf_session_store *store, const uint8_t key[HF_DIGEST_SIZE]);

/* For the statistics: what was taken was of no use. */
void hf_session_store_refused(struct hf_session_store *store);

#endif
