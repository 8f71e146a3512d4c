/* log.c - log items (-d), the log file (-D), the address filter and fatal messages.
 *
 * Everything is written with one write() of text formatted on the stack: threads and signal
 * handlers may log at any time, and lines of different processes do not mix. */
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/crash.h"
#include "core/fd.h"

enum { LOG_LINE = 4096, MAX_RANGES = 64 };

uint64_t log_mask;
const char *log_program;

static const char *program_name = "anyarch"; /* what log_program falls back to */
static int shared_fd = 2;
static __thread int own_fd;     /* with the item tid: this thread's file + 1, 0 = not opened yet */
static LARGE_TABLE char file_pattern[4096]; /* with %d, if the item tid may need it */

static struct {
    guest_addr first, last;
} ranges[MAX_RANGES];
static unsigned n_ranges;

static const struct {
    const char *name, *help;
} items[] = {
#define LOG_ITEM(name, help) {#name, help},
#include "core/log_items.def"
#undef LOG_ITEM
};

bool log_set_items(const char *text, const char **bad)
{
    static char name[64];
    uint64_t mask = log_mask;
    while (*text) {
        size_t length = strcspn(text, ",");
        snprintf(name, sizeof name, "%.*s", (int)length, text);
        text += length + (text[length] == ',');
        unsigned i = 0;
        while (i < LOG_N_ITEMS && strcmp(items[i].name, name))
            i++;
        if (i < LOG_N_ITEMS) {
            mask |= (uint64_t)1 << i;
        } else if (!strcmp(name, "all")) {
            mask |= ((uint64_t)1 << LOG_N_ITEMS) - 1;
        } else if (strncmp(name, "trace:", 6)) { /* trace events: accepted, there are none */
            *bad = name;
            return false;
        }
    }
    log_mask = mask;
    return true;
}

void log_print_items(void)
{
    printf("Log items (comma separated):\n");
    for (unsigned i = 0; i < LOG_N_ITEMS; i++)
        printf("%-15s %s\n", items[i].name, items[i].help);
    printf("%-15s %s\n%-15s %s\n", "all", "all of the above", "trace:PATTERN",
           "accepted; no effect");
}

/* Open the log for process or thread ID. Returns a descriptor where guests do not look, or -1. */
static int open_file(int id, bool truncate)
{
    char path[sizeof file_pattern + 16];
    const char *percent = strstr(file_pattern, "%d");
    if (percent)
        snprintf(path, sizeof path, "%.*s%d%s", (int)(percent - file_pattern), file_pattern, id,
                 percent + 2);
    else
        snprintf(path, sizeof path, "%s", file_pattern);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (truncate ? O_TRUNC : 0), 0666);
    if (fd < 0)
        return -1;
    return fd_move_high(fd);
}

bool log_set_file(const char *path, bool append)
{
    if (strlen(path) >= sizeof file_pattern) {
        errno = ENAMETOOLONG;
        return false;
    }
    strcpy(file_pattern, path);
    int fd = open_file((int)getpid(), !append);
    if (fd < 0)
        return false;
    if (shared_fd != 2)
        close(shared_fd);
    shared_fd = fd;
    return true;
}

bool log_set_filter(const char *text)
{
    n_ranges = 0;
    while (*text) {
        char *end;
        errno = 0;
        if (n_ranges == MAX_RANGES || *text < '0' || *text > '9')
            return false;
        guest_addr a = strtoull(text, &end, 0);
        char op = *end;
        if (op == '.' && end[1] == '.')
            end++;
        else if (op != '+' && op != '-')
            return false;
        text = end + 1;
        if (*text < '0' || *text > '9')
            return false;
        guest_addr b = strtoull(text, &end, 0);
        if (errno || (*end && *end != ','))
            return false;
        ranges[n_ranges].first = op == '-' ? a - b + (b != 0) : a;
        ranges[n_ranges].last = op == '.' ? b : op == '+' ? a + b - (b != 0) : a;
        if (ranges[n_ranges].first > ranges[n_ranges].last)
            return false;
        n_ranges++;
        text = end + (*end == ',');
    }
    return true;
}

bool log_in_filter(guest_addr pc)
{
    for (unsigned i = 0; i < n_ranges; i++)
        if (pc >= ranges[i].first && pc <= ranges[i].last)
            return true;
    return !n_ranges;
}

int log_fd(void)
{
    if (!LOG_ON(tid) || !strstr(file_pattern, "%d"))
        return shared_fd;
    if (!own_fd) {
        int fd = open_file((int)syscall(SYS_gettid), true);
        own_fd = fd < 0 ? shared_fd + 1 : fd + 1;
    }
    return own_fd - 1;
}

static void write_all(int fd, const char *text, size_t size)
{
    while (size) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* full disk, closed pipe: the guest goes on without its log */
        text += n;
        size -= (size_t)n;
    }
}

/* Format into LINE of LOG_LINE bytes behind SIZE bytes that are there; returns the new size. */
static size_t append(char *line, size_t size, const char *fmt, va_list ap)
{
    int n = vsnprintf(line + size, LOG_LINE - size, fmt, ap);
    if (n < 0)
        return size;
    if ((size_t)n < LOG_LINE - size)
        return size + (size_t)n;
    memcpy(line + LOG_LINE - 5, "...\n", 5);
    return LOG_LINE - 1;
}

void log_write(const char *fmt, ...)
{
    char line[LOG_LINE];
    int saved = errno;
    va_list ap;
    va_start(ap, fmt);
    size_t size = append(line, 0, fmt, ap);
    va_end(ap);
    write_all(log_fd(), line, size);
    errno = saved;
}

void log_set_program(const char *argv0)
{
    const char *slash = strrchr(argv0, '/');
    program_name = slash ? slash + 1 : argv0;
}

static void message(const char *fmt, va_list ap)
{
    char line[LOG_LINE];
    const char *name = log_program ? log_program : program_name;
    size_t size = (size_t)snprintf(line, LOG_LINE / 2, "%s: ", name);
    if (size >= LOG_LINE / 2)
        size = LOG_LINE / 2 - 1;
    size = append(line, size, fmt, ap);
    if (line[size - 1] != '\n' && size < LOG_LINE - 1)
        line[size++] = '\n';
    fflush(stdout);
    write_all(2, line, size);
}

void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    message(fmt, ap);
    va_end(ap);
    _exit(1);
}

void die_status(int status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    message(fmt, ap);
    va_end(ap);
    _exit(status);
}

void bug(const char *fmt, ...)
{
    char line[LOG_LINE];
    va_list ap;
    va_start(ap, fmt);
    size_t size = append(line, 0, fmt, ap);
    va_end(ap);
    if (size && line[size - 1] == '\n')
        line[size - 1] = 0;
    crash_report(line, NULL);
    signal(SIGABRT, SIG_DFL);
    abort();
}
