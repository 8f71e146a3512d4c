/* vdso - the shared object that the kernel maps: its symbols, what its functions answer, where its host calls are not
 * instructions. The expected answers are those of the kernel's vDSO and of the system calls. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef long clock_fn(long clock, void *time);
typedef long day_fn(struct timeval *time, int *zone);

static const char *base, *strings;
static const uint32_t *hash_table;
static const Elf64_Sym *symbols;
static const uint16_t *symbol_versions;
static const Elf64_Verdef *versions;

static uint32_t hash_of(const char *name)
{
    uint32_t h = 0, g;
    while (*name) {
        h = (h << 4) + (unsigned char)*name++;
        if ((g = h & 0xf0000000))
            h ^= g >> 24;
        h &= ~g;
    }
    return h;
}

static void read_dynamic(const Elf64_Dyn *d)
{
    for (; d->d_tag != DT_NULL; d++) {
        const void *at = base + d->d_un.d_ptr;
        switch (d->d_tag) {
        case DT_STRTAB: strings = at; break;
        case DT_HASH: hash_table = at; break;
        case DT_SYMTAB: symbols = at; break;
        case DT_VERSYM: symbol_versions = at; break;
        case DT_VERDEF: versions = at; break;
        case DT_VERDEFNUM: printf("versions %d\n", (int)d->d_un.d_val); break;
        }
    }
}

static bool has_version(unsigned symbol, const char *name)
{
    for (const Elf64_Verdef *v = versions;; v = (const void *)((const char *)v + v->vd_next)) {
        const Elf64_Verdaux *aux = (const void *)((const char *)v + v->vd_aux);
        if (!(v->vd_flags & VER_FLG_BASE) && v->vd_ndx == (symbol_versions[symbol] & 0x7fff))
            return v->vd_hash == hash_of(name) && !strcmp(strings + aux->vda_name, name);
        if (!v->vd_next)
            return false;
    }
}

/* As dynamic linkers look a name up: bucket, chain, name, version. */
static void *look_up(const char *name)
{
    for (unsigned i = hash_table[2 + hash_of(name) % hash_table[0]]; i; i = hash_table[2 + hash_table[0] + i])
        if (!strcmp(strings + symbols[i].st_name, name) && ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC &&
            ELF64_ST_BIND(symbols[i].st_info) == STB_GLOBAL && symbols[i].st_shndx != SHN_UNDEF &&
            has_version(i, "LINUX_2.6.39"))
            return (void *)(base + symbols[i].st_value);
    return NULL;
}

static void find_object(void)
{
    base = (const char *)getauxval(AT_SYSINFO_EHDR);
    const Elf64_Ehdr *head = (const void *)base;
    printf("object %d %d machine %d type %d\n", base && !((uintptr_t)base & 4095), !memcmp(head, ELFMAG, SELFMAG),
           head->e_machine, head->e_type);
    const Elf64_Phdr *p = (const void *)(base + head->e_phoff);
    for (int i = 0; i < head->e_phnum; i++) {
        if (p[i].p_type == PT_LOAD)
            printf("loaded at %d flags %d\n", (int)(p[i].p_vaddr - p[i].p_offset), p[i].p_flags);
        if (p[i].p_type == PT_DYNAMIC)
            read_dynamic((const void *)(base + p[i].p_offset));
    }
}

static void show_mapping(void)
{
    char line[256], name[64];
    FILE *f = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, f)) {
        unsigned long start, end;
        char prot[8];
        if (sscanf(line, "%lx-%lx %4s %*s %*s 0 %63s", &start, &end, prot, name) == 4 && start <= (uintptr_t)base &&
            (uintptr_t)base < end)
            printf("mapped %s %s\n", prot, name);
    }
    fclose(f);
}

static int show_name(struct dl_phdr_info *info, size_t size, void *unused)
{
    if (strstr(info->dlpi_name, "vdso"))
        printf("listed %s %d\n", info->dlpi_name, info->dlpi_addr == (uintptr_t)base);
    return 0;
}

static int64_t nanoseconds(const struct timespec *t) { return t->tv_sec * 1000000000ll + t->tv_nsec; }

/* The vDSO's answer lies between two answers of the system call, or is the same error. */
static void compare_clock(clock_fn *get, long clock)
{
    struct timespec before = {-1, -1}, now = {-1, -1}, after = {-1, -1};
    long first = syscall(SYS_clock_gettime, clock, &before) ? -errno : 0;
    long result = get(clock, &now);
    syscall(SYS_clock_gettime, clock, &after);
    printf("clock %ld: %ld %d %d\n", clock, result, result == first,
           nanoseconds(&before) <= nanoseconds(&now) && nanoseconds(&now) <= nanoseconds(&after));
}

static void compare_clocks(clock_fn *get, clock_fn *resolution)
{
    for (long clock = 0; clock <= 11; clock++)
        if (clock != 8 && clock != 9) /* alarms: some kernels have none */
            compare_clock(get, clock);
    clockid_t own;
    pthread_getcpuclockid(pthread_self(), &own);
    struct timespec a, b;
    printf("thread's clock %ld\n", get(own, &a));
    printf("invalid %ld %ld\n", get(4711, &a), get(0x100000001, &a));
    bool same = true;
    for (long clock = 0; clock <= 7; clock++)
        same &= !resolution(clock, &a) && !syscall(SYS_clock_getres, clock, &b) && nanoseconds(&a) == nanoseconds(&b);
    printf("resolution %d %ld %ld\n", same, resolution(1, NULL), resolution(4711, &a));
}

static void compare_day(day_fn *get)
{
    struct timeval before, now, after;
    int zone[2] = {7, 7}, other[2] = {8, 8};
    syscall(SYS_gettimeofday, &before, NULL);
    long result = get(&now, NULL);
    syscall(SYS_gettimeofday, &after, NULL);
    printf("day %ld %d\n", result, !timercmp(&now, &before, <) && !timercmp(&after, &now, <));
    result = get(&now, zone);
    syscall(SYS_gettimeofday, NULL, other);
    printf("zone %ld %d\n", result, !memcmp(zone, other, sizeof zone) && !timercmp(&now, &before, <));
    printf("nothing %ld %ld\n", get(NULL, NULL), get(NULL, zone));
}

/* The kernel's functions die of a bad pointer or answer EFAULT. */
static void bad_pointer(clock_fn *get)
{
    pid_t child = fork();
    if (!child)
        _exit(get(CLOCK_MONOTONIC, (void *)16) == -EFAULT ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    printf("bad pointer %d\n", status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
}

typedef long random_fn(void *buf, size_t size, unsigned flags, void *state, size_t state_size);
enum { RANDOM_SIZE = 5000 };

/* The function fills BUF and says so; bytes that it leaves out stay zero, which no part of 32 is by chance. */
static bool fills(random_fn *get, size_t size, void *state, size_t state_size)
{
    static const char zeros[32];
    static char buf[RANDOM_SIZE + 1];
    memset(buf, 0, sizeof buf);
    bool good = get(buf, size, 0, state, state_size) == (long)size && !buf[size];
    for (size_t at = 0; at + sizeof zeros <= size; at += sizeof zeros)
        good &= memcmp(buf + at, zeros, sizeof zeros) != 0;
    return good;
}

/* Parent and child go on from one state with different bytes. */
static bool child_differs(random_fn *get, void *state, size_t state_size)
{
    char own[32], others[32] = {0};
    int ends[2], status;
    if (pipe(ends))
        return false;
    pid_t child = fork();
    if (!child) {
        bool good = get(own, sizeof own, 0, state, state_size) == sizeof own;
        _exit(good && write(ends[1], own, sizeof own) == sizeof own ? 0 : 1);
    }
    bool good = get(own, sizeof own, 0, state, state_size) == sizeof own;
    good &= read(ends[0], others, sizeof others) == sizeof others && waitpid(child, &status, 0) == child && !status;
    close(ends[0]), close(ends[1]);
    return good && memcmp(own, others, sizeof own);
}

/* Where the kernel has no states, it says so, and the function is the system call. */
static void random_bytes(random_fn *get)
{
    struct {
        uint32_t state_size, prot, flags, reserved[13];
    } params = {0};
    long result = get(NULL, 0, 0, &params, ~0ul);
    size_t size = result ? 0 : params.state_size;
    char *state = mmap(NULL, 4096, size ? (int)params.prot : PROT_READ, size ? (int)params.flags : MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("state %d %d\n", result == -ENOSYS || (!result && size && size <= 4096), state != MAP_FAILED);
    bool good = true;
    for (size_t n = 0; n < RANDOM_SIZE; n = 2 * n + 1)
        good &= fills(get, n, size ? state : NULL, size);
    printf("random %d without a state %d\n", good, fills(get, 100, NULL, 0));
    printf("child %d\n", child_differs(get, size ? state : NULL, size));
    char byte;
    printf("wrong flags %ld, wrong state %ld\n", get(&byte, 1, 0x100, state, size), get(&byte, 1, 0, state, size + 8));
    pid_t child = fork();
    if (!child)
        _exit(get((void *)16, 100, 0, size ? state : NULL, size) == -EFAULT ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    printf("bad pointer %d\n", status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
}

static sigjmp_buf back;
static uint32_t *at_fault;
static void *returns_to;

static void on_illegal(int sig, siginfo_t *info, void *context)
{
    at_fault = info->si_addr;
    siglongjmp(back, 1);
}

/* The host calls elsewhere: undefined instructions, as in a copy of the page. */
static void outside(clock_fn *get)
{
    struct timespec t;
    struct sigaction action = {.sa_sigaction = on_illegal, .sa_flags = SA_SIGINFO};
    sigaction(SIGILL, &action, NULL);
    char *copy = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(copy, base, 4096);
    __builtin___clear_cache(copy, copy + 4096);
    uint32_t *code = (uint32_t *)(copy + ((char *)get - base));
    at_fault = NULL;
    if (!sigsetjmp(back, 1))
        ((clock_fn *)code)(CLOCK_MONOTONIC, &t);
    printf("copy %d\n", at_fault == code);
    for (uint32_t udf = 0; udf < 5; udf++) {
        code[0] = udf;
        __builtin___clear_cache((char *)code, (char *)(code + 1));
        at_fault = NULL;
        if (!sigsetjmp(back, 1))
            ((clock_fn *)code)(CLOCK_MONOTONIC, &t);
        printf("udf %u: %d\n", udf, at_fault == code);
    }
}

static void on_signal(int sig) { returns_to = __builtin_return_address(0); }

/* A handler without a restorer returns into the vDSO. */
static void handler_return(const void *function)
{
    struct {
        void (*handler)(int);
        unsigned long flags, restorer, mask;
    } action = {.handler = on_signal};
    syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8);
    raise(SIGUSR1);
    printf("handler returns to it %d\n", returns_to == function);
}

/* A filter that refuses the system calls shows who still makes them. */
static void refused(clock_fn *get)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_gettimeofday, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    struct timespec t;
    struct timeval v;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    printf("filter %d\n", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
    printf("system call %ld\n", syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t));
    printf("C library %d %d\n", clock_gettime(CLOCK_MONOTONIC, &t), gettimeofday(&v, NULL));
    printf("vDSO %ld, processor time %ld\n", get(CLOCK_BOOTTIME, &t), get(CLOCK_PROCESS_CPUTIME_ID, &t));
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    find_object();
    if (!base)
        return 1;
    show_mapping();
    dl_iterate_phdr(show_name, NULL);
    clock_fn *get = look_up("__kernel_clock_gettime"), *resolution = look_up("__kernel_clock_getres");
    day_fn *day = look_up("__kernel_gettimeofday");
    const void *end_of_handler = look_up("__kernel_rt_sigreturn");
    printf("symbols %d %d %d %d %d\n", !!get, !!resolution, !!day, !!end_of_handler, !look_up("clock_gettime"));
    compare_clocks(get, resolution);
    compare_day(day);
    bad_pointer(get);
    random_fn *random = look_up("__kernel_getrandom");
    if (random)
        random_bytes(random);
    outside(get);
    handler_return(end_of_handler);
    refused(get);
    return 0;
}
