/* SPDX-License-Identifier: Apache-2.0
 *
 * One certificate, judged alone: for people who look at files, and for fuzzers.
 */
#include "x509/svid_rules.h"

hf_result hf_certificate_check(const uint8_t *der, size_t len, int signing, int rules)
{
    struct hf_cert cert;
    struct hf_spiffe_id id;
    HF_NEED(der != NULL || len == 0, HF_E_BAD_ARGUMENT);
    HF_TRY(hf_cert_parse(hf_span_of(der, len), &cert));
    if (signing != 0) {
        return hf_svid_signing_check(&cert, rules, hf_span_of(NULL, 0));
    }
    return hf_svid_leaf_check(&cert, rules, HF_PURPOSE_EITHER, &id);
}
