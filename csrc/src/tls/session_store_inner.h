/* SPDX-License-Identifier: Apache-2.0
 *
 * A store's parts, for the two files that it is made of.
 *
 * Theory of operation. A key picks a shard, which is a lock and a table (session_shard.h). Only
 * authenticated and authorized peers have sessions at all. Objects of OpenSSL are freed outside of
 * the locks.
 *
 * Forks (D9, base/forks.h): a shard is closed before one and marked stale in the child, which drops
 * the parent's sessions when it uses the shard next.
 */
#ifndef HF_TLS_SESSION_STORE_INNER_H
#define HF_TLS_SESSION_STORE_INNER_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/forks.h"
#include "base/refcount.h"
#include "tls/session_shard.h"
#include "tls/session_store.h"

struct hf_session_locked {
    pthread_mutex_t lock;
    bool closed; /* a fork is under way */
    bool stale;  /* what is in it is the parent's */
    struct hf_session_shard table;
};

struct hf_session_store {
    struct hf_refcount refs;
    struct hf_fork_watch forks;
    atomic_uint_least64_t refused;
    int64_t max_age;
    uint32_t shard_count;
    uint8_t seed[HF_SESSION_SEED_SIZE];
    struct hf_session_locked shards[];
};

#endif
