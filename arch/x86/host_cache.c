/* host_cache.c - blocks for the persistent cache: code that runs wherever it is mapped.
 *
 * As generated, a block names the cell with its file's load address, and its exits lead to their stubs or to other blocks. In
 * a cache file the cell is word 0 of the private data in front of the mapping; until an exit is linked it goes to a jump
 * through its own word there, which is after the block's code; and the stub of an unlinked exit gives the address of the
 * word that holds the struct tb. */
#include <string.h>

#include "arch/x86/host_backend.h"
#include "arch/x86/host_emit.h"

enum { JUMP_SIZE = 8, LEA_DISP = 3 };

uint32_t host_detached_size(const struct tb *tb)
{
    return (uint32_t)ALIGN_UP(tb->size, JUMP_SIZE) + tb->n_exits * (uint32_t)JUMP_SIZE;
}

const uint8_t *host_slot_jump(const struct tb *tb, unsigned exit)
{
    return tb->code + tb->size - JUMP_SIZE * (tb->n_exits - exit);
}

/* The displacement at TO + AT, at the end of an instruction, reaches private word SLOT. */
static void reach_slot(uint8_t *to, uint32_t at, uint32_t position, uint32_t slot)
{
    int32_t disp = -(int32_t)(8 * (slot + 1)) - (int32_t)(position + at + 4);
    memcpy(to + at, &disp, 4);
}

void host_detach(const struct tb *tb, uint8_t *to, uint32_t position, uint32_t slot)
{
    static const uint8_t jump[JUMP_SIZE] = {0xff, 0x25, 0, 0, 0, 0, 0xcc, 0xcc}; /* jmp [rip + disp32] */
    uint32_t at = (uint32_t)ALIGN_UP(tb->size, JUMP_SIZE);
    memcpy(to, tb->code, tb->size);
    memset(to + tb->size, 0xcc, at - tb->size);
    for (unsigned i = 0; i < tb->n_bias; i++)
        reach_slot(to, tb->bias_at[i], position, 0);
    for (unsigned i = 0; i < tb->n_exits; i++, at += JUMP_SIZE) {
        const struct tb_exit *exit = &tb->exits[i];
        uint32_t site_end = exit->site + 4, target = at;
        int32_t disp = (int32_t)(target - site_end);
        memcpy(to + exit->site, &disp, 4);
        memcpy(to + at, jump, sizeof jump);
        reach_slot(to, at + 2, position, slot + 1 + i);
        reach_slot(to, exit->stub + LEA_DISP, position, slot);
    }
}
