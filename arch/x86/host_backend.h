/* host_backend.h - facts about this host that are settled at start. */
#pragma once
#include "arch/x86/host_asm.h"
#include "core/ir.h"

struct emitter;
struct tb;
extern struct x86_features host_features;
extern int8_t host_pin[IR_MAX_VARS];    /* variable -> register that is its home, or RA_NONE */
extern const struct ir_var *host_vars;  /* the guest's variables */
extern unsigned host_n_vars;
extern uint64_t host_temporaries;       /* registers for the allocator: RAX ..., RA_VEC + 0 ... */

extern const uint8_t host_context_reg[16]; /* index of RAX ... in gregs of a context */

/* The cell that holds the load address of the file that PC belongs to, and that address; null if code there needs no
 * relocation (ET_EXEC, anonymous memory). */
const int64_t *host_bias_cell(guest_addr pc, guest_addr *base);
void host_begin_code(struct emitter *e, guest_addr pc, uint32_t mode);
void host_emit_block(struct emitter *e, const struct ir *ir);
bool host_install(struct emitter *e, struct tb *tb);
extern struct emitter host_first_emitter;
bool host_put_counter(uint8_t *at, const uint8_t *code, unsigned word);

/* host_cache.c: see core/host.h. */
void host_reach_cell(uint8_t *code, uint32_t at, uint32_t position);
void host_lead_exit(uint8_t *code, uint32_t site, int64_t to);
int64_t host_exit_leads_to(const uint8_t *code, uint32_t site);
bool host_exit_is_call(const uint8_t *code, uint32_t site);

/* host_stubs.c: generate the way in and out. */
void host_make_stubs(void);
extern const void *host_stub_code[8];                       /* enum host_stub */
extern void (*host_enter)(void *cpu, const void *code);
extern const void *host_leave_nosave;                       /* state is saved already: eax = reason */
