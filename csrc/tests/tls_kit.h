/* SPDX-License-Identifier: Apache-2.0
 *
 * Configurations, pairs of connections in memory, and peers on plain OpenSSL that do what ours
 * never would, for the tests of tls. A failure inside the kit is a bug of the test: it ends the
 * process.
 */
#ifndef HF_TESTS_TLS_KIT_H
#define HF_TESTS_TLS_KIT_H

#include "kit.h"
#include "tls/connection.h"

#define TLS_DOMAIN "a.example"
#define TLS_CLIENT_ID "spiffe://a.example/client"
#define TLS_SERVER_ID "spiffe://a.example/server"

/* A workload. tls_who() gives a good one; change what the test is about. */
struct tls_who {
    int role;
    struct pki_cert chain[4]; /* leaf first */
    size_t chain_count;
    EVP_PKEY *key;
    struct pki_cert authority;           /* the one authority that it trusts, of TLS_DOMAIN */
    const struct hf_policy_node *policy; /* NULL: anybody */
    size_t policy_count;
    int min_version;
    const char *groups;
    const char *ciphersuites;
    const char *alpn; /* wire form, NUL-terminated */
    int key_log;
    struct hf_chain_cache *cache;      /* NULL: none; borrowed */
    const struct pki_cert *also;       /* a second authority of TLS_DOMAIN; NULL: none */
    struct hf_session_store *sessions; /* NULL: none; borrowed */
    struct hf_ticket_keys *tickets;    /* NULL: none; borrowed */
    struct hf_crl_book *book;          /* NULL: asks no lists; borrowed */
    int crl_policy;
};

/* A P-256 identity under the authority "root" of KIT_KEY(0). */
void tls_who(struct tls_who *out, int role);
/* The same with a key of this kind. */
void tls_who_key(struct tls_who *out, int role, enum pki_kind kind);
/* Replace its leaf: `spec` is signed by KIT_KEY(0). */
void tls_who_leaf(struct tls_who *who, const struct pki_spec *spec, EVP_PKEY *key);

struct hf_config *tls_config(const struct tls_who *who);
/* For a mistake in the configuration itself. */
HF_MUST_USE hf_result tls_config_try(const struct tls_who *who, struct hf_config **out);

/* A client and a server that let each other in, with keys of this kind. */
void tls_good_configs(enum pki_kind kind, struct hf_config **client, struct hf_config **server);

/* One end: a connection of ours or a plain SSL between memory BIOs. */
struct tls_end {
    struct hf_conn *conn;
    SSL *ssl;
    bool done;
    hf_result result; /* of the last step of ours */
    struct hf_error error;
    int plain_alert; /* fatal alert that the plain end received; -1 none */
};

void tls_end_conn(struct tls_end *out, struct hf_config *config);
/* Takes no reference on ctx. */
void tls_end_plain(struct tls_end *out, SSL_CTX *ctx, bool server);
void tls_end_free(struct tls_end *end);
/* Let go of the chains that the connection's configuration keeps for the next one, so that what is
 * allocated can be counted. No other thread uses the configuration. */
void tls_forget_chains(const struct hf_conn *conn);

/* Carry what `from` has to send, in pieces of at most `chunk` bytes with a step of `to` after each.
 * Returns the number of bytes. */
size_t tls_carry(struct tls_end *from, struct tls_end *to, size_t chunk);
void tls_step(struct tls_end *end);

/* Until both are done, or nothing moves any more. Ends that are done read afterwards, so that a
 * late alert is seen. */
void tls_drive(struct tls_end *client, struct tls_end *server, size_t chunk);

/* A whole handshake of two workloads. */
struct tls_pair {
    struct tls_end client;
    struct tls_end server;
};
void tls_pair_run(struct tls_pair *out, const struct tls_who *client, const struct tls_who *server);
void tls_pair_free(struct tls_pair *pair);

/* A plain context with the chain, the key and the cipher suites of `who`, believing everybody. */
SSL_CTX *tls_plain_ctx(const struct tls_who *who);
/* The same with algorithms of these properties: "provider=default" is OpenSSL without ours. */
SSL_CTX *tls_plain_ctx_by(const struct tls_who *who, const char *properties);

/* Both ends stood up and told each other something. */
bool tls_talk(struct tls_end *one, struct tls_end *other);

#endif
