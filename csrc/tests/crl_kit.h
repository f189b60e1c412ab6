/* SPDX-License-Identifier: Apache-2.0
 *
 * One web chain (root, middle, leaf) and revocation lists for it, for the tests of revocation.
 *
 *   static struct crl_lists lists;
 *   crl_kit_add_plain(&lists, "middle", KIT_KEY(1));
 *   CRL_KIT_BOTH(&lists, HF_E_CRL_MISSING, HF_OK);
 */
#ifndef HF_TESTS_CRL_KIT_H
#define HF_TESTS_CRL_KIT_H

#include "kit.h"
#include "pki_crl.h"

/* Lists back to back. */
struct crl_lists {
    size_t len;
    uint8_t der[32768];
};

void crl_kit_add(struct crl_lists *to, const struct pki_crl_spec *spec, EVP_PKEY *key);
/* A good list without entries. */
void crl_kit_add_plain(struct crl_lists *to, const char *issuer, EVP_PKEY *key);
struct hf_crl_set *crl_kit_set(const struct crl_lists *lists);

/* The chain: root (key 0), middle (key 1), and a server's leaf. */
extern struct pki_cert crl_kit_root_cert, crl_kit_middle_cert, crl_kit_leaf_cert;
#define CRL_KIT_CHAIN KIT_CERTS(&crl_kit_leaf_cert, &crl_kit_middle_cert)

/* Entries for both, the leaf's with keyCompromise; their date is 2027-01-14. */
extern const struct pki_revoked crl_kit_revoked_leaf, crl_kit_revoked_middle;

void crl_kit_leaf(struct pki_spec *spec);
void crl_kit_middle(struct pki_spec *spec);
void crl_kit_world(void);
void crl_kit_clear(void);

HF_MUST_USE hf_result crl_kit_judge(struct kit_certs presented, struct hf_crl_set *set, int policy,
                                    int64_t at);
/* The chain, by these lists alone. */
HF_MUST_USE hf_result crl_kit_ask(const struct crl_lists *lists, int policy);
/* Under both policies; for the checks of hf_test.h. */
#define CRL_KIT_BOTH(lists, required, if_available)                                                \
    do {                                                                                           \
        HF_CHECK_CODE(crl_kit_ask(lists, HF_CRL_REQUIRED), required);                              \
        HF_CHECK_CODE(crl_kit_ask(lists, HF_CRL_IF_AVAILABLE), if_available);                      \
    } while (0)

#endif
