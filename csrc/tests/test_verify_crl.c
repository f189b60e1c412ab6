/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocation along a path: who may say that a certificate is revoked, and until when.
 */
#include "crl_kit.h"
#include "hf_test.h"

static void a_chain_that_nobody_revoked_is_accepted(void)
{
    static struct crl_lists lists;
    lists.len = 0;
    crl_kit_add_plain(&lists, "middle", KIT_KEY(1));
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    CRL_KIT_BOTH(&lists, HF_OK, HF_OK);
}

static void a_revoked_leaf_is_refused_with_date_and_reason(void)
{
    static struct crl_lists lists;
    struct pki_crl_spec spec;
    lists.len = 0;
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    pki_crl(&spec, "middle", KIT_KEY(1));
    spec.entries = &crl_kit_revoked_leaf;
    spec.count = 1;
    crl_kit_add(&lists, &spec, KIT_KEY(1));
    CRL_KIT_BOTH(&lists, HF_E_CERT_REVOKED, HF_E_CERT_REVOKED);
    HF_CHECK(kit_depth() == 0);
    HF_CHECK(kit_saw("revoked on 2027-01-14") && kit_saw("keyCompromise"));
}

static void a_revoked_intermediate_is_refused(void)
{
    static struct crl_lists lists;
    struct pki_crl_spec spec;
    lists.len = 0;
    crl_kit_add_plain(&lists, "middle", KIT_KEY(1));
    pki_crl(&spec, "root", KIT_KEY(0));
    spec.entries = &crl_kit_revoked_middle;
    spec.count = 1;
    crl_kit_add(&lists, &spec, KIT_KEY(0));
    CRL_KIT_BOTH(&lists, HF_E_CERT_REVOKED, HF_E_CERT_REVOKED);
    HF_CHECK(kit_depth() == 1 && kit_saw("unspecified"));
}

/* limbo: crl::certificate-serial-on-crl-different-issuer. */
static void another_issuers_serial_number_is_another(void)
{
    static struct crl_lists lists;
    struct pki_crl_spec spec;
    lists.len = 0;
    crl_kit_add_plain(&lists, "middle", KIT_KEY(1));
    pki_crl(&spec, "root", KIT_KEY(0));
    spec.entries = &crl_kit_revoked_leaf; /* the leaf's number, among the root's certificates */
    spec.count = 1;
    crl_kit_add(&lists, &spec, KIT_KEY(0));
    CRL_KIT_BOTH(&lists, HF_OK, HF_OK);
}

/* RFC 5280 7.1, and OpenSSL: one name, whatever its case and space. A list that was passed over for
 * that would revoke nobody. */
static void a_list_counts_however_it_writes_its_issuers_name(void)
{
    static const char *const names[] = {"MIDDLE", " middle ", "Middle  "};
    static struct crl_lists lists;
    struct pki_crl_spec spec;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        lists.len = 0;
        crl_kit_add_plain(&lists, "root", KIT_KEY(0));
        crl_kit_add_plain(&lists, names[i], KIT_KEY(1));
        CRL_KIT_BOTH(&lists, HF_OK, HF_OK);
        pki_crl(&spec, names[i], KIT_KEY(1));
        spec.entries = &crl_kit_revoked_leaf;
        spec.count = 1;
        lists.len = 0;
        crl_kit_add_plain(&lists, "root", KIT_KEY(0));
        crl_kit_add(&lists, &spec, KIT_KEY(1));
        CRL_KIT_BOTH(&lists, HF_E_CERT_REVOKED, HF_E_CERT_REVOKED);
        lists.len = 0;
        crl_kit_add_plain(&lists, "root", KIT_KEY(0));
        crl_kit_add(&lists, &spec, KIT_KEY(2));
        CRL_KIT_BOTH(&lists, HF_E_CRL_UNTRUSTED, HF_E_CRL_UNTRUSTED);
    }
    lists.len = 0;
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    pki_crl(&spec, "mid dle", KIT_KEY(1));
    spec.entries = &crl_kit_revoked_leaf;
    spec.count = 1;
    crl_kit_add(&lists, &spec, KIT_KEY(1));
    CRL_KIT_BOTH(&lists, HF_E_CRL_MISSING, HF_OK);
}

static void a_certificate_without_a_list_is_a_matter_of_policy(void)
{
    static struct crl_lists lists;
    lists.len = 0;
    crl_kit_add_plain(&lists, "middle", KIT_KEY(1));
    CRL_KIT_BOTH(&lists, HF_E_CRL_MISSING, HF_OK);
    HF_CHECK_CODE(crl_kit_ask(&lists, HF_CRL_REQUIRED), HF_E_CRL_MISSING);
    HF_CHECK(kit_depth() == 1);
    lists.len = 0;
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    CRL_KIT_BOTH(&lists, HF_E_CRL_MISSING, HF_OK);
    lists.len = 0;
    crl_kit_add_plain(&lists, "somebody else", KIT_KEY(3));
    CRL_KIT_BOTH(&lists, HF_E_CRL_MISSING, HF_OK);
}

static void check_at(struct hf_crl_set *set, int64_t at, uint32_t code, int64_t skew)
{
    HF_CHECK_CODE(crl_kit_judge(CRL_KIT_CHAIN, set, HF_CRL_REQUIRED, at), code);
    HF_CHECK(code == HF_OK || hf_error_current()->skew == skew);
    HF_CHECK(code != HF_E_CRL_EXPIRED || kit_saw("s after it"));
    HF_CHECK(code != HF_E_CRL_NOT_YET_VALID || kit_saw("s before it"));
    HF_CHECK_CODE(crl_kit_judge(CRL_KIT_CHAIN, set, HF_CRL_IF_AVAILABLE, at), code);
}

/* From thisUpdate on, and before nextUpdate; an old list is no list under neither policy. */
static void a_list_is_in_date_at_the_time_of_the_verdict(void)
{
    static struct crl_lists lists;
    struct pki_crl_spec spec;
    lists.len = 0;
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    pki_crl(&spec, "middle", KIT_KEY(1));
    spec.this_update = PKI_NOW - 10;
    spec.next_update = PKI_NOW + 10;
    crl_kit_add(&lists, &spec, KIT_KEY(1));
    struct hf_crl_set *set = crl_kit_set(&lists);
    check_at(set, PKI_NOW - 11, HF_E_CRL_NOT_YET_VALID, 1);
    check_at(set, PKI_NOW - 10, HF_OK, 0);
    check_at(set, PKI_NOW + 9, HF_OK, 0);
    check_at(set, PKI_NOW + 10, HF_E_CRL_EXPIRED, 0);
    check_at(set, PKI_NOW + 11, HF_E_CRL_EXPIRED, 1);
    hf_crl_set_unref(set);
}

/* Revoked is revoked: an old list does not give a certificate back. */
static void an_old_list_still_revokes(void)
{
    static struct crl_lists lists;
    struct pki_crl_spec spec;
    lists.len = 0;
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    crl_kit_add_plain(&lists, "middle", KIT_KEY(1));
    pki_crl(&spec, "middle", KIT_KEY(1));
    spec.next_update = PKI_NOW - 1;
    spec.entries = &crl_kit_revoked_leaf;
    spec.count = 1;
    crl_kit_add(&lists, &spec, KIT_KEY(1));
    CRL_KIT_BOTH(&lists, HF_E_CERT_REVOKED, HF_E_CERT_REVOKED);
}

static void a_good_list_makes_up_for_an_old_one(void)
{
    static struct crl_lists lists;
    struct pki_crl_spec spec;
    lists.len = 0;
    pki_crl(&spec, "middle", KIT_KEY(1));
    spec.next_update = PKI_NOW - 1;
    crl_kit_add(&lists, &spec, KIT_KEY(1));
    crl_kit_add_plain(&lists, "middle", KIT_KEY(1));
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    CRL_KIT_BOTH(&lists, HF_OK, HF_OK);
}

/* What is known of an issuer further up says more than a list that does not count. */
static void a_revoked_issuer_is_told_before_a_bad_list(void)
{
    static struct crl_lists lists;
    const struct {
        int64_t this_update;
        int64_t next_update;
        EVP_PKEY *signer;
    } bad[] = {{PKI_NOW - 60, PKI_NOW, KIT_KEY(1)},
               {PKI_NOW + 1, PKI_NOW + 60, KIT_KEY(1)},
               {PKI_NOW - 60, PKI_NOW + 60, KIT_KEY(2)}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct pki_crl_spec spec;
        lists.len = 0;
        pki_crl(&spec, "root", KIT_KEY(0));
        spec.entries = &crl_kit_revoked_middle;
        spec.count = 1;
        crl_kit_add(&lists, &spec, KIT_KEY(0));
        pki_crl(&spec, "middle", KIT_KEY(1));
        spec.this_update = bad[i].this_update;
        spec.next_update = bad[i].next_update;
        crl_kit_add(&lists, &spec, bad[i].signer);
        CRL_KIT_BOTH(&lists, HF_E_CERT_REVOKED, HF_E_CERT_REVOKED);
        HF_CHECK(kit_depth() == 1);
    }
}

/* C6: somebody else's list in the issuer's name neither revokes nor covers. */
static void only_the_issuers_key_on_the_path_signs(void)
{
    static struct crl_lists lists;
    struct pki_crl_spec spec;
    for (int ids = 0; ids < 2; ids++) {
        lists.len = 0;
        crl_kit_add_plain(&lists, "root", KIT_KEY(0));
        pki_crl(&spec, "middle", ids == 0 ? KIT_KEY(1) : KIT_KEY(2));
        spec.entries = &crl_kit_revoked_leaf;
        spec.count = 1;
        crl_kit_add(&lists, &spec, KIT_KEY(2));
        CRL_KIT_BOTH(&lists, HF_E_CRL_UNTRUSTED, HF_E_CRL_UNTRUSTED);
        HF_CHECK(kit_depth() == 0 && kit_saw("one that is not"));
        /* Beside a good list it does no harm. */
        crl_kit_add_plain(&lists, "middle", KIT_KEY(1));
        CRL_KIT_BOTH(&lists, HF_OK, HF_OK);
    }
    lists.len = 0;
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    pki_crl(&spec, "middle", KIT_KEY(1));
    spec.parts.bad_signature = true;
    crl_kit_add(&lists, &spec, KIT_KEY(1));
    CRL_KIT_BOTH(&lists, HF_E_CRL_UNTRUSTED, HF_E_CRL_UNTRUSTED);
    /* The root's key does not speak for those below it. */
    lists.len = 0;
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    crl_kit_add_plain(&lists, "middle", KIT_KEY(0));
    CRL_KIT_BOTH(&lists, HF_E_CRL_UNTRUSTED, HF_E_CRL_UNTRUSTED);
}

/* RFC 5280 5.2.1 asks for its name; without, the signature says whose it is. */
static void a_list_need_not_name_its_key(void)
{
    static struct crl_lists lists;
    struct pki_crl_spec spec;
    pki_crl(&spec, "middle", KIT_KEY(1));
    pki_drop(&spec.parts, PKI_OID_AKI);
    lists.len = 0;
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    crl_kit_add(&lists, &spec, KIT_KEY(1));
    CRL_KIT_BOTH(&lists, HF_OK, HF_OK);
    spec.entries = &crl_kit_revoked_leaf;
    spec.count = 1;
    lists.len = 0;
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    crl_kit_add(&lists, &spec, KIT_KEY(1));
    CRL_KIT_BOTH(&lists, HF_E_CERT_REVOKED, HF_E_CERT_REVOKED);
}

static hf_result ask_middle(const struct pki_spec *spec, const struct crl_lists *lists)
{
    static struct pki_cert made;
    kit_sign(spec, KIT_KEY(0), &made);
    struct hf_crl_set *set = crl_kit_set(lists);
    hf_result r =
        crl_kit_judge(KIT_CERTS(&crl_kit_leaf_cert, &made), set, HF_CRL_REQUIRED, PKI_NOW);
    hf_crl_set_unref(set);
    return r;
}

/* PKITS 4.7.4, 4.7.5; limbo: crl::issuer-no-keyusage-extension. */
static void an_issuer_may_sign_lists_unless_its_key_usage_says_no(void)
{
    static struct crl_lists lists;
    struct pki_spec spec;
    lists.len = 0;
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    crl_kit_add_plain(&lists, "middle", KIT_KEY(1));
    crl_kit_middle(&spec);
    pki_set_key_usage(&spec, true, HF_KU_KEY_CERT_SIGN);
    HF_CHECK_CODE(ask_middle(&spec, &lists), HF_E_CRL_UNTRUSTED);
    pki_drop(&spec, PKI_OID_KEY_USAGE);
    HF_CHECK_OK(ask_middle(&spec, &lists));
}

/* PKITS 4.5.1 to 4.5.3: a CA that certified its own next key. */
static void a_key_that_the_path_vouches_for_signs_too(void)
{
    static struct pki_cert next, below;
    static struct crl_lists lists;
    struct pki_spec spec;
    pki_intermediate(&spec, "middle", "middle", NULL, KIT_KEY(2));
    pki_add_key_ids(&spec, KIT_KEY(1));
    kit_sign(&spec, KIT_KEY(1), &next);
    crl_kit_leaf(&spec);
    pki_add_key_ids(&spec, KIT_KEY(2));
    kit_sign(&spec, KIT_KEY(2), &below);
    for (size_t signer = 1; signer <= 2; signer++) {
        lists.len = 0;
        crl_kit_add_plain(&lists, "root", KIT_KEY(0));
        crl_kit_add_plain(&lists, "middle", KIT_KEY(signer));
        struct hf_crl_set *set = crl_kit_set(&lists);
        /* Its own certificate is covered by the old key alone: nothing vouches for itself. */
        HF_CHECK_CODE(crl_kit_judge(KIT_CERTS(&below, &next, &crl_kit_middle_cert), set,
                                    HF_CRL_REQUIRED, PKI_NOW),
                      signer == 1 ? HF_OK : HF_E_CRL_UNTRUSTED);
        HF_CHECK(signer == 1 || kit_depth() == 1);
        hf_crl_set_unref(set);
    }
}

static void nothing_is_left(void)
{
    crl_kit_clear();
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"make the world", crl_kit_world},
         {"a chain that nobody revoked is accepted", a_chain_that_nobody_revoked_is_accepted},
         {"a revoked leaf is refused with date and reason",
          a_revoked_leaf_is_refused_with_date_and_reason},
         {"a revoked intermediate is refused", a_revoked_intermediate_is_refused},
         {"another issuer's serial number is another", another_issuers_serial_number_is_another},
         {"a list counts however it writes its issuer's name",
          a_list_counts_however_it_writes_its_issuers_name},
         {"a certificate without a list is a matter of policy",
          a_certificate_without_a_list_is_a_matter_of_policy},
         {"a list is in date at the time of the verdict",
          a_list_is_in_date_at_the_time_of_the_verdict},
         {"an old list still revokes", an_old_list_still_revokes},
         {"a good list makes up for an old one", a_good_list_makes_up_for_an_old_one},
         {"a revoked issuer is told before a bad list", a_revoked_issuer_is_told_before_a_bad_list},
         {"only the issuer's key on the path signs", only_the_issuers_key_on_the_path_signs},
         {"a list need not name its key", a_list_need_not_name_its_key},
         {"an issuer may sign lists unless its key usage says no",
          an_issuer_may_sign_lists_unless_its_key_usage_says_no},
         {"a key that the path vouches for signs too", a_key_that_the_path_vouches_for_signs_too},
         {"nothing is left", nothing_is_left})
