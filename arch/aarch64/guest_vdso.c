/* guest_vdso.c - the functions of arm64's vDSO (the kernel's arch/arm64/kernel/vdso).
 *
 * A host call reads the clock or makes random bytes. What it cannot do, it leaves to the system call, as the kernel's
 * functions do: clocks that are not in the vDSO's data, arguments that are wrong. */
#include "arch/aarch64/guest_vdso.h"

#include "core/helper.h"

enum { HOST_CLOCK_GETTIME = 1, HOST_GETTIMEOFDAY, HOST_GETRANDOM };

/* clang-format off */
static const uint16_t host_calls[] = {
    [HOST_CLOCK_GETTIME] = HELPER_vdso_clock_gettime,
    [HOST_GETTIMEOFDAY] = HELPER_vdso_gettimeofday,
    [HOST_GETRANDOM] = HELPER_vdso_getrandom,
};

#define UDF(number) (number)
#define CBNZ_X8(insns) (0xb5000008 | (insns) << 5)
#define MOV_X8(number) (0xd2800008 | (number) << 5)
#define MOV_W0_WZR 0x2a1f03e0
#define SVC        0xd4000001
#define RET        0xd65f03c0

static const uint32_t clock_gettime_code[] = {
    UDF(HOST_CLOCK_GETTIME), CBNZ_X8(3), MOV_W0_WZR, RET,
    MOV_X8(113), SVC, RET,
};
static const uint32_t gettimeofday_code[] = {
    UDF(HOST_GETTIMEOFDAY), CBNZ_X8(3), MOV_W0_WZR, RET,
    MOV_X8(169), SVC, RET,
};
static const uint32_t getrandom_code[] = {
    UDF(HOST_GETRANDOM), CBNZ_X8(2), RET,
    MOV_X8(278), SVC, RET,
};
static const uint32_t clock_getres_code[] = {MOV_X8(114), SVC, RET};
/* Unwinders know a signal frame by these two instructions. */
static const uint32_t rt_sigreturn_code[] = {MOV_X8(139), SVC};

#define FUNCTION(name) {"__kernel_" #name, name##_code, sizeof name##_code}
enum { CLOCK_GETTIME, GETTIMEOFDAY, GETRANDOM, CLOCK_GETRES, RT_SIGRETURN };
static const struct vdso_function functions[] = {
    [CLOCK_GETTIME] = FUNCTION(clock_gettime),
    [GETTIMEOFDAY] = FUNCTION(gettimeofday),
    [GETRANDOM] = FUNCTION(getrandom),
    [CLOCK_GETRES] = FUNCTION(clock_getres),
    [RT_SIGRETURN] = FUNCTION(rt_sigreturn),
};
/* clang-format on */

const struct vdso a64_vdso = {
    .version = "LINUX_2.6.39",
    .functions = functions,
    .n_functions = ARRAY_SIZE(functions),
    .sigreturn = RT_SIGRETURN,
};

bool a64_host_call(struct translator *t, unsigned number)
{
    if (number < HOST_CLOCK_GETTIME || number >= ARRAY_SIZE(host_calls))
        return false;
    write_x(t, 8, ir_call(&t->ir, host_calls[number], read_x(t, 0), read_x(t, 1), IR_NONE));
    return true;
}
