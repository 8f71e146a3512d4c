/* lockstep.h - run each block on the interpreter and as generated code, and compare (-lockstep). */
#pragma once
#include "core/dispatch.h"
#include "core/tb.h"

/* Run TB on both engines; the first difference in registers or memory is reported and ends the program. Returns as
 * generated code does. Exact for single-threaded guests. */
enum exit_reason lockstep_run(struct thread *thread, struct tb *tb);

/* VALUE, which a helper would not give twice (a time, a random number); while the generated code of a comparison runs,
 * what the interpreter got instead. */
uint64_t lockstep_answer(uint64_t value);
