/* SPDX-License-Identifier: Apache-2.0
 *
 * Distribution points of a certificate against that of a list, by themselves: which names are the
 * same point, and for which reasons (RFC 5280 4.2.1.13, 5.2.5, 6.3.3). What follows for a chain:
 * test_verify_crl_scope.c.
 */
#include "hf_test.h"
#include "kit.h"
#include "pki_crl.h"
#include "verify/crl_points.h"

/* Names, each after its length: of an issuer, and of points below it. */
#define RDN(name) "\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01" name
#define ISSUER "\x30\x0c" RDN("m")
#define BELOW(last) "\xa4\x1a\x30\x18" RDN("m") RDN(last)
#define RELATIVE(last) "\xa1\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01" last
#define URI(last) "\x86\x03u:" last

static const struct pki_spec *with_points(struct der_bytes points)
{
    static struct pki_spec spec;
    pki_leaf(&spec, "m", "spiffe://a.example/web", KIT_LEAF_KEY);
    if (points.data != NULL) {
        pki_add(&spec, PKI_OID_CRL_POINTS, false, points);
    }
    return &spec;
}

static hf_result ask(struct der_bytes points, struct hf_span point, uint32_t *reasons)
{
    static struct pki_cert made;
    struct hf_cert cert;
    const struct hf_crl crl = {.issuer = HF_SPAN(ISSUER),
                               .point = point,
                               .scope = HF_CRL_USERS,
                               .reasons = HF_CRL_ALL_REASONS};
    pki_make(with_points(points), KIT_KEY(1), &made);
    HF_CHECK_OK(hf_cert_parse(pki_span(&made), &cert));
    *reasons = 1;
    return hf_crl_reasons_for(&crl, &cert, reasons);
}

/* The reasons for which a list of this point speaks of a certificate with these. */
static uint32_t reasons_for(struct der_bytes points, struct hf_span point)
{
    uint32_t reasons;
    HF_CHECK_OK(ask(points, point, &reasons));
    return reasons;
}

static bool leads(struct der_bytes points, struct hf_span point)
{
    uint32_t reasons = reasons_for(points, point);
    HF_CHECK(reasons == 0 || reasons == HF_CRL_ALL_REASONS);
    return reasons != 0;
}

/* One point with these full names, whose length is `len`: three headers around them. */
#define AT(outer, middle, inner, len, names)                                                       \
    DER_BYTES("\x30" outer "\x30" middle "\xa0" inner "\xa0" len names)

/* Of several names for one place any will do, on either side. */
static void any_common_name_is_enough(void)
{
    struct der_bytes a = AT("\x0b", "\x09", "\x07", "\x05", URI("a"));
    struct der_bytes b_a = AT("\x10", "\x0e", "\x0c", "\x0a", URI("b") URI("a"));
    struct der_bytes b_c = AT("\x10", "\x0e", "\x0c", "\x0a", URI("b") URI("c"));
    HF_CHECK(leads(a, HF_SPAN("\xa0\x05" URI("a"))));
    HF_CHECK(leads(b_a, HF_SPAN("\xa0\x05" URI("a"))));
    HF_CHECK(leads(a, HF_SPAN("\xa0\x0a" URI("b") URI("a"))));
    HF_CHECK(leads(b_a, HF_SPAN("\xa0\x0a" URI("c") URI("a"))));
    HF_CHECK(!leads(b_c, HF_SPAN("\xa0\x05" URI("a"))));
    HF_CHECK(!leads(b_c, HF_SPAN("\xa0\x0a" URI("d") URI("a"))));
    HF_CHECK(!leads(DER_NONE, HF_SPAN("\xa0\x05" URI("a"))));
}

/* A name relative to the issuer is the issuer's and this one part: no other issuer's, no other
 * part, and nothing before or after it. */
static void a_relative_name_is_below_its_issuer(void)
{
    struct der_bytes relative = DER_BYTES("\x30\x10\x30\x0e\xa0\x0c" RELATIVE("a"));
    struct der_bytes full = AT("\x22", "\x20", "\x1e", "\x1c", BELOW("a"));
    HF_CHECK(leads(relative, HF_SPAN(RELATIVE("a"))));
    HF_CHECK(!leads(relative, HF_SPAN(RELATIVE("b"))));
    HF_CHECK(leads(full, HF_SPAN(RELATIVE("a"))));
    HF_CHECK(!leads(full, HF_SPAN(RELATIVE("b"))));
    const struct {
        struct hf_span point;
        bool leads;
    } lists[] = {
        {HF_SPAN("\xa0\x1c" BELOW("a")), true},
        {HF_SPAN("\xa0\x21" URI("x") BELOW("a")), true},
        {HF_SPAN("\xa0\x21" BELOW("a") URI("x")), true},
        {HF_SPAN("\xa0\x1c" BELOW("b")), false},
        {HF_SPAN("\xa0\x21" URI("x") BELOW("b")), false},
        /* Below another issuer, the issuer itself, its own part alone, and one part more. */
        {HF_SPAN("\xa0\x1c\xa4\x1a\x30\x18" RDN("n") RDN("a")), false},
        {HF_SPAN("\xa0\x10\xa4\x0e\x30\x0c" RDN("m")), false},
        {HF_SPAN("\xa0\x10\xa4\x0e\x30\x0c" RDN("a")), false},
        {HF_SPAN("\xa0\x28\xa4\x26\x30\x24" RDN("m") RDN("a") RDN("a")), false},
        {HF_SPAN("\xa0\x05" URI("a")), false},
    };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        HF_CHECK(leads(relative, lists[i].point) == lists[i].leads);
    }
}

/* RFC 5280 6.3.3 (d): those that the point is for, out of those that the list is. X.690 11.2.2 is
 * about named bits; issuers write trailing zeros all the same. */
static void a_point_is_for_its_reasons(void)
{
    const struct hf_span a = HF_SPAN("\xa0\x05" URI("a"));
    HF_CHECK(reasons_for(DER_BYTES("\x30\x0f\x30\x0d\xa0\x07\xa0\x05" URI("a") "\x81\x02\x05\x60"),
                         a) == 0x06);
    HF_CHECK(reasons_for(DER_BYTES("\x30\x0f\x30\x0d\xa0\x07\xa0\x05" URI("a") "\x81\x02\x00\x60"),
                         a) == 0x06);
    /* Two points, for one reason each. */
    HF_CHECK(reasons_for(DER_BYTES("\x30\x1e\x30\x0d\xa0\x07\xa0\x05" URI(
                             "a") "\x81\x02\x06\x40"
                                  "\x30\x0d\xa0\x07\xa0\x05" URI("a") "\x81\x02\x05\x20"),
                         a) == 0x06);
}

/* Somebody else's lists, and points that lead nowhere: without a name, or with an empty one. */
static void a_point_of_another_issuer_or_none_leads_nowhere(void)
{
    const struct hf_span a = HF_SPAN("\xa0\x05" URI("a"));
    HF_CHECK(!leads(DER_BYTES("\x30\x10\x30\x0e\xa0\x07\xa0\x05" URI("a") "\xa2\x03\x82\x01x"), a));
    HF_CHECK(!leads(DER_BYTES("\x30\x06\x30\x04\x81\x02\x05\x60"), a));
    HF_CHECK(!leads(DER_BYTES("\x30\x02\x30\x00"), a));
    HF_CHECK(!leads(DER_BYTES("\x30\x04\x30\x02\xa0\x00"), a));
}

/* The strict reader of certificates leaves this extension to us. */
static void points_are_read_to_the_byte(void)
{
    const struct hf_span a = HF_SPAN("\xa0\x05" URI("a"));
    const struct der_bytes bad[] = {
        DER_BYTES("\x30\x0b\x30\x09\xa0\x07\xa0\x05" URI("a") "\x05\x00"),
        DER_BYTES("\x31\x0b\x30\x09\xa0\x07\xa0\x05" URI("a")),
        DER_BYTES("\x30\x0b\x31\x09\xa0\x07\xa0\x05" URI("a")),
        DER_BYTES("\x30\x0f\x30\x0d\xa0\x07\xa0\x05" URI("a") "\x81\x02\x08\x60"),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint32_t reasons;
        HF_CHECK(!hf_is_ok(ask(bad[i], a, &reasons)) && reasons == 0);
    }
}

HF_TESTS({"any common name is enough", any_common_name_is_enough},
         {"a relative name is below its issuer", a_relative_name_is_below_its_issuer},
         {"a point is for its reasons", a_point_is_for_its_reasons},
         {"a point of another issuer or none leads nowhere",
          a_point_of_another_issuer_or_none_leads_nowhere},
         {"points are read to the byte", points_are_read_to_the_byte})
