/* SPDX-License-Identifier: Apache-2.0
 *
 * A small hash table under a lock. Whoever has many addresses can make one bucket long, but no
 * longer than the limit of all handshakes.
 */
#include "tls/acceptor_sources.h"

#include <sys/socket.h>

#define BUCKETS_MAX 4096

hf_result hf_sources_open(struct hf_sources *sources, uint32_t max, uint32_t total)
{
    HF_NEED(pthread_mutex_init(&sources->lock, NULL) == 0, HF_E_OUT_OF_MEMORY);
    sources->max = max;
    sources->bucket_count = 16;
    while (sources->bucket_count < total && sources->bucket_count < BUCKETS_MAX) {
        sources->bucket_count *= 2;
    }
    if (max != 0) {
        sources->buckets = hf_mem_new_array(sources->bucket_count, sizeof(*sources->buckets));
        HF_NEED_MEM(sources->buckets);
    }
    return hf_ok();
}

void hf_sources_close(struct hf_sources *sources)
{
    /* Every handshake gave its place back by now. */
    hf_mem_free(sources->buckets);
    (void)pthread_mutex_destroy(&sources->lock);
}

/* What counts as one address: IPv4 whole, also when mapped into IPv6, and of IPv6 the /64 that one
 * host is given. */
static struct hf_span key_of(const struct hf_remote *remote)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (remote->family == AF_INET) {
        return hf_span_of(remote->address, 4);
    }
    if (remote->family == AF_INET6) {
        return hf_mem_equal(remote->address, sizeof(mapped), mapped, sizeof(mapped))
                   ? hf_span_of(remote->address + sizeof(mapped), 4)
                   : hf_span_of(remote->address, 8);
    }
    return hf_span_of(NULL, 0);
}

static size_t bucket_of(const struct hf_sources *sources, struct hf_span key)
{
    uint64_t hash = 0xcbf29ce484222325U; /* FNV-1a */
    for (size_t i = 0; i < key.len; i++) {
        hash = (hash ^ key.data[i]) * 0x100000001b3U;
    }
    return (size_t)(hash ^ hash >> 32) & (sources->bucket_count - 1);
}

/* Under the lock. NULL: no memory. */
static struct hf_source *find_or_make(struct hf_sources *sources, struct hf_span key)
{
    size_t bucket = bucket_of(sources, key);
    struct hf_source *source = sources->buckets[bucket];
    while (source != NULL && !hf_span_equal(hf_span_of(source->key, source->len), key)) {
        source = source->next;
    }
    if (source != NULL) {
        return source;
    }
    source = hf_mem_new(sizeof(*source));
    if (source == NULL || !hf_mem_copy(source->key, sizeof(source->key), key.data, key.len)) {
        hf_mem_free(source);
        return NULL;
    }
    source->len = key.len;
    source->bucket = bucket;
    source->next = sources->buckets[bucket];
    sources->buckets[bucket] = source;
    return source;
}

bool hf_sources_enter(struct hf_sources *sources, const struct hf_remote *remote,
                      struct hf_source **out)
{
    struct hf_span key = key_of(remote);
    *out = NULL;
    if (sources->max == 0 || key.len == 0) {
        return true;
    }
    (void)pthread_mutex_lock(&sources->lock);
    struct hf_source *source = find_or_make(sources, key);
    bool has_room = source != NULL && source->count < sources->max;
    if (has_room) {
        source->count++;
        *out = source;
    }
    (void)pthread_mutex_unlock(&sources->lock);
    return has_room;
}

void hf_sources_leave(struct hf_sources *sources, struct hf_source *source)
{
    if (source == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&sources->lock);
    source->count--;
    if (source->count == 0) {
        struct hf_source **link = &sources->buckets[source->bucket];
        while (*link != source) {
            link = &(*link)->next;
        }
        *link = source->next;
        hf_mem_free(source);
    }
    (void)pthread_mutex_unlock(&sources->lock);
}
