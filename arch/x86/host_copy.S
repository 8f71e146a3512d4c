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
        and     $7, %edx
        cmp     $32, %rcx
        jb      4f
        cmp     $128, %rcx
        jae     8f
7:      movups  (%rsi), %xmm0
        movups  16(%rsi), %xmm1
        movups  %xmm0, (%rdi)
        movups  %xmm1, 16(%rdi)
        add     $32, %rsi
        add     $32, %rdi
        sub     $4, %ecx
        cmp     $4, %ecx
        jae     7b
        jmp     4f
8:      rep movsq /* takes some time to begin */
        jmp     4f
3:      mov     (%rsi), %rax
        mov     %rax, (%rdi)
        add     $8, %rsi
        add     $8, %rdi
        dec     %ecx
4:      test    %ecx, %ecx
        jnz     3b
        test    %edx, %edx
        jz      6f
5:      mov     (%rsi), %al
        mov     %al, (%rdi)
        inc     %rsi
        inc     %rdi
        dec     %edx
        jnz     5b
6:      mov     $1, %eax
        ret
host_copy_failed:
        xor     %eax, %eax
        ret
        .cfi_endproc
        .size   host_copy, . - host_copy
        .section .note.GNU-stack, "", @progbits
