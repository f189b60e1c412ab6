/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine's own OpenSSL library context, and the way in and out of OpenSSL's objects.
 */
#ifndef HF_X509_OSSL_H
#define HF_X509_OSSL_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/span.h"

/* The context, made at first use; NULL only when that failed (hf_library_init says why). */
OSSL_LIB_CTX *hf_ossl_ctx(void);

/* True for versions that must not be used; `version` as OpenSSL_version_num() gives it. */
bool hf_ossl_version_refused(unsigned long version);

/* Around work that may be OpenSSL's first of its kind: a fork on another thread waits for its end
 * (D9, see ossl.c). May be nested; nothing in between may wait for a peer. */
void hf_ossl_first_use_begin(void);
void hf_ossl_first_use_end(void);
/* For tests: whether this thread is at such work now. */
bool hf_ossl_in_first_use(void);

/* Make this thread ready for OpenSSL, before every operation: whatever earlier work left in its
 * error queue is dropped (C13), and its random generators are seeded where fork waits (D9). */
void hf_ossl_clear(void);

/* Whether there was no memory for what just failed; the queue is empty afterwards. To say why, not
 * to decide whether: that was decided by a return value. */
bool hf_ossl_was_memory(void);

/* A failure of OpenSSL: code, with OpenSSL's reason number and text taken off the queue; a full
 * memory is told as that, whatever `code`. */
HF_MUST_USE hf_result hf_ossl_fail(uint32_t code, const char *file, int line);
#define HF_FAIL_OSSL(error) return hf_ossl_fail((error), __FILE__, __LINE__)

/* Decode one certificate, all bytes used, its extensions cached (so that sharing it between
 * threads never writes). The caller frees it. */
HF_MUST_USE hf_result hf_ossl_x509(struct hf_span der, X509 **out);

/* Made with the context, immutable, borrowed: the SHA-2 digest of 32, 48 or 64 bytes, and the group
 * of a curve with points of 65, 97 or 133 bytes. NULL for other sizes. Only after
 * hf_library_init(). */
const EVP_MD *hf_ossl_digest(size_t len);
const EC_GROUP *hf_ossl_group(size_t point_len);

/* SHA-256 with a prefetched digest and this thread's context. */
HF_MUST_USE hf_result hf_ossl_sha256(const struct hf_span *parts, size_t count,
                                     uint8_t out[HF_DIGEST_SIZE]);

/* For HF_DEFER. */
void hf_x509_free_at(X509 **x);

#endif
