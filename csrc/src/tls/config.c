/* SPDX-License-Identifier: Apache-2.0
 *
 * Configurations: checked, made once, counted, never changed.
 */
#include "tls/config.h"

#include "tls/session.h"
#include "tls/ticket_keys.h"

/* Mutual TLS, or a client of the public web. */
static hf_result check_verified(const struct hf_config_spec *spec)
{
    HF_NEED_SEEN(spec->verifier != NULL, HF_E_BAD_ARGUMENT, "a verifier", "none");
    bool web = spec->verifier->kind == HF_VERIFIER_WEB;
    HF_NEED_SEEN(!web || spec->role == HF_ROLE_CLIENT, HF_E_CONFIG_INVALID,
                 "a SPIFFE verifier for a server", "a web verifier, which authorizes nobody");
    HF_NEED_SEEN(web || spec->svid != NULL, HF_E_CONFIG_INVALID,
                 "an SVID: mutual TLS needs one on both sides", "none");
    HF_NEED_SEEN(spec->svid == NULL || spec->svid->id_len != 0, HF_E_CONFIG_INVALID, "an SVID",
                 "a certificate of the public web");
    return hf_ok();
}

/* A server that asks nobody who he is, or a client that is nobody: only when it was said. */
static hf_result check_one_way(const struct hf_config_spec *spec)
{
    bool server = spec->role == HF_ROLE_SERVER;
    HF_NEED_SEEN(server == (spec->verifier == NULL), HF_E_CONFIG_INVALID,
                 "a verifier for a one-way client, and none for a one-way server", "%s",
                 server ? "one for a server" : "none for a client");
    HF_NEED_SEEN(server == (spec->svid != NULL), HF_E_CONFIG_INVALID,
                 "a certificate for a one-way server, and none for a one-way client", "%s",
                 server ? "none for a server" : "one for a client");
    HF_NEED_SEEN(server || spec->verifier->kind != HF_VERIFIER_WEB, HF_E_CONFIG_INVALID,
                 "a SPIFFE verifier", "a web verifier, which is one-way by itself");
    HF_NEED_SEEN(spec->sessions == NULL && spec->tickets == NULL, HF_E_CONFIG_INVALID,
                 "no sessions in one-way TLS", "a store or ticket keys");
    return hf_ok();
}

static hf_result check(const struct hf_config_spec *spec)
{
    HF_NEED_SEEN(spec->role == HF_ROLE_CLIENT || spec->role == HF_ROLE_SERVER, HF_E_BAD_ARGUMENT,
                 "a role: HF_ROLE_CLIENT or HF_ROLE_SERVER", "%d", spec->role);
    HF_NEED_SEEN(spec->min_version == 0 || spec->min_version == HF_TLS12 ||
                     spec->min_version == HF_TLS13,
                 HF_E_BAD_ARGUMENT, "HF_TLS12, HF_TLS13, or 0 for the default", "%#x",
                 (unsigned)spec->min_version);
    HF_TRY(spec->one_way != 0 ? check_one_way(spec) : check_verified(spec));
    HF_NEED_SEEN(spec->alpn_len == 0 || spec->alpn != NULL, HF_E_BAD_ARGUMENT, "an ALPN list",
                 "a length of %zu without bytes", spec->alpn_len);
    HF_NEED_SEEN(spec->tickets == NULL || spec->role == HF_ROLE_SERVER, HF_E_CONFIG_INVALID,
                 "ticket keys for a server", "a client, which keeps what it is given");
    HF_NEED_SEEN(spec->tickets == NULL || spec->sessions == NULL, HF_E_CONFIG_INVALID,
                 "ticket keys or a store of sessions", "both");
    if (spec->alpn_len != 0) {
        HF_TRY(hf_alpn_check(hf_span_of(spec->alpn, spec->alpn_len)));
    }
    return hf_ok();
}

static void unref_at(struct hf_config **config)
{
    hf_config_unref(*config);
}

hf_result hf_config_new(const struct hf_config_spec *spec, struct hf_config **out)
{
    HF_NEED_PTR(out);
    *out = NULL;
    HF_NEED_PTR(spec);
    HF_TRY(check(spec));

    HF_DEFER(unref_at) struct hf_config *config = hf_mem_new(sizeof(*config));
    HF_NEED_MEM(config);
    hf_refcount_init(&config->refs);
    hf_chain_share_init(&config->chains);
    config->role = spec->role;
    config->min_version = spec->min_version == 0 ? HF_TLS13 : spec->min_version;
    config->anonymous = spec->verifier == NULL;
    config->web = !config->anonymous && spec->verifier->kind == HF_VERIFIER_WEB;
    config->key_log = spec->key_log != 0;
    if (spec->alpn_len != 0) {
        config->alpn = hf_mem_dup(spec->alpn, spec->alpn_len);
        HF_NEED_MEM(config->alpn);
        config->alpn_len = spec->alpn_len;
    }
    HF_TRY(hf_session_context(spec, config->session_context));
    /* Who is verified by a name for each connection is not resumed. */
    config->sessions = config->web ? NULL : hf_session_store_ref(spec->sessions);
    config->tickets = hf_ticket_keys_ref(spec->tickets);
    if (config->tickets != NULL) {
        config->session_max_age = hf_ticket_keys_max_age(config->tickets);
    } else if (config->sessions != NULL) {
        config->session_max_age = hf_session_store_max_age(config->sessions);
    }
    atomic_init(&config->first_uses, HF_CONFIG_FIRST_USES);
    hf_ossl_first_use_begin();
    hf_result made = hf_context_new(config, spec, &config->ctx);
    hf_ossl_first_use_end();
    HF_TRY(made);
    if (config->alpn != NULL && config->role == HF_ROLE_SERVER) {
        SSL_CTX_set_alpn_select_cb(config->ctx, hf_alpn_select, config);
    }
    config->verifier = hf_verifier_ref(spec->verifier);
    config->svid = spec->svid == NULL ? NULL : hf_svid_ref(spec->svid);
    *out = config;
    config = NULL;
    return hf_ok();
}

struct hf_config *hf_config_ref(struct hf_config *config)
{
    if (config != NULL) {
        hf_refcount_take(&config->refs);
    }
    return config;
}

void hf_config_unref(struct hf_config *config)
{
    if (config == NULL || !hf_refcount_drop(&config->refs)) {
        return;
    }
    SSL_CTX_free(config->ctx);
    hf_chain_share_clear(&config->chains);
    hf_verifier_unref(config->verifier);
    hf_svid_unref(config->svid);
    hf_session_store_unref(config->sessions);
    hf_ticket_keys_unref(config->tickets);
    hf_mem_free(config->alpn);
    hf_mem_free(config);
}
