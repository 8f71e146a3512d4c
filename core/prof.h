/* prof.h - the report of -d prof: which guest blocks the time goes to.
 *
 * With the item on, the code of every block starts with a count, exact but for what threads that run the same block at the
 * same time take from each other. */
#pragma once
#include "core/ir.h"

struct prof_block {
    uint64_t count; /* times entered */
    guest_addr pc;
    uint32_t n_insns, n_host_insns; /* of the guest, and of the host on the path to its end */
    uint8_t end;                    /* IR operation that ends it */
    uint8_t reason;                 /* IR_leave: enum exit_reason */
    bool is_region;                 /* a block of a region */
    struct prof_block *next;
};

/* A record for the block IR, whose code is about to be made. It lives as long as the process. Holds tb_lock. */
struct prof_block *prof_add(const struct ir *ir, bool is_region);
/* Write the report to the log. */
void prof_report(void);
