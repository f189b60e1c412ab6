/* SPDX-License-Identifier: Apache-2.0
 *
 * The two slots of ticket_keys.h: words that are read while they are written.
 */
#ifndef HF_TLS_TICKET_SLOTS_H
#define HF_TLS_TICKET_SLOTS_H

#include "tls/ticket_keys.h"

#define HF_TICKET_WORDS (sizeof(struct hf_ticket_snapshot) / sizeof(uint64_t))
_Static_assert(sizeof(struct hf_ticket_snapshot) == HF_TICKET_WORDS * sizeof(uint64_t),
               "a snapshot is whole words");

struct hf_ticket_slot {
    atomic_uint_least64_t number; /* odd while it is written */
    atomic_uint_least64_t words[HF_TICKET_WORDS];
};

struct hf_ticket_slots {
    atomic_uint active;
    struct hf_ticket_slot slots[2];
};

void hf_ticket_slots_init(struct hf_ticket_slots *slots);
/* One writer at a time. */
void hf_ticket_slots_write(struct hf_ticket_slots *slots, const struct hf_ticket_snapshot *in);
void hf_ticket_slots_read(const struct hf_ticket_slots *slots, struct hf_ticket_snapshot *out);

#endif
