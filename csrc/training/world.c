/* SPDX-License-Identifier: Apache-2.0
 *
 * world.c - makes the certificates of a training run with OpenSSL's own calls.
 */
#include "world.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY (24L * 60 * 60)

void need(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "training: expected: %s\n", what);
        ERR_print_errors_fp(stderr);
        exit(1);
    }
}

static EVP_PKEY *key_make(const char *algorithm)
{
    EVP_PKEY *key;
    if (strcmp(algorithm, "RSA") == 0) {
        key = EVP_RSA_gen(2048);
    } else if (strcmp(algorithm, "ED25519") == 0) {
        key = EVP_PKEY_Q_keygen(NULL, NULL, algorithm);
    } else {
        key = EVP_EC_gen(algorithm);
    }
    need(key != NULL, algorithm);
    return key;
}

static void extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    need(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, value);
    X509_EXTENSION_free(extension);
}

static X509 *certificate_make(const char *name, EVP_PKEY *key, long serial)
{
    X509 *made = X509_new();
    need(made != NULL && X509_set_version(made, X509_VERSION_3) == 1, "a certificate");
    need(ASN1_INTEGER_set(X509_get_serialNumber(made), serial) == 1, "a serial number");
    need(X509_gmtime_adj(X509_getm_notBefore(made), -DAY) != NULL, "a beginning");
    need(X509_gmtime_adj(X509_getm_notAfter(made), DAY) != NULL, "an end");
    need(X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                                    (const unsigned char *)name, -1, -1, 0) == 1,
         name);
    need(X509_set_pubkey(made, key) == 1, "a public key");
    return made;
}

static void sign(X509 *certificate, X509 *issuer, EVP_PKEY *key)
{
    /* Ed25519 brings its own digest. */
    const EVP_MD *digest = EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
    need(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1, "an issuer");
    need(X509_sign(certificate, key, digest) > 0, "a signature");
}

static X509 *authority_make(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *made = certificate_make(name, key, issuer == NULL ? 1 : 2);
    issuer = issuer == NULL ? made : issuer;
    need(X509_set_issuer_name(made, X509_get_subject_name(issuer)) == 1, "an issuer");
    extend(made, issuer, NID_basic_constraints, "critical,CA:TRUE");
    extend(made, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    extend(made, issuer, NID_subject_key_identifier, "hash");
    if (issuer != made) {
        extend(made, issuer, NID_authority_key_identifier, "keyid");
    }
    extend(made, issuer, NID_subject_alt_name, "URI:spiffe://training.example");
    sign(made, issuer, issuer_key);
    return made;
}

static X509 *leaf_make(const char *id, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *made = certificate_make("workload", key, 3);
    extend(made, issuer, NID_basic_constraints, "critical,CA:FALSE");
    extend(made, issuer, NID_key_usage, "critical,digitalSignature");
    extend(made, issuer, NID_ext_key_usage, "serverAuth,clientAuth");
    extend(made, issuer, NID_subject_key_identifier, "hash");
    extend(made, issuer, NID_authority_key_identifier, "keyid");
    extend(made, issuer, NID_subject_alt_name, id);
    sign(made, issuer, issuer_key);
    return made;
}

void world_make(const char *algorithm, struct world *out)
{
    EVP_PKEY *root_key = key_make(algorithm);
    EVP_PKEY *key = key_make(algorithm);
    out->client_key = key_make(algorithm);
    out->server_key = key_make(algorithm);
    out->root = authority_make("root", root_key, NULL, root_key);
    out->intermediate = authority_make("intermediate", key, out->root, root_key);
    out->client =
        leaf_make("URI:spiffe://training.example/client", out->client_key, out->intermediate, key);
    out->server =
        leaf_make("URI:spiffe://training.example/server", out->server_key, out->intermediate, key);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(key);
}

void world_drop(struct world *world)
{
    X509_free(world->root);
    X509_free(world->intermediate);
    X509_free(world->client);
    X509_free(world->server);
    EVP_PKEY_free(world->client_key);
    EVP_PKEY_free(world->server_key);
}
