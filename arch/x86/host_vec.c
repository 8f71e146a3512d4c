/* host_vec.c - open-coded vector operations: table, loads, moves, bitwise, permutes. */
#include "arch/x86/host_vec.h"
#include "core/log.h"

/* clang-format off */
emit_fn *vec_emit(unsigned op)
{
    switch (op) {
    case IR_loadv: return emit_loadv;
    case IR_storev: return emit_storev;
    case IR_vlow: return emit_vlow;
    case IR_vhigh: return emit_vhigh;
    case IR_vcombine: return emit_vcombine;
    case IR_vdup: return emit_vdup;
    case IR_vdupl: return emit_vdupl;
    case IR_vins: return emit_vins;
    case IR_vinsl: return emit_vinsl;
    case IR_vget: case IR_vgets: return emit_vget;
    case IR_vand: case IR_vor: case IR_vxor: return emit_vbitwise;
    case IR_vandn: return emit_vandn;
    case IR_vorn: return emit_vorn;
    case IR_vnot: return emit_vnot;
    case IR_vbsl: return emit_vbsl;
    case IR_vext: return emit_vext;
    case IR_vzip1: case IR_vzip2: return emit_vzip;
    case IR_vuzp1: case IR_vuzp2: return emit_vuzp;
    case IR_vtrn1: case IR_vtrn2: return emit_vtrn;
    case IR_vrev16: case IR_vrev32: case IR_vrev64: return emit_vrev;
    case IR_vtbl: return emit_vtbl;
    case IR_vxtn: return emit_vxtn;
    case IR_vsxtl: case IR_vuxtl: return emit_vxtl;

    case IR_vadd: case IR_vsub: case IR_vcmeq: case IR_vcmgt: case IR_vsmin: case IR_vsmax: case IR_vumin:
    case IR_vumax: return emit_vlanes;
    case IR_vneg: return emit_vneg;
    case IR_vabs: return emit_vabs;
    case IR_vmul: return emit_vmul;
    case IR_vcmge: return emit_vcmge;
    case IR_vcmhs: return emit_vcmhs;
    case IR_vcmhi: return emit_vcmhi;
    case IR_vtst: return emit_vtst;
    case IR_vsabd: case IR_vuabd: return emit_vabd;
    case IR_vshadd: case IR_vuhadd: case IR_vsrhadd: case IR_vurhadd: return emit_vhadd;
    case IR_vcnt: case IR_vrbit: return emit_vbytes_lut;
    case IR_vclz: return emit_vclz;
    case IR_vshl: case IR_vushr: case IR_vsshr: return emit_vshift;
    case IR_vurshr: case IR_vsrshr: return emit_vrshift;
    case IR_vsli: case IR_vsri: return emit_vinsert_shift;
    case IR_vushl: case IR_vsshl: return emit_vshl_var;
    case IR_vsqadd: case IR_vuqadd: case IR_vsqsub: case IR_vuqsub: return emit_vsat_add;
    case IR_vsqxtn: case IR_vuqxtn: case IR_vsqxtun: case IR_vsqshrn: case IR_vsqrshrn: case IR_vuqshrn:
    case IR_vuqrshrn: case IR_vsqshrun: case IR_vsqrshrun: return emit_vsat_narrow;
    case IR_vshrn: case IR_vrshrn: return emit_vshrn;
    case IR_vaddhn: case IR_vraddhn: case IR_vsubhn: case IR_vrsubhn: return emit_vaddhn;
    case IR_vsmull: case IR_vumull: return emit_vmull;
    case IR_vpmull: return emit_vpmull;
    case IR_vsaddlp: case IR_vuaddlp: return emit_vaddlp;
    case IR_vaddp: case IR_vsmaxp: case IR_vsminp: case IR_vumaxp: case IR_vuminp: return emit_vpairwise;
    case IR_vaddv: case IR_vsmaxv: case IR_vsminv: case IR_vumaxv: case IR_vuminv: return emit_vacross;
    case IR_vsaddlv: case IR_vuaddlv: return emit_vaddlv;
    case IR_vsqdmulh: case IR_vsqrdmulh: return emit_vsqdmulh;
    case IR_vsdot: case IR_vudot: case IR_vusdot: return emit_vdot;

    case IR_fadd: case IR_fsub: case IR_fmul: case IR_fdiv: return emit_fp_arith;
    case IR_fsqrt: return emit_fp_sqrt;
    case IR_fabs: case IR_fneg: return emit_fp_sign;
    case IR_fmin: case IR_fmax: case IR_fminnm: case IR_fmaxnm: return emit_fp_minmax;
    case IR_fma: return emit_fp_fma;
    case IR_fabd: return emit_fp_abd;
    case IR_fcmeq: case IR_fcmge: case IR_fcmgt: case IR_facge: case IR_facgt: return emit_fp_compare;
    case IR_frecps: return emit_fp_recps;
    case IR_faddp: return emit_fp_addp;
    case IR_fmaxp: case IR_fminp: case IR_fmaxnmp: case IR_fminnmp: return emit_fp_minmaxp;
    case IR_fmaxv: case IR_fminv: case IR_fmaxnmv: case IR_fminnmv: return emit_fp_minmaxv;
    case IR_frint: return emit_fp_round;
    case IR_fcvt: return emit_fp_convert;
    case IR_fcvtl: return emit_fp_widen;
    case IR_fcvtn: return emit_fp_narrow;
    case IR_f2i: return emit_f2i;
    case IR_i2f: return emit_i2f;
    case IR_vf2i: return emit_vf2i;
    case IR_vi2f: return emit_vi2f;

    case IR_aese: case IR_aesd: return emit_aes_round;
    case IR_aesmc: case IR_aesimc: return emit_aes_mix;
    case IR_sha1c: case IR_sha1p: case IR_sha1m: return emit_sha1_rounds;
    case IR_sha1h: return emit_sha1h;
    case IR_sha1su0: return emit_sha1su0;
    case IR_sha1su1: return emit_sha1su1;
    case IR_sha256h: case IR_sha256h2: return emit_sha256_rounds;
    case IR_sha256su0: return emit_sha256su0;
    case IR_sha256su1: return emit_sha256su1;
    case IR_xar: return emit_xar;
    case IR_rax1: return emit_rax1;
    default: return NULL;
    }
}

/* Open-coded on every machine of the baseline and for every type, without an instruction that writes EFLAGS. */
static const bool keeps_flags[IR_N_OPS] = {
    [IR_loadv] = true, [IR_storev] = true, [IR_vconst] = true, [IR_vlow] = true, [IR_vhigh] = true,
    [IR_vcombine] = true, [IR_vdup] = true, [IR_vdupl] = true, [IR_vins] = true, [IR_vinsl] = true, [IR_vget] = true,
    [IR_vgets] = true, [IR_vand] = true, [IR_vor] = true, [IR_vxor] = true, [IR_vandn] = true, [IR_vorn] = true,
    [IR_vnot] = true, [IR_vbsl] = true, [IR_vext] = true, [IR_vzip1] = true, [IR_vzip2] = true, [IR_vuzp1] = true,
    [IR_vuzp2] = true, [IR_vtrn1] = true, [IR_vtrn2] = true, [IR_vrev16] = true, [IR_vrev32] = true,
    [IR_vrev64] = true, [IR_vtbl] = true, [IR_vxtn] = true, [IR_vsxtl] = true, [IR_vuxtl] = true, [IR_vadd] = true,
    [IR_vsub] = true, [IR_vcmeq] = true, [IR_vcmgt] = true, [IR_vneg] = true, [IR_vshl] = true, [IR_vushr] = true,
    [IR_vtst] = true, [IR_fabs] = true, [IR_fneg] = true, [IR_vcnt] = true, [IR_vrbit] = true,
    [IR_vshrn] = true, [IR_vrshrn] = true, [IR_vaddhn] = true, [IR_vraddhn] = true, [IR_vsubhn] = true,
    [IR_vrsubhn] = true,
};
/* clang-format on */

bool vec_keeps_flags(unsigned op) { return keeps_flags[op]; }

/* -- Shared ------------------------------------------------------------------------------------- */

uint64_t vec_repeat(unsigned log2, uint64_t v)
{
    for (unsigned width = 8u << log2; width < 64; width *= 2)
        v = (v & ((1ull << width) - 1)) | v << width;
    return v;
}

void vec_emit_not(struct emitter *e, unsigned dst)
{
    if (e->a.has->avx512vl) {
        asm_v3i(&e->a, V_vpternlogq, dst, dst, dst, 0x55);
        return;
    }
    unsigned ones = vec_temp(e);
    asm_vones(&e->a, ones);
    asm_v3(&e->a, V_pxor, dst, dst, ones);
}

void vec_emit_join(struct emitter *e, unsigned dst, unsigned a, unsigned b)
{
    asm_v3(&e->a, V_punpcklqdq, dst, a, b);
}

void vec_emit_binary(struct emitter *e, ir_ref ref, ir_ref a, ir_ref b, enum x86_vop vop, bool commutes)
{
    int32_t offset;
    if (e->a.has->avx || commutes) {
        unsigned s1 = vec_use(e, a);
        int s2 = ra_use_mem(&e->ra, b, &offset);
        unsigned dst = vec_def_reuse(e, ref);
        if (s2 == RA_NONE)
            asm_v3m(&e->a, vop, dst, s1, mem_cpu(offset));
        else
            asm_v3(&e->a, vop, dst, s1, (unsigned)vec_reg(s2));
        return;
    }
    int s2 = a == b ? ra_use(&e->ra, b) : ra_use_mem(&e->ra, b, &offset);
    unsigned dst = vec_def_over(e, ref, a);
    if (s2 == RA_NONE)
        asm_v3m(&e->a, vop, dst, dst, mem_cpu(offset));
    else
        asm_v3(&e->a, vop, dst, dst, (unsigned)vec_reg(s2));
}

/* -- Memory -------------------------------------------------------------------------------------- */

static void swap_bytes(struct emitter *e, unsigned dst, unsigned src, unsigned size)
{
    uint64_t index[2] = {0x8080808080808080, 0x8080808080808080};
    for (unsigned i = 0, n = 1u << size; i < n; i++) {
        index[i / 8] &= ~(0xffull << i % 8 * 8);
        index[i / 8] |= (uint64_t)(n - 1 - i) << i % 8 * 8;
    }
    asm_v3m(&e->a, V_pshufb, dst, src, asm_literal(&e->a, index[0], index[1]));
}

void emit_loadv(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned size = op->aux & MEM_SIZE;
    struct x86_mem m = emit_address(e, op);
    unsigned t = size < 2 ? gpr_temp(e) : 0;
    unsigned dst = vec_def(e, ref);
    switch (size) {
    case 0:
    case 1:
        asm_load_zx(&e->a, size, t, m);
        asm_v_from_r(&e->a, V_movd, 0, dst, t);
        break;
    case 2: asm_v_from_m(&e->a, V_movd, 0, dst, m); break;
    case 3: asm_v2m(&e->a, V_movq, dst, m); break;
    default: asm_v2m(&e->a, V_movups, dst, m); break;
    }
    if (op->aux & MEM_SWAP)
        swap_bytes(e, dst, dst, size);
}

void emit_storev(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)ref;
    unsigned size = op->aux & MEM_SIZE;
    unsigned src = vec_use(e, op->c);
    struct x86_mem m = emit_address(e, op);
    if (op->aux & MEM_SWAP) {
        unsigned t = vec_temp(e);
        swap_bytes(e, t, src, size);
        src = t;
    }
    switch (size) {
    case 0:
    case 1: asm_pextr_m(&e->a, size, m, src, 0); break;
    case 2: asm_vstore(&e->a, V_movss_st, m, src); break;
    case 3: asm_vstore(&e->a, V_movlps_st, m, src); break;
    default: asm_vstore(&e->a, V_movups_st, m, src); break;
    }
}

/* -- Moves --------------------------------------------------------------------------------------- */

void emit_vlow(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    if (op->aux >= 2 && vec_is_clean(e, op->a, 1u << op->aux)) {
        vec_def_over(e, ref, op->a);
        return;
    }
    int32_t offset = 0;
    int src = op->aux >= 2 ? ra_use_mem(&e->ra, op->a, &offset) : ra_use(&e->ra, op->a);
    unsigned dst = vec_def_reuse(e, ref);
    switch (op->aux) {
    case 3:
        if (src == RA_NONE)
            asm_v2m(&e->a, V_movq, dst, mem_cpu(offset));
        else
            asm_v2(&e->a, V_movq, dst, (unsigned)vec_reg(src));
        break;
    case 2:
        if (src == RA_NONE)
            asm_v2m(&e->a, V_movss, dst, mem_cpu(offset));
        else
            asm_v3i(&e->a, V_insertps, dst, (unsigned)vec_reg(src), (unsigned)vec_reg(src), 0x0e);
        break;
    default:
        asm_v3m(&e->a, V_pand, dst, (unsigned)vec_reg(src), asm_literal(&e->a, op->aux ? 0xffff : 0xff, 0));
        break;
    }
}

void emit_vhigh(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    int32_t offset;
    int src = ra_use_mem(&e->ra, op->a, &offset);
    unsigned dst = vec_def_reuse(e, ref);
    if (src == RA_NONE)
        asm_v2m(&e->a, V_movq, dst, mem_cpu(offset + 8));
    else
        asm_vshift(&e->a, V_psrldq_i, dst, (unsigned)vec_reg(src), 8);
}

void emit_vcombine(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    vec_emit_binary(e, ref, op->a, op->b, V_punpcklqdq, false);
}

/* All lanes = lane 0 of dst. */
static void broadcast(struct emitter *e, unsigned dst, unsigned log2)
{
    static const uint16_t avx2[4] = {V_vpbroadcastb, V_vpbroadcastw, V_vpbroadcastd, V_vpbroadcastq};
    if (e->a.has->avx2) {
        asm_v2(&e->a, (enum x86_vop)avx2[log2], dst, dst);
        return;
    }
    switch (log2) {
    case 0: asm_v3m(&e->a, V_pshufb, dst, dst, vec_literal(e, 0)); break;
    case 1: asm_v3m(&e->a, V_pshufb, dst, dst, vec_literal(e, 0x0100010001000100)); break;
    case 2: asm_v2i(&e->a, V_pshufd, dst, dst, 0); break;
    default: asm_v3(&e->a, V_punpcklqdq, dst, dst, dst); break;
    }
}

void emit_vdup(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned log2 = type_lane_log2(op->type);
    unsigned src = gpr_use(e, op->a);
    unsigned dst = vec_def(e, ref);
    asm_v_from_r(&e->a, V_movd, log2 == 3, dst, src);
    broadcast(e, dst, log2);
}

void emit_vdupl(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned log2 = type_lane_log2(op->type), lane = op->aux;
    unsigned src = vec_use(e, op->a);
    unsigned dst = vec_def_one(e, ref);
    if (log2 == 3) {
        asm_v2i(&e->a, V_pshufd, dst, src, lane ? 0xee : 0x44);
    } else if (log2 == 2) {
        asm_v2i(&e->a, V_pshufd, dst, src, lane * 0x55);
    } else {
        uint64_t first = log2 ? 2 * lane | (2 * lane + 1) << 8 : lane;
        asm_v3m(&e->a, V_pshufb, dst, src, vec_literal(e, vec_repeat(log2, first)));
    }
}

void emit_vins(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned r = gpr_use(e, op->b), log2 = type_lane_log2(op->type);
    if (vec_is_alone(e, op) && log2 >= 2) {
        asm_v_from_r(&e->a, V_movd, log2 == 3, vec_def(e, ref), r);
        return;
    }
    if (e->a.has->avx) {
        unsigned s1 = vec_use(e, op->a);
        asm_pinsr(&e->a, type_lane_log2(op->type), vec_def_reuse(e, ref), s1, r, op->aux);
        return;
    }
    unsigned dst = vec_def_over(e, ref, op->a);
    asm_pinsr(&e->a, type_lane_log2(op->type), dst, dst, r, op->aux);
}

void emit_vinsl(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned log2 = type_lane_log2(op->type), to = op->aux, from = op->d;
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b);
    if (log2 < 2) {
        unsigned t = gpr_temp(e);
        asm_pextr(&e->a, log2, t, b, from);
        asm_pinsr(&e->a, log2, vec_def_reuse(e, ref), a, t, to);
        return;
    }
    unsigned dst = vec_def_one(e, ref);
    if (log2 == 2)
        asm_v3i(&e->a, V_insertps, dst, a, b, from << 6 | to << 4);
    else if (to == 0)
        asm_v3i(&e->a, V_shufpd, dst, b, a, from | 2);
    else
        asm_v3i(&e->a, V_shufpd, dst, a, b, from << 1);
}

void emit_vget(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    static const uint8_t extend[3] = {X_MOVSX8, X_MOVSX16, X_MOVSXD};
    unsigned log2 = type_lane_log2(op->type);
    unsigned src = vec_use(e, op->a);
    unsigned dst = gpr_def(e, ref);
    asm_pextr(&e->a, log2, dst, src, op->aux);
    if (op->op == IR_vgets && log2 < 3)
        asm_int2_rr(&e->a, (enum x86_int2)extend[log2], 1, dst, dst);
}

/* -- Bitwise --------------------------------------------------------------------------------------- */

void emit_vbitwise(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    enum x86_vop vop = op->op == IR_vand ? V_pand : op->op == IR_vor ? V_por : V_pxor;
    vec_emit_binary(e, ref, op->a, op->b, vop, true);
}

void emit_vandn(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    vec_emit_binary(e, ref, op->b, op->a, V_pandn, false);
}

void emit_vnot(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    vec_emit_not(e, vec_def_over(e, ref, op->a));
}

void emit_vorn(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    if (e->a.has->avx512vl) {
        unsigned b = vec_use(e, op->b), dst = vec_def_over(e, ref, op->a);
        asm_v3i(&e->a, V_vpternlogq, dst, b, b, 0xf3); /* A | ~B */
        return;
    }
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref);
    asm_vones(&e->a, dst);
    asm_v3(&e->a, V_pxor, dst, dst, b);
    asm_v3(&e->a, V_por, dst, dst, a);
}

void emit_vbsl(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    if (e->a.has->avx512vl) {
        unsigned b = vec_use(e, op->b), c = vec_use(e, op->c), dst = vec_def_over(e, ref, op->a);
        asm_v3i(&e->a, V_vpternlogq, dst, b, c, 0xca); /* A ? B : C */
        return;
    }
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), c = vec_use(e, op->c), dst = vec_def(e, ref);
    asm_v3(&e->a, V_pxor, dst, b, c);
    asm_v3(&e->a, V_pand, dst, dst, a);
    asm_v3(&e->a, V_pxor, dst, dst, c);
}

/* -- Permutes -------------------------------------------------------------------------------------- */

void emit_vext(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b);
    if (type_is_128(op->type)) {
        asm_v3i(&e->a, V_palignr, vec_def_one(e, ref), b, a, op->d);
        return;
    }
    unsigned dst = vec_def_one(e, ref);
    vec_emit_join(e, dst, a, b);
    if (op->d)
        asm_vshift(&e->a, V_psrldq_i, dst, dst, op->d);
}

void emit_vzip(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    static const uint16_t low[4] = {V_punpcklbw, V_punpcklwd, V_punpckldq, V_punpcklqdq};
    static const uint16_t high[4] = {V_punpckhbw, V_punpckhwd, V_punpckhdq, V_punpckhqdq};
    unsigned log2 = type_lane_log2(op->type);
    if (op->op == IR_vzip1 || type_is_128(op->type)) {
        vec_emit_binary(e, ref, op->a, op->b, (enum x86_vop)(op->op == IR_vzip1 ? low : high)[log2], false);
        return;
    }
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def_one(e, ref);
    asm_v3(&e->a, (enum x86_vop)low[log2], dst, a, b);
    asm_vshift(&e->a, V_psrldq_i, dst, dst, 8);
}

/* Even lanes of a register to its low half, odd ones to the high half, or only the even or odd, as pshufb indices. */
static uint64_t unzip_index(unsigned log2, bool odd)
{
    uint64_t index = 0;
    for (unsigned i = 0; i < 8; i++) {
        unsigned lane = i >> log2, byte = i & ((1u << log2) - 1);
        index |= (uint64_t)(((2 * lane + odd) << log2) + byte) << 8 * i;
    }
    return index;
}

void emit_vuzp(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned log2 = type_lane_log2(op->type);
    bool odd = op->op == IR_vuzp2;
    if (log2 == 3) {
        vec_emit_binary(e, ref, op->a, op->b, odd ? V_punpckhqdq : V_punpcklqdq, false);
        return;
    }
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b);
    if (log2 == 2 && type_is_128(op->type)) {
        asm_v3i(&e->a, V_shufps, vec_def_one(e, ref), a, b, odd ? 0xdd : 0x88);
        return;
    }
    if (!type_is_128(op->type)) {
        unsigned dst = vec_def_one(e, ref);
        vec_emit_join(e, dst, a, b);
        asm_v3m(&e->a, V_pshufb, dst, dst, asm_literal(&e->a, unzip_index(log2, odd), UINT64_MAX));
        return;
    }
    unsigned dst = vec_def(e, ref), t = vec_temp(e);
    struct x86_mem index = vec_literal(e, unzip_index(log2, odd));
    asm_v3m(&e->a, V_pshufb, dst, a, index);
    asm_v3m(&e->a, V_pshufb, t, b, index);
    vec_emit_join(e, dst, dst, t);
}

void emit_vtrn(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned log2 = type_lane_log2(op->type);
    bool second = op->op == IR_vtrn2;
    if (log2 == 3) {
        vec_emit_binary(e, ref, op->a, op->b, second ? V_punpckhqdq : V_punpcklqdq, false);
        return;
    }
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref), t = vec_temp(e);
    /* The odd (trn1: b's, trn2: still) and even lanes meet in place. */
    vec_emit_shift(e, second ? VEC_SHR : VEC_SHL, log2 + 1, t, second ? a : b, 8u << log2);
    if (log2) {
        unsigned mask = log2 == 1 ? 0xaa : 0xcc; /* words from the second source */
        asm_v3i(&e->a, V_pblendw, dst, second ? t : a, second ? b : t, mask);
        return;
    }
    asm_v3m(&e->a, V_pand, dst, second ? b : a, vec_literal(e, second ? 0xff00ff00ff00ff00 : 0x00ff00ff00ff00ff));
    asm_v3(&e->a, V_por, dst, dst, t);
}

void emit_vrev(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned log2 = type_lane_log2(op->type);
    unsigned group = op->op == IR_vrev16 ? 1 : op->op == IR_vrev32 ? 2 : 3;
    unsigned src = vec_use(e, op->a), dst = vec_def_one(e, ref);
    if (log2 == 2 && group == 3) {
        asm_v2i(&e->a, V_pshufd, dst, src, 0xb1);
        return;
    }
    uint64_t index[2] = {0, 0};
    unsigned flip = ((1u << group) - 1) & ~((1u << log2) - 1);
    for (unsigned i = 0; i < 16; i++)
        index[i / 8] |= (uint64_t)(i ^ flip) << i % 8 * 8;
    asm_v3m(&e->a, V_pshufb, dst, src, asm_literal(&e->a, index[0], index[1]));
}

static bool is_vzero(const struct emitter *e, ir_ref v)
{
    return e->ir->ops[v].op == IR_vconst && e->ir->ops[v].imm == 0;
}

/* C comes from look-ups with the same indices in other tables and is zero wherever those had no entry. */
static bool is_disjoint_table(const struct emitter *e, const struct ir_op *op)
{
    unsigned seen = 1u << (op->d / 16);
    for (const struct ir_op *c = &e->ir->ops[op->c]; c->op == IR_vtbl && c->b == op->b; c = &e->ir->ops[c->c]) {
        if (c->d % 16 || c->d > 240 || seen & 1u << (c->d / 16))
            return false;
        seen |= 1u << (c->d / 16);
        if (is_vzero(e, c->c))
            return op->d % 16 == 0 && op->d <= 240;
    }
    return false;
}

void emit_vtbl(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    bool zero = is_vzero(e, op->c), disjoint = !zero && is_disjoint_table(e, op);
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), c = zero ? 0 : vec_use(e, op->c);
    unsigned dst = vec_def(e, ref), t = vec_temp(e);
    /* Bit 7 of an index: no entry. Indices 16 and up get it by saturation; a wrap below 0 gives such an index. */
    if (op->d) {
        asm_movv(&e->a, t, b);
        asm_v3m(&e->a, V_psubb, t, t, vec_literal(e, vec_repeat(0, op->d & 0xff)));
        asm_v3m(&e->a, V_paddusb, t, t, vec_literal(e, vec_repeat(0, 0x70)));
    } else {
        asm_v3m(&e->a, V_paddusb, t, b, vec_literal(e, vec_repeat(0, 0x70)));
    }
    asm_v3(&e->a, V_pshufb, dst, a, t);
    if (zero)
        return;
    if (disjoint) {
        asm_v3(&e->a, V_por, dst, dst, c);
    } else if (e->a.has->avx) {
        asm_v4(&e->a, V_vpblendvb, dst, dst, c, t);
    } else {
        unsigned mask = vec_temp(e);
        asm_vzero(&e->a, mask);
        asm_v3(&e->a, V_pcmpgtb, mask, mask, t);
        asm_v3(&e->a, V_pand, mask, mask, c);
        asm_v3(&e->a, V_por, dst, dst, mask);
    }
}

/* -- Width ----------------------------------------------------------------------------------------- */

void emit_vxtn(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned src = vec_use(e, op->a);
    asm_v3m(&e->a, V_pshufb, vec_def_one(e, ref), src,
            asm_literal(&e->a, unzip_index(type_lane_log2(op->type), false), UINT64_MAX));
}

void emit_vxtl(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    static const uint16_t rows[2][3] = {
        {V_pmovzxbw, V_pmovzxwd, V_pmovzxdq},
        {V_pmovsxbw, V_pmovsxwd, V_pmovsxdq},
    };
    enum x86_vop vop = (enum x86_vop)rows[op->op == IR_vsxtl][type_lane_log2(op->type) - 1];
    int32_t offset;
    int src = ra_use_mem(&e->ra, op->a, &offset);
    unsigned dst = vec_def_reuse(e, ref);
    if (src == RA_NONE)
        asm_v2m(&e->a, vop, dst, mem_cpu(offset));
    else
        asm_v2(&e->a, vop, dst, (unsigned)vec_reg(src));
}
