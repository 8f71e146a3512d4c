/* exec.c - find the program, follow its #! lines, load it with its interpreter, and make a thread
 * ready to run it. */
#include "loader/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/shebang.h"
#include "loader/vdso.h"
#include "syscalls/syscall.h"
#include "syscalls/task.h"

enum { STATUS_WRONG_ARCHITECTURE = 255, PAGE = 4096 };

/* Where position-independent programs go: far below the translator and the guest's mappings, room
 * for brk above. */
#define PROGRAM_BASE ((guest_addr)0x555500000000)

static void __attribute__((noreturn)) cannot_load(const char *path, int error)
{
    die("cannot load %s: %s", path, strerror(error));
}

static int open_retry(const char *path)
{
    int fd;
    do
        fd = fd_open(path, O_RDONLY);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* Open NAME as execvp would find it: in the folders of $PATH. Stores where it was in BUF. Returns
 * -1 if it is nowhere. */
static int open_in_path(const char *name, char *buf)
{
    const char *list = getenv("PATH");
    if (!list)
        list = "/usr/local/bin:/bin:/usr/bin";
    for (;;) {
        size_t n = strcspn(list, ":");
        int length = snprintf(buf, PATH_MAX, "%.*s%s%s", (int)n, list, n ? "/" : "./", name);
        int fd = length < PATH_MAX && !access(buf, X_OK) ? open_retry(buf) : -1;
        if (fd >= 0)
            return fd;
        if (!list[n])
            return -1;
        list += n + 1;
    }
}

/* The kernel's conditions on a file that is to be executed. 0, or an errno. */
static int check_executable(int fd)
{
    struct stat st;
    if (fstat(fd, &st))
        return errno;
    return S_ISREG(st.st_mode) && st.st_mode & 0111 ? 0 : EACCES;
}

static char *absolute(const char *path)
{
    char cwd[PATH_MAX], *result;
    if (path[0] == '/' || !getcwd(cwd, sizeof cwd) || cwd[0] != '/')
        return strdup(path);
    while (path[0] == '.' && path[1] == '/')
        for (path += 2; *path == '/';)
            path++;
    if (asprintf(&result, "%s/%s", strcmp(cwd, "/") ? cwd : "", path) < 0)
        die("out of memory");
    return result;
}

/* The file's name as the kernel knows it, with links resolved; without /proc, by walking PATH. */
static char *real_name(int fd, const char *path)
{
    char link[32], name[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, name, sizeof name - 1);
    if (n > 0 && name[0] == '/')
        return strndup(name, (size_t)n);
    return realpath(path, name) ? strdup(name) : absolute(path);
}

/* New argv for a script: interpreter, its argument, the script's path, the old arguments without
 * the first. */
static char **script_argv(const struct shebang *line, const char *script, char **argv)
{
    size_t n = 0, at = 0;
    while (argv[n])
        n++;
    char **list = calloc(n + 4, sizeof *list);
    if (!list)
        die("out of memory");
    list[at++] = strdup(line->interpreter);
    if (line->has_argument)
        list[at++] = strdup(line->argument);
    list[at++] = strdup(script);
    for (size_t i = 1; i < n; i++)
        list[at++] = argv[i];
    return list;
}

/* Follow #! lines from program->fd until something that is not a script. */
static void follow_scripts(struct exec_program *p, const char *path)
{
    char buf[PATH_MAX];
    for (unsigned level = 0;; level++) {
        char start[SHEBANG_SIZE];
        struct shebang line;
        int error = check_executable(p->fd);
        if (error)
            cannot_load(path, error);
        ssize_t n = pread(p->fd, start, sizeof start, 0);
        if (n < 0)
            cannot_load(path, errno);
        int kind = shebang_parse(start, (size_t)n, &line);
        if (kind < 0)
            die("cannot load %s: %s (its #! line names no interpreter)", path, strerror(-kind));
        if (!kind)
            break;
        if (level == SHEBANG_LEVELS)
            cannot_load(path, ELOOP);
        p->argv = script_argv(&line, path, p->argv);
        int fd = open_retry(path_translate(line.interpreter, buf));
        if (fd < 0) {
            size_t length = strcspn(line.interpreter, "\r");
            die("cannot load %s: its interpreter %.*s%s: %s", path, (int)length, line.interpreter,
                line.interpreter[length] ? ", whose name ends in a carriage return (a DOS line end)"
                                         : "",
                strerror(errno));
        }
        close(p->fd);
        p->fd = fd;
        path = strdup(line.interpreter);
    }
    p->path = real_name(p->fd, path);
}

/* Say that an ELF file is for something else than EXPECTED (null: than any guest known here). */
static void __attribute__((noreturn))
wrong_architecture(const struct exec_program *p, const struct elf_image *image, const char *path,
                   const struct guest *is, const struct guest *expected)
{
    char what[96];
    (void)p;
    elf_describe(image, is ? is->uname : NULL, what, sizeof what);
    if (expected)
        die_status(STATUS_WRONG_ARCHITECTURE,
                   "%s: Invalid ELF image for this architecture: it is %s; expected one for %s "
                   "(%u-bit %s-endian)",
                   path, what, expected->uname, expected->bits,
                   expected->big_endian ? "big" : "little");
    die_status(STATUS_WRONG_ARCHITECTURE,
               "%s: Invalid ELF image for this architecture: it is %s, which cannot be "
               "translated%s",
               path, what, is ? " yet" : "");
}

/* Read the header of FD, which must be of GUEST (null: any that can be translated). Returns the
 * guest. */
static const struct guest *read_elf(const struct exec_program *p, int fd, const char *path,
                                    const struct guest *guest, struct elf_image *image)
{
    int error = elf_read(fd, image);
    const struct guest *is = image->machine ? p->request->find_guest(image->head) : NULL;
    /* A foreign program is called foreign, even if it is damaged too. */
    if (image->machine && ((guest && is != guest) || (!guest && !(is && is->isa)))) {
        const struct exec_request *r = p->request;
        if (!guest && is && r->is_native && r->is_native(is)) {
            execve(p->execfn, r->argv, r->envp);
            cannot_load(p->execfn, errno);
        }
        wrong_architecture(p, image, path, is, guest);
    }
    if (error)
        die("cannot load %s: %s (the file %s)", path, strerror(-error), image->error);
    return is;
}

void exec_find(const struct exec_request *request, struct exec_program *p)
{
    char buf[PATH_MAX];
    const char *path = request->path;
    p->request = request; /* the rest is zero, and most of it stays untouched memory */
    p->fd = request->fd;
    p->argv = request->argv;
    p->interp_fd = -1;
    if (p->fd >= 0) {
        fcntl(p->fd, F_SETFD, FD_CLOEXEC);
    } else if ((p->fd = open_retry(path)) < 0 && errno == ENOENT && request->search_path &&
               path[0] && !strchr(path, '/')) {
        p->fd = open_in_path(path, buf);
        if (p->fd < 0)
            errno = ENOENT;
        else
            path = buf;
    }
    if (p->fd < 0)
        cannot_load(path, errno);
    p->execfn = request->execfn ? request->execfn : strdup(path);
    follow_scripts(p, path);
    p->guest = read_elf(p, p->fd, p->path, request->guest, &p->image);
    if (request->guest_known)
        request->guest_known(p->guest);

    if (!p->image.has_interp)
        return;
    p->interp_path = strdup(path_translate(p->image.interp, buf));
    p->interp_fd = open_retry(p->interp_path);
    if (p->interp_fd < 0)
        die("Could not open '%s': %s; %s is a dynamic program for %s, and -L DIR or "
            "QEMU_LD_PREFIX names the folder that holds its libraries",
            p->image.interp, strerror(errno), p->path, p->guest->uname);
    int error = check_executable(p->interp_fd);
    if (error)
        cannot_load(p->interp_path, error);
    read_elf(p, p->interp_fd, p->interp_path, p->guest, &p->interp);
}

/* Only the interpreter, or a program without one: for all other files the interpreter sees to it. */
static void guard_code(const struct abi *abi, struct elf_image *image)
{
    int extra = abi->elf_prot ? abi->elf_prot(image->features) : 0;
    for (unsigned i = 0; i < image->n_segments && extra; i++)
        if (image->segment[i].prot & PROT_EXEC)
            image->segment[i].prot |= extra;
    if (extra)
        abi->extra_prot_used();
}

static void map_or_die(struct elf_image *image, int fd, const char *path, guest_addr hint,
                       struct elf_mapping *out)
{
    int error = elf_map(image, fd, path, hint, out);
    if (error)
        die("cannot load %s: %s (the file %s)", path, strerror(-error), image->error);
}

/* The kernel's name for the process: the file's, without what readlink adds to one that was
 * deleted. */
static void set_comm(const char *path)
{
    static const char deleted[] = " (deleted)";
    const char *base = strrchr(path, '/');
    char name[PATH_MAX];
    size_t n = (size_t)snprintf(name, sizeof name, "%s", base ? base + 1 : path),
           m = sizeof deleted - 1;
    if (n > m && n < sizeof name && !strcmp(name + n - m, deleted))
        name[n - m] = 0;
    prctl(PR_SET_NAME, name, 0, 0, 0);
}

void exec_load(struct exec_program *p, struct thread *thread)
{
    const struct exec_request *r = p->request;
    struct elf_mapping program, interp;
    uint64_t random[4];
    random_bytes(random, sizeof random);

    guest_addr hint = PROGRAM_BASE + (random[2] >> 40) * PAGE; /* 24 bits of pages: 64 GiB */
    guard_code(p->guest->abi, p->interp_fd >= 0 ? &p->interp : &p->image);
    map_or_die(&p->image, p->fd, p->path, hint, &program);
    if (p->interp_fd >= 0) {
        map_or_die(&p->interp, p->interp_fd, p->interp_path, 0, &interp);
        close(p->interp_fd);
    }
    /* The kernel's own choice would be our name, or a descriptor's number. */
    const char *name = p->execfn;
    if (!strncmp(name, "/dev/fd/", 8) && !strchr(name + 8, '/'))
        name = p->path; /* started by descriptor */
    set_comm(name);
    process.guest = p->guest;
    process.exe = p->path;
    process.exe_fd = fd_move_high(p->fd);
    process.start_code = program.code_start;
    process.end_code = program.code_end;
    process.start_data = program.data_start;
    process.end_data = program.data_end;
    process.brk_start = process.brk_end = program.end;

    struct stack_request stack = {
        .guest = p->guest,
        .argv = p->argv,
        .envp = r->envp,
        .execfn = p->execfn,
        .image = &p->image,
        .mapping = &program,
        .interp = p->interp_fd >= 0 ? &interp : NULL,
        .vdso = vdso_map(p->guest),
        .size = r->stack_size,
        .executable = p->image.exec_stack,
        .secure = r->secure,
        .skew = random[3] >> 51,
    };
    memcpy(stack.random, random, sizeof stack.random);
    thread->cpu.gpr[p->guest->abi->sp_reg] = stack_build(&stack);
    thread->cpu.pc = p->interp_fd >= 0 ? interp.entry : program.entry;
}
