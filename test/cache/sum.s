// sum(n): its own address + n * STEP, by a hot loop over two pages; with calls, so that it is worth keeping.
        .text
sum:    adr     x2, sum
        mov     x1, #0
        mov     x9, x30
        .rept   60
        bl      3f
        .endr
        b       1f
        .org    4096
1:      subs    x0, x0, #1
        b.mi    2f
        add     x1, x1, #STEP
        b       1b
2:      add     x0, x1, x2
        mov     x30, x9
3:      ret
        .p2align 12
