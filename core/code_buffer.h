/* code_buffer.h - executable memory.
 *
 * Private read-write-execute memory, so that a forked child keeps its parent's translations. Where the kernel
 * refuses it, code_buffer_init fails and the interpreter runs instead. */
#pragma once
#include "core/types.h"

bool code_buffer_init(size_t size);
/* Reserve room for up to SIZE bytes and return where to write; null if it does not fit. */
uint8_t *code_buffer_begin(size_t size);
/* Where that would be; also without tb_lock, when it may be another place by the time that one is reserved. */
uint8_t *code_buffer_next(void);
/* Keep SIZE bytes of what was written. */
void code_buffer_end(size_t size);
/* Move on to the next address that is RESIDUE modulo SIZE, a multiple of 16 each. */
void code_buffer_skip_to(unsigned residue, unsigned size);
void code_buffer_reset(void); /* forget all but the stubs */
void code_buffer_keep(void);  /* what was written so far survives resets (stubs) */
bool code_buffer_contains(const void *p);
size_t code_buffer_used(void);
