/* bpf.h - classic BPF programs as seccomp takes them: checked once, run per system call. */
#pragma once
#include <linux/seccomp.h> /* struct seccomp_data, what a filter reads */
#include "core/types.h"

struct bpf_insn { /* struct sock_filter of the kernel */
    uint16_t code;
    uint8_t jump_true, jump_false;
    uint32_t k;
};

enum { BPF_MAX_INSNS = 4096 };

/* True if the kernel would accept the N instructions at CODE as a filter: known operations, jumps
 * forward and inside, no scratch word read before it is written, an end that returns. */
bool bpf_check(const struct bpf_insn *code, unsigned n);
/* Run a checked program on DATA. Returns its verdict (SECCOMP_RET_* with data). */
uint32_t bpf_run(const struct bpf_insn *code, const struct seccomp_data *data);
