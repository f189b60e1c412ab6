/* SPDX-License-Identifier: Apache-2.0
 *
 * Short ways to bundles, chains and verdicts, for the tests of verify and policy.
 *
 *   static struct pki_cert root, leaf;
 *   kit_root(&root, "root", KIT_KEY(0));
 *   kit_leaf(&leaf, "root", KIT_KEY(0), "spiffe://a.example/web");
 *   struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
 *   HF_CHECK_OK(kit_judge(set, KIT_CERTS(&leaf), NULL));
 */
#ifndef HF_TESTS_KIT_H
#define HF_TESTS_KIT_H

#include "pki.h"
#include "verify/judge.h"

/* P-256 keys by number: 0 to 5 sign, 6 and 7 belong to leaves. */
#define KIT_KEY(n) pki_key(PKI_P256, (n))
#define KIT_LEAF_KEY KIT_KEY(6)

/* Several certificates as one argument. */
struct kit_certs {
    const struct pki_cert *const *certs;
    size_t count;
};
#define KIT_CERTS(...)                                                                             \
    ((struct kit_certs){(const struct pki_cert *const[]){__VA_ARGS__},                             \
                        sizeof((const struct pki_cert *const[]){__VA_ARGS__}) /                    \
                            sizeof(const struct pki_cert *)})
#define KIT_NO_CERTS ((struct kit_certs){NULL, 0})

/* The good shapes, with key identifiers. */
void kit_root(struct pki_cert *out, const char *name, EVP_PKEY *key);
void kit_intermediate(struct pki_cert *out, const char *issuer, EVP_PKEY *issuer_key,
                      const char *name, EVP_PKEY *key);
void kit_leaf(struct pki_cert *out, const char *issuer, EVP_PKEY *issuer_key, const char *uri);
/* Sign a spec as it is. */
void kit_sign(const struct pki_spec *spec, EVP_PKEY *issuer_key, struct pki_cert *out);

/* Bundles and sets of them; a failure is a bug of the test and ends the process. */
struct hf_bundle *kit_bundle(const char *trust_domain, struct kit_certs certs);
struct hf_bundle_set *kit_set1(const char *trust_domain, struct kit_certs certs);
/* Takes the references over. */
struct hf_bundle_set *kit_set(struct hf_bundle *const *bundles, size_t count);

/* A chain as presented. */
struct kit_chain {
    struct hf_chain chain;
    uint32_t lengths[128];
    uint8_t der[65536];
};
const struct hf_chain *kit_chain(struct kit_chain *out, struct kit_certs certs);

/* Verdicts: strict rules, either purpose, at PKI_NOW unless told. `out` may be NULL. */
struct kit_ask {
    int rules;
    int purpose;
    int64_t at;
};
HF_MUST_USE hf_result kit_judge(const struct hf_bundle_set *set, struct kit_certs presented,
                                struct hf_peer *out);
HF_MUST_USE hf_result kit_judge_by(enum hf_way way, const struct hf_bundle_set *set,
                                   struct kit_certs presented, struct kit_ask ask,
                                   struct hf_peer *out);
HF_MUST_USE hf_result kit_judge_as(const struct hf_bundle_set *set, struct kit_certs presented,
                                   struct kit_ask ask, struct hf_peer *out);

/* The failure just recorded. */
bool kit_saw(const char *part);
bool kit_claimed(const char *id);
int32_t kit_depth(void);

#endif
