/* syscalls.c - the syscalls applet: which Linux system calls are supported. */
#include "applets/applet.h"
#include "syscalls/syscall.h"

int applet_syscalls(int argc, char **argv)
{
    (void)argc, (void)argv;
    syscall_print_table();
    return 0;
}
