/* SPDX-License-Identifier: Apache-2.0
 *
 * What two keys agree on. An agreement on zeros, which a peer can force by a point of small order,
 * is a failure (RFC 7748, 6.1; RFC 8446, 7.4.2): libssl then answers with illegal_parameter.
 */
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/proverr.h>

#include "x509/x25519.h"

struct exchange {
    struct hf_x25519_key *mine;
    struct hf_x25519_key *peer;
};

static void *exchange_new(void *unused)
{
    (void)unused;
    return OPENSSL_zalloc(sizeof(struct exchange));
}

static void exchange_free(void *context)
{
    struct exchange *exchange = context;
    if (exchange != NULL) {
        hf_x25519_key_free(exchange->mine);
        hf_x25519_key_free(exchange->peer);
        OPENSSL_free(exchange);
    }
}

static void set(struct hf_x25519_key **place, struct hf_x25519_key *key)
{
    if (key != NULL) {
        hf_refcount_take(&key->references);
    }
    hf_x25519_key_free(*place);
    *place = key;
}

static void *exchange_dup(void *context)
{
    const struct exchange *from = context;
    struct exchange *to = exchange_new(NULL);
    if (to != NULL) {
        set(&to->mine, from->mine);
        set(&to->peer, from->peer);
    }
    return to;
}

static int set_mine(void *context, void *key, const OSSL_PARAM *params)
{
    (void)params;
    set(&((struct exchange *)context)->mine, key);
    return key != NULL;
}

static int set_peer(void *context, void *key)
{
    set(&((struct exchange *)context)->peer, key);
    return key != NULL;
}

static int derive(void *context, unsigned char *out, size_t *len, size_t room)
{
    const struct exchange *exchange = context;
    const struct hf_x25519_key *mine = exchange->mine;
    const struct hf_x25519_key *peer = exchange->peer;
    if (mine == NULL || !mine->has_private || peer == NULL || !peer->has_public) {
        ERR_raise(ERR_LIB_PROV, PROV_R_MISSING_KEY);
        return 0;
    }
    *len = HF_X25519_SIZE;
    if (out == NULL) {
        return 1;
    }
    if (room < HF_X25519_SIZE) {
        ERR_raise(ERR_LIB_PROV, PROV_R_OUTPUT_BUFFER_TOO_SMALL);
        return 0;
    }
    if (!hf_x25519_shared(out, mine->private_key, peer->public_key)) {
        ERR_raise(ERR_LIB_PROV, PROV_R_FAILED_DURING_DERIVATION);
        return 0;
    }
    return 1;
}

const OSSL_DISPATCH hf_x25519_exchange_functions[] = {
    {OSSL_FUNC_KEYEXCH_NEWCTX, (void (*)(void))exchange_new},
    {OSSL_FUNC_KEYEXCH_FREECTX, (void (*)(void))exchange_free},
    {OSSL_FUNC_KEYEXCH_DUPCTX, (void (*)(void))exchange_dup},
    {OSSL_FUNC_KEYEXCH_INIT, (void (*)(void))set_mine},
    {OSSL_FUNC_KEYEXCH_SET_PEER, (void (*)(void))set_peer},
    {OSSL_FUNC_KEYEXCH_DERIVE, (void (*)(void))derive},
    {0, NULL},
};
