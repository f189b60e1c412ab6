/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/session_shard.h"

#include "base/clock.h"

static struct hf_session_place *set_at(const struct hf_session_shard *shard, uint32_t set)
{
    return shard->places == NULL ? NULL : &shard->places[(size_t)set * shard->ways];
}

static struct hf_session_place *set_of(const struct hf_session_shard *shard,
                                       const uint8_t key[HF_DIGEST_SIZE])
{
    uint32_t hash =
        (uint32_t)key[0] | (uint32_t)key[1] << 8 | (uint32_t)key[2] << 16 | (uint32_t)key[3] << 24;
    return set_at(shard, hash % shard->sets);
}

static bool has_key(const struct hf_session_place *place, const uint8_t key[HF_DIGEST_SIZE])
{
    return place->session != NULL && hf_mem_equal_secret(place->key, key, HF_DIGEST_SIZE);
}

static SSL_SESSION *vacate(struct hf_session_shard *shard, struct hf_session_place *place)
{
    SSL_SESSION *session = place->session;
    shard->live -= session != NULL;
    place->session = NULL;
    return session;
}

static void discard(struct hf_session_shard *shard, struct hf_session_place *place,
                    struct hf_session_gone *gone)
{
    SSL_SESSION *session = vacate(shard, place);
    if (session != NULL) {
        gone->sessions[gone->count++] = session;
    }
}

void hf_session_gone_free(struct hf_session_gone *gone)
{
    for (size_t i = 0; i < gone->count; i++) {
        SSL_SESSION_free(gone->sessions[i]);
    }
    gone->count = 0;
}

SSL_SESSION *hf_session_shard_take(struct hf_session_shard *shard,
                                   const uint8_t key[HF_DIGEST_SIZE])
{
    struct hf_session_place *newest = NULL;
    struct hf_session_place *set = set_of(shard, key);
    for (uint32_t i = 0; set != NULL && i < shard->ways; i++) {
        if (has_key(&set[i], key) && (newest == NULL || set[i].number > newest->number)) {
            newest = &set[i];
        }
    }
    if (newest == NULL) {
        shard->misses++;
        return NULL;
    }
    shard->hits++;
    return SSL_SESSION_get_protocol_version(newest->session) == TLS1_3_VERSION
               ? vacate(shard, newest)
               : SSL_SESSION_dup(newest->session);
}

/* Where a new session of this key goes. */
static struct hf_session_place *choose(const struct hf_session_shard *shard,
                                       const uint8_t key[HF_DIGEST_SIZE], uint32_t per_key,
                                       int64_t now)
{
    struct hf_session_place *set = set_of(shard, key);
    struct hf_session_place *own = NULL; /* the oldest of this key */
    struct hf_session_place *oldest = &set[0];
    struct hf_session_place *vacant = NULL;
    uint32_t same = 0;
    for (uint32_t i = 0; i < shard->ways; i++) {
        struct hf_session_place *place = &set[i];
        if (place->session == NULL || place->deadline <= now) {
            vacant = place;
            continue;
        }
        if (has_key(place, key)) {
            same++;
            own = own == NULL || place->number < own->number ? place : own;
        }
        oldest = place->number < oldest->number ? place : oldest;
    }
    if (same >= per_key) {
        return own;
    }
    return vacant == NULL ? oldest : vacant;
}

static void sweep(struct hf_session_shard *shard, int64_t now, struct hf_session_gone *gone)
{
    struct hf_session_place *set = set_at(shard, shard->swept);
    shard->swept = (shard->swept + 1) % shard->sets;
    for (uint32_t i = 0; i < shard->ways; i++) {
        if (set[i].deadline <= now) {
            discard(shard, &set[i], gone);
        }
    }
}

void hf_session_shard_put(struct hf_session_shard *shard, const struct hf_session_place *wanted,
                          uint32_t per_key, struct hf_session_gone *gone)
{
    int64_t now = hf_clock_monotonic();
    if (shard->places == NULL) {
        shard->places = hf_mem_new_array((size_t)shard->sets * shard->ways, sizeof(*shard->places));
    }
    if (shard->places == NULL) {
        gone->sessions[gone->count++] = wanted->session;
        return;
    }
    sweep(shard, now, gone);
    struct hf_session_place *place = choose(shard, wanted->key, per_key, now);
    shard->evictions += place->session != NULL && place->deadline > now;
    discard(shard, place, gone);
    *place = *wanted;
    place->number = ++shard->inserts;
    shard->live++;
}

void hf_session_shard_forget(struct hf_session_shard *shard, const uint8_t key[HF_DIGEST_SIZE],
                             struct hf_session_gone *gone)
{
    struct hf_session_place *set = set_of(shard, key);
    for (uint32_t i = 0; set != NULL && i < shard->ways; i++) {
        if (has_key(&set[i], key)) {
            discard(shard, &set[i], gone);
        }
    }
}

void hf_session_shard_clear(struct hf_session_shard *shard)
{
    for (size_t i = 0; shard->places != NULL && i < (size_t)shard->sets * shard->ways; i++) {
        SSL_SESSION_free(shard->places[i].session);
    }
    hf_mem_free(shard->places);
    shard->places = NULL;
    shard->live = 0;
}
