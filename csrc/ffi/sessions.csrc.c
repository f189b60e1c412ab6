/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions that may be resumed.
 */
HF_FFI_RELEASE(HF_FFI_SESSION_STORE, hf_ffi_session_store_unref, hf_session_store,
               hf_session_store_unref)

static struct hf_session_store *hf_ffi_session_store_new(size_t max_entries, int64_t max_age)
{
    struct hf_session_store *out = NULL;
    HF_FFI_MADE(HF_FFI_SESSION_STORE, hf_session_store_new(max_entries, max_age, &out), out);
}

static uint32_t hf_ffi_conn_set_session_key(struct hf_conn *conn, const uint8_t *key, size_t len)
{
    return hf_conn_set_session_key(conn, key, len).code;
}

static uint32_t hf_ffi_conn_authenticated_at(const struct hf_conn *conn, int64_t *out)
{
    return hf_conn_authenticated_at(conn, out).code;
}
