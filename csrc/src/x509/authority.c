/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/authority.h"

#include "x509/svid_rules.h"

/* Decode what was read, and digest it. */
static hf_result decode(struct hf_authority *out)
{
    HF_TRY(hf_ossl_x509(out->cert.der, &out->x509));
    HF_TRY(hf_signer_new(&out->cert, &out->signer));
    return hf_ossl_sha256(&out->cert.der, 1, out->digest);
}

static hf_result decode_or_wipe(struct hf_authority *out)
{
    hf_result result = decode(out);
    if (!hf_is_ok(result)) {
        hf_authority_wipe(out);
    }
    return result;
}

hf_result hf_authority_init(struct hf_authority *out, struct hf_span der)
{
    static const struct hf_authority none;
    *out = none;
    HF_TRY(hf_cert_parse(der, &out->cert));
    HF_TRY(hf_svid_authority_check(&out->cert));
    return decode_or_wipe(out);
}

hf_result hf_authority_init_root(struct hf_authority *out, struct hf_span der)
{
    static const struct hf_authority none;
    *out = none;
    HF_TRY(hf_cert_parse_root(der, &out->cert));
    HF_TRY(hf_svid_authority_check(&out->cert));
    return decode_or_wipe(out);
}

void hf_authority_wipe(struct hf_authority *authority)
{
    X509_free(authority->x509);
    authority->x509 = NULL;
    hf_signer_unref(authority->signer);
    authority->signer = NULL;
}
