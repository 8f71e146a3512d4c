/* random.c - random bytes through the host's vDSO.
 *
 * The state is memory that the guest maps as it is told, so it has what the kernel gives such memory: it may be dropped at any
 * time and is zeroed in children, both of which make the next call take a new key. */
#include <errno.h>
#include "core/helper.h"
#include "core/memory.h"
#include "core/thread.h"
#include "syscalls/host_vdso.h"

enum { LONGEST = 1 << 16 }; /* more takes long, and only the system call can be interrupted */

/* What a state is: the host's answer, or -ENOSYS. */
static long describe_state(guest_addr to)
{
    struct random_params params;
    if (!host_vdso()->getrandom || host_vdso()->getrandom(NULL, 0, 0, &params, ~(size_t)0))
        return -ENOSYS;
    return memory_write(to, &params, sizeof(params));
}

static uint32_t state_size(void)
{
    static uint32_t known; /* atomic */
    struct random_params params;
    uint32_t size = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (!size && host_vdso()->getrandom && !host_vdso()->getrandom(NULL, 0, 0, &params, ~(size_t)0))
        __atomic_store_n(&known, size = params.state_size, __ATOMIC_RELAXED);
    return size;
}

/* The host's function works on guest memory. Where some of that is not there the answer is that of the system call; the
 * kernel's function would die. What is read after a fault is not changed before. */
static __attribute__((noinline)) long fill(struct cpu *cpu, const uint64_t arg[5])
{
    struct recover_point here, *outer = cpu->recover;
    if (__builtin_setjmp(here.word)) {
        current_thread->cpu.recover = outer;
        return -EFAULT;
    }
    cpu->recover = &here;
    __asm__ volatile("" ::: "memory");
    long result = host_vdso()->getrandom(memory_host(arg[0]), arg[1], (unsigned)arg[2], memory_host(arg[3]), arg[4]);
    __asm__ volatile("" ::: "memory");
    cpu->recover = outer;
    return result;
}

uint64_t helper_vdso_getrandom(struct cpu *cpu, uint64_t a, uint64_t b, uint64_t c)
{
    const struct abi *abi = current_thread->guest->abi;
    uint64_t arg[5];
    long result;
    (void)a, (void)b, (void)c;
    for (unsigned i = 0; i < 5; i++)
        arg[i] = cpu->gpr[abi->arg_reg[i]];
    if (arg[4] == ~(uint64_t)0 && !arg[0] && !arg[1] && !(uint32_t)arg[2])
        result = describe_state(arg[3]);
    else if (arg[4] && arg[4] == state_size() && arg[1] <= LONGEST)
        result = fill(cpu, arg);
    else
        return 1;
    cpu->gpr[abi->ret_reg] = (uint64_t)result;
    return 0;
}
