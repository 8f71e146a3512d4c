/* safe_syscall.S - system call of the x86-64 host that cannot miss a signal, see host_syscall.h; where host handlers return to. */
#include "syscalls/host_syscall.h"

        .section .text.hot, "ax", @progbits /* see RUN_OFTEN */
        .globl  safe_syscall, safe_syscall_start, safe_syscall_end, safe_syscall_interrupted
        .type   safe_syscall, @function
        .hidden safe_syscall_start, safe_syscall_end, safe_syscall_interrupted
        .p2align 4
safe_syscall:
        .cfi_startproc
        mov     %rdi, %r11
        mov     %rsi, %rax
        mov     %rdx, %rdi
        mov     %rcx, %rsi
        mov     %r8, %rdx
        mov     %r9, %r10
        mov     8(%rsp), %r8
        mov     16(%rsp), %r9
safe_syscall_start:
        cmpl    $0, SAFE_PENDING_OFFSET(%r11)
        jne     safe_syscall_interrupted
        syscall
safe_syscall_end:
        ret
safe_syscall_interrupted:
        mov     $-SAFE_INTERRUPTED, %rax
        ret
        .cfi_endproc
        .size   safe_syscall, . - safe_syscall

        .globl  signal_host_restorer
        .hidden signal_host_restorer
        .type   signal_host_restorer, @function
signal_host_restorer:
        mov     $15, %eax /* rt_sigreturn */
        syscall
        .size   signal_host_restorer, . - signal_host_restorer
        .section .note.GNU-stack, "", @progbits
