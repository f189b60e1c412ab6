/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificate itself: TBSCertificate, signature, and the defaults of every field.
 */
#include "pki.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "pki_sign.h"

void pki_need(bool good, const char *what)
{
    if (!good) {
        (void)fprintf(stderr, "the test's own certificate builder failed: %s\n", what);
        abort();
    }
}

void pki_write_name(struct der_writer *w, struct der_bytes raw, const char *common_name)
{
    if (raw.data != NULL) {
        der_raw(w, raw);
        return;
    }
    size_t name = der_open(w, 0x30);
    if (common_name != NULL) {
        size_t rdn = der_open(w, 0x31);
        size_t attribute = der_open(w, 0x30);
        der_oid(w, "2.5.4.3");
        der_element(w, 0x0c, der_text(common_name));
        der_close(w, attribute);
        der_close(w, rdn);
    }
    der_close(w, name);
}

static void write_serial(struct der_writer *w, struct der_bytes raw)
{
    static uint32_t next;
    if (raw.data != NULL) {
        der_element(w, 0x02, raw);
        return;
    }
    next++;
    uint8_t fresh[5] = {0x51, (uint8_t)(next >> 24), (uint8_t)(next >> 16), (uint8_t)(next >> 8),
                        (uint8_t)next};
    der_element(w, 0x02, (struct der_bytes){fresh, sizeof(fresh)});
}

static void write_validity(struct der_writer *w, const struct pki_spec *spec)
{
    size_t validity = der_open(w, 0x30);
    if (spec->validity.data != NULL) {
        der_raw(w, spec->validity);
    }
    if (spec->validity.data == NULL) {
        der_time(w, spec->not_before);
        der_time(w, spec->not_after);
    }
    der_close(w, validity);
}

static void write_spki(struct der_writer *w, const struct pki_spec *spec)
{
    if (spec->spki.data != NULL) {
        der_raw(w, spec->spki);
        return;
    }
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(spec->key, &der);
    pki_need(len > 0, "public key");
    der_raw(w, (struct der_bytes){der, (size_t)len});
    OPENSSL_free(der);
}

void pki_write_extension_list(struct der_writer *w, const struct pki_spec *spec)
{
    size_t list = der_open(w, 0x30);
    for (size_t i = 0; i < spec->extension_count; i++) {
        const struct pki_extension *e = &spec->extensions[i];
        size_t one = der_open(w, 0x30);
        der_oid(w, e->oid);
        if (e->critical) {
            der_element(w, 0x01, DER_BYTES("\xff"));
        }
        if (e->false_written) {
            der_element(w, 0x01, DER_BYTES("\x00"));
        }
        der_element(w, 0x04, (struct der_bytes){spec->pool + e->at, e->len});
        der_close(w, one);
    }
    der_close(w, list);
}

static void write_extensions(struct der_writer *w, const struct pki_spec *spec)
{
    if (spec->no_extensions) {
        return;
    }
    if (spec->extensions_raw.data != NULL) {
        der_raw(w, spec->extensions_raw);
        return;
    }
    size_t tagged = der_open(w, 0xa3);
    pki_write_extension_list(w, spec);
    der_close(w, tagged);
}

static void write_tbs(struct der_writer *w, const struct pki_spec *spec, struct der_bytes algorithm)
{
    size_t tbs = der_open(w, 0x30);
    if (!spec->no_version) {
        struct der_bytes version = DER_BYTES("\x02\x01\x02");
        der_element(w, 0xa0, spec->version.data == NULL ? version : spec->version);
    }
    write_serial(w, spec->serial);
    der_raw(w, spec->inner_algorithm.data == NULL ? algorithm : spec->inner_algorithm);
    pki_write_name(w, spec->issuer, spec->issuer_name);
    write_validity(w, spec);
    pki_write_name(w, spec->subject, spec->subject_name);
    write_spki(w, spec);
    der_raw(w, spec->before_extensions);
    write_extensions(w, spec);
    der_raw(w, spec->after_extensions);
    der_close(w, tbs);
}

void pki_make(const struct pki_spec *spec, EVP_PKEY *issuer_key, struct pki_cert *out)
{
    static uint8_t tbs[PKI_CERT_MAX];
    uint8_t signature[1200];
    uint8_t algorithm_buffer[128];
    enum pki_algorithm algorithm = pki_algorithm_for(spec->algorithm, issuer_key);
    struct der_writer a = {algorithm_buffer, sizeof(algorithm_buffer), 0};
    struct der_writer t = {tbs, sizeof(tbs), 0};
    struct der_writer w = {out->der, sizeof(out->der), 0};
    pki_write_algorithm(&a, algorithm);
    write_tbs(&t, spec, der_done(&a));
    signature[0] = 0; /* no unused bits */
    size_t len =
        pki_sign(issuer_key, algorithm, der_done(&t), signature + 1, sizeof(signature) - 1);
    signature[len] ^= spec->bad_signature ? 1 : 0;
    struct der_bytes bits = {signature, len + 1};
    size_t cert = der_open(&w, 0x30);
    der_raw(&w, der_done(&t));
    der_raw(&w, spec->outer_algorithm.data == NULL ? der_done(&a) : spec->outer_algorithm);
    der_element(&w, 0x03, spec->signature.data == NULL ? bits : spec->signature);
    der_close(&w, cert);
    out->len = w.len;
}

size_t pki_concat(const struct pki_cert *const *certs, size_t count, uint8_t *out, size_t cap)
{
    struct der_writer w = {out, cap, 0};
    for (size_t i = 0; i < count; i++) {
        der_raw(&w, (struct der_bytes){certs[i]->der, certs[i]->len});
    }
    return w.len;
}
