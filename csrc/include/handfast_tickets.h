/* SPDX-License-Identifier: Apache-2.0
 *
 * handfast_tickets.h - stateless tickets: what a session rests on travels with the client, sealed
 * by keys that servers may share. Included by handfast.h.
 *
 * A ticket carries the peer's chain, the verdict on it, the time at which the peer last proved to
 * hold its key, and until when our own SVID was good. A server that opens one takes the same two
 * looks as with sessions in a store (handfast_sessions.h), with three differences:
 *
 *   - the context has our own SPIFFE ID in the place of our own SVID, so that servers of one
 *     identity take each other's tickets; a session ends with the SVID that began it all the same;
 *   - of the clock that nobody sets, a process counts from when it first saw the ticket, at the age
 *     that it then had by the other one, unless it made the ticket itself;
 *   - a ticket is good as often as it is shown, until it is over. There is no early data, so a
 *     replayed one is of no use to whoever does not hold the session's secret.
 *
 * Sealed with AES-256-CBC and HMAC-SHA-256 over key name, IV and ciphertext: what OpenSSL's
 * callback for tickets allows.
 */
#ifndef HANDFAST_TICKETS_H
#define HANDFAST_TICKETS_H

#include "handfast.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hf_ticket_keys; /* counted, shared by server configurations */

#define HF_TICKET_SECRET_SIZE 80
#define HF_TICKET_PREVIOUS_MAX 2
/* Seconds after which keys of our own making go from current to previous. */
#define HF_TICKET_ROTATION 21600
/* Bytes of a peer's chain: who presents more gets no ticket, so that a ClientHello stays small. */
#define HF_TICKET_CHAIN_MAX 8192

/* Secrets of HF_TICKET_SECRET_SIZE bytes each. Tickets are sealed with `current` and opened with
 * any of them. A key is named by a digest of its secret, so that machines need no counters. */
struct hf_ticket_ring {
    const uint8_t *current;
    const uint8_t *upcoming; /* NULL for none: others may seal with it already */
    const uint8_t *previous; /* back to back, the newest first */
    size_t previous_count;   /* at most HF_TICKET_PREVIOUS_MAX */
};

/* `ring` NULL: random keys of our own, which rotate by themselves. Given ones stay until they are
 * replaced. `max_age` as of hf_session_store_new(). HF_E_BAD_ARGUMENT: too many keys, two the same,
 * or one that is all the same byte. */
HF_MUST_USE hf_result hf_ticket_keys_new(const struct hf_ticket_ring *ring, int64_t max_age,
                                         struct hf_ticket_keys **out);
struct hf_ticket_keys *hf_ticket_keys_ref(struct hf_ticket_keys *keys);
void hf_ticket_keys_unref(struct hf_ticket_keys *keys);

/* All keys at once. Handshakes go on meanwhile. */
HF_MUST_USE hf_result hf_ticket_keys_replace(struct hf_ticket_keys *keys,
                                             const struct hf_ticket_ring *ring);
/* Upcoming becomes current (a random one when there is none), current becomes previous, and there
 * is a new random upcoming one. After HF_TICKET_PREVIOUS_MAX + 1 times no older ticket opens. */
HF_MUST_USE hf_result hf_ticket_keys_rotate(struct hf_ticket_keys *keys);

/* The secrets, to be given to another machine: HF_TICKET_PREVIOUS_MAX + 2 of them fit into `out`,
 * current first, then upcoming, then previous ones. `which` has bit i set when place i is taken. */
#define HF_TICKET_KEYS_MAX (HF_TICKET_PREVIOUS_MAX + 2)
HF_MUST_USE hf_result hf_ticket_keys_export(struct hf_ticket_keys *keys, uint8_t *out, size_t cap,
                                            uint32_t *which);

struct hf_ticket_statistics {
    uint64_t issued;
    uint64_t opened;
    uint64_t unknown; /* of a key that is not, or no more, in the ring, or damaged */
    uint64_t refused; /* opened, and not good any more: a full handshake followed */
    uint64_t rotations;
};
void hf_ticket_keys_statistics(const struct hf_ticket_keys *keys, struct hf_ticket_statistics *out);

#ifdef __cplusplus
}
#endif

#endif
