/* SPDX-License-Identifier: Apache-2.0
 *
 * Mistakes in the structure of a finished certificate.
 */
#include "der_mutate.h"
#include "grammar.h"
#include "pki_sign.h"
#include "x509/der.h"

static struct der_change change_of(struct choices *c)
{
    struct der_change change = {.edit = (enum der_edit)choose(c, DER_EDITS)};
    change.element = choose_byte(c);
    change.at = choose_byte(c);
    change.value = (uint8_t)(choose_byte(c) ^ 1);
    return change;
}

/* The three parts of a certificate; false when it has been spoilt already. */
static bool split(const struct pki_cert *cert, struct hf_span *tbs, struct hf_span *algorithm)
{
    struct hf_span all = pki_span(cert);
    struct hf_span parts;
    struct hf_der head;
    if (!hf_is_ok(hf_der_take(&all, HF_DER_SEQUENCE, &parts)) ||
        !hf_is_ok(hf_der_next(&parts, &head))) {
        return false;
    }
    *tbs = head.whole;
    if (!hf_is_ok(hf_der_next(&parts, &head))) {
        return false;
    }
    *algorithm = head.whole;
    return true;
}

void grammar_resign(struct choices *c, EVP_PKEY *issuer_key, enum pki_algorithm algorithm,
                    struct pki_cert *cert)
{
    static uint8_t buffer[2 * PKI_CERT_MAX];
    static struct pki_cert made;
    uint8_t signature[1200];
    struct hf_span tbs;
    struct hf_span outer;
    if (!split(cert, &tbs, &outer)) {
        return;
    }
    struct der_change change = change_of(c);
    struct der_writer t = {buffer, sizeof(buffer), 0};
    der_mutate((struct der_bytes){tbs.data, tbs.len}, &change, &t);
    if (t.len + outer.len + sizeof(signature) + 16 > sizeof(made.der)) {
        return;
    }
    signature[0] = 0;
    size_t len = pki_sign(issuer_key, pki_algorithm_for(algorithm, issuer_key), der_done(&t),
                          signature + 1, sizeof(signature) - 1);
    struct der_writer w = {made.der, sizeof(made.der), 0};
    size_t whole = der_open(&w, 0x30);
    der_raw(&w, der_done(&t));
    der_raw(&w, (struct der_bytes){outer.data, outer.len});
    der_element(&w, 0x03, (struct der_bytes){signature, len + 1});
    der_close(&w, whole);
    cert->len = w.len;
    (void)hf_mem_copy(cert->der, sizeof(cert->der), made.der, made.len = w.len);
}

void grammar_spoil(struct choices *c, struct pki_cert *cert)
{
    static uint8_t buffer[2 * PKI_CERT_MAX];
    if (choose(c, 2) == 0) {
        /* A byte, wherever. */
        size_t at = (size_t)choose_byte(c) << 8;
        at |= choose_byte(c);
        cert->der[at % cert->len] ^= (uint8_t)(1 | choose_byte(c));
        return;
    }
    struct der_change change = change_of(c);
    struct der_writer w = {buffer, sizeof(buffer), 0};
    der_mutate((struct der_bytes){cert->der, cert->len}, &change, &w);
    if (w.len != 0 && w.len <= sizeof(cert->der)) {
        (void)hf_mem_copy(cert->der, sizeof(cert->der), buffer, w.len);
        cert->len = w.len;
    }
}
