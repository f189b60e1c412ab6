/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys of stateless tickets.
 */
HF_FFI_RELEASE(HF_FFI_TICKET_KEYS, hf_ffi_ticket_keys_unref, hf_ticket_keys, hf_ticket_keys_unref)

static struct hf_ticket_keys *hf_ffi_ticket_keys_new(const struct hf_ticket_ring *ring,
                                                     int64_t max_age)
{
    struct hf_ticket_keys *out = NULL;
    HF_FFI_MADE(HF_FFI_TICKET_KEYS, hf_ticket_keys_new(ring, max_age, &out), out);
}

static uint32_t hf_ffi_ticket_keys_replace(struct hf_ticket_keys *keys,
                                           const struct hf_ticket_ring *ring)
{
    return hf_ticket_keys_replace(keys, ring).code;
}

static uint32_t hf_ffi_ticket_keys_rotate(struct hf_ticket_keys *keys)
{
    return hf_ticket_keys_rotate(keys).code;
}

static uint32_t hf_ffi_ticket_keys_export(struct hf_ticket_keys *keys, uint8_t *out, size_t cap,
                                          uint32_t *which)
{
    return hf_ticket_keys_export(keys, out, cap, which).code;
}
