/* SPDX-License-Identifier: Apache-2.0
 *
 * One shard of a store of sessions: places, and who gives way. Nothing here locks, and nothing is
 * freed here but by hf_session_shard_clear(): what goes is handed out, to be freed when the lock is
 * not held.
 *
 * Keys are random, or digests over random bytes of ours: nobody chooses where a session comes to
 * lie. So the table needs no chains. A key picks a set of eight places, and when all of them are
 * taken the one that came first makes room, after what is over and what is too much for its key.
 *
 * What is over also goes when nobody asks for it, so that its secrets do not wait in memory for a
 * key that never comes: each insertion looks through one more set.
 */
#ifndef HF_TLS_SESSION_SHARD_H
#define HF_TLS_SESSION_SHARD_H

#include <openssl/ssl.h>

#include "base/span.h"

#define HF_SESSION_WAYS 8

struct hf_session_place {
    SSL_SESSION *session; /* NULL: free */
    uint8_t key[HF_DIGEST_SIZE];
    int64_t deadline; /* of the monotonic clock */
    uint64_t number;  /* of its insertion */
};

struct hf_session_shard {
    uint32_t ways;
    uint32_t sets;
    uint32_t swept;                  /* the set that is looked through next */
    struct hf_session_place *places; /* NULL before the first insertion */
    uint64_t live;
    uint64_t hits;
    uint64_t misses;
    uint64_t inserts;
    uint64_t evictions;
};

/* Sessions that left the table. */
struct hf_session_gone {
    size_t count;
    SSL_SESSION *sessions[2 * HF_SESSION_WAYS];
};
void hf_session_gone_free(struct hf_session_gone *gone);

/* The newest of this key, for the caller alone: one of TLS 1.3 leaves the table, of another a copy
 * is made. */
SSL_SESSION *hf_session_shard_take(struct hf_session_shard *shard,
                                   const uint8_t key[HF_DIGEST_SIZE]);

/* `session` is in the table then, or among `gone`. */
void hf_session_shard_put(struct hf_session_shard *shard, const struct hf_session_place *wanted,
                          uint32_t per_key, struct hf_session_gone *gone);

void hf_session_shard_forget(struct hf_session_shard *shard, const uint8_t key[HF_DIGEST_SIZE],
                             struct hf_session_gone *gone);

void hf_session_shard_clear(struct hf_session_shard *shard);

#endif
