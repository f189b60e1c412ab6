/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose a list is when its issuer's name is written in other bytes and memory runs out: his. One
 * that was passed over would revoke nobody (P7).
 */
#include <openssl/err.h>

#include "crl_kit.h"
#include "hf_test.h"
#include "ossl_memory.h"
#include "verify/crl_names.h"

#define NAME(text) HF_SPAN("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01" text)

static void without_memory_two_names_are_one(void)
{
    const struct hf_span large = NAME("M");
    const struct hf_span small = NAME("m");
    size_t k = 1;
    for (bool came = true; came && k < 1000; k++) {
        atomic_store(&countdown, k);
        bool same = hf_crl_same_name(large, small);
        came = atomic_exchange(&countdown, 0) == 0;
        HF_CHECK(same);
        HF_CHECK(ERR_peek_error() == 0);
    }
    HF_CHECK(k > 4);
    HF_CHECK(!hf_crl_same_name(large, NAME("n")));
}

/* D7: whatever allocation of OpenSSL's fails, who is revoked is not accepted. */
static void a_list_in_another_spelling_revokes_without_memory_too(void)
{
    static struct crl_lists lists;
    struct pki_crl_spec spec;
    lists.len = 0;
    pki_crl(&spec, "MIDDLE", KIT_KEY(1));
    spec.entries = &crl_kit_revoked_leaf;
    spec.count = 1;
    crl_kit_add(&lists, &spec, KIT_KEY(1));
    size_t k = 1;
    for (bool came = true; came && k < 10000; k++) {
        struct hf_crl_set *set = crl_kit_set(&lists);
        atomic_store(&countdown, k);
        hf_result r = crl_kit_judge(CRL_KIT_CHAIN, set, HF_CRL_IF_AVAILABLE, PKI_NOW);
        came = atomic_exchange(&countdown, 0) == 0;
        HF_CHECK(!hf_is_ok(r));
        HF_CHECK(came || r.code == HF_E_CERT_REVOKED);
        hf_crl_set_unref(set);
    }
    HF_CHECK(k > 4);
}

HF_TESTS({"make the world", crl_kit_world},
         {"without memory two names are one", without_memory_two_names_are_one},
         {"a list in another spelling revokes without memory, too",
          a_list_in_another_spelling_revokes_without_memory_too},
         {"clear", crl_kit_clear})
