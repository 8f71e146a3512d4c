/* guest_pauth.h - pointer authentication: keys of a thread, and prctl options about them. */
#pragma once
#include "core/thread.h"

/* New random keys, all of them enabled: a program starts. */
void a64_pauth_reset(struct cpu *cpu);

/* struct abi: prctl. */
bool a64_prctl(struct thread *t, const uint64_t arg[6], long *result);
