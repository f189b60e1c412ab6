/* SPDX-License-Identifier: Apache-2.0
 *
 * Fields of a TBSCertificate, each in ways that verifiers are known to read differently.
 */
#include <openssl/x509.h>
#include <string.h>

#include "grammar.h"
#include "pki_sign.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

uint8_t choose_byte(struct choices *c)
{
    uint8_t byte;
    (void)hf_span_take_u8(&c->left, &byte);
    return byte;
}

size_t choose(struct choices *c, size_t n)
{
    return choose_byte(c) % n;
}

bool choose_odd(struct choices *c)
{
    return choose_byte(c) >= 0xc0;
}

static const struct der_bytes serials[] = {
    {(const uint8_t *)"\x01", 1},
    {(const uint8_t *)"\x00", 1},
    {(const uint8_t *)"\x80", 1},
    {(const uint8_t *)"\x00\x01", 2},
    {(const uint8_t *)"\xff\xff", 2},
    {(const uint8_t *)"\x00\x80", 2},
    {(const uint8_t *)"", 0},
    {(const uint8_t *)"\x7f"
                      "2222222222222222222",
     20},
    {(const uint8_t *)"\x7f"
                      "22222222222222222222",
     21},
};

static const struct der_bytes versions[] = {
    {(const uint8_t *)"\x02\x01\x02", 3},     {(const uint8_t *)"\x02\x01\x01", 3},
    {(const uint8_t *)"\x02\x01\x00", 3},     {(const uint8_t *)"\x02\x01\x03", 3},
    {(const uint8_t *)"\x02\x02\x00\x02", 4},
};

/* Signature algorithms as a TBS or a certificate may name them. */
static const char *const algorithm_oids[] = {
    "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3",   "1.2.840.10045.4.3.4", "1.2.840.113549.1.1.11",
    "1.3.101.112",         "1.2.840.113549.1.1.10", "1.2.840.10045.4.1",   "1.3.101.113",
};

static struct der_bytes odd_algorithm(struct choices *c, struct pki_spec *spec)
{
    uint8_t buffer[64];
    struct der_writer w = {buffer, sizeof(buffer), 0};
    size_t sequence = der_open(&w, 0x30);
    der_oid(&w, algorithm_oids[choose(c, COUNT(algorithm_oids))]);
    if (choose_odd(c)) {
        der_element(&w, 0x05, DER_NONE);
    }
    der_close(&w, sequence);
    return pki_keep(spec, der_done(&w));
}

static void algorithms(struct choices *c, struct pki_spec *spec)
{
    if (!choose_odd(c)) {
        return;
    }
    size_t where = choose(c, 3);
    struct der_bytes algorithm = odd_algorithm(c, spec);
    if (where != 1) {
        spec->inner_algorithm = algorithm;
    }
    if (where != 0) {
        spec->outer_algorithm = algorithm;
    }
}

/* Texts that are equal to "middle", "upper", "root" for some comparison and not for another. */
static const struct der_bytes texts[] = {
    {(const uint8_t *)"root", 4},      {(const uint8_t *)"ROOT", 4},
    {(const uint8_t *)" root ", 6},    {(const uint8_t *)"ro ot", 5},
    {(const uint8_t *)"middle", 6},    {(const uint8_t *)"MIDDLE", 6},
    {(const uint8_t *)"mid  dle", 8},  {(const uint8_t *)"\0r\0o\0o\0t", 8},
    {(const uint8_t *)"", 0},          {(const uint8_t *)"\xc3\xa9", 2},
    {(const uint8_t *)"\xff", 1},      {(const uint8_t *)"root\0", 5},
    {(const uint8_t *)"\0root", 5},    {(const uint8_t *)"low\ter", 6},
    {(const uint8_t *)"r\xc3\x89", 3}, {(const uint8_t *)" ", 1},
};
static const uint8_t text_tags[] = {0x0c, 0x13, 0x14, 0x16, 0x1e, 0x1c, 0x12, 0x1a, 0x03, 0x04};
static const char *const attribute_types[] = {"2.5.4.3", "2.5.4.10", "2.5.4.6", "2.5.4.5",
                                              "1.2.840.113549.1.9.1"};

static void attribute(struct choices *c, struct der_writer *w)
{
    size_t opened = der_open(w, 0x30);
    der_oid(w, attribute_types[choose(c, COUNT(attribute_types))]);
    der_element(w, text_tags[choose(c, COUNT(text_tags))], texts[choose(c, COUNT(texts))]);
    der_close(w, opened);
}

static struct der_bytes name(struct choices *c, struct pki_spec *spec)
{
    uint8_t buffer[512];
    struct der_writer w = {buffer, sizeof(buffer), 0};
    size_t whole = der_open(&w, 0x30);
    for (size_t parts = choose(c, 4); parts > 0; parts--) {
        size_t rdn = der_open(&w, 0x31);
        attribute(c, &w);
        if (choose_odd(c)) {
            attribute(c, &w);
        }
        der_close(&w, rdn);
    }
    der_close(&w, whole);
    return pki_keep(spec, der_done(&w));
}

static void names(struct choices *c, struct pki_spec *spec)
{
    if (choose_odd(c)) {
        spec->subject = name(c, spec);
    }
    if (choose_odd(c)) {
        spec->issuer = name(c, spec);
    }
}

/* Around PKI_NOW and at the borders of the two forms of time. */
static const int64_t offsets[] = {0,    -1,    1,     -3599,  3599,        3600,
                                  3601, -3600, -3601, -86400, 10000000000, -1500000000};
static const struct der_bytes raw_times[] = {
    {(const uint8_t *)"\x17\x0d"
                      "270115080000Z",
     15},
    {(const uint8_t *)"\x17\x0b"
                      "2701150800Z",
     13},
    {(const uint8_t *)"\x18\x0f"
                      "20270115080000Z",
     17},
    {(const uint8_t *)"\x18\x11"
                      "20270115080000.5Z",
     19},
    {(const uint8_t *)"\x17\x11"
                      "270115080000+0000",
     19},
    {(const uint8_t *)"\x18\x0f"
                      "20500115080000Z",
     17},
    {(const uint8_t *)"\x18\x0f"
                      "99991231235959Z",
     17},
    {(const uint8_t *)"\x17\x0d"
                      "270229080000Z",
     15},
    {(const uint8_t *)"\x17\x0d"
                      "490115080060Z",
     15},
};

static void validity(struct choices *c, struct pki_spec *spec)
{
    if (choose_odd(c)) {
        spec->not_before += offsets[choose(c, COUNT(offsets))];
        spec->not_after += offsets[choose(c, COUNT(offsets))];
    }
    if (choose_odd(c)) {
        uint8_t buffer[64];
        struct der_writer w = {buffer, sizeof(buffer), 0};
        der_time(&w, spec->not_before);
        w.len = choose_odd(c) ? 0 : w.len;
        for (size_t more = 1 + choose(c, 2); more > 0; more--) {
            der_raw(&w, raw_times[choose(c, COUNT(raw_times))]);
        }
        spec->validity = pki_keep(spec, der_done(&w));
    }
}

/* The subject's key with a mistake: flip a byte of the point or modulus, another form of point, a
 * wrong curve. The reader, OpenSSL and the fast path must agree on what a key is. */
static void odd_key(struct choices *c, struct pki_spec *spec)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(spec->key, &der);
    pki_need(len > 0, "public key");
    struct pki_cert scratch = {.len = (size_t)len};
    (void)hf_mem_copy(scratch.der, sizeof(scratch.der), der, (size_t)len);
    OPENSSL_free(der);
    if (choose(c, 2) == 0) {
        uint8_t at = choose_byte(c);
        scratch.der[(size_t)len - 1 - at % (size_t)len] ^= (uint8_t)(1 | choose_byte(c));
    }
    if (choose_odd(c)) {
        grammar_spoil(c, &scratch);
    }
    spec->spki = pki_keep(spec, (struct der_bytes){scratch.der, scratch.len});
}

static const enum pki_kind kinds[] = {PKI_P256,    PKI_P384,      PKI_ED25519, PKI_RSA2048,
                                      PKI_P521,    PKI_P256,      PKI_P256,    PKI_P384,
                                      PKI_RSA1024, PKI_SECP256K1, PKI_ED448,   PKI_RSA3072};

void grammar_prepare_fields(void)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        (void)pki_key(kinds[i], 7);
    }
}

void grammar_fields(struct choices *c, struct pki_spec *spec, enum grammar_level level)
{
    if (level == GRAMMAR_LEAF) {
        spec->key = pki_key(kinds[choose(c, COUNT(kinds))], 7);
    }
    if (!choose_odd(c)) {
        return;
    }
    if (choose_odd(c)) {
        spec->serial = serials[choose(c, COUNT(serials))];
    }
    if (choose_odd(c)) {
        spec->version = versions[choose(c, COUNT(versions))];
        spec->no_version = choose_odd(c);
    }
    algorithms(c, spec);
    names(c, spec);
    validity(c, spec);
    if (choose_odd(c)) {
        odd_key(c, spec);
    }
    if (choose_odd(c)) {
        spec->before_extensions =
            choose(c, 2) == 0 ? DER_BYTES("\x81\x02\x00\x01") : DER_BYTES("\x82\x02\x07\x80");
    }
    if (choose_odd(c)) {
        spec->after_extensions = DER_BYTES("\x05\x00");
    }
    spec->no_extensions = choose_odd(c) && choose_odd(c);
    spec->bad_signature = choose_odd(c);
}
