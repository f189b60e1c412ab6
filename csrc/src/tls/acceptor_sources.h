/* SPDX-License-Identifier: Apache-2.0
 *
 * How many handshakes each address has under way. Only addresses that have some are in the table,
 * so it is as bounded as they are.
 */
#ifndef HF_TLS_ACCEPTOR_SOURCES_H
#define HF_TLS_ACCEPTOR_SOURCES_H

#include <pthread.h>

#include "base/span.h"

/* A peer's address as the system gave it. */
struct hf_remote {
    int family;
    uint16_t port;
    uint32_t scope;
    uint8_t address[16];
};

struct hf_source {
    struct hf_source *next;
    size_t bucket;
    uint32_t count;
    size_t len;
    uint8_t key[8];
};

struct hf_sources {
    pthread_mutex_t lock;
    uint32_t max; /* 0: no limit, and nothing is kept */
    size_t bucket_count;
    struct hf_source **buckets;
};

HF_MUST_USE hf_result hf_sources_open(struct hf_sources *sources, uint32_t max, uint32_t total);
void hf_sources_close(struct hf_sources *sources);

/* One more of this address: false when that is too many, or when there is no memory to know. *out
 * is what to give back; NULL for addresses without a limit. */
bool hf_sources_enter(struct hf_sources *sources, const struct hf_remote *remote,
                      struct hf_source **out);
void hf_sources_leave(struct hf_sources *sources, struct hf_source *source);

#endif
