/* SPDX-License-Identifier: Apache-2.0
 *
 * What a session rests on, as bytes inside a ticket. Numbers are big-endian, the form begins with
 * its version, and nothing may follow its end.
 */
#ifndef HF_TLS_TICKET_FACTS_H
#define HF_TLS_TICKET_FACTS_H

#include "tls/session.h"

/* Of a connection: its verdict is there. The caller frees `data`. HF_E_CHAIN_TOO_LARGE when the
 * chain is longer than a ticket may carry. */
HF_MUST_USE hf_result hf_ticket_facts_write(const struct hf_conn *conn, uint8_t **data,
                                            size_t *len);

/* `leaf` is the peer's certificate, which OpenSSL carries apart. `instance` is ours. Refuses what
 * this version does not write: HF_E_PROTOCOL. The caller has the facts' only reference. */
HF_MUST_USE hf_result hf_ticket_facts_read(struct hf_span data, struct hf_span leaf,
                                           const uint8_t *instance, struct hf_session_facts **out);

#endif
