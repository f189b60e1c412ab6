/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sweep over every k of a fault counts. Each sweep says its totals, and they are added up
 * over all programs by tools/faults.py.
 */
#ifndef HF_TESTS_SWEEP_KIT_H
#define HF_TESTS_SWEEP_KIT_H

#include "tls_kit.h"

#define SWEEP_CODES 48

struct sweep {
    const char *kind; /* "bit flipped on the wire, TLS 1.3" */
    size_t injected;
    size_t accepted;    /* wrongly: must be 0, as all below it */
    size_t leaked;      /* runs after which memory or descriptors were missing */
    size_t hung;        /* ends that still waited when nothing could come any more */
    size_t unexplained; /* failures whose reason says nothing of the peer or the fault */
    struct {
        uint32_t code;
        size_t count;
    } codes[SWEEP_CODES];
    bool no_memory; /* the fault is a full memory: reasons may be the engine's own */
};

void sweep_start(struct sweep *sweep, const char *kind);

/* Count how an end ended. A failure of the engine's own, or a misuse, explains nothing. */
void sweep_note(struct sweep *sweep, const struct tls_end *end);

/* Something was injected, and everything is 0 that must be. */
bool sweep_is_clean(const struct sweep *sweep);

/* Say the totals, on stdout and to the file that $HANDFAST_FAULT_TOTALS names. Returns whether they
 * are clean. */
bool sweep_report(const struct sweep *sweep);

/* Every k when $HANDFAST_FAULTS is "all" (make faults); else one of `quick`. More apart in builds
 * that are ten times as slow. */
size_t sweep_stride(size_t quick);

/* Descriptors of this process that are open. */
size_t sweep_descriptors(void);

#endif
