/* log.h - log items (-d), the log file (-D) and fatal messages. */
#pragma once
#include "core/types.h"

enum log_item {
#define LOG_ITEM(name, help) LOG_INDEX_##name,
#include "core/log_items.def"
#undef LOG_ITEM
    LOG_N_ITEMS
};

extern uint64_t log_mask; /* bit i: enum log_item i is on */

#define LOG_ON(name) unlikely(log_mask >> LOG_INDEX_##name & 1)

/* Turn on the comma-separated items of TEXT (-d). Returns false and names the bad item in *bad if
 * there is one. */
bool log_set_items(const char *text, const char **bad);
void log_print_items(void); /* the list that -d help prints, to stdout */
/* -D; %d in PATH is the process id. APPEND: keep what is in the file. False: cannot open, errno
 * says why. */
bool log_set_file(const char *path, bool append);
bool log_set_filter(
    const char *ranges); /* -dfilter: a..b, a+len, a-len, comma-separated. False: malformed */
bool log_in_filter(guest_addr pc); /* true when no filter is set */
int log_fd(void);                  /* descriptor of the log, kept out of the guest's sight */

/* Write one piece of text to the log in a single write, whatever the items. Async-signal-safe, no
 * allocation. */
void log_write(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* What messages begin with: the base name of argv[0]. Null: set by log_set_program, "anyarch"
 * before. */
extern const char *log_program;
void log_set_program(const char *argv0);

/* A user's mistake or a resource that is not there: "<log_program>: <message>" on stderr, exit
 * status 1. */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void die_status(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));
/* A broken invariant of ours: prints the report of core/crash.h, then aborts. */
void bug(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
