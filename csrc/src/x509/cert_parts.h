/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a certificate, one file each. Every function takes its part off the front of a span
 * (or reads all of one) and writes what it finds into the view.
 */
#ifndef HF_X509_CERT_PARTS_H
#define HF_X509_CERT_PARTS_H

#include "x509/certificate.h"
#include "x509/der.h"

/* tbs.c: the content of TBSCertificate. `algorithm` becomes the inner AlgorithmIdentifier. */
HF_MUST_USE hf_result hf_cert_read_tbs(struct hf_span content, struct hf_cert *cert,
                                       struct hf_span *algorithm);

/* algorithms.c: an AlgorithmIdentifier of the allow-list, with its parameters exact. */
HF_MUST_USE hf_result hf_cert_read_algorithm(struct hf_span content, enum hf_signature_kind *out);

/* names.c: one Name; `content` empty means the empty name. */
HF_MUST_USE hf_result hf_cert_take_name(struct hf_span *from, struct hf_der *out);

/* text.c: one text with its header, of any kind that names have or a DirectoryString alone; and
 * bytes that must be ASCII. */
HF_MUST_USE hf_result hf_cert_check_text(struct hf_span der);
HF_MUST_USE hf_result hf_cert_check_directory_string(struct hf_span der);
HF_MUST_USE hf_result hf_cert_check_ascii(struct hf_span text);

/* spki.c: the content of SubjectPublicKeyInfo. */
HF_MUST_USE hf_result hf_cert_read_spki(struct hf_span content, struct hf_cert *cert);

/* The kind of key of an AlgorithmIdentifier's content, or of a named curve's OID with its header;
 * HF_KEY_NONE outside the list. */
enum hf_key_kind hf_cert_key_kind(struct hf_span algorithm);
enum hf_key_kind hf_cert_curve_kind(struct hf_span curve);

/* extensions.c: one Extension, of certificates, of CRLs or of their entries; and the last byte of
 * an object identifier of id-ce (2.5.29.n), 0 for every other one. */
struct hf_extension {
    struct hf_span oid;
    bool critical;
    struct hf_span value;
};
HF_MUST_USE hf_result hf_cert_take_extension(struct hf_span *from, struct hf_extension *out);
uint8_t hf_extension_number(const struct hf_extension *extension);

/* Remember this object identifier among those of its list; refuse it when it is among them, known
 * or not. Only `count` has to be 0 at the start. */
#define HF_EXTENSIONS_MAX 32
struct hf_extensions_seen {
    size_t count;
    struct hf_span oids[HF_EXTENSIONS_MAX];
};
HF_MUST_USE hf_result hf_cert_note_extension(struct hf_extensions_seen *seen, struct hf_span oid);

/* The content of [3]. */
HF_MUST_USE hf_result hf_cert_read_extensions(struct hf_span content, struct hf_cert *cert);

/* extension_values.c: the values of extensions that are understood. */
HF_MUST_USE hf_result hf_cert_read_basic_constraints(struct hf_span value, struct hf_cert *cert);
HF_MUST_USE hf_result hf_cert_read_key_usage(struct hf_span value, struct hf_cert *cert);
HF_MUST_USE hf_result hf_cert_read_eku(struct hf_span value, struct hf_cert *cert);
struct hf_authority_key {
    struct hf_span id; /* empty when absent */
    bool names_issuer; /* by name and serial, too */
    bool has_unread;   /* a name among those whose inside is not read */
};
HF_MUST_USE hf_result hf_cert_read_aki(struct hf_span value, struct hf_authority_key *out);
HF_MUST_USE hf_result hf_cert_read_ski(struct hf_span value, struct hf_cert *cert);

/* general_names.c: subjectAltName and nameConstraints. */
HF_MUST_USE hf_result hf_cert_read_san(struct hf_span value, struct hf_cert *cert);
HF_MUST_USE hf_result hf_cert_read_name_constraints(struct hf_span value, struct hf_cert *cert);

/* One GeneralName, its form checked. `constraint`: as the base of a name constraint, where an
 * address has a mask. */
HF_MUST_USE hf_result hf_cert_take_general_name(struct hf_span *from, bool constraint,
                                                struct hf_der *out);

/* Of some kinds only the frame is read, and OpenSSL may refuse what is in it. */
bool hf_cert_name_is_unread(const struct hf_der *name);

#define HF_NAME_TAG_OTHER HF_DER_CONTEXT_OF(0)
#define HF_NAME_TAG_EMAIL HF_DER_CONTEXT(1)
#define HF_NAME_TAG_DNS HF_DER_CONTEXT(2)
#define HF_NAME_TAG_X400 HF_DER_CONTEXT_OF(3)
#define HF_NAME_TAG_DIRECTORY HF_DER_CONTEXT_OF(4)
#define HF_NAME_TAG_EDI HF_DER_CONTEXT_OF(5)
#define HF_NAME_TAG_URI HF_DER_CONTEXT(6)
#define HF_NAME_TAG_IP HF_DER_CONTEXT(7)
#define HF_NAME_TAG_RID HF_DER_CONTEXT(8)

#endif
