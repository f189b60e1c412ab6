/* SPDX-License-Identifier: Apache-2.0 */
#include "crl_kit.h"

#include "pki_sign.h"
#include "verify/crl_set.h"
#include "x509/bundle.h"

struct pki_cert crl_kit_root_cert, crl_kit_middle_cert, crl_kit_leaf_cert;
static struct hf_bundle *roots;

#define LEAF_SERIAL "\x21\x07"
#define MIDDLE_SERIAL "\x21\x08"

const struct pki_revoked crl_kit_revoked_leaf = {
    .serial = DER_BYTES(LEAF_SERIAL),
    .extensions = DER_BYTES("\x30\x0c\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01\x01")};
const struct pki_revoked crl_kit_revoked_middle = {.serial = DER_BYTES(MIDDLE_SERIAL)};

void crl_kit_add(struct crl_lists *to, const struct pki_crl_spec *spec, EVP_PKEY *key)
{
    to->len += pki_crl_make(spec, key, to->der + to->len, sizeof(to->der) - to->len);
}

void crl_kit_add_plain(struct crl_lists *to, const char *issuer, EVP_PKEY *key)
{
    struct pki_crl_spec spec;
    pki_crl(&spec, issuer, key);
    crl_kit_add(to, &spec, key);
}

struct hf_crl_set *crl_kit_set(const struct crl_lists *lists)
{
    struct hf_crl_set *set;
    pki_need(hf_is_ok(hf_crl_set_new(lists->der, lists->len, &set)), "CRLs");
    return set;
}

void crl_kit_leaf(struct pki_spec *spec)
{
    static const char *const server[] = {PKI_OID_SERVER_AUTH};
    static const struct pki_name names[] = {{PKI_DNS, {(const uint8_t *)"www.example.com", 15}}};
    pki_leaf(spec, "middle", "unused:", KIT_LEAF_KEY);
    pki_add_key_ids(spec, KIT_KEY(1));
    pki_set_san(spec, true, names, 1);
    pki_set_eku(spec, false, server, 1);
    spec->serial = DER_BYTES(LEAF_SERIAL);
}

void crl_kit_middle(struct pki_spec *spec)
{
    pki_intermediate(spec, "root", "middle", NULL, KIT_KEY(1));
    pki_add_key_ids(spec, KIT_KEY(0));
    spec->serial = DER_BYTES(MIDDLE_SERIAL);
}

void crl_kit_world(void)
{
    struct pki_spec spec;
    size_t skipped;
    /* A root need not name its key, as its lists do (RFC 5280 5.2.1). */
    pki_authority(&spec, "root", NULL, KIT_KEY(0));
    kit_sign(&spec, KIT_KEY(0), &crl_kit_root_cert);
    crl_kit_middle(&spec);
    kit_sign(&spec, KIT_KEY(0), &crl_kit_middle_cert);
    crl_kit_leaf(&spec);
    kit_sign(&spec, KIT_KEY(1), &crl_kit_leaf_cert);
    pki_need(hf_is_ok(hf_bundle_new_roots(crl_kit_root_cert.der, crl_kit_root_cert.len, &skipped,
                                          &roots)),
             "roots");
}

void crl_kit_clear(void)
{
    hf_bundle_unref(roots);
}

hf_result crl_kit_judge(struct kit_certs presented, struct hf_crl_set *set, int policy, int64_t at)
{
    struct kit_chain chain;
    struct hf_peer peer;
    struct hf_presented in = {
        .chain = kit_chain(&chain, presented), .at = at, .purpose = HF_PURPOSE_SERVER};
    struct hf_web_terms terms = {.max_depth = 7, .crls = set, .crl_policy = policy};
    return hf_judge_web(roots, &in, &terms, &peer);
}

hf_result crl_kit_ask(const struct crl_lists *lists, int policy)
{
    struct hf_crl_set *set = crl_kit_set(lists);
    hf_result r = crl_kit_judge(CRL_KIT_CHAIN, set, policy, PKI_NOW);
    hf_crl_set_unref(set);
    return r;
}
