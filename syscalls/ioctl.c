/* ioctl.c - ioctl: requests and structures of 64-bit little-endian guests are the host's, so all go
 * to the kernel but the few families that speak of the CPU. */
#include "syscalls/ioctl.h"
#include <errno.h>
#include "core/log.h"
#include "syscalls/seccomp_notify.h"
#include "syscalls/syscall.h"

enum { TYPE_KVM = 0xae };

/* clang-format off */
static const struct {
    uint32_t request;
    char name[44];
} names[] = {
#define IOCTL(name, request) {request, #name},
#include "syscalls/ioctls.def"
#undef IOCTL
};
/* clang-format on */

const char *ioctl_name(uint32_t request)
{
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (names[i].request == request)
            return names[i].name;
    }
    return 0;
}

long sys_ioctl(struct thread *t, const uint64_t arg[6])
{
    uint32_t request = (uint32_t)arg[1];
    if ((request >> 8 & 0xff) == TYPE_KVM) {
        if (LOG_ON(unimp))
            log_write("Unsupported ioctl: %#x: virtual machines of the host's CPU\n", request);
        return -ENOTTY;
    }
    if (request == KIOCTL_NOTIF_RECV || request == KIOCTL_NOTIF_SEND)
        return seccomp_notify_ioctl(t, arg);
    return safe_syscall(t, HOST_NR_ioctl, arg[0], arg[1], arg[2], 0, 0, 0);
}
