/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL's reasons for refusing a chain, in our words.
 */
#ifndef HF_VERIFY_GENERAL_ERROR_H
#define HF_VERIFY_GENERAL_ERROR_H

#include "x509/ossl.h"

/* After X509_verify_cert failed: code, depth, and OpenSSL's own X509_V_ERR number and text. Never
 * OK, not even when OpenSSL gives no reason. */
HF_MUST_USE hf_result hf_general_refuse(X509_STORE_CTX *ctx);

#endif
