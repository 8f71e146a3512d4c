/* exec.c - execve and execveat: who runs the new program.
 *
 * The file's ELF header, or that of the interpreter at the end of its #! chain, decides. Programs
 * of the guest start this binary again, through a descriptor that is kept open, so neither
 * binfmt_misc nor /proc nor the file's name in the guest's root is needed; loader/exec.h says how
 * arguments travel. Everything else is handed to the kernel as it is, which also gives every error:
 * a file is only taken for the guest's if it would surely start. */
#include "syscalls/task.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/shebang.h"
#include "syscalls/limits.h"
#include "syscalls/seccomp.h"
#include "syscalls/syscall.h"

enum {
    MAX_OWN_ARGS = 80,
    MAX_WORDS = 1 << 22,
    BAD_POINTER = 8,
    HOST_AT_EMPTY_PATH = 0x1000,
    HOST_AT_EACCESS = 0x200,
    HOST_AT_SYMLINK_NOFOLLOW = 0x100
};

struct exec_call {
    int dirfd, flags;
    guest_addr path_addr, argv_addr, envp_addr;
    char path[PATH_MAX];
    char name[PATH_MAX + 32]; /* what the program is told: PATH, or /dev/fd/... */
    char **words;             /* argv with room for our own words before it, then envp */
    size_t argc, envc;
    int fd, error; /* the file, or -1 and why */
    bool is_script, is_set_id;
};

/* -- What is the file? -- */

static bool is_executable_fd(int fd)
{
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return false;
    /* Kernels since 6.8 look at the file before they look at the arguments, here a bad pointer:
     * only they know whether it is open for writing, and by whom. */
    long error = host_syscall(HOST_NR_execveat, (uint64_t)fd, (uintptr_t) "", BAD_POINTER, 0,
                              HOST_AT_EMPTY_PATH, 0);
    if (error == -ETXTBSY || error == -EACCES)
        return false;
    long r = host_syscall(HOST_NR_faccessat2, (uint64_t)fd, (uintptr_t) "", X_OK,
                          HOST_AT_EACCESS | HOST_AT_EMPTY_PATH, 0, 0);
    if (r != -ENOSYS)
        return r == 0;
    return st.st_mode &
           (S_IXUSR | S_IXGRP | S_IXOTH); /* kernels before 5.8: the new process finds out */
}

static int open_program(int dirfd, const char *path, int extra)
{
    return openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | extra);
}

/* 0 if the ELF interpreter exists and is an ELF file of the same machine, else the kernel's errno.
 */
static int check_interpreter(const char *path, uint16_t machine)
{
    char buf[PATH_MAX];
    Elf64_Ehdr head;
    int fd = open_program(AT_FDCWD, path_translate(path, buf), 0);
    if (fd < 0)
        return -errno;
    int error = !is_executable_fd(fd)                                                ? -EACCES
                : pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head)         ? -EIO
                : memcmp(head.e_ident, ELFMAG, SELFMAG) || head.e_machine != machine ? -ELIBBAD
                                                                                     : 0;
    close(fd);
    return error;
}

/* 1: a program of GUEST that will surely start; 0: not for GUEST; -errno: for GUEST, but the kernel
 * would refuse it. Only 64-bit little-endian guests exist so far. */
static int is_guest_elf(const struct guest *guest, int fd, const Elf64_Ehdr *head, size_t n)
{
    Elf64_Phdr ph;
    if (n < offsetof(Elf64_Ehdr, e_version) || memcmp(head->e_ident, ELFMAG, SELFMAG))
        return 0;
    if (guest->bits != 64 || guest->big_endian || head->e_ident[EI_CLASS] != ELFCLASS64 ||
        head->e_ident[EI_DATA] != ELFDATA2LSB || head->e_machine != guest->elf_machine)
        return 0;
    if (n < sizeof(*head) || (head->e_type != ET_EXEC && head->e_type != ET_DYN) ||
        head->e_phentsize != sizeof(ph) || !head->e_phnum)
        return -ENOEXEC;
    for (unsigned i = 0; i < head->e_phnum; i++) {
        char interp[PATH_MAX];
        if (pread(fd, &ph, sizeof(ph), (off_t)(head->e_phoff + i * sizeof(ph))) !=
            (ssize_t)sizeof(ph))
            return -ENOEXEC;
        if (ph.p_type != PT_INTERP)
            continue;
        if (ph.p_filesz < 2 || ph.p_filesz > sizeof(interp) ||
            pread(fd, interp, ph.p_filesz, (off_t)ph.p_offset) != (ssize_t)ph.p_filesz ||
            interp[ph.p_filesz - 1])
            return -ENOEXEC;
        int error = check_interpreter(interp, guest->elf_machine);
        return error ? error : 1;
    }
    return 1;
}

/* Follow the #! chain from FD (not closed). 1: a program of the guest runs at its end; 0: something
 * else, the kernel knows what; -errno: one of the guest that the kernel would refuse. */
static int ends_in_guest(const struct guest *guest, int fd, bool *is_script)
{
    int current = fd, result = 0;
    *is_script = false;
    for (unsigned level = 0; level <= SHEBANG_LEVELS; level++) {
        union {
            char text[SHEBANG_SIZE];
            Elf64_Ehdr elf;
        } start;
        struct shebang line;
        char buf[PATH_MAX];
        ssize_t n =
            is_executable_fd(current) ? pread(current, start.text, sizeof(start.text), 0) : -1;
        if (n < 0)
            break;
        int kind = shebang_parse(start.text, (size_t)n, &line);
        if (kind <= 0) {
            result = kind ? 0 : is_guest_elf(guest, current, &start.elf, (size_t)n);
            break;
        }
        *is_script = true;
        int next = open_program(AT_FDCWD,
                                path_translate(proc_translate(AT_FDCWD, line.interpreter), buf), 0);
        if (current != fd)
            close(current);
        current = next;
        if (current < 0)
            return errno == EMFILE ? -EMFILE : 0;
    }
    if (current != fd)
        close(current);
    return result;
}

/* -- Arguments -- */

/* Number of pointers in the null-ended array at ADDR, or -errno. Null: an empty one. */
static long count_words(guest_addr addr)
{
    for (long n = 0; addr; n++) {
        uint64_t word;
        if (n == MAX_WORDS)
            return -E2BIG;
        if (memory_read(&word, addr + (uint64_t)n * sizeof(word), sizeof(word)))
            return -EFAULT;
        if (!word)
            return n;
    }
    return 0;
}

/* The strings stay where they are: the kernel copies them, and answers EFAULT, itself. */
static int read_words(struct exec_call *c, struct task *task)
{
    long argc = count_words(c->argv_addr), envc = argc < 0 ? 0 : count_words(c->envp_addr);
    if (argc < 0 || envc < 0)
        return (int)(argc < 0 ? argc : envc);
    free(task->exec_words);
    /* Owned by the task: after a successful exec in a vfork child the parent frees it. */
    c->words = task->exec_words = calloc((size_t)(MAX_OWN_ARGS + argc + envc + 3), sizeof(char *));
    if (!c->words)
        return -ENOMEM;
    char **argv = c->words + MAX_OWN_ARGS;
    c->argc = (size_t)argc;
    c->envc = (size_t)envc;
    if (argc && memory_read(argv, c->argv_addr, c->argc * sizeof(*argv)))
        return -EFAULT;
    /* Since Linux 5.18 nobody is started without an argv[0]. */
    if (!argc)
        argv[c->argc++] = (char *)"";
    char **envp = argv + c->argc + 1;
    return envc && memory_read(envp, c->envp_addr, c->envc * sizeof(*envp)) ? -EFAULT : 0;
}

/* What the kernel calls the program in AT_EXECFN and to a script's interpreter. */
static void make_name(struct exec_call *c)
{
    if (c->dirfd == AT_FDCWD || c->path[0] == '/')
        snprintf(c->name, sizeof(c->name), "%s", c->path);
    else if (!c->path[0])
        snprintf(c->name, sizeof(c->name), "/dev/fd/%d", c->dirfd);
    else
        snprintf(c->name, sizeof(c->name), "/dev/fd/%d/%s", c->dirfd, c->path);
}

/* Put our own words before the guest's argv. Returns where they begin. */
static char **prepend_own_words(struct exec_call *c, const int fd[3], char text[3][16])
{
    const char *own[MAX_OWN_ARGS];
    size_t n = 0;
    own[n++] = process.self_name;
    for (size_t i = 0; process.self_args && process.self_args[i] && n < MAX_OWN_ARGS - 8; i++)
        own[n++] = process.self_args[i];
    static const char *const option[] = {"-selffd", "-execfd", "-seccompfd"};
    for (size_t i = 0; i < ARRAY_SIZE(option); i++) {
        if (fd[i] < 0)
            continue;
        snprintf(text[i], sizeof(text[i]), "%d", fd[i]);
        own[n++] = option[i];
        own[n++] = text[i];
    }
    own[n++] = "--";
    own[n++] = c->name;
    char **at = c->words + MAX_OWN_ARGS - n;
    memcpy(at, own, n * sizeof(*own));
    return at;
}

/* -- The call -- */

static long call_kernel(struct thread *t, int dirfd, uintptr_t path, char **argv, char **envp,
                        int flags)
{
    if (!signal_before_exec(t->task))
        return -ERESTARTNOINTR;
    limits_before_exec();
    long r = safe_syscall(t, HOST_NR_execveat, (uint64_t)dirfd, path, (uintptr_t)argv,
                          (uintptr_t)envp, (uint64_t)flags, 0);
    limits_after_failed_exec();
    signal_after_failed_exec(t->task);
    return r;
}

/* A program of the host cannot be held to filters made for the guest's system calls. */
static long refuse_native(struct exec_call *c)
{
    char start[SELFMAG] = "";
    if (c->fd < 0)
        return -c->error;
    if (!is_executable_fd(c->fd) || pread(c->fd, start, sizeof(start), 0) < 0)
        return -EACCES;
    if (memcmp(start, ELFMAG, SELFMAG) && memcmp(start, "#!", 2))
        return -ENOEXEC;
    log_write("%s cannot be started under a seccomp filter: not a program that is translated\n",
              c->name);
    return -EPERM;
}

static long run_native(struct thread *t, struct exec_call *c)
{
    if (t->task->seccomp_mode)
        return refuse_native(c);
    char **argv = c->words + MAX_OWN_ARGS;
    return call_kernel(t, c->dirfd, (uintptr_t)c->path, argv, argv + c->argc + 1, c->flags);
}

static long run_translated(struct thread *t, struct exec_call *c)
{
    char text[3][16];
    int filters = -1;
    if (t->task->seccomp_mode && (filters = seccomp_save(t->task)) < 0)
        return -errno;
    char **argv = prepend_own_words(c, (int[]){process.self_fd, c->fd, filters}, text);
    /* Both go on into the new process; copies could fail where descriptors are short. */
    fcntl(process.self_fd, F_SETFD, 0);
    fcntl(c->fd, F_SETFD, 0);
    if (filters >= 0)
        fcntl(filters, F_SETFD, 0);
    long r = call_kernel(t, process.self_fd, (uintptr_t) "", argv,
                         c->words + MAX_OWN_ARGS + c->argc + 1, HOST_AT_EMPTY_PATH);
    fcntl(process.self_fd, F_SETFD, FD_CLOEXEC);
    if (filters >= 0)
        close(filters);
    return r;
}

/* True if the descriptor that names the program is closed before a script's interpreter could open
 * /dev/fd/N. */
static bool name_will_vanish(const struct exec_call *c)
{
    if (c->dirfd == AT_FDCWD || c->path[0] == '/')
        return false;
    int flags = fcntl(c->dirfd, F_GETFD);
    return flags >= 0 && flags & FD_CLOEXEC;
}

static bool changes_ids(int fd)
{
    struct stat st;
    if (fstat(fd, &st))
        return false;
    return (st.st_mode & S_ISUID && st.st_uid != geteuid()) ||
           ((st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && st.st_gid != getegid());
}

static int open_target(struct exec_call *c)
{
    if (c->path[0])
        return open_program(c->dirfd, c->path,
                            c->flags & HOST_AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0);
    if (!(c->flags & HOST_AT_EMPTY_PATH))
        return errno = ENOENT, -1;
    /* A descriptor may be O_PATH or write-only: open the file anew where /proc allows. */
    char link[32];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", c->dirfd);
    int fd = open_program(AT_FDCWD, link, 0);
    return fd >= 0 ? fd : fcntl(c->dirfd, F_DUPFD_CLOEXEC, 3);
}

/* Open the file and see what it is: as ends_in_guest. */
static int look_at_target(struct thread *t, struct exec_call *c)
{
    c->fd = open_target(c);
    if (c->fd < 0 && (errno == EMFILE || errno == ENFILE))
        return -errno;
    c->error = c->fd < 0 ? errno : 0;
    return c->fd >= 0 ? ends_in_guest(t->guest, c->fd, &c->is_script) : 0;
}

/* The kernel's execve needs no descriptors. Where there are none left for ours, the limit is lifted
 * for the moment of looking; what is open by then stays open. */
static int look_beyond_limit(struct thread *t, struct exec_call *c)
{
    enum { ROOM = 8 };
    struct rlimit limit, lifted;
    int kind = look_at_target(t, c);
    if (kind != -EMFILE || getrlimit(RLIMIT_NOFILE, &limit))
        return kind;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    lifted.rlim_cur = limit.rlim_cur + ROOM;
    lifted.rlim_max = limit.rlim_max > lifted.rlim_cur ? limit.rlim_max : lifted.rlim_cur;
    if (setrlimit(RLIMIT_NOFILE, &lifted))
        return kind;
    kind = look_at_target(t, c);
    setrlimit(RLIMIT_NOFILE, &limit);
    return kind;
}

static long exec_program(struct thread *t, struct exec_call *c)
{
    int kind = look_beyond_limit(t, c);
    bool is_guest = kind > 0;
    if (kind < 0)
        return kind;
    if (c->fd >= 0 && !t->task->in_vfork)
        cache_save(true); /* this program's translations go with its memory */
    /* With set-id bits only the kernel can help: by binfmt_misc with the C flag. */
    if (!is_guest || (!c->is_script && changes_ids(c->fd))) {
        long r = run_native(t, c);
        if (!is_guest || r != -ENOEXEC)
            return r;
    }
    if (c->is_script && name_will_vanish(c))
        return -ENOENT;
    if (process.self_fd < 0) {
        long r = run_native(t, c);
        if (r == -ENOEXEC)
            log_write("cannot start %s: the translator's own file is not reachable here\n",
                      c->name);
        return r;
    }
    return run_translated(t, c);
}

static long exec_call(struct thread *t, struct exec_call *c)
{
    char buf[PATH_MAX];
    ssize_t n = memory_read_string(c->path, c->path_addr, sizeof(c->path));
    if (n < 0)
        return n;
    const char *path = proc_translate(c->dirfd, c->path);
    /* The program is told the name that was asked for, unless that leads nowhere but by our
     * translation. */
    if (path == c->path || !access("/proc/self/exe", F_OK))
        make_name(c);
    else
        snprintf(c->name, sizeof(c->name), "%s", path);
    path = path_translate(path, buf);
    if (path != c->path)
        snprintf(c->path, sizeof(c->path), "%s", path);
    int r = read_words(c, t->task);
    if (r)
        return r;
    c->fd = -1;
    long result = exec_program(t, c);
    if (c->fd >= 0)
        close(c->fd);
    return result;
}

/* The buffers are too large for the stack of every thread. */
static long exec_from(struct thread *t, int dirfd, guest_addr path, guest_addr argv,
                      guest_addr envp, int flags)
{
    if (flags & ~(HOST_AT_EMPTY_PATH | HOST_AT_SYMLINK_NOFOLLOW))
        return -EINVAL;
    struct exec_call *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->dirfd = dirfd;
    c->flags = flags;
    c->path_addr = path;
    c->argv_addr = argv;
    c->envp_addr = envp;
    free(t->task->exec_call);
    t->task->exec_call = c;
    return exec_call(t, c);
}

long sys_execve(struct thread *t, const uint64_t arg[6])
{
    return exec_from(t, AT_FDCWD, arg[0], arg[1], arg[2], 0);
}

long sys_execveat(struct thread *t, const uint64_t arg[6])
{
    return exec_from(t, (int)arg[0], arg[1], arg[2], arg[3], (int)arg[4]);
}
