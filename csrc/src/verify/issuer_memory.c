/* SPDX-License-Identifier: Apache-2.0
 *
 * A table of sets. The end of a signature picks the set, since it is as good as random; an entry is
 * found by comparing the key above and every byte of the certificate.
 */
#include "verify/issuer_memory.h"

/* What a set's lock guards takes less than a microsecond, a signature a hundred times that. */
#define SPINS 200

struct entry {
    uint8_t above[HF_DIGEST_SIZE];
    uint8_t *der; /* NULL: unused, and so are all behind it */
    size_t len;
    struct hf_signer *signer;
};

struct set {
    atomic_bool locked;
    size_t next;           /* to be replaced when the set is full */
    struct entry *entries; /* HF_ISSUER_WAYS of them, made when the first one is kept */
};

struct hf_issuer_memory {
    struct hf_annex annex; /* first: see memory_of */
    struct set sets[HF_ISSUER_SETS];
};

static bool lock(struct set *set)
{
    for (int i = 0; i < SPINS; i++) {
        if (!atomic_load_explicit(&set->locked, memory_order_relaxed) &&
            !atomic_exchange_explicit(&set->locked, true, memory_order_acquire)) {
            return true;
        }
    }
    return false;
}

static void unlock(struct set *set)
{
    atomic_store_explicit(&set->locked, false, memory_order_release);
}

static void entry_give_back(const struct entry *entry)
{
    hf_mem_free(entry->der);
    hf_signer_unref(entry->signer);
}

static void release(struct hf_annex *annex)
{
    struct hf_issuer_memory *memory = (struct hf_issuer_memory *)annex;
    for (size_t i = 0; i < HF_ISSUER_SETS; i++) {
        struct entry *entries = memory->sets[i].entries;
        for (size_t way = 0; entries != NULL && way < HF_ISSUER_WAYS; way++) {
            entry_give_back(&entries[way]);
        }
        hf_mem_free(entries);
    }
    hf_mem_free(memory);
}

static struct hf_issuer_memory *memory_of(const struct hf_bundle *bundle)
{
    return (struct hf_issuer_memory *)atomic_load_explicit(&bundle->annex->kept,
                                                           memory_order_acquire);
}

/* The bundle's memory, made now if it has none; NULL when it cannot be had. */
static struct hf_issuer_memory *need_memory(const struct hf_bundle *bundle)
{
    struct hf_issuer_memory *known = memory_of(bundle);
    if (known != NULL) {
        return known;
    }
    struct hf_issuer_memory *made = hf_mem_new(sizeof(*made));
    if (made == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < HF_ISSUER_SETS; i++) {
        atomic_init(&made->sets[i].locked, false);
    }
    struct hf_annex *seen = NULL;
    made->annex.release = release;
    if (!atomic_compare_exchange_strong(&bundle->annex->kept, &seen, &made->annex)) {
        release(&made->annex); /* another thread was first */
        return (struct hf_issuer_memory *)seen;
    }
    return made;
}

static struct set *set_of(struct hf_issuer_memory *memory, struct hf_span der)
{
    uint32_t end = 0;
    for (size_t i = 0; i < 4 && i < der.len; i++) {
        end = end << 8 | der.data[der.len - 1 - i];
    }
    /* Multiplied, so that every bit counts: the last byte of an RSA signature is as random as any
     * other, but that of a certificate made to be looked up in vain need not be. */
    return &memory->sets[(end * UINT32_C(2654435761)) >> 26];
}

static bool is_entry(const struct entry *entry, const struct hf_signer *above, struct hf_span der)
{
    return entry->der != NULL && hf_span_equal(hf_span_of(entry->der, entry->len), der) &&
           hf_mem_equal(entry->above, HF_DIGEST_SIZE, above->id, HF_DIGEST_SIZE);
}

/* With the set locked. */
static struct entry *find(const struct set *set, const struct hf_signer *above, struct hf_span der)
{
    for (size_t way = 0; set->entries != NULL && way < HF_ISSUER_WAYS; way++) {
        if (is_entry(&set->entries[way], above, der)) {
            return &set->entries[way];
        }
    }
    return NULL;
}

struct hf_signer *hf_issuer_memory_find(const struct hf_bundle *bundle,
                                        const struct hf_signer *above, struct hf_span der)
{
    struct hf_issuer_memory *memory = memory_of(bundle);
    struct set *set = memory == NULL ? NULL : set_of(memory, der);
    if (set == NULL || !lock(set)) {
        return NULL;
    }
    struct entry *entry = find(set, above, der);
    struct hf_signer *signer = entry == NULL ? NULL : hf_signer_ref(entry->signer);
    unlock(set);
    return signer;
}

/* Give `made` a place, and take back what was there: to be freed without the lock. */
static void put(struct set *set, struct entry **room, struct entry *made)
{
    if (set->entries == NULL) {
        set->entries = *room;
        *room = NULL;
    }
    struct entry *place = &set->entries[set->next];
    struct entry old = *place;
    *place = *made;
    *made = old;
    set->next = (set->next + 1) % HF_ISSUER_WAYS;
}

void hf_issuer_memory_keep(const struct hf_bundle *bundle, const struct hf_signer *above,
                           struct hf_span der, struct hf_signer *signer)
{
    struct hf_issuer_memory *memory = der.len > HF_ISSUER_DER_MAX ? NULL : need_memory(bundle);
    if (memory == NULL) {
        return;
    }
    struct set *set = set_of(memory, der);
    struct entry made = {.der = hf_mem_dup(der.data, der.len), .len = der.len};
    struct entry *room = hf_mem_new_array(HF_ISSUER_WAYS, sizeof(*room));
    if (made.der != NULL && room != NULL && lock(set)) {
        /* Two threads may have met the same certificate first. */
        if (find(set, above, der) == NULL) {
            (void)hf_mem_copy(made.above, HF_DIGEST_SIZE, above->id, HF_DIGEST_SIZE);
            made.signer = hf_signer_ref(signer);
            put(set, &room, &made);
        }
        unlock(set);
    }
    entry_give_back(&made);
    hf_mem_free(room);
}

size_t hf_issuer_memory_count(const struct hf_bundle *bundle)
{
    struct hf_issuer_memory *memory = memory_of(bundle);
    size_t count = 0;
    for (size_t i = 0; memory != NULL && i < HF_ISSUER_SETS; i++) {
        struct set *set = &memory->sets[i];
        if (!lock(set)) {
            continue;
        }
        for (size_t way = 0; set->entries != NULL && way < HF_ISSUER_WAYS; way++) {
            count += set->entries[way].der != NULL ? 1 : 0;
        }
        unlock(set);
    }
    return count;
}

bool hf_issuer_memory_hold(const struct hf_bundle *bundle, struct hf_span der)
{
    struct hf_issuer_memory *memory = need_memory(bundle);
    return memory != NULL && lock(set_of(memory, der));
}

void hf_issuer_memory_release(const struct hf_bundle *bundle, struct hf_span der)
{
    unlock(set_of(memory_of(bundle), der));
}
