/* SPDX-License-Identifier: Apache-2.0
 *
 * SEQUENCE OF SEQUENCE { userCertificate INTEGER, revocationDate Time, extensions OPTIONAL }
 *
 * Read into an index that is sorted once. A serial number that is there twice is revoked either
 * way, so either entry will do.
 */
#include <stdlib.h>

#include "x509/crl_parts.h"
#include "x509/time.h"

#define SERIAL_MAX 64
#define REASON_CODE 21
#define INVALIDITY_DATE 24
#define CERTIFICATE_ISSUER 29
#define REASON_UNUSED 7
#define REASON_REMOVE 8
#define REASON_LAST 10

static hf_result read_reason(struct hf_span value, struct hf_crl_entry *out)
{
    struct hf_span content;
    HF_TRY(hf_der_take(&value, HF_DER_ENUMERATED, &content));
    HF_TRY(hf_der_end(value));
    bool known =
        content.len == 1 && content.data[0] <= REASON_LAST && content.data[0] != REASON_UNUSED;
    HF_NEED_SEEN(known, HF_E_CRL_INVALID, "a reason of RFC 5280 5.3.1", "another one");
    /* Elsewhere it would say revoked and not revoked. */
    HF_NEED_SEEN(content.data[0] != REASON_REMOVE, HF_E_CRL_UNSUPPORTED, "a complete CRL",
                 "an entry with removeFromCRL, which belongs in delta CRLs");
    out->reason = content.data[0];
    return hf_ok();
}

static hf_result read_extension(const struct hf_extension *e, struct hf_crl_entry *out)
{
    int64_t ignored;
    struct hf_span value = e->value;
    switch (hf_extension_number(e)) {
    case REASON_CODE:
        return read_reason(value, out);
    case INVALIDITY_DATE:
        HF_TRY(hf_time_take(&value, true, &ignored));
        return hf_der_end(value);
    case CERTIFICATE_ISSUER:
        HF_FAIL_SEEN(HF_E_CRL_UNSUPPORTED, "a CRL of its issuer's own certificates",
                     "an entry of another issuer (indirect CRL)");
    default:
        HF_NEED_SEEN(!e->critical, HF_E_CERT_UNKNOWN_CRITICAL,
                     "critical extensions of entries that are understood", "another one");
        return hf_ok();
    }
}

static hf_result read_entry(struct hf_span content, struct hf_crl_entry *out)
{
    struct hf_span serial;
    struct hf_span list;
    struct hf_extensions_seen seen;
    seen.count = 0;
    HF_TRY(hf_der_take_integer(&content, &serial));
    HF_NEED_SEEN(serial.len <= SERIAL_MAX, HF_E_CRL_INVALID, "serial numbers of at most 64 bytes",
                 "%zu", serial.len);
    out->serial = serial.data;
    out->serial_len = (uint8_t)serial.len;
    out->reason = HF_CRL_UNSPECIFIED;
    HF_TRY(hf_time_take(&content, false, &out->revoked_at));
    if (content.len == 0) {
        return hf_ok();
    }
    HF_TRY(hf_der_take(&content, HF_DER_SEQUENCE, &list));
    HF_TRY(hf_der_end(content));
    HF_NEED_SEEN(list.len != 0, HF_E_CRL_INVALID, "at least one extension", "an empty list");
    while (list.len != 0) {
        struct hf_extension e;
        HF_TRY(hf_cert_take_extension(&list, &e));
        HF_TRY(hf_cert_note_extension(&seen, e.oid));
        HF_TRY(read_extension(&e, out));
    }
    return hf_ok();
}

static int compare(const void *a, const void *b)
{
    const struct hf_crl_entry *left = a;
    const struct hf_crl_entry *right = b;
    if (left->serial_len != right->serial_len) {
        return left->serial_len < right->serial_len ? -1 : 1;
    }
    return hf_mem_compare(left->serial, left->serial_len, right->serial, right->serial_len);
}

/* Two passes, so that the index is allocated once and exactly. */
static hf_result count_entries(struct hf_span list, size_t *count)
{
    *count = 0;
    while (list.len != 0) {
        struct hf_span entry;
        HF_TRY(hf_der_take(&list, HF_DER_SEQUENCE, &entry));
        *count += 1;
    }
    return hf_ok();
}

hf_result hf_crl_read_entries(struct hf_span list, struct hf_crl *crl)
{
    size_t count;
    HF_TRY(count_entries(list, &count));
    if (count == 0) {
        /* RFC 5280 5.1.2.6 wants the whole list left out; it means the same. */
        return hf_ok();
    }
    crl->entries = hf_mem_new_array(count, sizeof(*crl->entries));
    HF_NEED_MEM(crl->entries);
    crl->count = count;
    for (size_t i = 0; i < count; i++) {
        struct hf_span entry;
        HF_TRY(hf_der_take(&list, HF_DER_SEQUENCE, &entry));
        HF_TRY(read_entry(entry, &crl->entries[i]));
    }
    qsort(crl->entries, count, sizeof(*crl->entries), compare);
    return hf_ok();
}

const struct hf_crl_entry *hf_crl_find(const struct hf_crl *crl, struct hf_span serial)
{
    if (serial.len > SERIAL_MAX || crl->count == 0) {
        return NULL;
    }
    struct hf_crl_entry wanted = {.serial = serial.data, .serial_len = (uint8_t)serial.len};
    return bsearch(&wanted, crl->entries, crl->count, sizeof(*crl->entries), compare);
}

const char *hf_crl_reason_name(uint8_t reason)
{
    static const char *const names[REASON_LAST + 1] = {
        "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
        "superseded",    "cessationOfOperation", "certificateHold", "unknown",
        "removeFromCRL", "privilegeWithdrawn",   "aACompromise"};
    return names[reason <= REASON_LAST ? reason : REASON_UNUSED];
}
