/* core_cases - core files of children that die in different ways: what a debugger would find in them. Linked at a fixed
 * address, so that the addresses here are those of the children. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__aarch64__)
enum { PC = 32, MACHINE = EM_AARCH64 };
#else
enum { PC = 16, MACHINE = EM_X86_64 };
#endif

static volatile uint64_t in_data = 1;
static volatile uint64_t untouched[4096] = {[2048] = 0x5555}; /* pages of the file beside some that are written */
extern const char __ehdr_start[];
static volatile uint64_t *shared; /* the child tells where its things are */
static char file[64];

static void name_file(int pid)
{
    strcpy(file, "core");
    if (access(file, F_OK))
        sprintf(file, "core.%d", pid);
}

/* -- Reading a core file -- */

static uint8_t *core;
static size_t core_size;

static const Elf64_Phdr *segments(void) { return (void *)(core + ((Elf64_Ehdr *)core)->e_phoff); }

/* The word at ADDR, or 0 if it is not there. */
static uint64_t peek(uint64_t addr)
{
    const Elf64_Phdr *p = segments();
    for (int i = 0; i < ((Elf64_Ehdr *)core)->e_phnum; i++)
        if (p[i].p_type == PT_LOAD && addr - p[i].p_vaddr < p[i].p_filesz)
            return *(uint64_t *)(core + p[i].p_offset + (addr - p[i].p_vaddr));
    return 0;
}

static int is_listed(uint64_t addr, uint64_t *in_file)
{
    const Elf64_Phdr *p = segments();
    for (int i = 0; i < ((Elf64_Ehdr *)core)->e_phnum; i++)
        if (p[i].p_type == PT_LOAD && addr - p[i].p_vaddr < p[i].p_memsz)
            return *in_file = p[i].p_filesz, 1;
    return 0;
}

/* Note number INDEX of TYPE; null: there are fewer. */
static void *note(uint32_t type, int index)
{
    const Elf64_Phdr *p = segments();
    uint8_t *at = core + p[0].p_offset, *end = at + p[0].p_filesz;
    while (at < end) {
        Elf64_Nhdr *n = (void *)at;
        uint8_t *desc = at + sizeof *n + (n->n_namesz + 3 & ~3u);
        if (n->n_type == type && index-- == 0)
            return desc;
        at = desc + (n->n_descsz + 3 & ~3u);
    }
    return NULL;
}

static void show(void (*dies)(void))
{
    Elf64_Ehdr *e = (void *)core;
    printf("  type %d machine %d notes %d\n", e->e_type, e->e_machine == MACHINE, segments()[0].p_type == PT_NOTE);
    struct elf_prstatus *s = note(NT_PRSTATUS, 0);
    uint64_t *regs = (void *)&s->pr_reg;
    siginfo_t *info = note(NT_SIGINFO, 0);
    struct elf_prpsinfo *ps = note(NT_PRPSINFO, 0);
    int threads = 0;
    while (note(NT_PRSTATUS, threads))
        threads++;
    printf("  signal %d code %d address %d thread %d of %d\n", s->pr_cursig, info->si_code,
           info->si_code > 0 ? (uint64_t)info->si_addr == (shared[4] ? shared[4] : 0x1230) : 0, s->pr_pid == (int)shared[3],
           threads);
    if (dies)
        printf("  pc in function %d\n", regs[PC] - (uint64_t)dies < 256);
    printf("  data %lx local %lx heap %lx\n", peek((uint64_t)&in_data), peek(shared[1]), peek(shared[2]));
    printf("  header %x untouched %lx\n", (unsigned)peek((uint64_t)__ehdr_start), peek((uint64_t)&untouched[2048]));
    printf("  name %s, words %d, auxv %d files %d fp %d\n", ps->pr_fname, (int)(strchr(ps->pr_psargs, ' ') != NULL),
           note(NT_AUXV, 0) != NULL, *(long *)note(NT_FILE, 0) > 0, note(NT_FPREGSET, threads - 1) != NULL);
    if (shared[4]) {
        uint64_t size = 1;
        int listed = is_listed(shared[4], &size);
        printf("  reserved: listed %d in file %ld;", listed, size);
        listed = is_listed(shared[5], &size);
        printf(" shared: listed %d in file %ld %lx\n", listed, size, peek(shared[5]));
    }
}

static void look(void (*dies)(void), int pid)
{
    struct stat st;
    name_file(pid);
    int fd = open(file, O_RDONLY);
    if (fd < 0) {
        puts("  no file");
        return;
    }
    fstat(fd, &st);
    printf("  mode %o\n", st.st_mode & 0777);
    core_size = st.st_size;
    core = mmap(NULL, core_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (core_size <= 8192)
        puts("  cut");
    else
        show(dies);
    munmap(core, core_size);
    close(fd);
    unlink(file);
}

/* -- Ways to die -- */

static void prepare(void)
{
    in_data = 0x1111;
    uint64_t *heap = malloc(100);
    *heap = 0x3333;
    shared[2] = (uint64_t)heap;
    shared[3] = gettid();
}

static __attribute__((noinline)) void bad_write(void)
{
    volatile uint64_t local = 0x2222;
    shared[1] = (uint64_t)&local;
    *(volatile int *)0x1230 = 1;
}

static __attribute__((noinline)) void bad_read(void)
{
    volatile uint64_t local = 0x2222;
    shared[1] = (uint64_t)&local;
    uint64_t *none = mmap(NULL, 1ul << 36, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint64_t *ours = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *ours = 0x4444;
    shared[4] = (uint64_t)none;
    shared[5] = (uint64_t)ours;
    in_data = *(volatile uint64_t *)none;
}

static void aborts(void) { abort(); }
static void traps(void) { raise(SIGTRAP); }
static void cpu_time(void) { raise(SIGXCPU); }
static void sigsys(void) { raise(SIGSYS); }
static void terminated(void) { raise(SIGTERM); }
static void waits(void)
{
    shared[0] = 1;
    for (;;)
        pause();
}
static void spins(void)
{
    shared[0] = 1;
    for (;;)
        ;
}
static void ignores(void)
{
    signal(SIGQUIT, SIG_IGN);
    raise(SIGQUIT);
    _exit(7);
}
static void not_dumpable(void)
{
    prctl(PR_SET_DUMPABLE, 0);
    abort();
}
static void *sleeper(void *p)
{
    for (;;)
        pause();
}
static void *spinner(void *p)
{
    __atomic_add_fetch(&shared[0], 1, __ATOMIC_SEQ_CST);
    for (;;)
        ;
}
static void *crasher(void *p)
{
    while (__atomic_load_n(&shared[0], __ATOMIC_SEQ_CST) < 2)
        ;
    shared[3] = gettid();
    bad_write();
    return p;
}
static void threads(void)
{
    pthread_t id;
    pthread_create(&id, NULL, sleeper, NULL);
    pthread_create(&id, NULL, spinner, NULL);
    pthread_create(&id, NULL, spinner, NULL);
    pthread_create(&id, NULL, crasher, NULL);
    pthread_join(id, NULL);
}
static void raised_limit(void)
{
    struct rlimit none = {0, RLIM_INFINITY}, all = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_CORE, &all);
    abort();
}
static void executed(void)
{
    execl("/proc/self/exe", "core_cases", "abort", NULL);
}

static void *counter(void *p)
{
    for (;;)
        __atomic_add_fetch(&shared[6], 1, __ATOMIC_SEQ_CST);
}
static void vfork_child(void)
{
    pthread_t id;
    pthread_create(&id, NULL, counter, NULL);
    pid_t pid = vfork();
    if (!pid) {
        bad_write();
        _exit(1);
    }
    waitpid(pid, NULL, 0);
    for (uint64_t before = shared[6]; shared[6] == before;)
        usleep(1000);
    _exit(7);
}

static void run(const char *title, void (*fn)(void), void (*dies)(void), rlim_t limit, int sent)
{
    struct rlimit l = {limit, RLIM_INFINITY};
    memset((void *)shared, 0, 4096);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        setrlimit(RLIMIT_CORE, &l);
        prepare();
        fn();
        _exit(1);
    }
    if (sent) {
        while (!shared[0])
            usleep(1000);
        usleep(20000);
        kill(pid, sent);
    }
    int status;
    waitpid(pid, &status, 0);
    printf("%s: signal %d exit %d\n", title, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
           WIFEXITED(status) ? WEXITSTATUS(status) : 0);
    printf("core flag %d\n", WIFSIGNALED(status) && WCOREDUMP(status));
    look(dies, pid);
}

static void show_limits(void)
{
    struct rlimit some = {123456, 1234567}, now;
    char line[256];
    setrlimit(RLIMIT_CORE, &some);
    getrlimit(RLIMIT_CORE, &now);
    printf("limit %ld %ld\n", now.rlim_cur, now.rlim_max);
    FILE *f = fopen("/proc/self/limits", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "Max core", 8))
            fputs(line, stdout);
    f = freopen("/proc/self/status", "r", f);
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "SigCgt", 6))
            fputs(line, stdout);
    fclose(f);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "abort"))
        abort();
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const rlim_t all = RLIM_INFINITY;
    run("bad write", bad_write, bad_write, all, 0);
    run("bad read", bad_read, bad_read, all, 0);
    run("abort", aborts, NULL, all, 0);
    run("trap", traps, NULL, all, 0);
    run("cpu time", cpu_time, NULL, all, 0);
    run("sigsys", sigsys, NULL, all, 0);
    run("quit while waiting", waits, NULL, all, SIGQUIT);
    run("quit while running", spins, spins, all, SIGQUIT);
    run("threads", threads, bad_write, all, 0);
    run("term", terminated, NULL, all, 0);
    run("ignored", ignores, NULL, all, 0);
    run("not dumpable", not_dumpable, NULL, all, 0);
    run("no limit left", bad_write, bad_write, 0, 0);
    run("small limit", bad_write, bad_write, 8192, 0);
    run("raised", raised_limit, NULL, all, 0);
    run("vfork", vfork_child, bad_write, all, 0);
    run("executed", executed, NULL, 8192, 0);
    show_limits();
    return 0;
}
