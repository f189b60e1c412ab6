/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep_kit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sanitized.h"

/* Descriptors that are looked at: tests open a handful. */
#define DESCRIPTORS_MAX 1024

void sweep_start(struct sweep *sweep, const char *kind)
{
    static const struct sweep empty;
    *sweep = empty;
    sweep->kind = kind;
}

static bool explains(const struct sweep *sweep, uint32_t code)
{
    const struct hf_error_row *row = hf_error_row_of(code);
    if (row == NULL) {
        return false;
    }
    if (strcmp(row->category, "internal") == 0) {
        return sweep->no_memory;
    }
    return strcmp(row->category, "usage") != 0;
}

void sweep_note(struct sweep *sweep, const struct tls_end *end)
{
    uint32_t code = end->result.code;
    if (code == HF_OK) {
        return;
    }
    if (!explains(sweep, code)) {
        const struct hf_error *e = &end->error;
        sweep->unexplained++;
        (void)fprintf(stderr, "    unexplained in '%s' %zu: code %#x at %s:%u, seen '%s'\n",
                      sweep->kind, sweep->injected, code, e->file == NULL ? "?" : e->file, e->line,
                      e->seen);
    }
    for (size_t i = 0; i < SWEEP_CODES; i++) {
        if (sweep->codes[i].count == 0 || sweep->codes[i].code == code) {
            sweep->codes[i].code = code;
            sweep->codes[i].count++;
            return;
        }
    }
}

bool sweep_is_clean(const struct sweep *sweep)
{
    return sweep->injected != 0 && sweep->accepted == 0 && sweep->leaked == 0 && sweep->hung == 0 &&
           sweep->unexplained == 0;
}

static void append(const struct sweep *sweep)
{
    const char *path = getenv("HANDFAST_FAULT_TOTALS");
    FILE *file = path == NULL ? NULL : fopen(path, "a");
    if (file == NULL) {
        return;
    }
    /* One short write: programs that run at the same time append whole lines. */
    (void)fprintf(file, "C: %s\t%zu\t%zu\t%zu\t%zu\n", sweep->kind, sweep->injected,
                  sweep->accepted, sweep->leaked, sweep->hung);
    (void)fclose(file);
}

bool sweep_report(const struct sweep *sweep)
{
    (void)printf("%s: %zu injected, %zu accepted wrongly, %zu leaked, %zu hung, %zu unexplained\n",
                 sweep->kind, sweep->injected, sweep->accepted, sweep->leaked, sweep->hung,
                 sweep->unexplained);
    for (size_t i = 0; i < SWEEP_CODES && sweep->codes[i].count != 0; i++) {
        const struct hf_error_row *row = hf_error_row_of(sweep->codes[i].code);
        (void)printf("    %6zu %s\n", sweep->codes[i].count, row == NULL ? "?" : row->name);
    }
    append(sweep);
    return sweep_is_clean(sweep);
}

size_t sweep_stride(size_t quick)
{
    const char *wanted = getenv("HANDFAST_FAULTS");
    if (wanted != NULL && strcmp(wanted, "all") == 0) {
        return 1;
    }
    return SANITIZED ? quick * 16 + 1 : quick;
}

size_t sweep_descriptors(void)
{
    size_t open = 0;
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
        open += fcntl(fd, F_GETFD) >= 0;
    }
    return open;
}
