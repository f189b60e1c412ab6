/* SPDX-License-Identifier: Apache-2.0
 *
 * How X509_verify_cert is held to one path. Its only untrusted certificates are the path's, in
 * order; its only trusted one is the anchor; it walks from the leaf upwards (TRUSTED_FIRST is off)
 * and has no alternative to turn to. What it built is compared with what it was given, object by
 * object, so that a path is never accepted on the strength of another one.
 *
 *   PARTIAL_CHAIN     an anchor of a bundle need not be self-signed (X509-39)
 *   purpose           always set (C11)
 *   NO_CHECK_TIME     hf_path_check() has looked at every certificate of the path, anchor included,
 *                     at the same time and more strictly; OpenSSL would ask gmtime_r(), whose lock
 *                     in glibc a forked child may inherit from another thread and wait for (D9)
 *   auth level 2      112 bits at least, as the reader's list of keys has it
 *   policies          not evaluated: no policy trees (C10)
 *   CRLs              not OpenSSL's: crl_check.c, on lists that were read and indexed before
 *   STRICT            not set: see path_rules.c
 */
#include "verify/general.h"

#include <openssl/x509v3.h>

#include "verify/crl_check.h"
#include "verify/general_error.h"

struct trial {
    X509_STORE_CTX *ctx;
    STACK_OF(X509) * untrusted;
    STACK_OF(X509) * trusted;
};

static void trial_free(struct trial *trial)
{
    X509_STORE_CTX_free(trial->ctx);
    sk_X509_free(trial->untrusted);
    sk_X509_free(trial->trusted);
}

static int purpose_of(const struct hf_question *question)
{
    if (!question->web && question->rules == HF_RULES_COMPATIBLE) {
        /* spec: X509-26. The leaf's purposes were judged by our rules, with "any" let through and
         * without nesting; OpenSSL's TLS purposes know neither. Each issuer still must be a CA. */
        return X509_PURPOSE_ANY;
    }
    /* EITHER: our rules see to the client's half, also on the CAs. */
    return question->purpose == HF_PURPOSE_CLIENT ? X509_PURPOSE_SSL_CLIENT
                                                  : X509_PURPOSE_SSL_SERVER;
}

static bool set_name(X509_VERIFY_PARAM *param, const struct hf_name *name)
{
    /* The common name is never a host name, whatever the certificate has or lacks. */
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (name == NULL || name->kind == HF_NAME_NONE) {
        return true;
    }
    if (name->kind == HF_NAME_DNS) {
        return X509_VERIFY_PARAM_set1_host(param, (const char *)name->text.data, name->text.len) ==
               1;
    }
    return X509_VERIFY_PARAM_set1_ip(param, name->text.data, name->text.len) == 1;
}

static bool set_param(X509_VERIFY_PARAM *param, const struct hf_question *question)
{
    X509_VERIFY_PARAM_set_depth(param, HF_CHAIN_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, 2);
    return X509_VERIFY_PARAM_clear_flags(param, X509_V_FLAG_TRUSTED_FIRST) == 1 &&
           X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN |
                                                  X509_V_FLAG_NO_ALT_CHAINS |
                                                  X509_V_FLAG_NO_CHECK_TIME) == 1 &&
           X509_VERIFY_PARAM_set_purpose(param, purpose_of(question)) == 1 &&
           set_name(param, question->name);
}

static hf_result prepare(struct hf_pool *pool, const struct hf_path *path,
                         const struct hf_question *question, struct trial *trial)
{
    X509 *leaf;
    HF_TRY(hf_pool_x509(pool, path->index[0], &leaf));
    trial->ctx = X509_STORE_CTX_new_ex(hf_ossl_ctx(), NULL);
    trial->untrusted = sk_X509_new_reserve(NULL, HF_CHAIN_MAX);
    trial->trusted = sk_X509_new_reserve(NULL, 1);
    HF_NEED_MEM(trial->ctx);
    HF_NEED_MEM(trial->untrusted);
    HF_NEED_MEM(trial->trusted);
    for (size_t depth = 1; depth < path->count; depth++) {
        X509 *x509;
        HF_TRY(hf_pool_x509(pool, path->index[depth], &x509));
        HF_NEED(sk_X509_push(trial->untrusted, x509) > 0, HF_E_OUT_OF_MEMORY);
    }
    HF_NEED(sk_X509_push(trial->trusted, path->anchor->x509) > 0, HF_E_OUT_OF_MEMORY);
    HF_NEED(X509_STORE_CTX_init(trial->ctx, NULL, leaf, trial->untrusted) == 1, HF_E_OPENSSL);
    X509_STORE_CTX_set0_trusted_stack(trial->ctx, trial->trusted);
    HF_NEED(set_param(X509_STORE_CTX_get0_param(trial->ctx), question), HF_E_OPENSSL);
    return hf_ok();
}

/* Nothing but the path that was asked about. */
static bool is_path(struct hf_pool *pool, const struct hf_path *path, STACK_OF(X509) * chain)
{
    if (chain == NULL || sk_X509_num(chain) != (int)path->count + 1) {
        return false;
    }
    for (size_t depth = 0; depth < path->count; depth++) {
        X509 *x509;
        if (!hf_is_ok(hf_pool_x509(pool, path->index[depth], &x509)) ||
            sk_X509_value(chain, (int)depth) != x509) {
            return false;
        }
    }
    return sk_X509_value(chain, (int)path->count) == path->anchor->x509;
}

static hf_result verify(struct hf_pool *pool, const struct hf_path *path,
                        const struct hf_question *question, struct trial *trial)
{
    HF_TRY(prepare(pool, path, question, trial));
    if (X509_verify_cert(trial->ctx) != 1) {
        return hf_general_refuse(trial->ctx);
    }
    HF_NEED_SEEN(is_path(pool, path, X509_STORE_CTX_get0_chain(trial->ctx)), HF_E_CHAIN_REJECTED,
                 "the chain that was asked about", "OpenSSL built another");
    /* Last: now the keys on the path are known to be those of its issuers. */
    return hf_crl_check_path(pool, path, question);
}

hf_result hf_general_verify(struct hf_pool *pool, const struct hf_path *path,
                            const struct hf_question *question)
{
    hf_ossl_clear();
    struct trial trial = {NULL, NULL, NULL};
    hf_result r = verify(pool, path, question, &trial);
    trial_free(&trial);
    hf_ossl_clear();
    return r;
}

static hf_result check_signature(struct hf_pool *pool, const struct hf_path *path, size_t depth)
{
    X509 *x509;
    HF_TRY(hf_pool_x509(pool, path->index[depth], &x509));
    EVP_PKEY *key = path->anchor->signer->key;
    if (depth + 1 < path->count) {
        X509 *issuer;
        HF_TRY(hf_pool_x509(pool, path->index[depth + 1], &issuer));
        key = X509_get0_pubkey(issuer);
    }
    HF_NEED(key != NULL && X509_verify(x509, key) == 1, HF_E_BAD_SIGNATURE);
    return hf_ok();
}

hf_result hf_general_signatures(struct hf_pool *pool, const struct hf_path *path)
{
    hf_ossl_clear();
    for (size_t depth = path->count; depth-- > 0;) {
        hf_result r = check_signature(pool, path, depth);
        if (!hf_is_ok(r)) {
            hf_error_current()->depth = (int32_t)depth;
            hf_ossl_clear();
            return r;
        }
    }
    return hf_ok();
}
