/* crash.c - the report that is printed when the translator itself fails. */
#include "core/crash.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "core/dispatch.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/tb.h"
#include "core/thread.h"

enum { REPORT_SIZE = 4096, MAX_BYTES_SHOWN = 32 };

size_t (*crash_describe)(const struct thread *thread, char *buf, size_t size);

/* Where the linker put the start of this program, so that reports of different runs agree. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

struct report {
    char text[REPORT_SIZE];
    size_t n;
};

static __attribute__((format(printf, 2, 3))) void add(struct report *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(r->text + r->n, sizeof r->text - r->n, fmt, ap);
    va_end(ap);
    if (n > 0)
        r->n += (size_t)n;
    if (r->n >= sizeof r->text)
        r->n = sizeof r->text - 1;
}

static void add_host_place(struct report *r, const void *host_pc)
{
    if (!host_pc)
        return;
    if (tb_is_code(host_pc))
        add(r, "  host pc:    %p, in generated code\n", host_pc);
    else
        add(r, "  host pc:    %p, program + 0x%llx\n", host_pc,
            (unsigned long long)((uintptr_t)host_pc - (uintptr_t)__ehdr_start));
}

/* The block that was running, or would run, and its first bytes. */
static void add_block(struct report *r, const struct thread *t, const void *host_pc)
{
    struct tb copy;
    const struct tb *tb = host_pc && tb_is_code(host_pc) ? tb_from_host(host_pc, &copy) : NULL;
    guest_addr pc = tb ? tb_guest_pc(tb, host_pc) : t->cpu.pc;
    uint8_t bytes[MAX_BYTES_SHOWN];
    if (!tb)
        tb = tb_find(pc, t->cpu.mode);
    add(r, "  guest pc:   0x%llx\n", (unsigned long long)pc);
    guest_addr start = tb ? tb->pc : pc;
    if (tb)
        add(r, "  block:      0x%llx, %u instructions, %u bytes of host code\n",
            (unsigned long long)start, tb->n_insns, tb->size);
    if (memory_read(bytes, start, sizeof bytes))
        return;
    add(r, "  guest code:");
    for (unsigned i = 0; i < sizeof bytes; i++)
        add(r, "%s%02x", i % 4 ? "" : " ", bytes[i]);
    add(r, "\n");
}

static void write_to(int fd, const struct report *r)
{
    for (size_t done = 0; done < r->n;) {
        ssize_t n = write(fd, r->text + done, r->n - done);
        if (n <= 0)
            return;
        done += (size_t)n;
    }
}

void crash_report(const char *what, const void *host_pc)
{
    static int reported;
    struct thread *t = current_thread;
    struct report r = {.n = 0};
    if (__atomic_exchange_n(&reported, 1, __ATOMIC_SEQ_CST))
        return;
    add(&r, "anyarch %s: internal error: %s\n", ANYARCH_VERSION, what);
    add_host_place(&r, host_pc);
    if (t) {
        if (crash_describe)
            r.n += crash_describe(t, r.text + r.n, sizeof r.text - r.n);
        add_block(&r, t, host_pc);
    }
    add(&r, "  engine:     %s%s\n", engine_options.engine == ENGINE_INTERP ? "interp" : "jit",
        engine_options.lockstep ? ", lockstep" : "");
    add(&r, "This is a fault of anyarch, not of the program. Please report these lines with the "
            "program and how it was\nstarted. -d in_asm,op,op_opt,out_asm -D FILE writes down what "
            "was translated; -engine interp may get round it.\n");
    write_to(STDERR_FILENO, &r);
    if (log_fd() != STDERR_FILENO)
        write_to(log_fd(), &r);
}
