/* host_copy.S - copies of memory: host_copy of core/host.h, and memcpy. */

/* host_copy uses neither stack nor registers that a caller keeps, so that a fault in it can go on at its other end. */
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

/* memcpy: musl's begins each copy with rep movs, which takes longer than most copies. */
        .globl  __wrap_memcpy
        .type   __wrap_memcpy, @function
        .hidden __wrap_memcpy
        .p2align 4
__wrap_memcpy:
        .cfi_startproc
        mov     %rdi, %rax
        cmp     $16, %rdx
        jb      2f
        cmp     $1024, %rdx
        jae     5f
        movups  -16(%rsi,%rdx), %xmm1
        sub     $16, %rdx
        jz      4f
        xor     %ecx, %ecx
1:      movups  (%rsi,%rcx), %xmm0
        movups  %xmm0, (%rdi,%rcx)
        add     $16, %rcx
        cmp     %rdx, %rcx
        jb      1b
4:      movups  %xmm1, (%rdi,%rdx)
        ret
2:      cmp     $8, %edx
        jb      3f
        mov     (%rsi), %rcx
        mov     -8(%rsi,%rdx), %r8
        mov     %rcx, (%rdi)
        mov     %r8, -8(%rdi,%rdx)
        ret
3:      cmp     $4, %edx
        jb      6f
        mov     (%rsi), %ecx
        mov     -4(%rsi,%rdx), %r8d
        mov     %ecx, (%rdi)
        mov     %r8d, -4(%rdi,%rdx)
        ret
5:      mov     %rdx, %rcx
        shr     $3, %rcx
        and     $7, %edx
        rep movsq
6:      test    %edx, %edx
        jz      8f
7:      mov     (%rsi), %cl
        mov     %cl, (%rdi)
        inc     %rsi
        inc     %rdi
        dec     %edx
        jnz     7b
8:      ret
        .cfi_endproc
        .size   __wrap_memcpy, . - __wrap_memcpy
        .section .note.GNU-stack, "", @progbits
