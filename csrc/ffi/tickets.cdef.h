/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys of stateless tickets.
 */

/* ---- tickets ---- */

static const int HF_TICKET_SECRET_SIZE;
static const int HF_TICKET_PREVIOUS_MAX;
static const int HF_TICKET_KEYS_MAX;

struct hf_ticket_ring {
    const uint8_t *current;
    const uint8_t *upcoming;
    const uint8_t *previous;
    size_t previous_count;
};

struct hf_ticket_statistics {
    uint64_t issued;
    uint64_t opened;
    uint64_t unknown;
    uint64_t refused;
    uint64_t rotations;
};

struct hf_ticket_keys *hf_ffi_ticket_keys_new(const struct hf_ticket_ring *, int64_t);
void hf_ffi_ticket_keys_unref(struct hf_ticket_keys *);
uint32_t hf_ffi_ticket_keys_replace(struct hf_ticket_keys *, const struct hf_ticket_ring *);
uint32_t hf_ffi_ticket_keys_rotate(struct hf_ticket_keys *);
uint32_t hf_ffi_ticket_keys_export(struct hf_ticket_keys *, uint8_t *, size_t, uint32_t *);
void hf_ticket_keys_statistics(const struct hf_ticket_keys *, struct hf_ticket_statistics *);
