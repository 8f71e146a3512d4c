/* guest.h - what a guest architecture supplies to the translator and to the system-call layer. */
#pragma once
#include "core/ir.h"

struct cpu;
struct translator;
struct thread;
struct signal_delivery;
struct guest;

/* Size and shape of the guest's C types and calling convention for system calls. */
struct abi {
    uint8_t word_size; /* of long and pointers: 4 or 8 bytes */
    uint8_t align64;   /* alignment of 64-bit members: 8, or 4 on i386 */
    bool big_endian;
    bool generic_layouts; /* structures, flags and errno equal those of a 64-bit little-endian asm-generic host */
    uint8_t nr_reg;       /* gpr index: system call number */
    uint8_t arg_reg[6];   /* gpr indices: arguments */
    uint8_t ret_reg;      /* result or -errno */
    uint8_t sp_reg;
    const uint16_t *syscall_ids; /* number -> enum syscall_id (syscalls/ids.h), 0 = no such call */
    unsigned n_syscall_ids;
    /* A system call whose number or shape is the guest's own; see syscalls/README.md. */
    const char *platform;                                     /* AT_PLATFORM */
    uint64_t (*hwcap)(const struct guest *g, unsigned which); /* 0: AT_HWCAP, 1: AT_HWCAP2 */
    unsigned min_sigstack;                                    /* AT_MINSIGSTKSZ */
    /* Write the Features... part of /proc/cpuinfo for one processor into BUF. Returns its length. */
    size_t (*cpuinfo)(const struct guest *g, unsigned cpu_index, char *buf, size_t size);
    /* open() flag bits that differ from x86-64's: rows {guest, host}, ended by {0, 0}. Null: none. */
    const struct flag_row *open_flags;
    /* Push a signal frame and point the thread at the handler. Returns 0 or -EFAULT (stack not writable). */
    int (*signal_setup)(struct thread *t, const struct signal_delivery *d);
    /* Undo it (rt_sigreturn): restore state, return the mask in *mask and the alternate stack in stack[3] (sp, flags,
     * size). Returns 0 or -EFAULT. */
    int (*signal_return)(struct thread *t, uint64_t *mask, uint64_t stack[3]);
    /* Register set INDEX of a thread in a core file: its note's type in *TYPE, its bytes in BUF (1 KiB). The first is that of
     * NT_PRSTATUS. Returns the size; 0: there are no more. Null: guests of this kind have no core files. */
    size_t (*register_set)(const struct thread *t, unsigned index, uint32_t *type, uint8_t *buf);
    const struct vdso *vdso; /* null: none */
    uint8_t syscall_size; /* bytes of the system call instruction, to go back by for a restart */
    /* Thread pointer for CLONE_SETTLS, argument registers at thread start. */
    void (*set_tls)(struct cpu *cpu, uint64_t tls);
    /* PROT_* bits that only this guest has; called when a mapping gets one; bits for the code of a program or interpreter whose
     * property note has FEATURES (GNU_PROPERTY_*_FEATURE_1_AND). Null: there are none. */
    int (*extra_prot)(void);
    void (*extra_prot_used)(void);
    uint32_t extra_prot_mode; /* of the bits of cpu->mode: set from then on */
    int (*elf_prot)(uint32_t features);
    /* prctl options of the guest's CPU: true, and the result, if arg[0] is one. Null: there are none. */
    bool (*prctl)(struct thread *t, const uint64_t arg[6], long *result);
};

struct flag_row {
    uint32_t guest, host;
};

/* The shared object that the kernel puts into every process (loader/vdso.c makes it). Its code may contain host calls:
 * encodings that are undefined elsewhere, which the front end turns into calls of helpers (memory_is_vdso). */
enum { VDSO_MAX_FUNCTIONS = 8 };

struct vdso_function {
    const char *name;
    const void *code;
    unsigned size; /* bytes */
};

struct vdso {
    const char *version; /* of all symbols */
    const struct vdso_function *functions;
    unsigned n_functions;
    unsigned sigreturn; /* index of the one that handlers without a restorer return to */
};

/* One signal on its way to a handler; numbers are the generic (asm-generic, x86-64 and Arm) ones. */
struct signal_delivery {
    int signal;
    uint64_t handler, flags, restorer; /* of the guest's sigaction */
    uint64_t mask;                     /* blocked while the handler runs is the caller's affair: this one is saved */
    uint64_t alt_sp, alt_size;         /* alternate stack, and */
    int alt_flags;                     /* SS_ONSTACK, SS_DISABLE as ss_flags reports them before delivery */
    guest_addr sp;                     /* stack to push on: already the alternate stack's top if that is to be used */
    uint8_t info[128];                 /* siginfo_t in the guest's layout */
    uint64_t fault_address, fault_esr; /* for synchronous faults */
};

/* A register that is no variable of the IR, for tests and debuggers. */
struct guest_special {
    const char *name;
    uint64_t (*read)(struct cpu *cpu);
    void (*write)(struct cpu *cpu, uint64_t value);
};

struct guest_isa {
    const char *name;
    const struct ir_var *vars; /* guest registers: logs, golden tests and the gdb stub use these names */
    unsigned n_vars;
    const struct guest_special *specials; /* ended by a null name; null: none */
    const uint8_t *pins;       /* integer variables worth a host register, most used first; ended by 0xff */
    const uint8_t *vec_pins;   /* vector variables likewise */
    unsigned max_insn_bytes, insn_align;
    uint8_t ignored_bits;      /* highest bits of an address that accesses and jumps ignore (core/tagged.h) */
    void (*reset)(struct cpu *cpu, const struct guest *g);
    /* Translate the instruction at t->pc: append IR, set t->next_pc. False: undefined instruction (nothing emitted). */
    bool (*translate_insn)(struct translator *t);
    /* True if the flags are surely overwritten before they are read when execution goes on at PC. Bytes looked at are
     * reported by translate_depends(). LINK: the return address, if it is where the last call put it, else 0. */
    bool (*flags_dead)(struct translator *t, guest_addr pc, guest_addr link);
    /* A write by the instruction at PC faulted. True: it had been translated as one operation with the instructions that
     * follow it, which is exact for everything but this; from now on it is not, and has to be translated and run again.
     * Null: never. */
    bool (*split_again)(guest_addr pc);
    /* True if an indirect branch of kind cpu->branch_kind, not 0, may go to cpu->pc; else that is an undefined instruction. */
    bool (*may_land)(const struct cpu *cpu);
    /* Recompute cpu->mode from system registers. */
    uint32_t (*mode)(const struct cpu *cpu);
    /* Name of the instruction at BYTES for logs: its pattern's name, or "undefined". */
    const char *(*insn_name)(const uint8_t *bytes, unsigned *length);
    /* Accept "model[,feature=off...]" (-cpu). False: unknown; *bad says what. null text: default model. */
    bool (*set_cpu)(const char *text, const char **bad);
    /* What translation depends on besides code and mode: the CPU's features, into DST (zeroed, SIZE bytes). */
    void (*identify)(void *dst, size_t size);
    void (*list_cpus)(void (*out)(const char *line)); /* -cpu help */
};

/* One row of arch/guests.def. */
struct guest {
    const char *name;     /* "aarch64": qemu-NAME */
    const char *uname;    /* uname -m */
    uint16_t elf_machine; /* EM_* */
    uint8_t bits;         /* 32 or 64 */
    bool big_endian;
    const struct guest_isa *isa; /* null: known, not yet translated */
    const struct abi *abi;
};
