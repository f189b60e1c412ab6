/* SPDX-License-Identifier: Apache-2.0
 *
 * A record layer of TLS 1.3 in the middle of two ends, with their handshake keys from the key log:
 * it changes a byte of a handshake message and encrypts it again, as a peer would that runs a
 * stack of its own. TLS_AES_128_GCM_SHA256 only.
 */
#ifndef HF_TESTS_RECORD_KIT_H
#define HF_TESTS_RECORD_KIT_H

#include "line_kit.h"

#define RECORD_MESSAGES_MAX 12
#define RECORD_SECRET_SIZE 32

struct record_keys {
    bool known;
    uint8_t key[16];
    uint8_t iv[12];
    uint64_t sequence;
};

/* One direction's handshake, as it was before any change. */
struct record_message {
    uint8_t type;
    size_t start; /* in the handshake bytes of its direction, plain and decrypted */
    size_t len;   /* header of four bytes and body */
};

struct record_middle {
    struct hf_conn *logger; /* has the key log */
    int to;                 /* HF_ROLE_* of the receiver of the changed byte */
    size_t at;              /* in the handshake bytes of that direction */
    unsigned bit;
    bool hit;
    struct record_keys to_client;
    struct record_keys to_server;
    size_t seen[3]; /* by HF_ROLE_*: handshake bytes so far */
    struct record_message messages[3][RECORD_MESSAGES_MAX];
    size_t count[3];
};

void record_start(struct record_middle *middle, struct hf_conn *logger);

/* A line_hook: arg is a struct record_middle. */
void record_change(void *arg, int to, uint8_t *bytes, size_t len);

#endif
