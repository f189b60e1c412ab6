/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/general_error.h"

/* No times: OpenSSL is not asked about them (general.c). */
static const struct {
    int reason;
    uint32_t code;
} codes[] = {
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, HF_E_BAD_SIGNATURE},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, HF_E_UNKNOWN_AUTHORITY},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, HF_E_UNKNOWN_AUTHORITY},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, HF_E_UNKNOWN_AUTHORITY},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, HF_E_UNKNOWN_AUTHORITY},
    {X509_V_ERR_PATH_LENGTH_EXCEEDED, HF_E_PATH_LENGTH},
    {X509_V_ERR_CERT_CHAIN_TOO_LONG, HF_E_PATH_LENGTH},
    {X509_V_ERR_PERMITTED_VIOLATION, HF_E_NAME_CONSTRAINT},
    {X509_V_ERR_EXCLUDED_VIOLATION, HF_E_NAME_CONSTRAINT},
    {X509_V_ERR_SUBTREE_MINMAX, HF_E_NAME_CONSTRAINT},
    {X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE, HF_E_NAME_CONSTRAINT},
    {X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX, HF_E_NAME_CONSTRAINT},
    {X509_V_ERR_UNSUPPORTED_NAME_SYNTAX, HF_E_NAME_CONSTRAINT},
    {X509_V_ERR_HOSTNAME_MISMATCH, HF_E_NAME_MISMATCH},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, HF_E_NAME_MISMATCH},
    {X509_V_ERR_INVALID_CA, HF_E_CA_NOT_CA},
    {X509_V_ERR_KEYUSAGE_NO_CERTSIGN, HF_E_CA_NOT_CA},
    {X509_V_ERR_INVALID_PURPOSE, HF_E_SVID_EKU},
    {X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, HF_E_CERT_UNKNOWN_CRITICAL},
    {X509_V_ERR_EE_KEY_TOO_SMALL, HF_E_CERT_KEY},
    {X509_V_ERR_CA_KEY_TOO_SMALL, HF_E_CERT_KEY},
    {X509_V_ERR_EC_KEY_EXPLICIT_PARAMS, HF_E_CERT_KEY},
    {X509_V_ERR_CA_MD_TOO_WEAK, HF_E_CERT_ALGORITHM},
    {X509_V_ERR_OUT_OF_MEM, HF_E_OUT_OF_MEMORY},
};

static uint32_t code_of(int reason)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].reason == reason) {
            return codes[i].code;
        }
    }
    return HF_E_CHAIN_REJECTED;
}

hf_result hf_general_refuse(X509_STORE_CTX *ctx)
{
    int reason = X509_STORE_CTX_get_error(ctx);
    hf_result r = hf_error_set_seen(code_of(reason), __FILE__, __LINE__, "", "OpenSSL: %s",
                                    X509_verify_cert_error_string(reason));
    struct hf_error *error = hf_error_current();
    error->openssl_reason = (uint32_t)reason;
    error->depth = X509_STORE_CTX_get_error_depth(ctx);
    return r;
}
