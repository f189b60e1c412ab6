/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of what happens here is all there is to it. A word is stored with release after the
 * number became odd, and loaded with acquire before the number is looked at again: a reader that
 * saw a new word sees a new number.
 */
#include "tls/ticket_slots.h"

void hf_ticket_slots_init(struct hf_ticket_slots *slots)
{
    atomic_init(&slots->active, 0);
    for (size_t i = 0; i < 2; i++) {
        atomic_init(&slots->slots[i].number, 0);
        for (size_t k = 0; k < HF_TICKET_WORDS; k++) {
            atomic_init(&slots->slots[i].words[k], 0);
        }
    }
}

static void write_slot(struct hf_ticket_slot *slot, const uint64_t words[HF_TICKET_WORDS])
{
    (void)atomic_fetch_add_explicit(&slot->number, 1, memory_order_acq_rel);
    for (size_t k = 0; k < HF_TICKET_WORDS; k++) {
        atomic_store_explicit(&slot->words[k], words[k], memory_order_release);
    }
    (void)atomic_fetch_add_explicit(&slot->number, 1, memory_order_release);
}

void hf_ticket_slots_write(struct hf_ticket_slots *slots, const struct hf_ticket_snapshot *in)
{
    static const uint64_t nothing[HF_TICKET_WORDS];
    uint64_t words[HF_TICKET_WORDS];
    unsigned before = atomic_load_explicit(&slots->active, memory_order_relaxed);
    (void)hf_mem_copy(words, sizeof(words), in, sizeof(*in));
    write_slot(&slots->slots[1 - before], words);
    atomic_store_explicit(&slots->active, 1 - before, memory_order_release);
    write_slot(&slots->slots[before], nothing);
    hf_mem_wipe(words, sizeof(words));
}

static bool read_slot(const struct hf_ticket_slot *slot, uint64_t words[HF_TICKET_WORDS])
{
    uint64_t number = atomic_load_explicit(&slot->number, memory_order_acquire);
    for (size_t k = 0; k < HF_TICKET_WORDS; k++) {
        words[k] = atomic_load_explicit(&slot->words[k], memory_order_acquire);
    }
    return number % 2 == 0 && atomic_load_explicit(&slot->number, memory_order_relaxed) == number;
}

void hf_ticket_slots_read(const struct hf_ticket_slots *slots, struct hf_ticket_snapshot *out)
{
    uint64_t words[HF_TICKET_WORDS];
    unsigned active;
    /* A slot that was wiped meanwhile reads well, and as no keys at all, which no ring is. */
    do {
        active = atomic_load_explicit(&slots->active, memory_order_acquire);
    } while (!read_slot(&slots->slots[active], words) || words[0] == 0);
    (void)hf_mem_copy(out, sizeof(*out), words, sizeof(words));
    hf_mem_wipe(words, sizeof(words));
}
