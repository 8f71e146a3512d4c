/* fault.c - host faults: inside generated code they are the guest's; in C code that expects them, too. */
#include <errno.h>
#include <string.h>
#include <ucontext.h>

#include "core/dispatch.h"
#include "core/host.h"
#include "core/log.h"
#include "core/tagged.h"
#include "core/tb.h"

static void record_fault(struct thread *thread, int sig, const siginfo_t *info, const ucontext_t *uc)
{
    thread->fault = (struct guest_fault){
        .signal = sig,
        .code = info->si_code,
        .address = (guest_addr)(uintptr_t)info->si_addr,
        .is_write = host_context_is_write(uc),
        .is_noncanonical = info->si_code == SI_KERNEL,
    };
    /* To the guest it is an unmapped one. */
    if (thread->fault.is_noncanonical) {
        thread->fault.address = tagged_strip(thread->guest->isa, host_context_address(uc));
        thread->fault.signal = SIGSEGV;
        thread->fault.code = SEGV_MAPERR;
    }
}

static void recover(struct recover_point *where) { __builtin_longjmp(where->word, 1); }

/* The return-prediction stack overflowed at a push or call: start it anew. */
static bool return_stack_overflow(const struct thread *thread, uintptr_t address)
{
    uintptr_t guard = (uintptr_t)thread->return_stack;
    return address >= guard && address < guard + 4096;
}

bool fault_fp_traps;

enum { STEP_IS_WORTH = 4 }; /* two signals, and a debug exception is slow in a virtual machine */

/* One more, of a program that makes so many that its code is better translated with tests for NaNs. */
static void count_fp_trap(struct thread *thread, unsigned worth)
{
    static unsigned n;
    if (__atomic_add_fetch(&n, worth, __ATOMIC_RELAXED) < engine_options.fp_traps_max)
        return;
    __atomic_store_n(&fault_fp_traps, false, __ATOMIC_RELAXED);
    __atomic_fetch_or(&thread->cpu.pending, PENDING_KICK, __ATOMIC_SEQ_CST);
}

/* The host stopped at an invalid floating-point operation. In generated code its result is the guest's; whatever else it is has a
 * test for NaNs behind it or wants the host's result: that is made in one step with the exception masked. */
static bool invalid_operation(struct thread *thread, ucontext_t *uc)
{
    if (!host_context_set_fp_traps(uc, true, false))
        return false; /* not by us */
    bool done = tb_is_code(host_context_pc(uc)) && host_context_do_invalid(&thread->cpu, uc);
    if (!done) {
        thread->fp_stepping = true;
        host_context_set_fp_traps(uc, false, true);
    }
    count_fp_trap(thread, done ? 1 : STEP_IS_WORTH);
    return true;
}

static bool step_is_done(struct thread *thread, ucontext_t *uc)
{
    if (!thread->fp_stepping)
        return false;
    thread->fp_stepping = false;
    host_context_set_fp_traps(uc, true, false);
    return true;
}

bool fault_handle(struct thread *thread, int sig, siginfo_t *info, ucontext_t *uc)
{
    if (!thread || info->si_code <= 0) /* sent by a process: not a fault */
        return false;
    if (sig == SIGFPE && info->si_code == FPE_FLTINV)
        return invalid_operation(thread, uc);
    if (sig == SIGTRAP)
        return step_is_done(thread, uc);
    if (sig != SIGSEGV && sig != SIGBUS)
        return false;
    const void *pc = host_context_pc(uc);
    if (host_context_fail_copy(uc))
        return true;
    if (thread->cpu.recover) {
        record_fault(thread, sig, info, uc);
        host_context_call(uc, (void (*)(void *))recover, thread->cpu.recover);
        return true;
    }
    if (!tb_is_code(pc))
        return false;
    if (return_stack_overflow(thread, (uintptr_t)info->si_addr)) {
        host_context_reset_return_stack(&thread->cpu, uc);
        return true;
    }
    struct tb copy;
    const struct tb *tb = tb_from_host(pc, &copy);
    if (!tb)
        return false;
    record_fault(thread, sig, info, uc);
    host_backend.save_state(&thread->cpu, tb, uc);
    thread->cpu.pc = tb_guest_pc(tb, pc);
    host_backend.leave_context(&thread->cpu, uc, EXIT_FAULT);
    return true;
}
