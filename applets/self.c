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
    Elf64_Ehdr head;
    uint8_t table[2048];
    size_t entry = getauxval(AT_PHENT), size = entry * getauxval(AT_PHNUM);
    const void *own = (const void *)getauxval(AT_PHDR);
    if (!own || !size || size > sizeof table || pread(fd, &head, sizeof head, 0) != sizeof head)
        return false;
    return head.e_phentsize == entry && head.e_phentsize * (size_t)head.e_phnum == size &&
           pread(fd, table, size, (off_t)head.e_phoff) == (ssize_t)size &&
           !memcmp(own, table, size);
}

int self_open(int given, const char *argv0)
{
    /* In this order: what the parent knew; what the kernel says; names that may mean another file
     * by now. */
    const char *names[] = {"/proc/self/exe", (const char *)getauxval(AT_EXECFN), argv0};
    if (given >= 0 && is_self(given))
        return fd_move_high(given);
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (!names[i] || (i && !strchr(names[i], '/')))
            continue;
        int fd = open(names[i], O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (is_self(fd))
            return fd_move_high(fd);
        close(fd);
    }
    return -1;
}

bool self_started_by_binfmt(void)
{
    errno = 0;
    getauxval(AT_EXECFD);
    if (!errno || getauxval(AT_FLAGS) & 1)
        return true;
    const char *name = (const char *)getauxval(AT_EXECFN);
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd < 0)
        return false;
    bool other = !is_self(fd);
    close(fd);
    return other;
}
