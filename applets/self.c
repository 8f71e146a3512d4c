/* self.c - find this binary's own file without depending on /proc. */
#include "applets/self.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "core/fd.h"

/* True if FD is the file that the kernel loaded as this process: its program headers are those in
 * memory. */
static bool is_self(int fd)
{
    enum { LARGEST_TABLE = 2048 };
    struct {
        Elf64_Ehdr head;
        uint8_t table[LARGEST_TABLE]; /* usually right behind the header: one read */
    } start;
    size_t entry = getauxval(AT_PHENT), size = entry * getauxval(AT_PHNUM);
    const void *own = (const void *)getauxval(AT_PHDR);
    if (!own || !size || size > LARGEST_TABLE)
        return false;
    size_t want = sizeof start.head + size;
    if (pread(fd, &start, want, 0) != (ssize_t)want || start.head.e_phentsize != entry ||
        start.head.e_phentsize * (size_t)start.head.e_phnum != size)
        return false;
    if (start.head.e_phoff != sizeof start.head &&
        pread(fd, start.table, size, (off_t)start.head.e_phoff) != (ssize_t)size)
        return false;
    return !memcmp(own, start.table, size);
}

static int kept = -1; /* our file, open, from the first look at it */

int self_open(int given, const char *argv0)
{
    /* In this order: what the parent knew; what the kernel executed, opened when we started; what the
     * kernel says; names that may mean another file by now. */
    const char *names[] = {"/proc/self/exe", (const char *)getauxval(AT_EXECFN), argv0};
    int early = kept;
    kept = -1;
    if (given >= 0 && is_self(given)) {
        if (early >= 0)
            close(early);
        return fd_move_high(given);
    }
    if (early >= 0)
        return fd_move_high(early);
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (!names[i] || (i && !strchr(names[i], '/')))
            continue;
        int fd = fd_open(names[i], O_RDONLY);
        if (fd < 0)
            continue;
        if (is_self(fd))
            return fd_move_high(fd);
        close(fd);
    }
    return -1;
}

static bool find_out(void)
{
    errno = 0;
    getauxval(AT_EXECFD);
    if (!errno || getauxval(AT_FLAGS) & 1)
        return true;
    const char *name = (const char *)getauxval(AT_EXECFN);
    int fd = name ? fd_open(name, O_RDONLY | O_NONBLOCK) : -1;
    if (fd < 0)
        return false;
    if (is_self(fd)) {
        kept = fd;
        return false;
    }
    close(fd);
    return true;
}

bool self_started_by_binfmt(void)
{
    static bool known, answer;
    if (!known)
        answer = find_out();
    known = true;
    return answer;
}
