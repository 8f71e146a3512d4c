/* lockstep.h - run each block on the interpreter and as generated code, and compare (-lockstep). */
#pragma once
#include "core/dispatch.h"
#include "core/tb.h"

/* Run TB on both engines; the first difference in registers or memory is reported and ends the program. Returns as
 * generated code does. Exact for single-threaded guests. */
enum exit_reason lockstep_run(struct thread *thread, struct tb *tb);
