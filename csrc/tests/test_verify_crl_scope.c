/* SPDX-License-Identifier: Apache-2.0
 *
 * Which certificates a revocation list speaks of: kinds, reasons, distribution points.
 */
#include "crl_kit.h"
#include "hf_test.h"

static void add_part(struct crl_lists *to, const char *issuer, EVP_PKEY *key,
                     struct der_bytes point)
{
    struct pki_crl_spec spec;
    pki_crl(&spec, issuer, key);
    pki_set(&spec.parts, PKI_OID_ISSUING_POINT, true, point);
    crl_kit_add(to, &spec, key);
}

#define USERS DER_BYTES("\x30\x03\x81\x01\xff")
#define AUTHORITIES DER_BYTES("\x30\x03\x82\x01\xff")

/* PKITS 4.14.11 to 4.14.13. */
static void a_list_for_one_kind_covers_that_kind(void)
{
    static struct crl_lists lists;
    lists.len = 0;
    add_part(&lists, "middle", KIT_KEY(1), USERS);
    add_part(&lists, "root", KIT_KEY(0), AUTHORITIES);
    CRL_KIT_BOTH(&lists, HF_OK, HF_OK);
    lists.len = 0;
    add_part(&lists, "middle", KIT_KEY(1), AUTHORITIES);
    add_part(&lists, "root", KIT_KEY(0), AUTHORITIES);
    CRL_KIT_BOTH(&lists, HF_E_CRL_MISSING, HF_OK);
    HF_CHECK_CODE(crl_kit_ask(&lists, HF_CRL_REQUIRED), HF_E_CRL_MISSING);
    HF_CHECK(kit_depth() == 0);
    lists.len = 0;
    add_part(&lists, "middle", KIT_KEY(1), USERS);
    add_part(&lists, "root", KIT_KEY(0), USERS);
    CRL_KIT_BOTH(&lists, HF_E_CRL_MISSING, HF_OK);
}

/* Its issuer signed that it is revoked, if in the wrong list. */
static void a_list_for_others_revokes_whom_it_lists(void)
{
    static struct crl_lists lists;
    struct pki_crl_spec spec;
    lists.len = 0;
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    crl_kit_add_plain(&lists, "middle", KIT_KEY(1));
    pki_crl(&spec, "middle", KIT_KEY(1));
    pki_set(&spec.parts, PKI_OID_ISSUING_POINT, true, AUTHORITIES);
    spec.entries = &crl_kit_revoked_leaf;
    spec.count = 1;
    crl_kit_add(&lists, &spec, KIT_KEY(1));
    CRL_KIT_BOTH(&lists, HF_E_CERT_REVOKED, HF_E_CERT_REVOKED);
    /* Signed by somebody else, it says nothing at all. */
    lists.len = 0;
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    crl_kit_add_plain(&lists, "middle", KIT_KEY(1));
    crl_kit_add(&lists, &spec, KIT_KEY(2));
    CRL_KIT_BOTH(&lists, HF_OK, HF_OK);
    lists.len = 0;
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    crl_kit_add(&lists, &spec, KIT_KEY(2));
    CRL_KIT_BOTH(&lists, HF_E_CRL_MISSING, HF_OK);
}

/* PKITS 4.14.15 to 4.14.21: all eight reasons, in as many lists as the issuer likes. */
static void lists_for_some_reasons_cover_together(void)
{
    static struct crl_lists lists;
    lists.len = 0;
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    add_part(&lists, "middle", KIT_KEY(1), DER_BYTES("\x30\x04\x83\x02\x05\x60"));
    CRL_KIT_BOTH(&lists, HF_E_CRL_MISSING, HF_OK);
    HF_CHECK_CODE(crl_kit_ask(&lists, HF_CRL_REQUIRED), HF_E_CRL_MISSING);
    HF_CHECK(kit_saw("some"));
    add_part(&lists, "middle", KIT_KEY(1), DER_BYTES("\x30\x05\x83\x03\x07\x1f\x80"));
    CRL_KIT_BOTH(&lists, HF_OK, HF_OK);
}

static hf_result ask_point(struct der_bytes of_cert, struct der_bytes of_list)
{
    static struct crl_lists lists;
    static struct pki_cert made;
    struct pki_spec spec;
    lists.len = 0;
    crl_kit_leaf(&spec);
    if (of_cert.data != NULL) {
        pki_add(&spec, PKI_OID_CRL_POINTS, false, of_cert);
    }
    kit_sign(&spec, KIT_KEY(1), &made);
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    add_part(&lists, "middle", KIT_KEY(1), of_list);
    struct hf_crl_set *set = crl_kit_set(&lists);
    hf_result r =
        crl_kit_judge(KIT_CERTS(&made, &crl_kit_middle_cert), set, HF_CRL_REQUIRED, PKI_NOW);
    hf_crl_set_unref(set);
    return r;
}

/* CN=a below CN=middle, as a full name and relative to the issuer. */
#define RDN_MIDDLE "\x31\x0f\x30\x0d\x06\x03\x55\x04\x03\x0c\x06middle"
#define RDN_A                                                                                      \
    "\x30\x08\x06\x03\x55\x04\x03\x0c\x01"                                                         \
    "a"
#define FULL_A "\xa0\x21\xa4\x1f\x30\x1d" RDN_MIDDLE "\x31\x0a" RDN_A
#define RELATIVE_A "\xa1\x0a" RDN_A

/* PKITS 4.14.1 to 4.14.9. */
static void a_list_for_a_point_covers_who_names_it(void)
{
    struct der_bytes u_a = DER_BYTES("\x30\x09\xa0\x07\xa0\x05\x86\x03u:a");
    struct der_bytes at_a = DER_BYTES("\x30\x0b\x30\x09\xa0\x07\xa0\x05\x86\x03u:a");
    struct der_bytes at_b = DER_BYTES("\x30\x0b\x30\x09\xa0\x07\xa0\x05\x86\x03u:b");
    struct der_bytes at_both = DER_BYTES("\x30\x16\x30\x09\xa0\x07\xa0\x05\x86\x03u:b"
                                         "\x30\x09\xa0\x07\xa0\x05\x86\x03u:a");
    HF_CHECK_OK(ask_point(at_a, u_a));
    HF_CHECK_OK(ask_point(at_both, u_a));
    HF_CHECK_CODE(ask_point(at_b, u_a), HF_E_CRL_MISSING);
    HF_CHECK_CODE(ask_point(DER_NONE, u_a), HF_E_CRL_MISSING);
    /* For some reasons only, and of another CRL issuer. */
    HF_CHECK_CODE(ask_point(DER_BYTES("\x30\x0f\x30\x0d\xa0\x07\xa0\x05\x86\x03u:a"
                                      "\x81\x02\x05\x60"),
                            u_a),
                  HF_E_CRL_MISSING);
    HF_CHECK_CODE(ask_point(DER_BYTES("\x30\x10\x30\x0e\xa0\x07\xa0\x05\x86\x03u:a"
                                      "\xa2\x03\x82\x01x"),
                            u_a),
                  HF_E_CRL_MISSING);
    struct der_bytes full = DER_BYTES("\x30\x25\xa0\x23" FULL_A);
    struct der_bytes relative = DER_BYTES("\x30\x0e\xa0\x0c" RELATIVE_A);
    struct der_bytes at_full = DER_BYTES("\x30\x27\x30\x25\xa0\x23" FULL_A);
    struct der_bytes at_relative = DER_BYTES("\x30\x10\x30\x0e\xa0\x0c" RELATIVE_A);
    HF_CHECK_OK(ask_point(at_full, full));
    HF_CHECK_OK(ask_point(at_relative, full));
    HF_CHECK_OK(ask_point(at_full, relative));
    HF_CHECK_OK(ask_point(at_relative, relative));
    HF_CHECK_CODE(ask_point(at_a, relative), HF_E_CRL_MISSING);
    HF_CHECK_CODE(ask_point(at_relative, u_a), HF_E_CRL_MISSING);
    /* A point that cannot be read: of the certificate's making, and refused. */
    HF_CHECK_CODE(ask_point(DER_BYTES("\x30\x01\x00"), u_a), HF_E_CERT_EXTENSION);
}

static void nothing_is_left(void)
{
    crl_kit_clear();
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"make the world", crl_kit_world},
         {"a list for one kind covers that kind", a_list_for_one_kind_covers_that_kind},
         {"a list for others revokes whom it lists", a_list_for_others_revokes_whom_it_lists},
         {"lists for some reasons cover together", lists_for_some_reasons_cover_together},
         {"a list for a point covers who names it", a_list_for_a_point_covers_who_names_it},
         {"nothing is left", nothing_is_left})
