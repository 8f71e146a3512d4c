/* host_copy.S - host_copy of core/host.h. It uses neither stack nor registers that a caller keeps, so that a fault in it can go
 * on at its other end. */
        .section .text.hot, "ax", @progbits /* RUN_OFTEN of core/types.h */
        .globl  host_copy, host_copy_failed
        .type   host_copy, @function
        .hidden host_copy, host_copy_failed
        .p2align 4
host_copy:
        .cfi_startproc
        cmp     $16, %rdx /* most structures that calls return; in words, as they were written just now */
        jne     1f
        mov     (%rsi), %rax
        mov     8(%rsi), %rcx
        mov     %rax, (%rdi)
        mov     %rcx, 8(%rdi)
        mov     $1, %eax
        ret
1:      cmp     $8, %rdx
        jne     2f
        mov     (%rsi), %rax
        mov     %rax, (%rdi)
        mov     $1, %eax
        ret
2:      mov     %rdx, %rcx
        shr     $3, %rcx
        rep movsq
        mov     %edx, %ecx
        and     $7, %ecx
        rep movsb
        mov     $1, %eax
        ret
host_copy_failed:
        xor     %eax, %eax
        ret
        .cfi_endproc
        .size   host_copy, . - host_copy
        .section .note.GNU-stack, "", @progbits
