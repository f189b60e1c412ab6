/* SPDX-License-Identifier: Apache-2.0
 *
 * Theory of operation. Keys are random, or digests over random bytes of ours: nobody chooses where
 * a session comes to lie. So the table needs no chains: the key picks a shard (a lock) and in it a
 * set of eight places, and when all of them are taken the one that came first makes room, after
 * what is over and what is too much for its key. Only authenticated and authorized peers have
 * sessions at all. Objects of OpenSSL are freed outside of the locks.
 *
 * Forks (D9, base/forks.h): a shard is closed before one and marked stale in the child, which drops
 * the parent's sessions when it uses the shard next.
 */
#include "tls/session_store.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/forks.h"
#include "base/refcount.h"
#include "x509/ossl.h"

#define WAYS 8
#define SHARDS_MAX 16

struct place {
    SSL_SESSION *session; /* NULL: free */
    uint8_t key[HF_DIGEST_SIZE];
    int64_t deadline;
    uint64_t number; /* of its insertion */
};

struct shard {
    pthread_mutex_t lock;
    bool closed; /* a fork is under way */
    bool stale;  /* what is in it is the parent's */
    struct place *places;
    uint64_t live;
    uint64_t hits;
    uint64_t misses;
    uint64_t inserts;
    uint64_t evictions;
};

struct hf_session_store {
    struct hf_refcount refs;
    struct hf_fork_watch forks;
    atomic_uint_least64_t refused;
    int64_t max_age;
    uint32_t ways;
    uint32_t sets; /* in each shard */
    uint32_t shard_count;
    uint8_t seed[HF_SESSION_SEED_SIZE];
    struct shard shards[];
};

/* ---- forks -------------------------------------------------------------------------------- */

static struct hf_session_store *store_of(struct hf_fork_watch *watch)
{
    return (struct hf_session_store *)(void *)((char *)watch -
                                               offsetof(struct hf_session_store, forks));
}

static void set_closed(struct hf_session_store *store, bool closed)
{
    for (uint32_t i = 0; i < store->shard_count; i++) {
        (void)pthread_mutex_lock(&store->shards[i].lock);
        store->shards[i].closed = closed;
        (void)pthread_mutex_unlock(&store->shards[i].lock);
    }
}

static void before_fork(struct hf_fork_watch *watch)
{
    set_closed(store_of(watch), true);
}

static void after_fork_parent(struct hf_fork_watch *watch)
{
    set_closed(store_of(watch), false);
}

static void after_fork_child(struct hf_fork_watch *watch)
{
    struct hf_session_store *store = store_of(watch);
    for (uint32_t i = 0; i < store->shard_count; i++) {
        (void)pthread_mutex_init(&store->shards[i].lock, NULL);
        store->shards[i].closed = false;
        store->shards[i].stale = true;
    }
}

/* ---- life --------------------------------------------------------------------------------- */

static size_t place_count(const struct hf_session_store *store)
{
    return (size_t)store->sets * store->ways;
}

static void drop_all(const struct hf_session_store *store, struct shard *shard)
{
    for (size_t i = 0; shard->places != NULL && i < place_count(store); i++) {
        SSL_SESSION_free(shard->places[i].session);
    }
    hf_mem_free(shard->places);
    shard->places = NULL;
    shard->live = 0;
}

static void destroy(struct hf_session_store *store)
{
    for (uint32_t i = 0; i < store->shard_count; i++) {
        drop_all(store, &store->shards[i]);
        (void)pthread_mutex_destroy(&store->shards[i].lock);
    }
    hf_mem_free(store);
}

static hf_result make(size_t entries, struct hf_session_store **out)
{
    uint32_t shards = SHARDS_MAX;
    while (shards > 1 && entries / shards < 8 * WAYS) {
        shards /= 2;
    }
    struct hf_session_store *store = hf_mem_new(sizeof(*store) + shards * sizeof(struct shard));
    HF_NEED_MEM(store);
    hf_refcount_init(&store->refs);
    atomic_init(&store->refused, 0);
    store->ways = entries < WAYS ? (uint32_t)entries : WAYS;
    store->sets = (uint32_t)(entries / shards / store->ways);
    if (RAND_bytes_ex(hf_ossl_ctx(), store->seed, sizeof(store->seed), 0) != 1) {
        hf_mem_free(store);
        HF_FAIL_OSSL(HF_E_OPENSSL);
    }
    while (store->shard_count < shards &&
           pthread_mutex_init(&store->shards[store->shard_count].lock, NULL) == 0) {
        store->shard_count++;
    }
    if (store->shard_count < shards) {
        destroy(store);
        HF_FAIL(HF_E_OUT_OF_MEMORY);
    }
    *out = store;
    return hf_ok();
}

hf_result hf_session_store_new(size_t max_entries, int64_t max_age, struct hf_session_store **out)
{
    struct hf_session_store *store = NULL;
    HF_NEED_PTR(out);
    *out = NULL;
    HF_NEED_SEEN(max_entries <= HF_SESSION_ENTRIES_MAX, HF_E_BAD_ARGUMENT,
                 "at most 16777216 sessions", "%zu", max_entries);
    HF_NEED_SEEN(max_age >= 0 && max_age <= HF_SESSION_AGE_MAX, HF_E_BAD_ARGUMENT,
                 "an age of 0 to 86400 seconds", "%lld", (long long)max_age);
    HF_TRY(hf_library_init());
    hf_ossl_clear();
    HF_TRY(make(max_entries == 0 ? HF_SESSION_ENTRIES : max_entries, &store));
    store->max_age = max_age == 0 ? HF_SESSION_AGE : max_age;
    store->forks.before = before_fork;
    store->forks.in_parent = after_fork_parent;
    store->forks.in_child = after_fork_child;
    hf_result r = hf_fork_watch_begin(&store->forks);
    if (!hf_is_ok(r)) {
        destroy(store);
        return r;
    }
    *out = store;
    return hf_ok();
}

struct hf_session_store *hf_session_store_ref(struct hf_session_store *store)
{
    if (store != NULL) {
        hf_refcount_take(&store->refs);
    }
    return store;
}

void hf_session_store_unref(struct hf_session_store *store)
{
    if (store == NULL || !hf_refcount_drop(&store->refs)) {
        return;
    }
    hf_fork_watch_end(&store->forks);
    destroy(store);
}

/* ---- use ---------------------------------------------------------------------------------- */

const uint8_t *hf_session_store_seed(const struct hf_session_store *store)
{
    return store->seed;
}

int64_t hf_session_store_max_age(const struct hf_session_store *store)
{
    return store->max_age;
}

/* Under the lock; NULL, without it, while a fork is under way. */
static struct shard *enter(struct hf_session_store *store, const uint8_t key[HF_DIGEST_SIZE])
{
    struct shard *shard = &store->shards[key[HF_DIGEST_SIZE - 1] & (store->shard_count - 1)];
    if (pthread_mutex_lock(&shard->lock) != 0) {
        return NULL;
    }
    if (shard->closed) {
        (void)pthread_mutex_unlock(&shard->lock);
        return NULL;
    }
    if (shard->stale) {
        drop_all(store, shard);
        shard->stale = false;
    }
    return shard;
}

static void leave(struct shard *shard)
{
    (void)pthread_mutex_unlock(&shard->lock);
}

static struct place *set_of(const struct hf_session_store *store, const struct shard *shard,
                            const uint8_t key[HF_DIGEST_SIZE])
{
    uint32_t hash =
        (uint32_t)key[0] | (uint32_t)key[1] << 8 | (uint32_t)key[2] << 16 | (uint32_t)key[3] << 24;
    return &shard->places[(size_t)(hash % store->sets) * store->ways];
}

static bool has_key(const struct place *place, const uint8_t key[HF_DIGEST_SIZE])
{
    return place->session != NULL && hf_mem_equal_secret(place->key, key, HF_DIGEST_SIZE);
}

/* Out of its place, for the caller to free. */
static SSL_SESSION *vacate(struct shard *shard, struct place *place)
{
    SSL_SESSION *session = place->session;
    if (session != NULL) {
        shard->live--;
    }
    place->session = NULL;
    return session;
}

static SSL_SESSION *take(const struct hf_session_store *store, struct shard *shard,
                         const uint8_t key[HF_DIGEST_SIZE])
{
    struct place *newest = NULL;
    struct place *set = shard->places == NULL ? NULL : set_of(store, shard, key);
    for (uint32_t i = 0; set != NULL && i < store->ways; i++) {
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

SSL_SESSION *hf_session_store_take(struct hf_session_store *store,
                                   const uint8_t key[HF_DIGEST_SIZE])
{
    struct shard *shard = enter(store, key);
    if (shard == NULL) {
        return NULL;
    }
    SSL_SESSION *session = take(store, shard, key);
    leave(shard);
    return session;
}

/* Where a new session of this key goes. */
static struct place *choose(const struct hf_session_store *store, struct place *set,
                            const uint8_t key[HF_DIGEST_SIZE], uint32_t per_key)
{
    struct place *own = NULL; /* the oldest of this key */
    struct place *oldest = &set[0];
    struct place *vacant = NULL;
    uint32_t same = 0;
    int64_t now = hf_clock_monotonic();
    for (uint32_t i = 0; i < store->ways; i++) {
        struct place *place = &set[i];
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

static bool have_places(const struct hf_session_store *store, struct shard *shard)
{
    if (shard->places == NULL) {
        shard->places = hf_mem_new_array(place_count(store), sizeof(*shard->places));
    }
    return shard->places != NULL;
}

static SSL_SESSION *put(const struct hf_session_store *store, struct shard *shard,
                        const uint8_t key[HF_DIGEST_SIZE], SSL_SESSION *session, int64_t deadline,
                        uint32_t per_key)
{
    if (!have_places(store, shard)) {
        return session;
    }
    struct place *place = choose(store, set_of(store, shard, key), key, per_key);
    if (place->session != NULL && place->deadline > hf_clock_monotonic()) {
        shard->evictions++;
    }
    SSL_SESSION *old = vacate(shard, place);
    place->session = session;
    place->deadline = deadline;
    place->number = ++shard->inserts;
    (void)hf_mem_copy(place->key, sizeof(place->key), key, HF_DIGEST_SIZE);
    shard->live++;
    return old;
}

void hf_session_store_put(struct hf_session_store *store, const uint8_t key[HF_DIGEST_SIZE],
                          SSL_SESSION *session, int64_t deadline, uint32_t per_key)
{
    struct shard *shard = enter(store, key);
    if (shard != NULL) {
        session = put(store, shard, key, session, deadline, per_key);
        leave(shard);
    }
    SSL_SESSION_free(session);
}

void hf_session_store_forget(struct hf_session_store *store, const uint8_t key[HF_DIGEST_SIZE])
{
    SSL_SESSION *dropped[WAYS] = {NULL};
    struct shard *shard = enter(store, key);
    if (shard == NULL) {
        return;
    }
    struct place *set = shard->places == NULL ? NULL : set_of(store, shard, key);
    for (uint32_t i = 0; set != NULL && i < store->ways; i++) {
        dropped[i] = has_key(&set[i], key) ? vacate(shard, &set[i]) : NULL;
    }
    leave(shard);
    for (uint32_t i = 0; i < WAYS; i++) {
        SSL_SESSION_free(dropped[i]);
    }
}

void hf_session_store_clear(struct hf_session_store *store)
{
    if (store == NULL) {
        return;
    }
    hf_fork_hold();
    for (uint32_t i = 0; i < store->shard_count; i++) {
        (void)pthread_mutex_lock(&store->shards[i].lock);
        drop_all(store, &store->shards[i]);
        store->shards[i].stale = false;
        (void)pthread_mutex_unlock(&store->shards[i].lock);
    }
    hf_fork_release();
}

void hf_session_store_refused(struct hf_session_store *store)
{
    atomic_fetch_add_explicit(&store->refused, 1, memory_order_relaxed);
}

void hf_session_store_statistics(struct hf_session_store *store, struct hf_session_statistics *out)
{
    static const struct hf_session_statistics nothing;
    *out = nothing;
    if (store == NULL) {
        return;
    }
    out->refused = atomic_load_explicit(&store->refused, memory_order_relaxed);
    out->max_entries = (uint64_t)store->shard_count * place_count(store);
    for (uint32_t i = 0; i < store->shard_count; i++) {
        struct shard *shard = &store->shards[i];
        (void)pthread_mutex_lock(&shard->lock);
        out->hits += shard->hits;
        out->misses += shard->misses;
        out->inserts += shard->inserts;
        out->evictions += shard->evictions;
        out->entries += shard->stale ? 0 : shard->live;
        (void)pthread_mutex_unlock(&shard->lock);
    }
}
