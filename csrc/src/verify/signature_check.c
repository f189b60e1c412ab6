/* SPDX-License-Identifier: Apache-2.0
 *
 * One signature by a lane of the caller's choice: how other people's test vectors reach the lanes.
 */
#include <string.h>

#include "verify/ecdsa_values.h"
#include "verify/signature.h"
#include "verify/signature_mb.h"
#include "x509/cert_parts.h"

static enum hf_signature_kind kind_of(const char *algorithm)
{
    static const struct {
        const char *name;
        enum hf_signature_kind kind;
    } rows[] = {
        {"ecdsa-sha256", HF_SIG_ECDSA_SHA256},     {"ecdsa-sha384", HF_SIG_ECDSA_SHA384},
        {"ecdsa-sha512", HF_SIG_ECDSA_SHA512},     {"rsa-sha256", HF_SIG_RSA_SHA256},
        {"rsa-sha384", HF_SIG_RSA_SHA384},         {"rsa-sha512", HF_SIG_RSA_SHA512},
        {"rsa-pss-sha256", HF_SIG_RSA_PSS_SHA256}, {"rsa-pss-sha384", HF_SIG_RSA_PSS_SHA384},
        {"rsa-pss-sha512", HF_SIG_RSA_PSS_SHA512}, {"ed25519", HF_SIG_ED25519},
    };
    for (size_t i = 0; algorithm != NULL && i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, algorithm) == 0) {
            return rows[i].kind;
        }
    }
    return HF_SIG_NONE;
}

/* The key by the very readers that a certificate's goes through. */
static hf_result read_key(struct hf_span spki, struct hf_signer **out)
{
    struct hf_cert issuer = {.spki = spki};
    struct hf_span rest = spki;
    struct hf_span content;
    HF_TRY(hf_der_take(&rest, HF_DER_SEQUENCE, &content));
    HF_TRY(hf_der_end(rest));
    HF_TRY(hf_cert_read_spki(content, &issuer));
    return hf_signer_new(&issuer, out);
}

static hf_result by_lane(const struct hf_signer *signer, const struct hf_signed *what, bool *held)
{
    uint8_t digest[HF_SIGNATURE_DIGEST_MAX];
    struct hf_mb_job job = {
        .point = signer->point,
        .point_len = signer->point_len,
        .digest = digest,
        .signature = what->signature,
    };
    *held = false;
    if (hf_ecdsa_curve_of(signer->kind) == NULL) {
        return hf_ok();
    }
    HF_NEED(hf_signature_fits(what->kind, signer->kind), HF_E_BAD_SIGNATURE);
    HF_TRY(hf_signature_digest(what, digest, &job.digest_len));
    hf_mb_verify(signer->kind, &job, 1);
    *held = job.held;
    return hf_ok();
}

static hf_result check(int lane, const struct hf_signer *signer, const struct hf_signed *what)
{
    bool held = false;
    if (lane != HF_LANE_OPENSSL) {
        HF_TRY(by_lane(signer, what, &held));
    }
    if (held) {
        return hf_ok();
    }
    HF_NEED(lane != HF_LANE_MB, HF_E_BAD_SIGNATURE);
    return hf_signature_verify(signer, what);
}

hf_result hf_signature_check(int lane, const char *algorithm, const uint8_t *spki, size_t spki_len,
                             const uint8_t *message, size_t message_len, const uint8_t *signature,
                             size_t signature_len)
{
    struct hf_signer *signer;
    const struct hf_signed what = {
        .kind = kind_of(algorithm),
        .tbs = {message, message_len},
        .signature = {signature, signature_len},
    };
    HF_NEED(lane == HF_LANE_OPENSSL || lane == HF_LANE_MB || lane == HF_LANE_BOTH,
            HF_E_BAD_ARGUMENT);
    HF_NEED(what.kind != HF_SIG_NONE, HF_E_BAD_ARGUMENT);
    HF_TRY(read_key(hf_span_of(spki, spki_len), &signer));
    hf_result result = check(lane, signer, &what);
    hf_signer_unref(signer);
    return result;
}
