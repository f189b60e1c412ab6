/* SPDX-License-Identifier: Apache-2.0
 *
 * P2, where it is subtle: certificates that OpenSSL takes for self-signed although their names are
 * not the same bytes, and leaves whose key only OpenSSL would find wrong.
 */
#include "verify/fast_names.h"

#include <openssl/x509.h>

#include "hf_test.h"
#include "kit.h"
#include "x509/cert_parts.h"

#define ID "spiffe://a.example/web"

#define UTF8 0x0c
#define PRINTABLE 0x13
#define TELETEX 0x14
#define IA5 0x16
#define BMP 0x1e
#define NUMERIC 0x12
#define BITS 0x03

struct attribute {
    const char *type;
    uint8_t tag;
    struct der_bytes value;
    bool joined; /* in one set with the attribute before */
};

#define COMMON "2.5.4.3"
#define UNIT "2.5.4.11"
#define AT(type, tag, text) {type, tag, DER_BYTES(text), false}
#define WITH(type, tag, text) {type, tag, DER_BYTES(text), true}

#define NAME_MAX_BYTES 400

struct name {
    uint8_t der[NAME_MAX_BYTES];
    size_t len;
};

static void write_name(const struct attribute *attributes, size_t count, struct name *out)
{
    struct der_writer w = {out->der, sizeof(out->der), 0};
    size_t name = der_open(&w, 0x30);
    for (size_t i = 0; i < count;) {
        size_t set = der_open(&w, 0x31);
        do {
            size_t one = der_open(&w, 0x30);
            der_oid(&w, attributes[i].type);
            der_element(&w, attributes[i].tag, attributes[i].value);
            der_close(&w, one);
        } while (++i < count && attributes[i].joined);
        der_close(&w, set);
    }
    der_close(&w, name);
    out->len = w.len;
}

static bool differ(const struct name *a, const struct name *b)
{
    struct hf_cert cert = {.issuer = hf_span_of(a->der, a->len),
                           .subject = hf_span_of(b->der, b->len)};
    return hf_fast_names_differ(&cert);
}

static bool differ_for_openssl(const struct name *a, const struct name *b)
{
    const unsigned char *at = a->der;
    X509_NAME *left = d2i_X509_NAME(NULL, &at, (long)a->len);
    at = b->der;
    X509_NAME *right = d2i_X509_NAME(NULL, &at, (long)b->len);
    HF_CHECK(left != NULL && right != NULL);
    bool result = X509_NAME_cmp(left, right) != 0;
    X509_NAME_free(left);
    X509_NAME_free(right);
    return result;
}

/* Names as OpenSSL compares them with "A name" of unit "U". */
static const struct {
    struct attribute attributes[3];
    size_t count;
    bool same;    /* for OpenSSL */
    bool certain; /* that they differ, for us */
} others[] = {
    {{AT(UNIT, UTF8, "U"), AT(COMMON, UTF8, "A name")}, 2, true, false},
    {{AT(UNIT, UTF8, "u"), AT(COMMON, UTF8, "a NAME")}, 2, true, false},
    {{AT(UNIT, PRINTABLE, "U"), AT(COMMON, IA5, "A name")}, 2, true, false},
    {{AT(UNIT, UTF8, " U"), AT(COMMON, UTF8, "\tA \x0b  name\r\n")}, 2, true, false},
    {{AT(UNIT, TELETEX, "U"), AT(COMMON, BMP, "\0A\0 \0n\0a\0m\0e")}, 2, true, false},
    {{AT(UNIT, UTF8, "U"), AT(COMMON, UTF8, "Aname")}, 2, false, false},
    {{AT(UNIT, UTF8, "U"), AT(COMMON, TELETEX, "Another")}, 2, false, false},
    {{AT(UNIT, UTF8, "U"), AT(COMMON, NUMERIC, "A name")}, 2, false, false},
    {{AT(UNIT, UTF8, "U"), AT(COMMON, UTF8, "A names")}, 2, false, true},
    {{AT(UNIT, UTF8, "U"), AT(COMMON, PRINTABLE, "A names")}, 2, false, true},
    {{AT(UNIT, UTF8, "U"), AT(COMMON, IA5, "A names")}, 2, false, true},
    {{AT(UNIT, UTF8, "U"), AT(COMMON, NUMERIC, "12")}, 2, false, true},
    {{AT(UNIT, UTF8, "U"), AT(COMMON, BITS, "\0A name")}, 2, false, false},
    {{AT(UNIT, UTF8, "U"), AT(COMMON, UTF8, "A nam")}, 2, false, true},
    {{AT(UNIT, UTF8, "U"), AT(COMMON, UTF8, "")}, 2, false, true},
    {{AT(UNIT, UTF8, "U"), AT(UNIT, UTF8, "A name")}, 2, false, true},
    {{AT(COMMON, UTF8, "A name"), AT(UNIT, UTF8, "U")}, 2, false, true},
    {{AT(UNIT, UTF8, "U")}, 1, false, true},
    {{AT(UNIT, UTF8, "U"), AT(COMMON, UTF8, "A name"), AT(COMMON, UTF8, "A name")}, 3, false, true},
    {{AT(UNIT, UTF8, "U"), WITH(COMMON, UTF8, "A name")}, 2, false, true},
    {{AT(UNIT, UTF8, "V"), AT(COMMON, TELETEX, "A name")}, 2, false, true},
};

static void names_are_compared_as_openssl_would(void)
{
    static const struct attribute plain[] = {AT(UNIT, UTF8, "U"), AT(COMMON, UTF8, "A name")};
    struct name name;
    write_name(plain, 2, &name);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct name other;
        write_name(others[i].attributes, others[i].count, &other);
        bool good = HF_CHECK(differ_for_openssl(&name, &other) == !others[i].same);
        good = HF_CHECK(differ(&name, &other) == others[i].certain) && good;
        good = HF_CHECK(differ(&other, &name) == others[i].certain) && good;
        if (!good) {
            (void)fprintf(stderr, "    other name %zu\n", i);
        }
    }
}

/* The order within a set does not count for OpenSSL, so sets of several are never certain. */
static void joined_attributes_are_never_certain(void)
{
    static const struct attribute one[] = {AT(UNIT, UTF8, "U"), WITH(COMMON, UTF8, "A")};
    static const struct attribute two[] = {AT(COMMON, UTF8, "a"), WITH(UNIT, UTF8, "u")};
    static const struct attribute three[] = {AT(COMMON, UTF8, "a"), WITH(UNIT, UTF8, "x")};
    struct name names[3];
    write_name(one, 2, &names[0]);
    write_name(two, 2, &names[1]);
    write_name(three, 2, &names[2]);
    HF_CHECK(!differ_for_openssl(&names[0], &names[1]));
    HF_CHECK(!differ(&names[0], &names[1]));
    HF_CHECK(!differ(&names[0], &names[2]));
}

/* Bit by bit, and with nothing but each other. */
static void bit_strings_are_compared_as_they_are(void)
{
    static const struct attribute values[] = {AT(COMMON, BITS, "\0a"), AT(COMMON, BITS, "\0a"),
                                              AT(COMMON, BITS, "\0A"), AT(COMMON, UTF8, "b")};
    struct name names[4];
    for (size_t i = 0; i < 4; i++) {
        write_name(&values[i], 1, &names[i]);
    }
    HF_CHECK(!differ(&names[0], &names[1]) && !differ_for_openssl(&names[0], &names[1]));
    HF_CHECK(differ(&names[0], &names[2]) && differ_for_openssl(&names[0], &names[2]));
    HF_CHECK(!differ(&names[0], &names[3]) && !differ(&names[3], &names[0]));
}

static bool texts_differ(struct der_bytes one, struct der_bytes two)
{
    struct attribute values[] = {{COMMON, UTF8, one, false}, {COMMON, UTF8, two, false}};
    struct name names[2];
    write_name(&values[0], 1, &names[0]);
    write_name(&values[1], 1, &names[1]);
    bool ours = differ(&names[0], &names[1]);
    HF_CHECK(ours == differ_for_openssl(&names[0], &names[1]));
    return ours;
}

/* Upper case is folded from A to Z; what is beside these in ASCII, and a NUL, is what it is. */
static void letters_are_folded_and_nothing_else(void)
{
    HF_CHECK(!texts_differ(DER_BYTES("AZ"), DER_BYTES("az")));
    HF_CHECK(texts_differ(DER_BYTES("a@"), DER_BYTES("a`")));
    HF_CHECK(texts_differ(DER_BYTES("a["), DER_BYTES("a{")));
    HF_CHECK(texts_differ(DER_BYTES("\x10"), DER_BYTES("0")));
    HF_CHECK(texts_differ(DER_BYTES("a\0b"), DER_BYTES("a\0c")));
}

/* The reader lets none of these through; here they are not certain, whatever else they are. */
static void what_cannot_be_read_is_never_certain(void)
{
    static const struct name good = {
        {0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, 'a'}, 14};
    static const struct name bad[] = {
        {{0x31, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, 'b'}, 14},
        {{0x30, 0x0c, 0x30, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, 'b'}, 14},
        {{0x30, 0x0c, 0x31, 0x0a, 0x31, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, 'b'}, 14},
        {{0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x05, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, 'b'}, 14},
        {{0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x02, 'b'}, 14},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        HF_CHECK(!differ(&good, &bad[i]) && !differ(&bad[i], &good));
    }
}

static uint32_t random_state = 12345;

static uint32_t pick(uint32_t n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 16) % n;
}

/* Names of few letters, so that many pairs are nearly the same. */
static void random_name(struct name *out)
{
    static const uint8_t tags[] = {UTF8, PRINTABLE, TELETEX, IA5, NUMERIC, BITS, BMP};
    static const struct der_bytes texts[] = {
        DER_BYTES("a"),     DER_BYTES("A"),      DER_BYTES(" a"),       DER_BYTES("a "),
        DER_BYTES("a  a"),  DER_BYTES("a\na"),   DER_BYTES("aa"),       DER_BYTES(""),
        DER_BYTES("\0a"),   DER_BYTES("\0a\0 "), DER_BYTES("\x00"),     DER_BYTES("\x00 a"),
        DER_BYTES("\0a\0"), DER_BYTES("\0A\0a"), DER_BYTES("\xc3\xa9"), DER_BYTES("a\tA\r"),
        DER_BYTES("  ")};
    struct attribute attributes[3];
    size_t count = 1 + pick(3);
    for (size_t i = 0; i < count; i++) {
        attributes[i].type = pick(4) == 0 ? UNIT : COMMON;
        attributes[i].tag = tags[pick(3) != 0 ? 0 : pick(sizeof(tags))];
        attributes[i].value = texts[pick(sizeof(texts) / sizeof(texts[0]))];
        attributes[i].joined = i > 0 && pick(5) == 0;
    }
    write_name(attributes, count, out);
}

static bool is_read(const struct name *name)
{
    struct hf_span from = hf_span_of(name->der, name->len);
    struct hf_der der;
    return hf_is_ok(hf_cert_take_name(&from, &der));
}

/* P2: what we are certain of holds for OpenSSL, for all names that the reader takes. */
static void certainty_is_never_mistaken(void)
{
    size_t certain = 0;
    size_t same = 0;
    for (int i = 0; i < 60000; i++) {
        struct name a;
        struct name b;
        random_name(&a);
        random_name(&b);
        if (!is_read(&a) || !is_read(&b)) {
            continue;
        }
        bool theirs = differ_for_openssl(&a, &b);
        bool ours = differ(&a, &b);
        HF_CHECK(!ours || theirs);
        certain += ours ? 1 : 0;
        same += theirs ? 0 : 1;
    }
    HF_CHECK(certain > 5000 && same > 300);
}

static hf_result judge(enum hf_way way, struct kit_certs roots, struct kit_certs presented)
{
    struct hf_bundle_set *set = kit_set1("a.example", roots);
    struct kit_ask ask = {HF_RULES_STRICT, HF_PURPOSE_EITHER, PKI_NOW};
    hf_result r = kit_judge_by(way, set, presented, ask, NULL);
    hf_bundle_set_unref(set);
    return r;
}

/* "ROOT" under "root": self-signed for OpenSSL, unless the key identifiers say otherwise. */
static void what_looks_self_signed_is_not_covered(void)
{
    static struct pki_cert root, leaf, middle, plain_leaf;
    struct pki_spec spec;
    pki_authority(&spec, "root", NULL, KIT_KEY(0));
    kit_sign(&spec, KIT_KEY(0), &root);
    pki_leaf(&spec, "root", ID, KIT_LEAF_KEY);
    spec.subject_name = "ROOT";
    kit_sign(&spec, KIT_KEY(0), &leaf);
    HF_CHECK(!hf_is_ok(judge(HF_WAY_GENERAL, KIT_CERTS(&root), KIT_CERTS(&leaf))));
    HF_CHECK(!hf_is_ok(judge(HF_WAY_ANY, KIT_CERTS(&root), KIT_CERTS(&leaf))));
    HF_CHECK_CODE(judge(HF_WAY_FAST, KIT_CERTS(&root), KIT_CERTS(&leaf)), HF_E_CHAIN_REJECTED);
    pki_intermediate(&spec, "root", "Root", NULL, KIT_KEY(1));
    kit_sign(&spec, KIT_KEY(0), &middle);
    pki_leaf(&spec, "Root", ID, KIT_LEAF_KEY);
    kit_sign(&spec, KIT_KEY(1), &plain_leaf);
    struct kit_certs chain = KIT_CERTS(&plain_leaf, &middle);
    HF_CHECK(!hf_is_ok(judge(HF_WAY_GENERAL, KIT_CERTS(&root), chain)));
    HF_CHECK(!hf_is_ok(judge(HF_WAY_ANY, KIT_CERTS(&root), chain)));
    HF_CHECK_CODE(judge(HF_WAY_FAST, KIT_CERTS(&root), chain), HF_E_CHAIN_REJECTED);
    /* The same bytes, in the leaf. */
    pki_leaf(&spec, "root", ID, KIT_LEAF_KEY);
    spec.subject_name = "root";
    kit_sign(&spec, KIT_KEY(0), &leaf);
    HF_CHECK_CODE(judge(HF_WAY_FAST, KIT_CERTS(&root), KIT_CERTS(&leaf)), HF_E_CHAIN_REJECTED);
    HF_CHECK(!hf_is_ok(judge(HF_WAY_GENERAL, KIT_CERTS(&root), KIT_CERTS(&leaf))));
}

#define EC_KEY_HEAD                                                                                \
    "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07" \
    "\x03\x42\x00"

static void check_key(struct der_bytes spki, uint32_t fast, bool good)
{
    static struct pki_cert root, leaf;
    struct pki_spec spec;
    kit_root(&root, "root", KIT_KEY(0));
    pki_leaf(&spec, "root", ID, KIT_LEAF_KEY);
    spec.spki = spki;
    kit_sign(&spec, KIT_KEY(0), &leaf);
    HF_CHECK_CODE(judge(HF_WAY_FAST, KIT_CERTS(&root), KIT_CERTS(&leaf)), fast);
    HF_CHECK(hf_is_ok(judge(HF_WAY_GENERAL, KIT_CERTS(&root), KIT_CERTS(&leaf))) == good);
    HF_CHECK(hf_is_ok(judge(HF_WAY_ANY, KIT_CERTS(&root), KIT_CERTS(&leaf))) == good);
}

/* Nobody decodes the leaf's key on the fast path; OpenSSL would not take a point beside its curve.
 * Of RSA and Ed25519 it takes what the reader takes, however odd: no private key fits. */
static void leaf_keys_are_taken_as_openssl_takes_them(void)
{
    uint8_t buffer[400];
    struct der_writer w = {buffer, sizeof(buffer), 0};
    der_raw(&w, DER_BYTES(EC_KEY_HEAD "\x04"));
    for (int i = 0; i < 64; i++) {
        der_raw(&w, DER_BYTES("\x11"));
    }
    check_key(der_done(&w), HF_E_CHAIN_REJECTED, false);
    for (int fill = 0; fill <= 0xff; fill += 0xff) {
        w.len = 0;
        der_raw(&w, DER_BYTES("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"));
        for (int i = 0; i < 32; i++) {
            uint8_t byte = (uint8_t)fill;
            der_raw(&w, (struct der_bytes){&byte, 1});
        }
        check_key(der_done(&w), HF_OK, true);
    }
    for (int e = 3; e <= 0x7f; e += 0x7c) {
        w.len = 0;
        size_t spki = der_open(&w, 0x30);
        der_raw(&w, DER_BYTES("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"));
        size_t bits = der_open(&w, 0x03);
        der_raw(&w, DER_BYTES("\x00"));
        size_t key = der_open(&w, 0x30);
        size_t n = der_open(&w, 0x02);
        der_raw(&w, DER_BYTES("\x00\x80"));
        for (int i = 0; i < 254; i++) {
            der_raw(&w, DER_BYTES("\x00"));
        }
        der_raw(&w, DER_BYTES("\x01"));
        der_close(&w, n);
        uint8_t byte = (uint8_t)e;
        der_element(&w, 0x02, (struct der_bytes){&byte, 1});
        der_close(&w, key);
        der_close(&w, bits);
        der_close(&w, spki);
        check_key(der_done(&w), HF_OK, true);
    }
}

HF_TESTS({"names are compared as OpenSSL would", names_are_compared_as_openssl_would},
         {"joined attributes are never certain", joined_attributes_are_never_certain},
         {"bit strings are compared as they are", bit_strings_are_compared_as_they_are},
         {"letters are folded and nothing else", letters_are_folded_and_nothing_else},
         {"what cannot be read is never certain", what_cannot_be_read_is_never_certain},
         {"certainty is never mistaken", certainty_is_never_mistaken},
         {"what looks self-signed is not covered", what_looks_self_signed_is_not_covered},
         {"leaf keys are taken as OpenSSL takes them", leaf_keys_are_taken_as_openssl_takes_them})
