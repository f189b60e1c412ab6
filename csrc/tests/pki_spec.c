/* SPDX-License-Identifier: Apache-2.0
 *
 * Specs and their extensions: the good shapes, and ways to spoil them.
 */
#include <openssl/x509.h>
#include <string.h>

#include "pki_sign.h"
#include "x509/certificate.h"

struct der_bytes pki_keep(struct pki_spec *spec, struct der_bytes bytes)
{
    struct der_writer w = {spec->pool, sizeof(spec->pool), spec->pool_len};
    der_raw(&w, bytes);
    struct der_bytes kept = {spec->pool + spec->pool_len, bytes.len};
    spec->pool_len = w.len;
    return kept;
}

void pki_add(struct pki_spec *spec, const char *oid, bool critical, struct der_bytes value)
{
    pki_need(spec->extension_count < PKI_EXTENSIONS_MAX, "too many extensions");
    struct pki_extension *e = &spec->extensions[spec->extension_count++];
    pki_need(hf_mem_copy(e->oid, sizeof(e->oid), oid, strlen(oid) + 1), "long OID");
    e->critical = critical;
    e->false_written = false;
    e->at = spec->pool_len;
    e->len = value.len;
    (void)pki_keep(spec, value);
}

void pki_drop(struct pki_spec *spec, const char *oid)
{
    size_t kept = 0;
    for (size_t i = 0; i < spec->extension_count; i++) {
        if (strcmp(spec->extensions[i].oid, oid) != 0) {
            spec->extensions[kept++] = spec->extensions[i];
        }
    }
    spec->extension_count = kept;
}

void pki_set(struct pki_spec *spec, const char *oid, bool critical, struct der_bytes value)
{
    pki_drop(spec, oid);
    pki_add(spec, oid, critical, value);
}

void pki_set_san(struct pki_spec *spec, bool critical, const struct pki_name *names, size_t count)
{
    uint8_t buffer[8192];
    struct der_writer w = {buffer, sizeof(buffer), 0};
    size_t list = der_open(&w, 0x30);
    for (size_t i = 0; i < count; i++) {
        der_element(&w, names[i].tag, names[i].value);
    }
    der_close(&w, list);
    pki_set(spec, PKI_OID_SAN, critical, der_done(&w));
}

void pki_set_uri(struct pki_spec *spec, bool critical, struct der_bytes uri)
{
    struct pki_name name = {PKI_URI, uri};
    pki_set_san(spec, critical, &name, 1);
}

void pki_set_key_usage(struct pki_spec *spec, bool critical, unsigned bits)
{
    /* Bit 0 of the BIT STRING is the highest of the first byte; trailing zero bits are left out. */
    uint8_t value[5] = {0x03, 0x01, 0x00, 0, 0};
    size_t len = 3;
    for (unsigned i = 0; i < 9; i++) {
        if ((bits & (1u << i)) == 0) {
            continue;
        }
        value[3 + i / 8] = (uint8_t)(value[3 + i / 8] | (0x80u >> (i % 8)));
        value[1] = (uint8_t)(2 + i / 8);
        value[2] = (uint8_t)(7 - i % 8);
        len = 4 + i / 8;
    }
    pki_set(spec, PKI_OID_KEY_USAGE, critical, (struct der_bytes){value, len});
}

void pki_set_eku(struct pki_spec *spec, bool critical, const char *const *oids, size_t count)
{
    uint8_t buffer[512];
    struct der_writer w = {buffer, sizeof(buffer), 0};
    size_t list = der_open(&w, 0x30);
    for (size_t i = 0; i < count; i++) {
        der_oid(&w, oids[i]);
    }
    der_close(&w, list);
    pki_set(spec, PKI_OID_EKU, critical, der_done(&w));
}

void pki_set_basic_constraints(struct pki_spec *spec, bool critical, bool ca, long path_len)
{
    uint8_t buffer[16];
    struct der_writer w = {buffer, sizeof(buffer), 0};
    size_t sequence = der_open(&w, 0x30);
    if (ca) {
        der_element(&w, 0x01, DER_BYTES("\xff"));
    }
    if (path_len >= 0) {
        uint8_t number[2] = {(uint8_t)(path_len >> 8), (uint8_t)path_len};
        size_t skip = path_len < 0x80 ? 1 : 0;
        der_element(&w, 0x02, (struct der_bytes){number + skip, 2 - skip});
    }
    der_close(&w, sequence);
    pki_set(spec, PKI_OID_BASIC_CONSTRAINTS, critical, der_done(&w));
}

static void write_subtree(struct der_writer *w, uint8_t tag, const char *uri)
{
    if (uri == NULL) {
        return;
    }
    size_t subtrees = der_open(w, tag);
    size_t subtree = der_open(w, 0x30);
    der_element(w, PKI_URI, der_text(uri));
    der_close(w, subtree);
    der_close(w, subtrees);
}

void pki_set_name_constraints(struct pki_spec *spec, bool critical, const char *permitted,
                              const char *excluded)
{
    uint8_t buffer[1024];
    struct der_writer w = {buffer, sizeof(buffer), 0};
    size_t sequence = der_open(&w, 0x30);
    write_subtree(&w, 0xa0, permitted);
    write_subtree(&w, 0xa1, excluded);
    der_close(&w, sequence);
    pki_set(spec, PKI_OID_NAME_CONSTRAINTS, critical, der_done(&w));
}

static struct der_bytes key_id(EVP_PKEY *key, uint8_t out[EVP_MAX_MD_SIZE])
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    pki_need(len > 0, "public key");
    pki_need(EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL) == 1, "digest");
    OPENSSL_free(der);
    return (struct der_bytes){out, 20};
}

void pki_add_key_ids(struct pki_spec *spec, EVP_PKEY *issuer_key)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    uint8_t buffer[64];
    struct der_writer ski = {buffer, sizeof(buffer), 0};
    der_element(&ski, 0x04, key_id(spec->key, digest));
    pki_set(spec, PKI_OID_SKI, false, der_done(&ski));
    struct der_writer aki = {buffer, sizeof(buffer), 0};
    size_t sequence = der_open(&aki, 0x30);
    der_element(&aki, 0x80, key_id(issuer_key, digest));
    der_close(&aki, sequence);
    pki_set(spec, PKI_OID_AKI, false, der_done(&aki));
}

static void start(struct pki_spec *spec, const char *issuer, const char *subject, EVP_PKEY *key)
{
    static const struct pki_spec empty;
    *spec = empty;
    spec->issuer_name = issuer;
    spec->subject_name = subject;
    spec->key = key;
    spec->not_before = PKI_NOT_BEFORE;
    spec->not_after = PKI_NOT_AFTER;
}

void pki_leaf(struct pki_spec *spec, const char *issuer, const char *uri, EVP_PKEY *key)
{
    static const char *const both[] = {PKI_OID_SERVER_AUTH, PKI_OID_CLIENT_AUTH};
    start(spec, issuer, NULL, key);
    pki_set_uri(spec, true, der_text(uri));
    pki_set_key_usage(spec, true, HF_KU_DIGITAL_SIGNATURE);
    pki_set_eku(spec, false, both, 2);
}

void pki_intermediate(struct pki_spec *spec, const char *issuer, const char *name, const char *uri,
                      EVP_PKEY *key)
{
    start(spec, issuer, name, key);
    pki_set_key_usage(spec, true, HF_KU_KEY_CERT_SIGN | HF_KU_CRL_SIGN);
    pki_set_basic_constraints(spec, true, true, -1);
    if (uri != NULL) {
        pki_set_uri(spec, false, der_text(uri));
    }
}

void pki_authority(struct pki_spec *spec, const char *name, const char *uri, EVP_PKEY *key)
{
    pki_intermediate(spec, name, name, uri, key);
}
