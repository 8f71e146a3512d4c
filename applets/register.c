/* register.c - the entries of binfmt_misc: read, write, replace. */
#include "applets/register.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "arch/guests.h"

/* -- Names of architectures -------------------------------------------------------------------- */

/* clang-format off */
static const struct {
    const char *platform, *guest; /* the first name of a guest is the usual one */
} platforms[] = {
    {"amd64", "x86_64"},      {"x86-64", "x86_64"},
    {"arm64", "aarch64"},
    {"arm", "arm"},           {"armhf", "arm"},     {"armel", "arm"},
    {"386", "i386"},          {"i486", "i386"},
    {"ppc64le", "ppc64le"},   {"ppc64el", "ppc64le"},
    {"mips64le", "mips64el"}, {"mipsle", "mipsel"}, {"loong64", "loongarch64"},
};
/* clang-format on */

const struct guest *binfmt_guest(const char *name)
{
    char base[64];
    if (!strncmp(name, "linux/", 6))
        name += 6;
    snprintf(base, sizeof base, "%.*s", (int)strcspn(name, "/"), name);
    for (unsigned i = 0; i < ARRAY_SIZE(platforms); i++)
        if (!strcmp(platforms[i].platform, base))
            return guest_by_name(platforms[i].guest);
    return guest_by_name(base);
}

const char *binfmt_platform(const struct guest *g)
{
    for (unsigned i = 0; i < ARRAY_SIZE(platforms); i++)
        if (!strcmp(platforms[i].guest, g->name))
            return platforms[i].platform;
    return g->name;
}

/* -- Reasons ----------------------------------------------------------------------------------- */

enum step { MOUNT, OPEN, WRITE };

/* clang-format off */
static const struct {
    enum step step;
    int error;
    const char *text;
} reasons[] = {
    {MOUNT, EPERM,  "mounting binfmt_misc needs root: run as root, in a container with --privileged, or with --user (Linux 6.7)"},
    {MOUNT, EACCES, "mounting binfmt_misc needs root: run as root, in a container with --privileged, or with --user (Linux 6.7)"},
    {MOUNT, ENODEV, "the kernel has no binfmt_misc: load it on the host with 'modprobe binfmt_misc'"},
    {MOUNT, ENOENT, "the folder does not exist: is /proc mounted, and binfmt_misc loaded ('modprobe binfmt_misc' on the host)?"},
    {OPEN,  EACCES, "only root may change it: run as root, in a container with --privileged, or with --user (Linux 6.7)"},
    {OPEN,  EPERM,  "only root may change it: run as root, in a container with --privileged, or with --user (Linux 6.7)"},
    {OPEN,  EROFS,  "it is read-only here, as in a container without --privileged: add that, or mount the host's folder elsewhere and name it with --mount"},
    {OPEN,  ENOENT, "there is no such file: binfmt_misc is not mounted here, or the entry does not exist"},
    {WRITE, ENOENT, "the interpreter does not exist, and flag F needs it now: name its folder with --path"},
    {WRITE, EACCES, "the interpreter is not an executable file, or its file system is mounted noexec"},
    {WRITE, ENOEXEC, "the interpreter is not a program that this kernel can run"},
    {WRITE, EEXIST, "there is an entry of this name already"},
    {WRITE, EPERM,  "this binfmt_misc belongs to another user namespace: add --user (Linux 6.7), or run as root of the host"},
};
/* clang-format on */

static void explain(enum step step, int error, const char *flags, char *reason)
{
    struct utsname u;
    int major = 0, minor = 0;
    if (step == WRITE && error == EINVAL && strchr(flags, 'F') && !uname(&u) &&
        sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
        (major < 4 || (major == 4 && minor < 8))) {
        snprintf(reason, BINFMT_REASON,
                 "kernel %.40s is older than 4.8 and has no flag F: use --flags P, and put the "
                 "interpreter at the "
                 "same path inside each container",
                 u.release);
        return;
    }
    snprintf(reason, BINFMT_REASON, "%s", strerror(error));
    for (unsigned i = 0; i < ARRAY_SIZE(reasons); i++)
        if (reasons[i].step == step && reasons[i].error == error)
            snprintf(reason, BINFMT_REASON, "%s (%s)", reasons[i].text, strerror(error));
}

/* -- Files ------------------------------------------------------------------------------------- */

static void file_of(const char *folder, const char *name, char path[512])
{
    snprintf(path, 512, "%.250s/%.250s", folder, name);
}

/* Write TEXT to a file of binfmt_misc in one call. 0, or an errno and the step that failed. */
static int write_file(const char *folder, const char *name, const char *text, enum step *step)
{
    char path[512];
    file_of(folder, name, path);
    *step = OPEN;
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0)
        return errno;
    *step = WRITE;
    ssize_t n = write(fd, text, strlen(text));
    int error = n == (ssize_t)strlen(text) ? 0 : n < 0 ? errno : EIO;
    close(fd);
    return error;
}

static ssize_t read_file(const char *folder, const char *name, char *text, size_t size)
{
    char path[512];
    file_of(folder, name, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, text, size - 1);
    close(fd);
    if (n >= 0)
        text[n] = 0;
    return n;
}

bool binfmt_is_mounted(const char *folder)
{
    char path[512];
    file_of(folder, "register", path);
    return !access(path, F_OK);
}

bool binfmt_mount(const char *folder, bool own, char *reason)
{
    bool there = binfmt_is_mounted(folder);
    if (there && !own)
        return true;
    /* There is one for each user name space, and root of a new one may be able to write to that of
     * its parent: only what we mount is surely the own one. EBUSY: it is what was there. */
    if (!mount("binfmt_misc", folder, "binfmt_misc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) ||
        (there && errno == EBUSY))
        return true;
    char why[BINFMT_REASON];
    explain(MOUNT, errno, "", why);
    snprintf(reason, BINFMT_REASON, "cannot mount binfmt_misc filesystem at %.120s: %.350s", folder,
             why);
    return false;
}

bool binfmt_mount_private(const char *folder, char *reason)
{
    if (binfmt_is_mounted(folder))
        return true;
    /* Without the right to do so, mounting has it neither, and says so. */
    if (!unshare(CLONE_NEWNS))
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    return binfmt_mount(folder, false, reason);
}

bool binfmt_is_on(const char *folder)
{
    char text[32];
    return read_file(folder, "status", text, sizeof text) > 0 && !strncmp(text, "enabled", 7);
}

static unsigned read_hex(const char *text, uint8_t *bytes)
{
    unsigned n = 0, value;
    for (; n < BINFMT_MAX_MAGIC && sscanf(text, "%2x", &value) == 1; text += 2)
        bytes[n++] = (uint8_t)value;
    return n;
}

bool binfmt_read(const char *folder, const char *name, struct binfmt_entry *e)
{
    char text[2048], *rest = text;
    memset(e, 0, sizeof *e);
    if (read_file(folder, name, text, sizeof text) <= 0)
        return false;
    snprintf(e->name, sizeof e->name, "%s", name);
    memset(e->mask, 0xff, sizeof e->mask);
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (!strcmp(line, "enabled"))
            e->enabled = true;
        else if (!strncmp(line, "interpreter ", 12))
            snprintf(e->interpreter, sizeof e->interpreter, "%s", line + 12);
        else if (!strncmp(line, "flags: ", 7))
            snprintf(e->flags, sizeof e->flags, "%s", line + 7);
        else if (!strncmp(line, "offset ", 7))
            e->offset = (unsigned)strtoul(line + 7, NULL, 10);
        else if (!strncmp(line, "magic ", 6))
            e->size = read_hex(line + 6, e->magic);
        else if (!strncmp(line, "mask ", 5))
            read_hex(line + 5, e->mask);
    }
    return *e->interpreter;
}

static int is_entry(const struct dirent *d)
{
    return d->d_name[0] != '.' && strcmp(d->d_name, "register") && strcmp(d->d_name, "status");
}

int binfmt_each(const char *folder, void (*fn)(const struct binfmt_entry *, void *), void *context)
{
    struct dirent **list;
    int n = scandir(folder, &list, is_entry, alphasort), count = 0;
    for (int i = 0; i < n; i++) {
        struct binfmt_entry e;
        if (binfmt_read(folder, list[i]->d_name, &e)) {
            fn(&e, context);
            count++;
        }
        free(list[i]);
    }
    if (n >= 0)
        free(list);
    return n < 0 ? -1 : count;
}

bool binfmt_matches(const struct binfmt_entry *e, const struct guest *g)
{
    uint8_t magic[BINFMT_MAX_MAGIC] = {0}, mask[40];
    unsigned n = guest_binfmt_magic(g, magic, mask);
    if (!e->size || e->offset + e->size > BINFMT_MAX_MAGIC)
        return false;
    for (unsigned i = 0; i < e->size; i++)
        if (e->offset + i < n && ((magic[e->offset + i] ^ e->magic[i]) & e->mask[i]))
            return false;
    return true;
}

/* -- Registration ------------------------------------------------------------------------------ */

void binfmt_escape(const uint8_t *bytes, unsigned n, char *text)
{
    *text = 0;
    for (unsigned i = 0; i < n; i++)
        sprintf(text + 4 * i, "\\x%02x", bytes[i]);
}

void binfmt_line(const struct guest *g, const char *name, const char *interpreter,
                 const char *flags, char *line)
{
    uint8_t magic[40], mask[40];
    char text[2][4 * 40 + 1];
    unsigned n = guest_binfmt_magic(g, magic, mask);
    binfmt_escape(magic, n, text[0]);
    binfmt_escape(mask, n, text[1]);
    snprintf(line, BINFMT_LINE, ":%s:M::%s:%s:%s:%s", name, text[0], text[1], interpreter, flags);
}

bool binfmt_register(const char *folder, const struct guest *g, const char *name,
                     const char *interpreter, const char *flags, char *reason)
{
    char line[BINFMT_LINE], temporary[64];
    enum step step;
    if (strlen(interpreter) > BINFMT_MAX_PATH) {
        snprintf(reason, BINFMT_REASON,
                 "the kernel takes no interpreter path of more than %d bytes", BINFMT_MAX_PATH);
        return false;
    }
    if (strchr(interpreter, ':')) {
        snprintf(reason, BINFMT_REASON,
                 "the kernel's format has no room for a ':' in the interpreter's path");
        return false;
    }
    struct binfmt_entry old;
    bool replace = binfmt_read(folder, name, &old);
    if (replace) {
        /* The newest matching entry wins: one of another name stands in while the old one goes. */
        snprintf(temporary, sizeof temporary, "anyarch-new-%s", g->name);
        binfmt_line(g, temporary, interpreter, flags, line);
        int error = write_file(folder, "register", line, &step);
        if (error) {
            explain(step, error, flags, reason);
            return false;
        }
        write_file(folder, name, "-1", &step);
    }
    binfmt_line(g, name, interpreter, flags, line);
    int error = write_file(folder, "register", line, &step);
    if (error)
        explain(step, error, flags, reason);
    else if (replace)
        write_file(folder, temporary, "-1", &step);
    return !error;
}

bool binfmt_remove(const char *folder, const char *name, char *reason)
{
    enum step step;
    int error = write_file(folder, name, "-1", &step);
    if (error)
        explain(step, error, "", reason);
    return !error;
}
