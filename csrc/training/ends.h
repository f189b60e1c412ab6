/* SPDX-License-Identifier: Apache-2.0
 *
 * ends.h - both ends of the training's connections: how they are set up, and one connection.
 */
#ifndef HF_TRAINING_ENDS_H
#define HF_TRAINING_ENDS_H

#include <openssl/ssl.h>

#include "world.h"

enum resumption {
    RESUME_NEVER,
    RESUME_STATEFUL, /* the session is kept by the server, as DER */
    RESUME_TICKET    /* the session is in the ticket */
};

struct plan {
    const char *groups;
    int version;
    enum resumption resumption;
    int judged_elsewhere; /* chains are judged by our own code, not by X509_verify_cert */
    int records;          /* of 16 KiB each way, after the handshake */
};

#define SESSION_BYTES_MAX 8192

struct ends {
    const struct plan *plan;
    SSL_CTX *client;
    SSL_CTX *server;
    SSL_SESSION *session;                    /* the client's newest, to be resumed */
    unsigned char stored[SESSION_BYTES_MAX]; /* the server's newest */
    long stored_len;
};

/* `ends` must not move until ends_drop: the contexts point to it. */
void ends_make(const struct plan *plan, const struct world *world, struct ends *ends);
void ends_drop(struct ends *ends);

/* One connection: handshake, a message each way, the plan's records, the closing alerts. The first
 * is a full one, the later ones resume when the plan says so. */
void ends_connect(struct ends *ends);

#endif
