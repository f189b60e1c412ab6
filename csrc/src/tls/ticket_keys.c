/* SPDX-License-Identifier: Apache-2.0
 *
 * Whoever changes the ring holds forks off (base/forks.h), which also makes writers one at a time.
 */
#include "tls/ticket_keys.h"

#include <openssl/rand.h>

#include "base/clock.h"
#include "base/forks.h"
#include "base/refcount.h"
#include "tls/ticket_secrets.h"
#include "tls/ticket_slots.h"
#include "x509/ossl.h"

struct hf_ticket_keys {
    struct hf_refcount refs;
    struct hf_ticket_slots slots;
    struct hf_ticket_secrets ring; /* writers alone look here */
    bool rotates;                  /* keys of our own making; writers alone */
    int64_t max_age;
    atomic_int_least64_t due; /* of the monotonic clock */
    uint8_t instance[HF_TICKET_INSTANCE_SIZE];
    EVP_CIPHER *cipher;
    atomic_uint_least64_t counts[HF_TICKET_REFUSED + 1];
    atomic_uint_least64_t rotations;
};

/* ---- changes ------------------------------------------------------------------------------ */

static hf_result publish(struct hf_ticket_keys *keys, const struct hf_ticket_secrets *ring)
{
    struct hf_ticket_snapshot snapshot = {.which = 0};
    hf_result r = hf_ticket_secrets_derive(ring, &snapshot);
    if (hf_is_ok(r)) {
        hf_ticket_slots_write(&keys->slots, &snapshot);
        keys->ring = *ring;
    }
    hf_mem_wipe(&snapshot, sizeof(snapshot));
    return r;
}

hf_result hf_ticket_keys_replace(struct hf_ticket_keys *keys, const struct hf_ticket_ring *ring)
{
    struct hf_ticket_secrets next = {.which = 0};
    HF_NEED_PTR(keys);
    hf_ossl_clear();
    hf_result r = hf_ticket_secrets_take(ring, &next);
    if (hf_is_ok(r)) {
        hf_fork_hold();
        r = publish(keys, &next);
        keys->rotates = keys->rotates && !hf_is_ok(r);
        hf_fork_release();
    }
    hf_mem_wipe(&next, sizeof(next));
    return r;
}

/* Under the hold. */
static hf_result step(struct hf_ticket_keys *keys)
{
    struct hf_ticket_secrets next = keys->ring;
    hf_result r = hf_ticket_secrets_step(&next);
    if (hf_is_ok(r)) {
        r = publish(keys, &next);
    }
    hf_mem_wipe(&next, sizeof(next));
    atomic_fetch_add_explicit(&keys->rotations, hf_is_ok(r) ? 1 : 0, memory_order_relaxed);
    return r;
}

hf_result hf_ticket_keys_rotate(struct hf_ticket_keys *keys)
{
    HF_NEED_PTR(keys);
    hf_ossl_clear();
    hf_fork_hold();
    hf_result r = step(keys);
    hf_fork_release();
    return r;
}

/* Inside of OpenSSL, perhaps in a first use, which a fork that is under way waits for (ossl.c): so
 * not a moment for waiting for the fork. */
static bool try_step(struct hf_ticket_keys *keys)
{
    if (!hf_fork_try_hold()) {
        return false;
    }
    /* Only keys that are still of our own making. */
    bool good = !keys->rotates || hf_is_ok(step(keys));
    hf_fork_release();
    return good;
}

void hf_ticket_keys_tend(struct hf_ticket_keys *keys)
{
    int64_t now = hf_clock_monotonic();
    int64_t due = atomic_load_explicit(&keys->due, memory_order_relaxed);
    /* Whoever moves the time on does it. Without randomness, or in a fork, the keys stay: the next
     * one tries. */
    if (now >= due &&
        atomic_compare_exchange_strong_explicit(&keys->due, &due, now + HF_TICKET_ROTATION,
                                                memory_order_relaxed, memory_order_relaxed) &&
        !try_step(keys)) {
        atomic_store_explicit(&keys->due, now, memory_order_relaxed);
    }
}

hf_result hf_ticket_keys_export(struct hf_ticket_keys *keys, uint8_t *out, size_t cap,
                                uint32_t *which)
{
    HF_NEED_PTR(keys);
    HF_NEED_PTR(which);
    *which = 0;
    HF_NEED_SEEN(out != NULL && cap >= sizeof(keys->ring.secrets), HF_E_BAD_ARGUMENT,
                 "room for 4 secrets", "%zu bytes", cap);
    hf_fork_hold();
    *which = keys->ring.which;
    (void)hf_mem_copy(out, cap, keys->ring.secrets, sizeof(keys->ring.secrets));
    hf_fork_release();
    return hf_ok();
}

/* ---- life --------------------------------------------------------------------------------- */

static hf_result init(struct hf_ticket_keys *keys, const struct hf_ticket_ring *ring)
{
    struct hf_ticket_secrets first = {.which = 0};
    HF_TRY_OSSL(RAND_bytes_ex(hf_ossl_ctx(), keys->instance, sizeof(keys->instance), 0) == 1,
                HF_E_OPENSSL);
    keys->cipher = EVP_CIPHER_fetch(hf_ossl_ctx(), "AES-256-CBC", NULL);
    HF_TRY_OSSL(keys->cipher != NULL, HF_E_OPENSSL);
    hf_result r =
        ring == NULL ? hf_ticket_secrets_make(&first) : hf_ticket_secrets_take(ring, &first);
    if (hf_is_ok(r)) {
        r = publish(keys, &first);
    }
    hf_mem_wipe(&first, sizeof(first));
    return r;
}

static void unref_at(struct hf_ticket_keys **keys)
{
    hf_ticket_keys_unref(*keys);
}

hf_result hf_ticket_keys_new(const struct hf_ticket_ring *ring, int64_t max_age,
                             struct hf_ticket_keys **out)
{
    HF_NEED_PTR(out);
    *out = NULL;
    HF_NEED_SEEN(max_age >= 0 && max_age <= HF_SESSION_AGE_MAX, HF_E_BAD_ARGUMENT,
                 "an age of 0 to 86400 seconds", "%lld", (long long)max_age);
    HF_TRY(hf_library_init());
    hf_ossl_clear();
    HF_DEFER(unref_at) struct hf_ticket_keys *keys = hf_mem_new(sizeof(*keys));
    HF_NEED_MEM(keys);
    hf_refcount_init(&keys->refs);
    hf_ticket_slots_init(&keys->slots);
    keys->rotates = ring == NULL;
    keys->max_age = max_age == 0 ? HF_SESSION_AGE : max_age;
    atomic_init(&keys->due, ring == NULL ? hf_clock_monotonic() + HF_TICKET_ROTATION : INT64_MAX);
    for (size_t i = 0; i <= HF_TICKET_REFUSED; i++) {
        atomic_init(&keys->counts[i], 0);
    }
    atomic_init(&keys->rotations, 0);
    HF_TRY(init(keys, ring));
    *out = keys;
    keys = NULL;
    return hf_ok();
}

struct hf_ticket_keys *hf_ticket_keys_ref(struct hf_ticket_keys *keys)
{
    if (keys != NULL) {
        hf_refcount_take(&keys->refs);
    }
    return keys;
}

void hf_ticket_keys_unref(struct hf_ticket_keys *keys)
{
    if (keys == NULL || !hf_refcount_drop(&keys->refs)) {
        return;
    }
    EVP_CIPHER_free(keys->cipher);
    hf_mem_wipe_free(keys, sizeof(*keys));
}

/* ---- looks -------------------------------------------------------------------------------- */

void hf_ticket_keys_read(const struct hf_ticket_keys *keys, struct hf_ticket_snapshot *out)
{
    hf_ticket_slots_read(&keys->slots, out);
}

const struct hf_ticket_key *hf_ticket_snapshot_find(const struct hf_ticket_snapshot *snapshot,
                                                    const uint8_t name[HF_TICKET_NAME_SIZE])
{
    for (size_t i = 0; i < HF_TICKET_KEYS_MAX; i++) {
        if ((snapshot->which >> i & 1) != 0 &&
            hf_mem_equal(snapshot->keys[i].name, HF_TICKET_NAME_SIZE, name, HF_TICKET_NAME_SIZE)) {
            return &snapshot->keys[i];
        }
    }
    return NULL;
}

int64_t hf_ticket_keys_max_age(const struct hf_ticket_keys *keys)
{
    return keys->max_age;
}

const uint8_t *hf_ticket_keys_instance(const struct hf_ticket_keys *keys)
{
    return keys->instance;
}

EVP_CIPHER *hf_ticket_keys_cipher(const struct hf_ticket_keys *keys)
{
    return keys->cipher;
}

void hf_ticket_keys_count(struct hf_ticket_keys *keys, enum hf_ticket_count what)
{
    atomic_fetch_add_explicit(&keys->counts[what], 1, memory_order_relaxed);
}

void hf_ticket_keys_statistics(const struct hf_ticket_keys *keys, struct hf_ticket_statistics *out)
{
    const atomic_uint_least64_t *counts = keys->counts;
    out->issued = atomic_load_explicit(&counts[HF_TICKET_ISSUED], memory_order_relaxed);
    out->opened = atomic_load_explicit(&counts[HF_TICKET_OPENED], memory_order_relaxed);
    out->unknown = atomic_load_explicit(&counts[HF_TICKET_UNKNOWN], memory_order_relaxed);
    out->refused = atomic_load_explicit(&counts[HF_TICKET_REFUSED], memory_order_relaxed);
    out->rotations = atomic_load_explicit(&keys->rotations, memory_order_relaxed);
}
