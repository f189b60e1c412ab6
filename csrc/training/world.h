/* SPDX-License-Identifier: Apache-2.0
 *
 * world.h - the certificates of a training run: a root, an intermediate and one identity for each
 * end, made when the program starts, so that there are no files to age or to ship.
 */
#ifndef HF_TRAINING_WORLD_H
#define HF_TRAINING_WORLD_H

#include <openssl/evp.h>
#include <openssl/x509.h>

struct world {
    X509 *root;
    X509 *intermediate;
    X509 *client;
    X509 *server;
    EVP_PKEY *client_key;
    EVP_PKEY *server_key;
};

/* `algorithm` is "P-256", "P-384", "ED25519" or "RSA" (2,048 bits), for every key in it. */
void world_make(const char *algorithm, struct world *out);
void world_drop(struct world *world);

/* A training run that fails trains nothing: it says what was expected, and ends. */
void need(int condition, const char *what);

#endif
