/* host_cache.c - blocks in cache files: code that runs wherever it is mapped.
 *
 * A block refers to three things outside: the cell with the load address of the guest's file, the targets of its exits, and
 * struct cpu. In a cache file the cell is the word in front of the mapping. */
#include <string.h>

#include "arch/x86/host_backend.h"
#include "core/tb.h"

enum { CELL = -8, CALL_REL32 = 0xe8 };

void host_reach_cell(uint8_t *code, uint32_t at, uint32_t position)
{
    int32_t disp = CELL - (int32_t)(position + at + 4);
    memcpy(code + at, &disp, 4);
}

void host_lead_exit(uint8_t *code, uint32_t site, int64_t to)
{
    int32_t disp = (int32_t)(to - (int64_t)site - 4);
    __atomic_store_n((int32_t *)(void *)(code + site), disp, __ATOMIC_RELEASE);
}

int64_t host_exit_leads_to(const uint8_t *code, uint32_t site)
{
    return (int64_t)site + 4 + __atomic_load_n((const int32_t *)(const void *)(code + site), __ATOMIC_RELAXED);
}

bool host_exit_is_call(const uint8_t *code, uint32_t site) { return code[site - 1] == CALL_REL32; }
