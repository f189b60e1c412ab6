/* SPDX-License-Identifier: Apache-2.0
 *
 * Signature algorithms. An allow-list of whole AlgorithmIdentifiers: each has one right encoding,
 * so comparing its bytes checks object identifier and parameters at once. ECDSA and Ed25519 have no
 * parameters (RFC 5758 3.2, RFC 8410 3), RSA PKCS#1 has NULL (RFC 4055 5), and PSS names one hash
 * three times: for the message, for MGF1, and by the length of the salt (RFC 4055 3.1).
 */
#include "x509/cert_parts.h"

#define ECDSA(n) "\x06\x08\x2a\x86\x48\xce\x3d\x04\x03" n
#define RSA(n) "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01" n "\x05\x00"
#define SHA(n) "\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02" n "\x05\x00"
/* The same hash with its parameters left out, which RFC 4055 2.1 wants accepted alike. */
#define SHA_BARE(n) "\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02" n
#define MGF1 "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
#define PSS_OID "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"
#define PSS(n, salt)                                                                               \
    PSS_OID "\x30\x34"                                                                             \
            "\xa0\x0f" SHA(n) "\xa1\x1c\x30\x1a" MGF1                                              \
            SHA(n) "\xa2\x03\x02\x01" salt
#define PSS_BARE(n, salt)                                                                          \
    PSS_OID "\x30\x30"                                                                             \
            "\xa0\x0d" SHA_BARE(n) "\xa1\x1a\x30\x18" MGF1                                         \
            SHA_BARE(n) "\xa2\x03\x02\x01" salt

struct row {
    const char *content;
    size_t len;
    enum hf_signature_kind kind;
};

#define ROW(text, kind) {text, sizeof(text) - 1, kind}

/* The most usual first. */
static const struct row rows[] = {
    ROW(ECDSA("\x02"), HF_SIG_ECDSA_SHA256),
    ROW(RSA("\x0b"), HF_SIG_RSA_SHA256),
    ROW(ECDSA("\x03"), HF_SIG_ECDSA_SHA384),
    ROW(ECDSA("\x04"), HF_SIG_ECDSA_SHA512),
    ROW("\x06\x03\x2b\x65\x70", HF_SIG_ED25519),
    ROW(RSA("\x0c"), HF_SIG_RSA_SHA384),
    ROW(RSA("\x0d"), HF_SIG_RSA_SHA512),
    ROW(PSS("\x01", "\x20"), HF_SIG_RSA_PSS_SHA256),
    ROW(PSS("\x02", "\x30"), HF_SIG_RSA_PSS_SHA384),
    ROW(PSS("\x03", "\x40"), HF_SIG_RSA_PSS_SHA512),
    ROW(PSS_BARE("\x01", "\x20"), HF_SIG_RSA_PSS_SHA256),
    ROW(PSS_BARE("\x02", "\x30"), HF_SIG_RSA_PSS_SHA384),
    ROW(PSS_BARE("\x03", "\x40"), HF_SIG_RSA_PSS_SHA512),
};

hf_result hf_cert_read_algorithm(struct hf_span content, enum hf_signature_kind *out)
{
    struct hf_span rest = content;
    struct hf_span oid;
    char shown[128];
    *out = HF_SIG_NONE;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (hf_mem_equal(content.data, content.len, rows[i].content, rows[i].len)) {
            *out = rows[i].kind;
            return hf_ok();
        }
    }
    HF_TRY(hf_der_take_oid(&rest, &oid));
    hf_error_escape(shown, sizeof(shown), content.data, content.len);
    HF_FAIL_SEEN(HF_E_CERT_ALGORITHM, "an algorithm of the list, with its exact parameters",
                 "DER %s", shown);
}
