/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/keylog.h"

#include <string.h>

#include "tls/connection.h"

/* Lines are secrets: they are wiped when they were taken, and at the end. */
void hf_keylog_wipe(struct hf_keylog *log)
{
    hf_mem_wipe_free(log->lines, log->len);
    *log = (struct hf_keylog){0};
}

static void drop_taken(struct hf_keylog *log)
{
    if (log->taken) {
        hf_keylog_wipe(log);
    }
}

void hf_keylog_callback(const SSL *ssl, const char *line)
{
    struct hf_conn *conn = SSL_get_app_data(ssl);
    size_t len = strnlen(line, HF_KEYLOG_LINE_MAX + 1);
    if (conn == NULL || len > HF_KEYLOG_LINE_MAX) {
        return;
    }
    struct hf_keylog *log = &conn->key_log;
    drop_taken(log);
    if (log->len + len + 1 > HF_KEYLOG_MAX) {
        return;
    }
    /* A new block each time, so that the old one can be wiped: growing in place may leave a copy
     * behind. There are at most eight lines a connection. */
    char *lines = hf_mem_new(log->len + len + 1);
    if (lines == NULL) {
        return;
    }
    size_t cap = log->len + len + 1;
    (void)hf_mem_copy(lines, cap, log->lines, log->len);
    (void)hf_mem_copy(lines + log->len, cap - log->len, line, len);
    lines[cap - 1] = '\n';
    hf_mem_wipe_free(log->lines, log->len);
    log->lines = lines;
    log->len = cap;
}

hf_result hf_conn_key_log(struct hf_conn *conn, const char **lines, size_t *len)
{
    HF_NEED_PTR(lines);
    HF_NEED_PTR(len);
    *lines = NULL;
    *len = 0;
    HF_CONN_ENTER(conn);
    drop_taken(&conn->key_log);
    *lines = conn->key_log.lines;
    *len = conn->key_log.len;
    conn->key_log.taken = true;
    return hf_ok();
}
