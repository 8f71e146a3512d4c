/* arg_kinds.h - the words of table.def's rows: how a call waits, and what its arguments
 * are. Only for files that expand the table's rows. */
#pragma once

/* What a signal does to the call (signal(7), "Interruption of system calls"). */
enum call_wait {
    NOW,    /* never sleeps interruptibly */
    WAIT,   /* restarted if the handler's action has SA_RESTART */
    READ,   /* the same, but -EINTR on a socket that has SO_RCVTIMEO */
    WRITE,  /* the same, but -EINTR on a socket that has SO_SNDTIMEO */
    INTR,   /* -EINTR once a handler has run, whatever its flags */
    OWN,    /* the function itself answers with the right restart code */
    LEAVE   /* may not return: logged before it runs */
};

enum arg_kind {
    END,
    INT, UINT, LONG, SIZE, OFFSET, HEX, PTR, MODE,
    STR,         /* text read by the kernel */
    PATH,        /* of something that should exist: subject to -L */
    NEWPATH,     /* of something to make, change or enter: never subject to -L */
    ARGV,        /* null-ended array of texts */
    FD, DIRFD, NEWFD,
    OPEN_FLAGS,  /* with the access mode */
    FD_FLAGS,    /* O_CLOEXEC and the like, as calls that make descriptors take them */
    AT_FLAGS, ACCESS, WHENCE, SIG, CLOCK, TIMESPEC, TIMEVAL, SOCKADDR, FAMILY, SOCKTYPE,
    SOL, FCNTL, IOCTL, PROT, MAP, FUTEX, EPOLL_OP, CLONE, RESOURCE, PRCTL, SIGMASK, SIGHOW, WAITOPT,
    MADV
};
