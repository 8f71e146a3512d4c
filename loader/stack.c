/* stack.c - the stack of a new program: strings, auxiliary vector, environment, arguments.
 *
 * From the top down, as the kernel's exec leaves it: a null word, the file name, the environment's
 * and the arguments' strings, the platform string, 16 random bytes, and below them, 16-byte
 * aligned, argc, argv, envp and the vector. */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/log.h"
#include "core/memory.h"
#include "loader/exec.h"
#include "syscalls/task.h"

enum { PAGE = 4096, GUARD = 1 << 20, MAX_AUXV = 32, CLOCK_TICKS = 100 };

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

/* A place in the new stack that moves down as things are put on it. */
struct stack {
    const struct abi *abi;
    guest_addr sp;
};

static guest_addr push_bytes(struct stack *s, const void *bytes, size_t n)
{
    s->sp -= n;
    memcpy(memory_host(s->sp), bytes, n);
    return s->sp;
}

static void put_word(const struct stack *s, guest_addr *at, uint64_t value)
{
    uint8_t *p = memory_host(*at);
    unsigned n = s->abi->word_size;
    for (unsigned i = 0; i < n; i++)
        p[s->abi->big_endian ? n - 1 - i : i] = (uint8_t)(value >> 8 * i);
    *at += n;
}

static size_t count(char **list)
{
    size_t n = 0;
    while (list[n])
        n++;
    return n;
}

static size_t bytes_of(char **list)
{
    size_t n = 0;
    for (; *list; list++)
        n += strlen(*list) + 1 + 2 * sizeof(uint64_t);
    return n;
}

/* Put the strings of LIST on the stack so that the first lies lowest. Returns where that is. */
static guest_addr push_strings(struct stack *s, char **list)
{
    for (size_t i = count(list); i--;)
        push_bytes(s, list[i], strlen(list[i]) + 1);
    return s->sp;
}

static void put_pointers(const struct stack *s, guest_addr *at, char **list, guest_addr strings)
{
    for (; *list; list++) {
        put_word(s, at, strings);
        strings += strlen(*list) + 1;
    }
    put_word(s, at, 0);
}

struct aux {
    uint64_t type, value;
};

static unsigned fill_auxv(const struct stack_request *r, struct aux *v, guest_addr platform,
                          guest_addr random, guest_addr execfn)
{
    const struct abi *abi = r->guest->abi;
    unsigned n = 0;
    if (r->vdso)
        v[n++] = (struct aux){AT_SYSINFO_EHDR, r->vdso};
    if (abi->min_sigstack)
        v[n++] = (struct aux){AT_MINSIGSTKSZ, abi->min_sigstack};
    v[n++] = (struct aux){AT_HWCAP, abi->hwcap ? abi->hwcap(r->guest, 0) : 0};
    v[n++] = (struct aux){AT_PAGESZ, PAGE};
    v[n++] = (struct aux){AT_CLKTCK, CLOCK_TICKS};
    v[n++] = (struct aux){AT_PHDR, r->mapping->phdr};
    v[n++] = (struct aux){AT_PHENT, r->image->phentsize};
    v[n++] = (struct aux){AT_PHNUM, r->image->phnum};
    v[n++] = (struct aux){AT_BASE, r->interp ? r->interp->bias : 0};
    v[n++] = (struct aux){AT_FLAGS, 0};
    v[n++] = (struct aux){AT_ENTRY, r->mapping->entry};
    v[n++] = (struct aux){AT_UID, getauxval(AT_UID)};
    v[n++] = (struct aux){AT_EUID, getauxval(AT_EUID)};
    v[n++] = (struct aux){AT_GID, getauxval(AT_GID)};
    v[n++] = (struct aux){AT_EGID, getauxval(AT_EGID)};
    v[n++] = (struct aux){AT_SECURE, r->secure};
    v[n++] = (struct aux){AT_RANDOM, random};
    v[n++] = (struct aux){AT_HWCAP2, abi->hwcap ? abi->hwcap(r->guest, 1) : 0};
    v[n++] = (struct aux){AT_EXECFN, execfn};
    if (platform)
        v[n++] = (struct aux){AT_PLATFORM, platform};
    v[n++] = (struct aux){AT_NULL, 0};
    return n;
}

static guest_addr map_stack(const struct stack_request *r, uint64_t size)
{
    enum { USED_SOON = 16 << 10 };
    int prot = PROT_READ | PROT_WRITE;
    uint8_t *p =
        mmap(NULL, GUARD + size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED || mprotect(p + GUARD, size, prot))
        die("cannot allocate a guest stack of %llu bytes: %s", (unsigned long long)size,
            strerror(errno));
    memory_reserve_own(p, GUARD); /* the guest's mappings stay away from the end of its stack */
    struct region region = {
        .start = (uintptr_t)p + GUARD,
        .end = (uintptr_t)p + GUARD + size,
        .prot = prot | (r->executable ? PROT_EXEC : 0),
        .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN,
        .name = (char *)"[stack]",
    };
    memory_map_add(&region);
    memory_populate(p + GUARD + size - USED_SOON, USED_SOON);
    return region.end;
}

guest_addr stack_build(const struct stack_request *r)
{
    struct stack s = {.abi = r->guest->abi};
    struct aux auxv[MAX_AUXV];
    unsigned word = s.abi->word_size;
    size_t strings = bytes_of(r->argv) + bytes_of(r->envp) + strlen(r->execfn) + r->skew + PAGE;
    s.sp = map_stack(r, ALIGN_UP(r->size + strings, PAGE));

    s.sp -= word;
    guest_addr execfn = push_bytes(&s, r->execfn, strlen(r->execfn) + 1);
    process.env_end = execfn;
    process.env_start = push_strings(&s, r->envp);
    process.arg_end = s.sp;
    process.arg_start = push_strings(&s, r->argv);

    s.sp = ALIGN_DOWN(s.sp - r->skew, 16);
    guest_addr platform = 0;
    if (s.abi->platform)
        platform = push_bytes(&s, s.abi->platform, strlen(s.abi->platform) + 1);
    guest_addr random = push_bytes(&s, r->random, sizeof r->random);
    unsigned n_aux = fill_auxv(r, auxv, platform, random, execfn);

    size_t argc = count(r->argv), n_words = 1 + argc + 1 + count(r->envp) + 1 + 2 * n_aux;
    s.sp = ALIGN_DOWN(s.sp - n_words * word, 16);
    guest_addr at = s.sp;
    put_word(&s, &at, argc);
    put_pointers(&s, &at, r->argv, process.arg_start);
    put_pointers(&s, &at, r->envp, process.env_start);
    process.auxv_start = at;
    for (unsigned i = 0; i < n_aux; i++) {
        put_word(&s, &at, auxv[i].type);
        put_word(&s, &at, auxv[i].value);
    }
    process.auxv_end = at;
    process.stack_start = s.sp;
    return s.sp;
}
