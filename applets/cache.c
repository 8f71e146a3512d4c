/* cache.c - the cache applet: look at the folder of kept translations, and tidy it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "applets/applet.h"
#include "applets/cache_bake.h"
#include "applets/cache_verify.h"
#include "core/cache_unit.h"
#include "core/log.h"

struct totals {
    unsigned files, other_build, damaged;
    uint64_t bytes, blocks, regions;
};

static void print_file(const char *name, const struct cache_file *f, time_t used, bool current)
{
    char when[32];
    struct tm tm;
    strftime(when, sizeof when, "%Y-%m-%d %H:%M", localtime_r(&used, &tm));
    printf("%s %9u %7u %5u %s %-7s %.*s\n", name, f->header->file_size, f->first[f->header->n_segments], f->n_regions, when,
           current ? "current" : "old", CACHE_NAME_SIZE, f->header->name);
}

/* Look at one file: count it, and list it. */
static void examine(const char *name, bool list, struct totals *t)
{
    char build[sizeof((struct cache_header *)0)->build] = "";
    struct cache_file f;
    struct stat st;
    uint64_t size;
    int fd = cache_open(name, false, &size);
    void *p = fd >= 0 && size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    bool good = p != MAP_FAILED && !fstat(fd, &st) && cache_header_check(p, size, NULL);
    cache_build_id(build, sizeof build);
    t->files++;
    if (good) {
        cache_file_init(&f, p, p);
        bool current = !strncmp(build, f.header->build, sizeof build);
        t->other_build += !current;
        t->bytes += size;
        t->blocks += f.first[f.header->n_segments];
        t->regions += f.n_regions;
        if (list)
            print_file(name, &f, st.st_mtime, current);
    } else {
        t->damaged++;
        if (list)
            printf("%s: not a whole cache file, or not safe to use\n", name);
    }
    if (p != MAP_FAILED)
        munmap(p, size);
    cache_close(CACHE_FD_FILE);
}

static void examine_all(bool list, struct totals *t)
{
    int fd = openat(cache_fd(CACHE_FD_FOLDER), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir)
        die("cannot read the folder: %s", strerror(errno));
    for (struct dirent *d; (d = readdir(dir));)
        if (cache_is_file_name(d->d_name))
            examine(d->d_name, list, t);
    closedir(dir);
}

static int list(char **arguments)
{
    struct totals t = {0};
    (void)arguments;
    examine_all(true, &t);
    return 0;
}

static int stat_all(char **arguments)
{
    struct totals t = {0};
    (void)arguments;
    examine_all(false, &t);
    printf("folder       %s\nfiles        %u\nof old builds %u\nunusable     %u\nblocks       %llu\nregions      %llu\n"
           "bytes        %llu\n",
           cache_dir_path(), t.files, t.other_build, t.damaged, (unsigned long long)t.blocks, (unsigned long long)t.regions,
           (unsigned long long)t.bytes);
    return 0;
}

static int prune(char **arguments)
{
    const char *argument = arguments[0];
    char *end = NULL;
    uint64_t limit = argument ? strtoull(argument, &end, 10) : CACHE_FOLDER_SIZE;
    unsigned shift = !end || !*end ? 0 : *end == 'k' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 64;
    if (argument && (end == argument || shift == 64 || (shift && end[1])))
        die("cache prune: malformed size '%s'", argument);
    cache_prune(limit << shift);
    return 0;
}

static int clear(char **arguments)
{
    (void)arguments;
    cache_prune(0);
    return 0;
}

static const struct command {
    const char *name, *help;
    int (*run)(char **arguments); /* ended by null */
    bool writes;
    int most; /* arguments */
} commands[] = {
    {"list", "file, bytes, blocks, regions among them, last use, whether this build uses it, guest file", list, false, 0},
    {"stat", "totals", stat_all, false, 0},
    {"verify", "[OPTION...] [ROOTFS|FILE...]: read everything, and translate the code of these programs and libraries\n"
               "           (default: of the file system /) anew, as these options of a run say; exit status 1 if something is\n"
               "           damaged or differs",
     cache_verify_command, false, INT_MAX},
    {"prune", "remove what was not used for longest until SIZE bytes are left (default 1G)", prune, true, 1},
    {"clear", "remove everything", clear, true, 0},
};

int applet_cache(int argc, char **argv)
{
    const char *place = getenv("ANYARCH_CACHE");
    if (argc > 1 && !strcmp(argv[1], "bake"))
        return cache_bake_command(argc - 2, argv + 2);
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        if (argc < 2 || strcmp(argv[1], commands[i].name) || argc - 2 > commands[i].most)
            continue;
        if (place && !strcmp(place, "off"))
            die("ANYARCH_CACHE says off");
        if (place && !cache_set(place))
            die("%s: %s", place, strerror(errno));
        if (!cache_dir_init())
            die("cache: no folder that only its owner can write");
        if (cache_fd(CACHE_FD_FOLDER) < 0) {
            printf("there is no folder %s yet\n", cache_dir_path());
            return 0;
        }
        if (commands[i].writes && !cache_dir_writable())
            die("cache: %s cannot be written by this user", cache_dir_path());
        return commands[i].run(argv + 2);
    }
    printf("usage: anyarch cache COMMAND    (ANYARCH_CACHE names another folder than the default one)\n");
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
        printf("  %-8s %s\n", commands[i].name, commands[i].help);
    printf("  %-8s %s\n", "bake", "ROOTFS... -o FILE [-c COMMAND]...: run common programs of root folders, and COMMANDs, and make one\n"
           "           file of their translations, for images: " CACHE_BAKED_PATH " there, or where ANYARCH_BAKED says");
    return argc > 1 && !strstr(argv[1], "help") && strcmp(argv[1], "-h");
}
