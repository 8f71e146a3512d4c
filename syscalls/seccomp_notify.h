/* seccomp_notify.h - filters that hand calls to a supervisor, seccomp_unotify(2). */
#pragma once
#include <limits.h>
#include <linux/seccomp.h>

#include "core/thread.h"

/* Not in every kernel's headers. */
enum {
    KFLAG_TSYNC = 1,
    KFLAG_LOG = 2,
    KFLAG_SPEC_ALLOW = 4,
    KFLAG_NEW_LISTENER = 8,
    KFLAG_TSYNC_ESRCH = 16,
    KFLAG_WAIT_KILLABLE_RECV = 32
};
#define KIOCTL_NOTIF_RECV 0xc0502100u
#define KIOCTL_NOTIF_SEND 0xc0182101u

/* What a translated supervisor's SECCOMP_USER_NOTIF_FLAG_CONTINUE arrives as; no errno and no likely result. */
#define NOTIFY_CONTINUES ((long)INT_MIN + 0x5ec)

/* A listener for the calling thread, with FLAGS also for the others. HAS_ONE: an older filter got one here. Returns its
 * descriptor or -errno. */
long seccomp_new_listener(uint32_t flags, bool has_one);
/* Ask the supervisor about the call DATA of T, which waits. Returns the call's result, NOTIFY_CONTINUES, or -ERESTARTSYS or
 * -ERESTARTNOINTR if a signal came first. */
long seccomp_notify(struct thread *t, const struct seccomp_data *data);
/* ioctl() with one of the two requests above, ARG being the system call's arguments. */
long seccomp_notify_ioctl(struct thread *t, const uint64_t arg[6]);
