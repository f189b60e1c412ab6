/* SPDX-License-Identifier: Apache-2.0
 *
 * handfast_sessions.h - resumption that grants nothing more (promise P4). Included by handfast.h.
 *
 * What a session is bound to. Its context, which both ends of a configuration compute by themselves
 * and which decides whether it is looked at at all: role, rules, policy, own SVID, protocol
 * versions, groups, suites and application protocols of the configuration, and, on a server, the
 * server name and application protocols of the ClientHello. Bundles are not in it: they rotate.
 *
 * What a session carries, in this process and nowhere else: the peer's chain as it was presented,
 * the verdict on it (identity, validity of the whole path, content of the bundle) and the time at
 * which the peer last proved to hold its key. Sessions that come from sessions keep that time.
 *
 * When it is used. Before it is offered or taken, and once more after the handshake and before the
 * connection opens: now lies in the validity of the whole path and of our own SVID; less than the
 * maximal age has passed, by the clock and by the one that nobody sets; the bundle of the peer's
 * trust domain still has the same content, or else the chain is judged anew by the bundle that is
 * there now; the policy allows the peer. What does not hold before is a full handshake; after, a
 * refusal.
 *
 * A session of TLS 1.3 is used once. Early data is neither offered nor taken.
 *
 * Threads and forks. Any number of threads may use one store at once. A process that was forked
 * starts with empty stores.
 */
#ifndef HANDFAST_SESSIONS_H
#define HANDFAST_SESSIONS_H

#include "handfast.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hf_session_store; /* counted, shared by configurations of any role */

#define HF_SESSION_ENTRIES 4096
#define HF_SESSION_ENTRIES_MAX 16777216
#define HF_SESSION_AGE 3600
#define HF_SESSION_AGE_MAX 86400
/* Bytes of a peer's chain: who presents more is not resumed, so that memory is bounded. */
#define HF_SESSION_CHAIN_MAX 16384
/* Sessions for one destination of a client. */
#define HF_SESSIONS_PER_KEY 4

/* At most `max_entries` sessions (0: HF_SESSION_ENTRIES); none is used later than `max_age` seconds
 * (0: HF_SESSION_AGE) after the peer proved to hold its key. HF_E_BAD_ARGUMENT beyond the maxima.
 */
HF_MUST_USE hf_result hf_session_store_new(size_t max_entries, int64_t max_age,
                                           struct hf_session_store **out);
struct hf_session_store *hf_session_store_ref(struct hf_session_store *store);
void hf_session_store_unref(struct hf_session_store *store);

/* Forget everything. */
void hf_session_store_clear(struct hf_session_store *store);

struct hf_session_statistics {
    uint64_t hits;      /* sessions found */
    uint64_t misses;    /* asked for and not there */
    uint64_t refused;   /* found, and not good any more: a full handshake followed */
    uint64_t inserts;   /* sessions kept */
    uint64_t evictions; /* sessions that made room for others, their own time not over */
    uint64_t entries;   /* now */
    uint64_t max_entries;
};
/* Exact when nothing else goes on. */
void hf_session_store_statistics(struct hf_session_store *store, struct hf_session_statistics *out);

/* A client's destination, before the handshake: whatever names it best, such as host and port.
 * Sessions are kept and offered only for an equal one, and an equal server name. Without a key a
 * client neither keeps nor offers any. HF_E_WRONG_STATE later, and on a server. */
HF_MUST_USE hf_result hf_conn_set_session_key(struct hf_conn *conn, const uint8_t *key, size_t len);

/* When the peer last proved to hold its key: in this handshake, or in the one from which the
 * resumed session descends. HF_E_WRONG_STATE before the handshake is over. */
HF_MUST_USE hf_result hf_conn_authenticated_at(const struct hf_conn *conn, int64_t *out);

#ifdef __cplusplus
}
#endif

#endif
