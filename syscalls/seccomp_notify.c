/* seccomp_notify.c - seccomp's listeners.
 *
 * Only the host's kernel can make a thread wait for the reader of a descriptor, so it does that for the guest: a filter on the
 * host's calls hands over all with numbers from FIRST_CALL on, where no call is. A guest's call that is to be decided by the
 * supervisor is made with FIRST_CALL added to its number, and never gets further. The supervisor, translated as well, is
 * shown the guest's number and architecture; where the call was made it is not told. A host kernel has one living listener per
 * thread, and so have its guests. */
#include "syscalls/seccomp_notify.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <stddef.h>

#include "core/log.h"
#include "core/memory.h"
#include "syscalls/seccomp.h"
#include "syscalls/syscall.h"

enum { FIRST_CALL = 1 << 28, SET_MODE_FILTER = 1, CONTINUE = 1 };

/* struct seccomp_notif and struct seccomp_notif_resp. */
struct notification {
    uint64_t id;
    uint32_t pid, flags;
    struct seccomp_data call;
};
_Static_assert(sizeof(struct notification) == 80, "struct seccomp_notif");

struct answer {
    uint64_t id;
    int64_t value;
    int32_t error;
    uint32_t flags;
};
_Static_assert(sizeof(struct answer) == 24, "struct seccomp_notif_resp");

long seccomp_new_listener(uint32_t flags, bool has_one)
{
    enum { GET_SECCOMP = 21 };
    static const struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FIRST_CALL, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0x7fc00000), /* SECCOMP_RET_USER_NOTIF */
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    /* Filters of a container refuse numbers that they do not know, which is stricter than asking. */
    if (!has_one && host_syscall(HOST_NR_prctl, GET_SECCOMP, 0, 0, 0, 0, 0)) {
        if (LOG_ON(unimp))
            log_write("no seccomp listeners where the translator is filtered itself\n");
        return -EINVAL;
    }
    struct sock_fprog program = {ARRAY_SIZE(code), (struct sock_filter *)code};
    const uint32_t passed = KFLAG_NEW_LISTENER | KFLAG_TSYNC | KFLAG_TSYNC_ESRCH | KFLAG_WAIT_KILLABLE_RECV;
    return host_syscall(HOST_NR_seccomp, SET_MODE_FILTER, flags & passed, (uintptr_t)&program, 0, 0, 0);
}

long seccomp_notify(struct thread *t, const struct seccomp_data *data)
{
    const uint64_t *arg = (const uint64_t *)data->args;
    if ((uint32_t)data->nr >= FIRST_CALL)
        return -ENOSYS;
    long r = safe_syscall(t, FIRST_CALL + data->nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
    return r == -EINTR && __atomic_load_n(&t->cpu.pending, __ATOMIC_RELAXED) ? -ERESTARTSYS : r;
}

static long receive(struct thread *t, const uint64_t arg[6])
{
    struct notification n;
    long r = safe_syscall(t, HOST_NR_ioctl, arg[0], arg[1], arg[2], 0, 0, 0);
    if (r < 0 || memory_read(&n, arg[2], sizeof(n)) || n.call.arch != AUDIT_ARCH_X86_64 || n.call.nr < FIRST_CALL)
        return r;
    n.call.nr -= FIRST_CALL;
    n.call.arch = seccomp_audit_arch(t->guest);
    n.call.instruction_pointer = 0;
    memory_write(arg[2], &n, sizeof(n)); /* as the kernel just did */
    return r;
}

/* To the host, going on with the call would mean to make one that it does not have. */
static long answer(struct thread *t, const uint64_t arg[6])
{
    struct answer a;
    if (memory_read(&a, arg[2], sizeof(a)))
        return -EFAULT;
    if (a.flags == CONTINUE && !a.error && !a.value) {
        a.flags = 0;
        a.error = (int32_t)NOTIFY_CONTINUES;
    }
    return safe_syscall(t, HOST_NR_ioctl, arg[0], arg[1], (uintptr_t)&a, 0, 0, 0);
}

long seccomp_notify_ioctl(struct thread *t, const uint64_t arg[6])
{
    return (uint32_t)arg[1] == KIOCTL_NOTIF_RECV ? receive(t, arg) : answer(t, arg);
}
