/* host_start.S - entry point of the program where the C library's own start code relocates it.
 *
 * Nearly every page of tables with addresses is written by that. One system call makes the copies of all for a part of what as
 * many page faults cost, and so for the variables behind them, small ones and START_TABLEs, and for the stack, most of whose pages
 * are written soon. A kernel that does not know the advice (before Linux 5.14) refuses it, which changes nothing. */
    .section .bss.y_end, "aw", @nobits /* behind them, by its name */
end_of_start_tables:
    .set STACK, 4 * 4096 /* below the page in use */
    .text
    .globl host_start
    .hidden __init_array_start
    .type host_start, @function
host_start:
    mov %rdx, %r8
    lea __init_array_start(%rip), %rdi /* where writable memory begins */
    and $-4096, %rdi
    lea end_of_start_tables(%rip), %rsi
    sub %rdi, %rsi
    mov $23, %edx /* MADV_POPULATE_WRITE */
    mov $28, %eax /* madvise */
    syscall
    mov $STACK, %esi
    mov %rsp, %rdi
    and $-4096, %rdi
    sub %rsi, %rdi
    mov $28, %eax
    syscall
    mov %r8, %rdx
    jmp _start
    .size host_start, . - host_start
    .section .note.GNU-stack, "", @progbits
