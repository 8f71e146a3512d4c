/* loops.c - draw programs of two nested loops, forward branches and calls, for regions.
 *
 * They end by construction: nothing that is drawn writes a counter or x30, and no branch goes round
 * the start of a counter or what lowers it. */
#include "draw.h"
#include <string.h>

struct program {
    struct fuzz_case *c;
    struct roles *roles;
    unsigned k;                       /* instructions so far */
    unsigned leaving[8], n_leaving;   /* conditional branches out of the innermost loop */
    unsigned calls[2][4], n_calls[2]; /* of the function that calls, of the one that does not */
};

static void put(struct program *p, uint32_t insn)
{
    p->c->insns[p->k++] = insn;
}

static void aim(struct program *p, unsigned from, unsigned to)
{
    uint32_t *insn = &p->c->insns[from], distance = to - from;
    if (bits(*insn, 30, 26) == 5)
        *insn = set_field(*insn, 0, 26, distance);
    else
        *insn = set_field(*insn, 5, bits(*insn, 30, 25) == 0x1b ? 14 : 19, distance);
}

static uint32_t draw_condition(void)
{
    uint32_t any = draw_below(32), bit = draw_below(64);
    switch (draw_below(4)) {
    case 0: /* TBZ, TBNZ */
        return 0x36000000 | draw_below(2) << 24 | bit >> 5 << 31 | (bit & 31) << 19 | any;
    case 1: /* CBZ, CBNZ */
        return 0x34000000 | draw_below(2) << 24 | draw_below(2) << 31 | any;
    default: /* B.cond */
        return 0x54000000 | draw_below(16);
    }
}

/* 1 to MOST instructions; conditional branches among them go forward, to its end at most or, in a
 * loop, out of that. */
static void put_straight(struct program *p, unsigned most, bool in_loop)
{
    unsigned n = 1 + draw_below(most), end = p->k + n;
    while (p->k < end) {
        unsigned moving = 1 + draw_below(p->roles->n_pointers - 1);
        if (!draw_below(4)) {
            put(p, draw_condition());
            if (in_loop && !draw_below(4) && p->n_leaving < 8)
                p->leaving[p->n_leaving++] = p->k - 1;
            else
                aim(p, p->k - 1, p->k + draw_below(end - p->k + 1));
        } else if (!draw_below(6)) {
            /* A pointer that moved comes back: add pointer, first pointer, #. */
            put(p, 0x91000000 | draw_below(256) << 10 | p->roles->pointers[0] << 5 |
                       p->roles->pointers[moving]);
        } else {
            put(p, draw_insn(MODE_LOOPS, p->k, p->k + 1, p->roles));
        }
    }
}

static void put_call(struct program *p)
{
    unsigned which = draw_below(2);
    if (draw_below(2)) {
        p->calls[which][p->n_calls[which]++] = p->k;
        put(p, 0x94000000);
    }
}

enum back { BACK_FLAGS, BACK_CBNZ, BACK_TBZ, BACK_TBNZ, BACKS };

/* A loop of at most TIMES rounds: its counter starts, is lowered in each round on every way to the
 * branch back, and ends it. BODY is called for what is in it. */
static void put_loop(struct program *p, unsigned depth, unsigned times,
                     void (*body)(struct program *p))
{
    static const uint8_t until_zero[] = {1, 12, 8, 5}; /* NE, GT, HI, PL */
    /* TBZ of bit 31, TBNZ of bit 6 */
    static const uint32_t branches[BACKS] = {0x54000000, 0x35000000, 0x36f80000, 0x37300000};
    enum back back = (enum back)draw_below(BACKS);
    unsigned counter = p->roles->loop[depth], outer[8], n_outer = p->n_leaving;
    uint32_t wide = draw_below(2), lower = 0x51000400 | wide << 31 | counter << 5 | counter;
    bool first = back != BACK_FLAGS && draw_below(2);
    memcpy(outer, p->leaving, sizeof outer);
    p->n_leaving = 0;
    put(p, 0xd2800000 | ((back == BACK_TBNZ ? 64 : 0) + times) << 5 | counter);
    unsigned head = p->k;
    if (first)
        put(p, lower);
    body(p);
    if (!first)
        put(p, back == BACK_FLAGS ? lower | 1u << 29 : lower);
    uint32_t branch = branches[back];
    if (back == BACK_FLAGS)
        branch |= until_zero[draw_below(4)];
    else
        branch |= counter | (back == BACK_CBNZ ? wide << 31 : 0);
    put(p, branch);
    aim(p, p->k - 1, head);
    for (unsigned k = 0; k < p->n_leaving; k++)
        aim(p, p->leaving[k], p->k);
    memcpy(p->leaving, outer, sizeof outer);
    p->n_leaving = n_outer;
}

static void put_inner_body(struct program *p)
{
    put_straight(p, 4, true);
    put_call(p);
}

static void put_outer_body(struct program *p)
{
    put_straight(p, 4, true);
    if (draw_below(3))
        put_loop(p, 1, 2 + draw_below(12), put_inner_body);
    put_call(p);
    put_straight(p, 3, true);
}

/* Registers of loops: no drawn instruction may write one, nor x30, nor what addresses memory. */
static void draw_loop_roles(struct roles *roles, bool fpcr)
{
    for (unsigned k = 0; k < LOOP_REGISTERS; k++) {
        do
            roles->loop[k] = draw_below(30);
        while (roles->kept >> roles->loop[k] & 1);
        roles->kept |= 1u << roles->loop[k];
    }
    roles->never = (roles->kept & ~(1u << 31)) | 1u << 30;
    roles->flushing |= fpcr && draw_below(2);
}

/* Two loops, one in the other, and two functions, one of which calls the other: 30 instructions at
 * most. */
unsigned draw_loops(struct fuzz_case *c, struct roles *roles, bool fpcr)
{
    draw_loop_roles(roles, fpcr);
    struct program p = {.c = c, .roles = roles};
    unsigned x30 = 30, saved = roles->loop[2], skip;
    put_loop(&p, 0, 3 + draw_below(20), put_outer_body);
    skip = p.k;
    put(&p, 0x14000000);
    if (p.n_calls[0]) {
        for (unsigned k = 0; k < p.n_calls[0]; k++)
            aim(&p, p.calls[0][k], p.k);
        put_straight(&p, 2, false);
        put(&p, 0xaa0003e0 | x30 << 16 | saved);
        p.calls[1][p.n_calls[1]++] = p.k;
        put(&p, 0x94000000);
        put(&p, 0xaa0003e0 | saved << 16 | x30);
        put(&p, 0xd65f03c0);
    }
    if (p.n_calls[1]) {
        for (unsigned k = 0; k < p.n_calls[1]; k++)
            aim(&p, p.calls[1][k], p.k);
        put_straight(&p, 3, false);
        put(&p, 0xd65f03c0);
    }
    aim(&p, skip, p.k);
    return p.k;
}
