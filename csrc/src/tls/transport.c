/* SPDX-License-Identifier: Apache-2.0
 *
 * The BIO: one method for the process, made at first use.
 */
#include "tls/transport.h"

#include <pthread.h>

#include "x509/ossl.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

static int read_some(BIO *bio, char *to, size_t cap, size_t *taken)
{
    struct hf_transport *transport = BIO_get_data(bio);
    struct hf_span waiting = hf_buffer_span(&transport->in);
    size_t n = waiting.len < cap ? waiting.len : cap;
    *taken = 0;
    BIO_clear_retry_flags(bio);
    if (n == 0 || transport->stopped) {
        BIO_set_retry_read(bio);
        return 0;
    }
    (void)hf_mem_copy(to, cap, waiting.data, n);
    hf_buffer_drop(&transport->in, n);
    *taken = n;
    return 1;
}

/* Everything or nothing: what is written waits in memory, so OpenSSL never sees a short write. */
static int write_all(BIO *bio, const char *from, size_t len, size_t *taken)
{
    struct hf_transport *transport = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *taken = 0;
    if (!hf_buffer_append(&transport->out, hf_span_of(from, len))) {
        transport->no_memory = true;
        return 0;
    }
    *taken = len;
    return 1;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    /* Nothing of ours is held back; everything else OpenSSL asks for (kernel TLS, peeking at what
     * is pending, an end of the stream) is not there. */
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static void make_method(void)
{
    BIO_METHOD *made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "handfast");
    if (made == NULL) {
        return;
    }
    if (BIO_meth_set_read_ex(made, read_some) != 1 || BIO_meth_set_write_ex(made, write_all) != 1 ||
        BIO_meth_set_ctrl(made, control) != 1) {
        BIO_meth_free(made);
        return;
    }
    method = made;
}

hf_result hf_transport_bio(struct hf_transport *transport, BIO **out)
{
    *out = NULL;
    HF_NEED(pthread_once(&once, make_method) == 0, HF_E_INTERNAL);
    HF_NEED_MEM(method);
    BIO *bio = BIO_new(method);
    HF_NEED_MEM(bio);
    BIO_set_data(bio, transport);
    BIO_set_init(bio, 1);
    *out = bio;
    return hf_ok();
}
