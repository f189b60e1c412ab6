/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys of tickets, from the inside.
 *
 * Theory of operation. Handshakes on any thread read the ring without a lock: it lies in one of two
 * slots, and a reader copies the active one, 41 words, and looks whether its number stayed the
 * same. A writer fills the other slot, makes it the active one, and wipes the first, which a slow
 * reader notices by the number and reads again. So no reader waits for a writer, keys that left the
 * ring are nowhere any more, and a process that was forked in the middle has a whole ring.
 */
#ifndef HF_TLS_TICKET_KEYS_H
#define HF_TLS_TICKET_KEYS_H

#include <openssl/evp.h>
#include <stdatomic.h>

#include "base/span.h"

#define HF_TICKET_NAME_SIZE 16
#define HF_TICKET_INSTANCE_SIZE 16

struct hf_ticket_key {
    uint8_t name[HF_TICKET_NAME_SIZE];
    uint8_t cipher[32];
    uint8_t mac[32];
};

/* Current first, then upcoming, then previous ones. */
struct hf_ticket_snapshot {
    uint64_t which; /* bit i: keys[i] is there */
    struct hf_ticket_key keys[HF_TICKET_KEYS_MAX];
};

/* The caller wipes it. */
void hf_ticket_keys_read(const struct hf_ticket_keys *keys, struct hf_ticket_snapshot *out);
/* NULL when there is none of this name. */
const struct hf_ticket_key *hf_ticket_snapshot_find(const struct hf_ticket_snapshot *snapshot,
                                                    const uint8_t name[HF_TICKET_NAME_SIZE]);

/* Rotate keys of our own making when it is time. */
void hf_ticket_keys_tend(struct hf_ticket_keys *keys);

int64_t hf_ticket_keys_max_age(const struct hf_ticket_keys *keys);
/* Random; one for each set of keys, the same in forked children. */
const uint8_t *hf_ticket_keys_instance(const struct hf_ticket_keys *keys);
EVP_CIPHER *hf_ticket_keys_cipher(const struct hf_ticket_keys *keys);

enum hf_ticket_count { HF_TICKET_ISSUED, HF_TICKET_OPENED, HF_TICKET_UNKNOWN, HF_TICKET_REFUSED };
void hf_ticket_keys_count(struct hf_ticket_keys *keys, enum hf_ticket_count what);

#endif
