/* SPDX-License-Identifier: Apache-2.0
 *
 * Two workloads that meet again and again, each time with new configurations, as after a rotation:
 * what lasts are their stores of sessions.
 */
#ifndef HF_TESTS_RESUME_KIT_H
#define HF_TESTS_RESUME_KIT_H

#include "tls_kit.h"

/* Of the stores: within the validity of all certificates here. */
#define RESUME_AGE 1800

struct resume_world {
    struct tls_who client;
    struct tls_who server;
    int version; /* HF_TLS12: the server speaks nothing newer */
    struct tls_pair pair;
};

/* Good ones, with a store each, at PKI_NOW by both clocks. */
void resume_start(struct resume_world *world, int version);
/* The same, but the server has ticket keys in the place of its store. */
void resume_start_tickets(struct resume_world *world, int version);

/* The matrix of threats 2.1: TLS 1.2 and 1.3 with a store, then both with tickets. Those of TLS 1.3
 * are odd. */
#define RESUME_WAYS 4
void resume_start_way(struct resume_world *world, size_t way);
void resume_finish(struct resume_world *world);

/* Both ends made, nothing said. */
void resume_prepare(struct resume_world *world);
/* A whole handshake; what both ends tell each other afterwards brings the ticket. */
void resume_meet(struct resume_world *world);

bool resume_both_open(const struct resume_world *world);
/* Both ends say so, and agree. */
bool resume_resumed(const struct resume_world *world);
/* Meet, ask one of these, part. */
bool resume_meets_anew(struct resume_world *world);
bool resume_resumes(struct resume_world *world);
/* Meet, and the end of this role refuses with this code. */
bool resume_refuses(struct resume_world *world, int role, uint32_t code);

/* Another's client, which is the world's with this server name, protocols (wire form) and session,
 * meets our server. `got`, when wanted, is the session that it has then. Whether it resumed. */
bool resume_theirs(struct resume_world *world, const char *name, const char *alpn,
                   SSL_SESSION *offered, SSL_SESSION **got);

/* A new certificate of the same key, good until this many seconds after PKI_NOW. */
void resume_renew(struct tls_who *who, const char *id, int64_t until);

/* Both clocks, seconds after PKI_NOW. */
void resume_clock(int64_t seconds);

#endif
