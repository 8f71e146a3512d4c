/* exec.h - from a path and arguments to a thread that is ready to run.
 *
 * How this binary starts itself again for a guest's execve (syscalls/exec.c):
 *
 *   argv = { process.self_name, process.self_args..., "-selffd", "M", "-execfd", "N",
 *            "-seccompfd", "F", "--", PATH, ARGV0, ARG... }
 *
 * process.self_args are options given to this process that are for its children too, and what it
 * found out about the host's CPU ("-hostcpu"). M is process.self_fd and N an open descriptor of the
 * file that execve named, the ELF program or the script, both without close-on-exec; the new process
 * makes them its own. F is there if the thread had seccomp filters: a file that holds them
 * (syscalls/seccomp.c). PATH is what execve was given (AT_EXECFN, and what a script's interpreter
 * sees); ARGV0, ARG... is the guest's argv exactly; ARGV0 is absent if that is empty. The
 * environment is the guest's. */
#pragma once
#include "core/thread.h"
#include "loader/elf.h"

struct exec_request {
    const struct guest *guest; /* what the program must be for; null: whatever its header says */
    const struct guest *(*find_guest)(const uint8_t head[40]); /* guest_by_elf */
    /* True: programs for this guest need no translator, they are executed. Null: never so. */
    bool (*is_native)(const struct guest *guest);
    /* Called before the guest's interpreter is looked up; may be null. */
    void (*guest_known)(const struct guest *guest);
    const char *path;    /* of the program, for messages and AT_EXECFN */
    int fd;              /* open file, or -1: open PATH. Closed or kept by the loader */
    char **argv, **envp; /* the guest's, null-ended */
    const char *execfn;  /* AT_EXECFN; null: PATH */
    bool search_path;    /* a PATH without a slash that does not exist is looked up in $PATH */
    bool secure;         /* AT_SECURE */
    uint64_t stack_size; /* bytes */
};

/* A program found and checked, before anything is mapped. */
struct exec_program {
    const struct exec_request *request;
    const struct guest *guest;
    int fd;      /* of the ELF file that will run */
    char *path;  /* of that file, made absolute where possible */
    char **argv; /* after #! lines were applied */
    const char *execfn;
    int interp_fd;
    char *interp_path;
    struct elf_image image, interp; /* interp is valid if image.has_interp */
};

/* Find the program that REQUEST means: follow #! lines, read its header and its interpreter's.
 * PROGRAM is zeroed memory. Returns on success; otherwise prints what is wrong and exits with the status that a shell's users
 * expect (255 wrong architecture, else 1). */
void exec_find(const struct exec_request *request, struct exec_program *program);

/* Map the program and build its stack; fill in `process` (syscalls/task.h) and the registers of
 * THREAD. Exits on errors. */
void exec_load(struct exec_program *program, struct thread *thread);

/* stack.c */

struct stack_request {
    const struct guest *guest;
    char **argv, **envp;
    const char *execfn;
    const struct elf_image *image;
    const struct elf_mapping *mapping, *interp; /* interp may be null */
    guest_addr vdso;                            /* 0: none */
    uint64_t size;
    bool executable, secure;
    uint8_t random[16];
    unsigned skew; /* bytes below the top left free, at random */
};

/* Map the guest's stack and fill it as execve does; fill in the stack's part of `process`. Returns
 * the stack pointer. Exits if memory is short. */
guest_addr stack_build(const struct stack_request *request);
