/* SPDX-License-Identifier: Apache-2.0
 *
 * Two ends in memory, a line between them that has one fault in one direction, and a conversation
 * that is over when both ends heard a word and a clean end.
 */
#ifndef HF_TESTS_LINE_KIT_H
#define HF_TESTS_LINE_KIT_H

#include "tls_kit.h"

enum line_fault {
    LINE_GOOD,
    LINE_CUT,    /* the stream ends after `at` bytes */
    LINE_FLIP,   /* bit `bit` of byte `at` */
    LINE_SPLIT,  /* byte `at` is the first of a piece of its own */
    LINE_BYTES,  /* one byte at a time */
    LINE_LOSE,   /* record number `at` never comes */
    LINE_REPEAT, /* it comes twice */
    LINE_SWAP    /* it comes after the one behind it */
};

struct line_direction {
    size_t bytes;   /* carried so far, as they were sent */
    size_t records; /* the same, as records */
    bool hit;       /* the fault came about */
    bool ended;
};

struct line_end {
    struct tls_end tls;
    bool said;
    bool heard;     /* the whole word, and nothing else */
    bool heard_odd; /* data that nobody sent */
    bool clean;     /* close_notify came */
    size_t opened;  /* bytes of the peer that it took to finish its handshake */
};

/* Called before the k-th step of an end (from 1, both counted together). */
typedef void line_at_step(void *arg);

struct line {
    enum line_fault fault;
    int to; /* HF_ROLE_* of the end whose incoming bytes have the fault */
    size_t at;
    unsigned bit;
    size_t k;              /* 0: no step is special */
    line_at_step *at_step; /* and what happens there */
    void *arg;
    size_t steps;
    struct line_end client;
    struct line_end server;
    struct line_direction to_client;
    struct line_direction to_server;
};

/* Change the bytes of a flight (sent, not carried yet), by records; see record_kit.h. */
typedef void line_hook(void *arg, int to, uint8_t *bytes, size_t len);

/* The fault, the step and what happens there are the caller's; everything else is made new. */
void line_start(struct line *line, struct hf_config *client, struct hf_config *server);

/* Talk until nothing moves; what still waits then stays so. */
void line_run(struct line *line);
void line_run_hooked(struct line *line, line_hook *hook, void *arg);

/* Tell both ends that nothing more comes, so that none may go on waiting. */
void line_end_streams(struct line *line);
void line_free(struct line *line);

struct line_end *line_receiver(struct line *line);
bool line_whole(const struct line_end *end);
bool line_failed(const struct line_end *end);

#endif
