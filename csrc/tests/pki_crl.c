/* SPDX-License-Identifier: Apache-2.0 */
#include "pki_crl.h"

#include "pki_sign.h"

void pki_crl(struct pki_crl_spec *spec, const char *issuer, EVP_PKEY *issuer_key)
{
    static const struct pki_crl_spec empty;
    *spec = empty;
    spec->issuer_name = issuer;
    spec->this_update = PKI_NOT_BEFORE;
    spec->next_update = PKI_NOT_AFTER;
    spec->parts.key = issuer_key;
    pki_add_key_ids(&spec->parts, issuer_key);
    pki_drop(&spec->parts, PKI_OID_SKI);
    pki_add(&spec->parts, PKI_OID_CRL_NUMBER, false, DER_BYTES("\x02\x01\x07"));
}

static void write_entries(struct der_writer *w, const struct pki_crl_spec *spec)
{
    if (spec->entries_raw.data != NULL || spec->count == 0) {
        der_raw(w, spec->entries_raw);
        return;
    }
    size_t list = der_open(w, 0x30);
    for (size_t i = 0; i < spec->count; i++) {
        const struct pki_revoked *entry = &spec->entries[i];
        size_t one = der_open(w, 0x30);
        der_element(w, 0x02, entry->serial);
        if (entry->date.data == NULL) {
            der_time(w, PKI_NOW - 86400);
        }
        der_raw(w, entry->date);
        der_raw(w, entry->extensions);
        der_close(w, one);
    }
    der_close(w, list);
}

static void write_tbs(struct der_writer *w, const struct pki_crl_spec *spec,
                      struct der_bytes algorithm)
{
    size_t tbs = der_open(w, 0x30);
    if (!spec->no_version) {
        der_raw(w, spec->version.data == NULL ? DER_BYTES("\x02\x01\x01") : spec->version);
    }
    der_raw(w, algorithm);
    pki_write_name(w, DER_NONE, spec->issuer_name);
    if (spec->times.data == NULL) {
        der_time(w, spec->this_update);
        der_time(w, spec->next_update);
    }
    der_raw(w, spec->times);
    write_entries(w, spec);
    if (!spec->no_extensions) {
        size_t tagged = der_open(w, 0xa0);
        pki_write_extension_list(w, &spec->parts);
        der_close(w, tagged);
    }
    der_raw(w, spec->parts.after_extensions);
    der_close(w, tbs);
}

size_t pki_crl_make(const struct pki_crl_spec *spec, EVP_PKEY *issuer_key, uint8_t *out, size_t cap)
{
    uint8_t signature[1200];
    uint8_t algorithm_buffer[128];
    uint8_t *tbs = hf_mem_new(cap);
    enum pki_algorithm algorithm = pki_algorithm_for(spec->parts.algorithm, issuer_key);
    struct der_writer a = {algorithm_buffer, sizeof(algorithm_buffer), 0};
    struct der_writer t = {tbs, cap, 0};
    struct der_writer w = {out, cap, 0};
    pki_need(tbs != NULL, "memory");
    pki_write_algorithm(&a, algorithm);
    write_tbs(&t, spec, der_done(&a));
    signature[0] = 0; /* no unused bits */
    size_t len =
        pki_sign(issuer_key, algorithm, der_done(&t), signature + 1, sizeof(signature) - 1);
    signature[len] ^= spec->parts.bad_signature ? 1 : 0;
    size_t list = der_open(&w, 0x30);
    der_raw(&w, der_done(&t));
    der_raw(&w,
            spec->parts.outer_algorithm.data == NULL ? der_done(&a) : spec->parts.outer_algorithm);
    der_element(&w, 0x03, (struct der_bytes){signature, len + 1});
    der_close(&w, list);
    hf_mem_free(tbs);
    return w.len;
}
