/* SPDX-License-Identifier: Apache-2.0
 *
 * A ring of secrets as those see it who change it.
 */
#ifndef HF_TLS_TICKET_SECRETS_H
#define HF_TLS_TICKET_SECRETS_H

#include "tls/ticket_keys.h"

/* Current, upcoming, previous ones. Whoever has one wipes it. */
struct hf_ticket_secrets {
    uint32_t which; /* bit i: secrets[i] is there */
    uint8_t secrets[HF_TICKET_KEYS_MAX][HF_TICKET_SECRET_SIZE];
};

/* What a caller gives, checked. `out` is empty. */
HF_MUST_USE hf_result hf_ticket_secrets_take(const struct hf_ticket_ring *in,
                                             struct hf_ticket_secrets *out);
/* Random ones. */
HF_MUST_USE hf_result hf_ticket_secrets_make(struct hf_ticket_secrets *out);
/* One step on: see hf_ticket_keys_rotate(). */
HF_MUST_USE hf_result hf_ticket_secrets_step(struct hf_ticket_secrets *ring);
/* The keys that they make. */
HF_MUST_USE hf_result hf_ticket_secrets_derive(const struct hf_ticket_secrets *ring,
                                               struct hf_ticket_snapshot *out);

#endif
