/* fork_hints.h - children of fork tell their parent which blocks they had to look up or make, so that later ones inherit these.
 *
 * A shell or a server forks again and again at one place, and each child goes the same way, which the parent itself never
 * does. What one child makes is lost with it; noted in memory that it shares with its parent, it is made once more there. */
#pragma once
#include "core/types.h"

struct thread;

extern bool fork_hints_noting; /* this process is a child that notes */

/* A block at PC was looked up or linked; FROM: the block whose exit EXIT leads to it, 0: an indirect jump of kind EXIT, or a
 * return from a system call. Only while noting. */
void fork_hints_note(guest_addr from, unsigned exit, guest_addr pc, uint32_t mode);
/* THREAD, which is not in cpu_run, is about to fork: make what earlier children noted. */
void fork_hints_before_fork(struct thread *thread);
/* In the new child. */
void fork_hints_after_fork(void);
