/* neon - vector intrinsics of the common kinds; sums of results over many inputs. */
#include <arm_neon.h>
#include <stdint.h>
#include <stdio.h>

static uint64_t state = 88172645463325252ull;

static uint64_t draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static uint64_t sum;

static void add(uint8x16_t v)
{
    uint64x2_t w = vreinterpretq_u64_u8(v);
    sum = sum * 1099511628211ull + vgetq_lane_u64(w, 0) + (vgetq_lane_u64(w, 1) << 1);
}

#define A(x) add(vreinterpretq_u8_##x)
#define SHOW(name) printf("%s %016lx\n", name, sum), sum = 0

int main(void)
{
    for (int i = 0; i < 2000; i++) {
        uint8x16_t a = vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(draw()), vcreate_u64(draw())));
        uint8x16_t b = vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(draw()), vcreate_u64(draw())));
        int16x8_t c = vreinterpretq_s16_u8(a), d = vreinterpretq_s16_u8(b);
        int32x4_t e = vreinterpretq_s32_u8(a), f = vreinterpretq_s32_u8(b);
        add(vaddq_u8(a, b)); add(vqaddq_u8(a, b)); add(vqsubq_u8(a, b)); add(vabdq_u8(a, b)); add(vmulq_u8(a, b));
        add(vceqq_u8(a, b)); add(vcgtq_u8(a, b)); add(vmaxq_u8(a, b)); add(vminq_u8(a, b)); add(vhaddq_u8(a, b));
        add(vrhaddq_u8(a, b)); add(vandq_u8(a, b)); add(veorq_u8(a, b)); add(vbicq_u8(a, b)); add(vbslq_u8(a, b, a));
        add(vcntq_u8(a)); add(vrev64q_u8(a)); add(vrev16q_u8(a)); add(vmvnq_u8(a)); add(vrbitq_u8(a)); add(vclzq_u8(a));
        add(vextq_u8(a, b, 5)); add(vzip1q_u8(a, b)); add(vuzp2q_u8(a, b)); add(vtrn1q_u8(a, b)); add(vpaddq_u8(a, b));
        add(vqtbl1q_u8(a, b)); add(vtstq_u8(a, b)); add(vshlq_u8(a, vreinterpretq_s8_u8(b)));
        add(vreinterpretq_u8_s16(vqdmulhq_s16(c, d))); add(vreinterpretq_u8_s16(vqrdmulhq_s16(c, d)));
        add(vreinterpretq_u8_s16(vqshlq_s16(c, d))); add(vreinterpretq_u8_s16(vrshlq_s16(c, d)));
        add(vreinterpretq_u8_s16(vmlaq_s16(c, d, c))); add(vreinterpretq_u8_s16(vabsq_s16(c))); add(vreinterpretq_u8_s16(vnegq_s16(d)));
        add(vreinterpretq_u8_s16(vshrq_n_s16(c, 3))); add(vreinterpretq_u8_s16(vsraq_n_s16(c, d, 5)));
        add(vreinterpretq_u8_s16(vrshrq_n_s16(c, 4))); add(vreinterpretq_u8_s16(vsliq_n_s16(c, d, 4)));
        add(vreinterpretq_u8_s32(vmull_s16(vget_low_s16(c), vget_high_s16(d))));
        add(vreinterpretq_u8_s32(vaddl_s16(vget_low_s16(c), vget_low_s16(d))));
        add(vreinterpretq_u8_s32(vpaddlq_s16(c))); add(vreinterpretq_u8_s32(vqdmull_s16(vget_low_s16(c), vget_low_s16(d))));
        add(vreinterpretq_u8_s16(vcombine_s16(vmovn_s32(e), vqmovn_s32(f))));
        add(vreinterpretq_u8_u16(vcombine_u16(vqmovun_s32(e), vqmovun_s32(f))));
        add(vreinterpretq_u8_s16(vcombine_s16(vqrshrn_n_s32(e, 7), vshrn_n_s32(f, 9))));
        sum += (uint64_t)vaddvq_u8(a) + vmaxvq_u8(a) * 3u + vminvq_u8(b) * 5u + (uint64_t)vaddlvq_u8(a);
    }
    SHOW("integer");
    for (int i = 0; i < 2000; i++) {
        float32x4_t a = vcvtq_f32_s32(vreinterpretq_s32_u64(vcombine_u64(vcreate_u64(draw()), vcreate_u64(draw()))));
        float32x4_t b = vdivq_f32(vdupq_n_f32(1e9f), a);
        float64x2_t c = vcvt_f64_f32(vget_low_f32(a)), d = vcvt_f64_f32(vget_high_f32(b));
        A(f32(vaddq_f32(a, b))); A(f32(vmulq_f32(a, b))); A(f32(vfmaq_f32(a, b, b))); A(f32(vmaxq_f32(a, b)));
        A(f32(vminnmq_f32(a, b))); A(f32(vsqrtq_f32(vabsq_f32(a)))); A(f32(vrecpeq_f32(a))); A(f32(vrsqrteq_f32(vabsq_f32(b))));
        A(f32(vrecpsq_f32(a, b))); A(f32(vrndnq_f32(b))); A(f32(vrndmq_f32(b))); A(f32(vpaddq_f32(a, b)));
        A(u32(vcgtq_f32(a, b))); A(s32(vcvtq_s32_f32(b))); A(u32(vcvtaq_u32_f32(b))); A(f64(vmulq_f64(c, d)));
        A(f64(vfmsq_f64(c, d, d))); A(f64(vdivq_f64(c, d))); A(s64(vcvtq_s64_f64(d))); A(f32(vmulq_lane_f32(a, vget_low_f32(b), 1)));
        sum += (uint64_t)(int64_t)vmaxvq_f32(vabsq_f32(b));
        float16x4_t h = vcvt_f16_f32(b);
        A(f32(vcvt_f32_f16(h)));
    }
    SHOW("floating point");
    static uint8_t memory[4096], back[4096];
    for (int i = 0; i < 4096; i++)
        memory[i] = (uint8_t)draw();
    for (int i = 0; i + 64 <= 4096; i += 48) {
        uint8x16x3_t t = vld3q_u8(memory + i);
        add(t.val[0]); add(t.val[2]);
        t.val[1] = veorq_u8(t.val[1], t.val[0]);
        vst3q_u8(back + i, t);
        uint16x8x2_t p = vld2q_u16((uint16_t *)(memory + i));
        vst2q_u16((uint16_t *)(back + i), p);
        uint32x4x4_t q = vld4q_u32((uint32_t *)(memory + i));
        A(u32(q.val[3]));
        add(vld1q_dup_u8(memory + i));
        add(vld1q_lane_u8(memory + i, t.val[0], 7));
        uint8x16x2_t table = { { t.val[0], t.val[1] } };
        add(vqtbl2q_u8(table, t.val[2])); add(vqtbx1q_u8(t.val[1], t.val[0], t.val[2]));
    }
    for (int i = 0; i < 4096; i++)
        sum = sum * 31 + back[i];
    SHOW("structures");
    return 0;
}
