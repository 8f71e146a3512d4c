/* host_address.c - the address that a faulting instruction of generated code uses. The CPU tells it for page faults only, not for
 * what cannot be an address at all. */
#include <string.h>
#include <ucontext.h>

#include "arch/x86/host_backend.h"
#include "core/host.h"

struct decoder {
    const uint8_t *at;
    unsigned x, b; /* the fourth bits of index and base */
};

static bool is_prefix(uint8_t byte)
{
    return byte == 0x66 || byte == 0xf2 || byte == 0xf3 || byte == 0xf0;
}

/* Prefixes and opcode (SDM 2A, 2.1 to 2.3). False: a form that is not used for guest memory (EVEX). */
static bool skip_opcode(struct decoder *d)
{
    while (is_prefix(*d->at))
        d->at++;
    if (*d->at == 0x62)
        return false;
    if (*d->at == 0xc5 || *d->at == 0xc4) {
        bool is_long = *d->at == 0xc4;
        d->x = is_long && !(d->at[1] & 0x40);
        d->b = is_long && !(d->at[1] & 0x20);
        d->at += is_long ? 4 : 3;
        return true;
    }
    if ((*d->at & 0xf0) == 0x40) {
        d->x = *d->at >> 1 & 1;
        d->b = *d->at++ & 1;
    }
    if (*d->at == 0x0f) {
        d->at++;
        if (*d->at == 0x38 || *d->at == 0x3a)
            d->at++;
    }
    d->at++;
    return true;
}

static guest_addr value_of(const ucontext_t *uc, unsigned reg)
{
    return (guest_addr)uc->uc_mcontext.gregs[host_context_reg[reg]];
}

guest_addr host_context_address(const ucontext_t *uc)
{
    struct decoder d = {.at = (const uint8_t *)(uintptr_t)uc->uc_mcontext.gregs[REG_RIP]};
    if (!skip_opcode(&d))
        return 0;
    unsigned modrm = *d.at++, mod = modrm >> 6, base = modrm & 7;
    bool has_base = mod != 3;
    guest_addr address = 0;
    if (mod == 3 || (mod == 0 && base == 5)) /* a register; relative to RIP */
        return 0;
    if (base == 4) {
        unsigned sib = *d.at++, index = (sib >> 3 & 7) | d.x << 3;
        base = sib & 7;
        has_base = mod != 0 || base != 5;
        if (index != 4)
            address = value_of(uc, index) << (sib >> 6);
    }
    if (has_base)
        address += value_of(uc, base | d.b << 3);
    int32_t disp = 0;
    if (mod == 1)
        disp = (int8_t)*d.at;
    else if (mod == 2 || !has_base)
        memcpy(&disp, d.at, sizeof disp);
    return address + (guest_addr)(int64_t)disp;
}
