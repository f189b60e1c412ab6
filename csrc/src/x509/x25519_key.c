/* SPDX-License-Identifier: Apache-2.0
 *
 * As OpenSSL's own does it, but for three answers, which are stricter here:
 *   - A private key that comes with another one's public key is refused; OpenSSL takes it.
 *   - The public part of a key without one cannot be read; OpenSSL's is 32 zeros.
 *   - Keys are not made from a seed (DHKEM's), which nobody here asks for.
 * test_x509_x25519.c compares the rest.
 */
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <string.h>

#include "base/mem.h"
#include "x509/x25519.h"
#include "x509/x25519_pool.h"

#define BITS 253 /* as OpenSSL says it */
#define SECURITY_BITS 128
#define SEED "dhkem-ikm" /* OSSL_PKEY_PARAM_DHKEM_IKM, which OpenSSL 3.0 does not have */

static void *key_new(void *unused)
{
    (void)unused;
    struct hf_x25519_key *key = OPENSSL_zalloc(sizeof(*key));
    if (key != NULL) {
        hf_refcount_init(&key->references);
    }
    return key;
}

void hf_x25519_key_free(struct hf_x25519_key *key)
{
    if (key != NULL && hf_refcount_drop(&key->references)) {
        OPENSSL_clear_free(key, sizeof(*key));
    }
}

static void key_free(void *key)
{
    hf_x25519_key_free(key);
}

/* A part that is not selected stays out; a private part is never alone. */
static void *key_dup(const void *data, int selection)
{
    const struct hf_x25519_key *from = data;
    struct hf_x25519_key *to = key_new(NULL);
    if (to == NULL) {
        return NULL;
    }
    to->has_private = from->has_private && (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
    to->has_public =
        from->has_public && (to->has_private || (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0);
    if ((to->has_public &&
         !hf_mem_copy(to->public_key, HF_X25519_SIZE, from->public_key, HF_X25519_SIZE)) ||
        (to->has_private &&
         !hf_mem_copy(to->private_key, HF_X25519_SIZE, from->private_key, HF_X25519_SIZE))) {
        hf_x25519_key_free(to);
        return NULL;
    }
    return to;
}

/* ---- making keys -------------------------------------------------------------------------- */

/* All that there is to know before is whether a key is wanted, or only its (no) parameters. */
static char makes_keys;
static char makes_parameters;

static int make_set(void *context, const OSSL_PARAM *params)
{
    (void)context;
    for (const OSSL_PARAM *param = params; param != NULL && param->key != NULL; param++) {
        bool is_group = strcmp(param->key, OSSL_PKEY_PARAM_GROUP_NAME) == 0;
        bool is_seed = strcmp(param->key, SEED) == 0;
        if (is_seed || (is_group && (param->data_type != OSSL_PARAM_UTF8_STRING ||
                                     OPENSSL_strcasecmp(param->data, "x25519") != 0))) {
            ERR_raise(ERR_LIB_PROV, ERR_R_PASSED_INVALID_ARGUMENT);
            return 0;
        }
    }
    return 1;
}

static const OSSL_PARAM *make_settable(void *context, void *unused)
{
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_END,
    };
    (void)context;
    (void)unused;
    return known;
}

static void *make_begin(void *unused, int selection, const OSSL_PARAM *params)
{
    (void)unused;
    char *context =
        (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0 ? &makes_keys : &makes_parameters;
    return make_set(context, params) == 1 ? context : NULL;
}

static void *make(void *context, OSSL_CALLBACK *unused, void *unused_too)
{
    (void)unused;
    (void)unused_too;
    struct hf_x25519_key *key = key_new(NULL);
    if (key == NULL || context == &makes_parameters) {
        return key;
    }
    if (!hf_x25519_take(key->private_key, key->public_key)) {
        ERR_raise(ERR_LIB_PROV, PROV_R_FAILED_TO_GENERATE_KEY);
        hf_x25519_key_free(key);
        return NULL;
    }
    key->has_private = true;
    key->has_public = true;
    return key;
}

static void make_end(void *context)
{
    (void)context;
}

/* ---- reading and writing them ------------------------------------------------------------- */

static const OSSL_PARAM both_parts[] = {
    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, NULL, 0),
    OSSL_PARAM_END,
};

static const OSSL_PARAM *transported(int selection)
{
    return (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0 ? both_parts : NULL;
}

static const OSSL_PARAM *gettable(void *unused)
{
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, NULL, 0),
        OSSL_PARAM_END,
    };
    (void)unused;
    return known;
}

static int get_one(const struct hf_x25519_key *key, OSSL_PARAM *param)
{
    const char *name = param->key;
    if (strcmp(name, OSSL_PKEY_PARAM_BITS) == 0) {
        return OSSL_PARAM_set_int(param, BITS);
    }
    if (strcmp(name, OSSL_PKEY_PARAM_SECURITY_BITS) == 0) {
        return OSSL_PARAM_set_int(param, SECURITY_BITS);
    }
    if (strcmp(name, OSSL_PKEY_PARAM_MAX_SIZE) == 0) {
        return OSSL_PARAM_set_int(param, HF_X25519_SIZE);
    }
    if (strcmp(name, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY) == 0 ||
        strcmp(name, OSSL_PKEY_PARAM_PUB_KEY) == 0) {
        return key->has_public &&
               OSSL_PARAM_set_octet_string(param, key->public_key, HF_X25519_SIZE);
    }
    if (strcmp(name, OSSL_PKEY_PARAM_PRIV_KEY) == 0 && key->has_private) {
        return OSSL_PARAM_set_octet_string(param, key->private_key, HF_X25519_SIZE);
    }
    return 1; /* what is left as it was was not known */
}

static int get(void *key, OSSL_PARAM *params)
{
    for (OSSL_PARAM *param = params; param != NULL && param->key != NULL; param++) {
        if (get_one(key, param) != 1) {
            return 0;
        }
    }
    return 1;
}

static bool read_part(const OSSL_PARAM *param, uint8_t out[HF_X25519_SIZE])
{
    return param->data_type == OSSL_PARAM_OCTET_STRING && param->data != NULL &&
           param->data_size == HF_X25519_SIZE &&
           hf_mem_copy(out, HF_X25519_SIZE, param->data, HF_X25519_SIZE);
}

static const OSSL_PARAM *settable(void *unused)
{
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
        OSSL_PARAM_END,
    };
    (void)unused;
    return known;
}

/* A peer's key share, in a key that was only parameters. */
static int set(void *data, const OSSL_PARAM *params)
{
    struct hf_x25519_key *key = data;
    const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY);
    if (param == NULL) {
        return 1;
    }
    if (!read_part(param, key->public_key)) {
        return 0;
    }
    hf_mem_wipe(key->private_key, sizeof(key->private_key));
    key->has_private = false;
    key->has_public = true;
    return 1;
}

static bool belong_together(const struct hf_x25519_key *key)
{
    uint8_t expected[HF_X25519_SIZE];
    return hf_x25519_public(expected, key->private_key) &&
           hf_mem_equal(expected, sizeof(expected), key->public_key, HF_X25519_SIZE);
}

static int import(void *data, int selection, const OSSL_PARAM *params)
{
    struct hf_x25519_key *key = data;
    const OSSL_PARAM *public = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY);
    const OSSL_PARAM *private = (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0
                                    ? OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY)
                                    : NULL;
    if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0 || (public == NULL && private == NULL)) {
        return 0;
    }
    bool good = (public == NULL || read_part(public, key->public_key)) &&
                (private == NULL || read_part(private, key->private_key));
    if (good && private != NULL) {
        good = public == NULL ? hf_x25519_public(key->public_key, key->private_key)
                              : belong_together(key);
    }
    key->has_public = good;
    key->has_private = good && private != NULL;
    if (!key->has_private) {
        hf_mem_wipe(key->private_key, sizeof(key->private_key));
    }
    return good;
}

static int export(void *data, int selection, OSSL_CALLBACK *callback, void *argument)
{
    struct hf_x25519_key *key = data;
    OSSL_PARAM params[3];
    size_t count = 0;
    if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0 || !key->has_public) {
        return 0;
    }
    params[count++] =
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, key->public_key, HF_X25519_SIZE);
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && key->has_private) {
        params[count++] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY,
                                                            key->private_key, HF_X25519_SIZE);
    }
    params[count] = OSSL_PARAM_construct_end();
    return callback(params, argument);
}

/* ---- comparing them ----------------------------------------------------------------------- */

static int has(const void *data, int selection)
{
    const struct hf_x25519_key *key = data;
    return key != NULL && ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 0 || key->has_public) &&
           ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 || key->has_private);
}

/* A private part is never alone, so that the public ones tell. */
static int match(const void *one, const void *other, int selection)
{
    const struct hf_x25519_key *a = one;
    const struct hf_x25519_key *b = other;
    if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0) {
        return 1;
    }
    return a->has_public && b->has_public &&
           hf_mem_equal(a->public_key, HF_X25519_SIZE, b->public_key, HF_X25519_SIZE);
}

static int validate(const void *key, int selection, int unused)
{
    (void)unused;
    return has(key, selection) &&
           ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != OSSL_KEYMGMT_SELECT_KEYPAIR ||
            belong_together(key));
}

const OSSL_DISPATCH hf_x25519_key_functions[] = {
    {OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))key_new},
    {OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))key_free},
    {OSSL_FUNC_KEYMGMT_DUP, (void (*)(void))key_dup},
    {OSSL_FUNC_KEYMGMT_GEN_INIT, (void (*)(void))make_begin},
    {OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS, (void (*)(void))make_set},
    {OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS, (void (*)(void))make_settable},
    {OSSL_FUNC_KEYMGMT_GEN, (void (*)(void))make},
    {OSSL_FUNC_KEYMGMT_GEN_CLEANUP, (void (*)(void))make_end},
    {OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))get},
    {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))gettable},
    {OSSL_FUNC_KEYMGMT_SET_PARAMS, (void (*)(void))set},
    {OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, (void (*)(void))settable},
    {OSSL_FUNC_KEYMGMT_IMPORT, (void (*)(void))import},
    {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))transported},
    {OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void))export},
    {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))transported},
    {OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))has},
    {OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))match},
    {OSSL_FUNC_KEYMGMT_VALIDATE, (void (*)(void))validate},
    {0, NULL},
};
