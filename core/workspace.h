/* workspace.h - all that making the code of one block or region needs, so that several threads make some at a time.
 *
 * A workspace is taken with tb_lock, which is released while guest code is read and translated (workspace_unlock), and held again
 * to put the result among the blocks. What other threads invalidate meanwhile is noted: a translation that was made of it is
 * stale, and is made again with tb_lock held all the time, so that it comes to an end. A thread is in cpu_run while it translates
 * without tb_lock; so tb_flush finds no such translation.
 *
 * The first workspace is part of the program, and a process with one thread needs no other and keeps tb_lock. Most of a workspace
 * is never touched, and what is not costs nothing. */
#pragma once
#include <pthread.h>
#include "core/region.h"
#include "core/translate.h"

struct emitter;

enum { WORKSPACE_MAX_CHANGES = 64 };
struct workspace_change { guest_addr start; uint64_t size; };

struct workspace {
    bool is_busy;                /* guarded by tb_lock */
    pthread_mutex_t without_lock; /* held while it is in use without tb_lock: others wait for it */
    /* What it makes or has made. */
    guest_addr pc;
    uint32_t mode;
    unsigned region_blocks;  /* 0: a single block, not a region */
    unsigned n_insns, n_ranges;
    const struct tb_range *range;
    const struct ir *kept;   /* for the interpreter and lockstep */
    uint64_t start;          /* for -d stats */
    /* Guest code that was invalidated meanwhile; guarded by tb_lock. */
    unsigned n_changes;      /* if there were more than fit, all may have been */
    struct workspace_change change[WORKSPACE_MAX_CHANGES];
    struct emitter *emitter; /* of the host */
    struct translator t;
    struct region_maker region;
    struct ir_op ops[IR_MAX_OPS];
};

/* All with tb_lock, but for workspace_lock. */

/* A workspace for THREAD to make what is at PC. Null: another thread makes it, or all workspaces are in use. Then this has waited,
 * without tb_lock: things may be different now. */
struct workspace *workspace_take(const struct thread *thread, guest_addr pc, uint32_t mode);
void workspace_release(struct workspace *w);
/* Some thread makes what is at PC. */
bool workspace_has(guest_addr pc, uint32_t mode);

/* Release tb_lock, unless it has to be held or HOLD says so, and take it again. */
void workspace_unlock(struct workspace *w, const struct thread *thread, bool hold);
void workspace_lock(struct workspace *w);
/* Guest code was invalidated since workspace_unlock: of what the result depends on, or any. */
bool workspace_is_stale(const struct workspace *w);
bool workspace_saw_changes(const struct workspace *w);

/* Guest code is invalidated. */
void workspace_note_change(guest_addr start, uint64_t size);
/* In the child of a fork: who used the others is not there. */
void workspace_after_fork(void);
