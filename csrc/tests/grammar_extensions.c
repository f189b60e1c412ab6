/* SPDX-License-Identifier: Apache-2.0
 *
 * Extensions: those that decide, with every value that verifiers trip over, and those that
 * OpenSSL alone reads.
 */
#include <string.h>

#include "der_mutate.h"
#include "grammar.h"
#include "x509/certificate.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROW(oid, bytes) {oid, {(const uint8_t *)(bytes), sizeof(bytes) - 1}}

/* Values as they are, good and bad. */
static const struct {
    const char *oid;
    struct der_bytes value;
} rows[] = {
    ROW("1.3.6.1.4.1.99999.1", "\x05\x00"),
    ROW("1.3.6.1.5.5.7.1.1", "\x30\x0d\x30\x0b\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x01"),
    ROW("1.3.6.1.5.5.7.1.1",
        "\x30\x18\x30\x16\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x01\x86\x0ahttp://a.b"),
    ROW("2.16.840.1.113730.1.1", "\x03\x02\x07\x80"), /* netscape: client */
    ROW("2.16.840.1.113730.1.1", "\x03\x02\x06\x40"), /* server */
    ROW("2.16.840.1.113730.1.1", "\x03\x02\x05\x20"), /* mail */
    ROW("2.16.840.1.113730.1.1", "\x03\x02\x02\x04"), /* CA */
    ROW("2.16.840.1.113730.1.1", "\x05\x00"),
    ROW("1.3.6.1.5.5.7.1.14",
        "\x30\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x15\x01"), /* proxy */
    ROW("1.3.6.1.5.5.7.1.14", "\x05\x00"),
    ROW("1.3.6.1.5.5.7.48.1.5", "\x05\x00"),
    ROW("1.3.6.1.5.5.7.1.24", "\x30\x03\x02\x01\x05"),
    ROW("1.3.6.1.5.5.7.1.7", "\x30\x08\x30\x06\x04\x02\x00\x01\x05\x00"), /* addresses */
    ROW("1.3.6.1.5.5.7.1.7", "\x30\x0c\x30\x0a\x04\x02\x00\x01\x30\x04\x03\x02\x00\x0a"),
    ROW("1.3.6.1.5.5.7.1.8", "\x30\x07\xa0\x05\x30\x03\x02\x01\x05"), /* AS numbers */
    ROW("1.3.6.1.5.5.7.1.8", "\x30\x04\xa0\x02\x05\x00"),
    ROW("2.5.29.9", "\x30\x00"),
    ROW("2.5.29.16", "\x30\x00"),
    ROW("2.5.29.18", "\x30\x06\x86\x04"
                     "a:/b"),
    ROW("2.5.29.18", "\x30\x00"),
    ROW("2.5.29.20", "\x02\x01\x01"),
    ROW("2.5.29.31", "\x30\x00"),
    ROW("2.5.29.31", "\x30\x0e\x30\x0c\xa0\x0a\xa0\x08\x86\x06http:/"),
    ROW("2.5.29.31", "\x30\x05\x30\x03\x81\x01\x00"),
    ROW("2.5.29.46", "\x30\x0e\x30\x0c\xa0\x0a\xa0\x08\x86\x06http:/"),
    ROW("2.5.29.32", "\x30\x06\x30\x04\x06\x02\x2a\x03"),
    ROW("2.5.29.32", "\x30\x08\x30\x06\x06\x04\x55\x1d\x20\x00"),
    ROW("2.5.29.32", "\x30\x0c\x30\x04\x06\x02\x2a\x03\x30\x04\x06\x02\x2a\x03"),
    ROW("2.5.29.32", "\x30\x00"),
    ROW("2.5.29.33", "\x30\x0a\x30\x08\x06\x02\x2a\x03\x06\x02\x2a\x04"),
    ROW("2.5.29.36", "\x30\x03\x80\x01\x00"),
    ROW("2.5.29.36", "\x30\x00"),
    ROW("2.5.29.54", "\x02\x01\x00"),
    ROW("2.5.29.54", "\x02\x01\xff"),
    ROW("2.5.29.35", "\x30\x00"),
    ROW("2.5.29.35", "\x30\x03\x82\x01\x01"),
    ROW("2.5.29.35", "\x30\x06\x80\x04test"),
    ROW("2.5.29.35", "\x30\x13\xa1\x0e\xa4\x0c\x30\x0a\x31\x08\x30\x06\x06\x03\x55\x04\x03"
                     "\x0c\x82\x01\x01"),
    ROW("2.5.29.35", "\x30\x1d\x80\x04test\xa1\x12\xa4\x10\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55"
                     "\x04\x03\x0c\x03roo\x82\x01\x01"),
    ROW("2.5.29.35", "\x30\x02\x80\x00"),
    ROW("2.5.29.14", "\x04\x00"),
    ROW("2.5.29.14", "\x04\x04test"),
    ROW("2.5.29.14", "\x04\x81\x04test"),
    ROW("2.5.29.14", "\x30\x00"),
    ROW("2.5.29.37", "\x30\x00"),
    ROW("2.5.29.37", "\x30\x06\x06\x04\x55\x1d\x25\x00"),
    ROW("2.5.29.37", "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"),
    ROW("2.5.29.37", "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02"),
    ROW("2.5.29.37", "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x09"),
    ROW("2.5.29.37", "\x30\x1e\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01\x06\x08\x2b\x06\x01\x05\x05"
                     "\x07\x03\x02\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x08"),
    ROW("2.5.29.37", "\x30\x0b\x06\x09\x60\x86\x48\x01\x86\xf8\x42\x04\x01"), /* step up */
    ROW("2.5.29.19", "\x30\x00"),
    ROW("2.5.29.19", "\x30\x03\x01\x01\xff"),
    ROW("2.5.29.19", "\x30\x03\x01\x01\x00"),
    ROW("2.5.29.19", "\x30\x03\x01\x01\x01"),
    ROW("2.5.29.19", "\x30\x06\x01\x01\xff\x02\x01\x00"),
    ROW("2.5.29.19", "\x30\x06\x01\x01\xff\x02\x01\x01"),
    ROW("2.5.29.19", "\x30\x06\x01\x01\xff\x02\x01\xff"),
    ROW("2.5.29.19", "\x30\x03\x02\x01\x00"),
    ROW("2.5.29.19", "\x30\x0b\x01\x01\xff\x02\x06\x01\x00\x00\x00\x00\x00"),
    ROW("2.5.29.15", "\x03\x02\x07\x80"),
    ROW("2.5.29.15", "\x03\x02\x05\xa0"),
    ROW("2.5.29.15", "\x03\x02\x02\x04"),
    ROW("2.5.29.15", "\x03\x02\x01\x06"),
    ROW("2.5.29.15", "\x03\x02\x02\x84"),
    ROW("2.5.29.15", "\x03\x02\x00\x80"),
    ROW("2.5.29.15", "\x03\x01\x00"),
    ROW("2.5.29.15", "\x03\x03\x07\x00\x80"),
    ROW("2.5.29.15", "\x03\x03\x07\x80\x80"),
    ROW("2.5.29.17", "\x30\x0f\x86\x0dspiffe://a/b."),
    ROW("2.5.29.17", "\x30\x00"),
    ROW("2.5.29.17", "\x30\x05\x82\x03"
                     "a.b"),
    ROW("2.5.29.17", "\x30\x15\x86\x13spiffe://a.example/"),
    ROW("2.5.29.17", "\x30\x14\x86\x12spiffe://a.example"),
    ROW("2.5.29.17", "\x30\x14\x86\x12spiffe://b.example"),
    ROW("2.5.29.17", "\x30\x1b\x82\x03"
                     "a.b\x86\x14spiffe://a.example/x"),
    ROW("2.5.29.17", "\x30\x1c\x87\x04\x7f\x00\x00\x01\x86\x14spiffe://a.example/x"),
    ROW("2.5.29.17", "\x30\x1b\x81\x03"
                     "a@b\x86\x14spiffe://a.example/x"),
    ROW("2.5.29.17", "\x30\x1a\xa4\x02\x30\x00\x86\x14spiffe://a.example/x"),
    ROW("2.5.29.17", "\x30\x1b\x88\x03\x2a\x03\x04\x86\x14spiffe://a.example/x"),
    ROW("2.5.29.17",
        "\x30\x22\xa0\x0a\x06\x02\x2a\x03\xa0\x04\x0c\x02xx\x86\x14spiffe://a.example/x"),
    ROW("2.5.29.17", "\x30\x2c\x86\x14spiffe://a.example/x\x86\x14spiffe://a.example/y"),
    ROW("2.5.29.30", "\x30\x00"),
    ROW("2.5.29.30", "\x30\x0f\xa0\x0d\x30\x0b\x86\x09"
                     "a.example"),
    ROW("2.5.29.30", "\x30\x0f\xa1\x0d\x30\x0b\x86\x09"
                     "a.example"),
    ROW("2.5.29.30", "\x30\x10\xa0\x0e\x30\x0c\x86\x0a.a.example"),
    ROW("2.5.29.30", "\x30\x09\xa0\x07\x30\x05\x82\x03"
                     "a.b"),
    ROW("2.5.29.30", "\x30\x02\xa0\x00"),
};

/* Those that the plain certificate has, a changed one in the place. */
static void change_value(struct choices *c, struct pki_spec *spec)
{
    static uint8_t buffer[PKI_CERT_MAX];
    if (spec->extension_count == 0) {
        return;
    }
    struct pki_extension *e = &spec->extensions[choose(c, spec->extension_count)];
    struct der_change change = {.edit = (enum der_edit)choose(c, DER_EDITS)};
    change.element = choose_byte(c);
    change.at = choose_byte(c);
    change.value = choose_byte(c);
    struct der_writer w = {buffer, sizeof(buffer), 0};
    der_mutate((struct der_bytes){spec->pool + e->at, e->len}, &change, &w);
    e->len = w.len;
    e->at = (size_t)(pki_keep(spec, der_done(&w)).data - spec->pool);
}

static void change_list(struct choices *c, struct pki_spec *spec, EVP_PKEY *issuer_key)
{
    size_t count = spec->extension_count;
    struct pki_extension *e = count == 0 ? NULL : &spec->extensions[choose(c, count)];
    const struct pki_extension *first = &spec->extensions[0];
    switch (choose(c, 8)) {
    case 0:
        pki_add_key_ids(spec, issuer_key);
        break;
    case 1:
        pki_drop(spec, PKI_OID_AKI);
        break;
    case 2:
        pki_drop(spec, PKI_OID_SKI);
        break;
    case 3:
        if (e != NULL) {
            e->critical = !e->critical;
        }
        break;
    case 4:
        if (e != NULL) {
            pki_drop(spec, e->oid);
        }
        break;
    case 5:
        if (e != NULL && count < PKI_EXTENSIONS_MAX) {
            spec->extensions[spec->extension_count++] = *e;
        }
        break;
    case 6:
        if (e != NULL) {
            struct pki_extension kept = *first;
            spec->extensions[0] = *e;
            *e = kept;
        }
        break;
    default:
        if (e != NULL) {
            e->false_written = !e->critical;
        }
        break;
    }
}

static void add_row(struct choices *c, struct pki_spec *spec)
{
    size_t row = choose(c, COUNT(rows));
    bool critical = choose_odd(c);
    if (spec->extension_count == PKI_EXTENSIONS_MAX) {
        return;
    }
    if (choose_odd(c)) {
        pki_add(spec, rows[row].oid, critical, rows[row].value);
        return;
    }
    pki_set(spec, rows[row].oid, critical, rows[row].value);
}

void grammar_extensions(struct choices *c, struct pki_spec *spec, EVP_PKEY *issuer_key)
{
    for (size_t steps = 0; steps < 6; steps++) {
        /* 0 ends, so a sparse input leaves most certificates alone. */
        switch (choose(c, 4)) {
        case 0:
            return;
        case 1:
            add_row(c, spec);
            break;
        case 2:
            change_list(c, spec, issuer_key);
            break;
        default:
            change_value(c, spec);
            break;
        }
    }
}
