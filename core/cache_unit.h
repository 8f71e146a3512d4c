/* cache_unit.h - shared by the cache's own files: the folder, mapped files, and how they are written. */
#pragma once
#include "core/cache.h"
#include "core/cache_format.h"
#include <time.h>

/* What is known of a page of the guest's file. */
struct cache_page {
    bool known : 1;    /* its contents, to which the hash belongs */
    bool changed : 1;  /* may have been, by the guest: what is made from it now is not for others */
    bool used : 1;     /* blocks of the file run that were made from these contents */
    bool unlinked : 1; /* and no direct jump of the file leads to them */
};

enum segment_state { SEGMENT_UNKNOWN, SEGMENT_GOOD, SEGMENT_BAD, SEGMENT_OTHER_PAGES /* those of the guest differ */ };

/* A mapped cache file, checked as far as its header goes. */
struct cache_file {
    struct cache_header *header; /* null: there is none */
    const uint8_t *start;        /* of the mapping */
    uint32_t first[CACHE_MAX_SEGMENTS + 1]; /* number of each segment's first block in the whole file */
    uint32_t n_regions; /* among the blocks */
};

struct cache_unit {
    guest_addr base; /* address of the first byte of the guest's file */
    bool fixed;      /* the address is part of the key */
    bool damaged;    /* the cache file is to be replaced */
    bool is_baked;   /* the file comes from a baked one, at BAKED_OFFSET, and is not to be written */
    bool is_marked;  /* the cache file is known to be whole */
    uint64_t baked_offset;
    bool is_code_known; /* and made from the guest's file as it is: unchanged pages of that are not read */
    bool may_know_code; /* it is not, but will be once all pages that blocks were made from have been read */
    uint64_t mark, code_mark; /* of the cache file's state, and of that of both files; 0: none */
    int64_t changed, code_changed; /* when the files were changed last; in ns, as in struct region */
    uint64_t dev, inode;
    struct cache_key key;
    char name[CACHE_NAME_SIZE];
    uint32_t n_pages;
    struct cache_page *page;
    uint64_t *hash; /* by page, of the memory when it was last looked at */
    struct cache_file file;
    uint8_t state[CACHE_MAX_SEGMENTS]; /* enum segment_state */
    struct tb **blocks;   /* by number in the file; null: none was needed yet */
    struct tb *new_blocks, **last_new; /* not in the file, linked by unit_next: regions, then the others as they were made */
    uint32_t n_new;
    uint32_t n_superseding; /* of these, regions whose heads are in the file */
    bool is_due;      /* they are to be written, */
    bool for_regions; /* the whole file anew, so that these run from the start */
    uint32_t hits, misses, written, n_retries;
    uint32_t n_different; /* with "verify", among the hits */
};

/* A clock in ns. Not by the vDSO, whose pages cost a short process more than a system call. */
enum { SECOND = 1000000000 };
int64_t cache_clock(clockid_t clock);

extern struct cache_unit cache_units[];
extern unsigned n_cache_units;

/* Hash the page in memory unless it is known. HASH: what the cache file has of it, or 0. False: it is not code of this unit. */
bool cache_page_known(struct cache_unit *u, uint32_t page, uint64_t hash);
/* True if it is, and has the contents that the guest's file had when this was last changed. */
bool cache_page_is_of_file(const struct cache_unit *u, uint32_t page);

/* -- cache_file.c -- */

/* The header H, of a file of SIZE bytes, is whole and fits; KEY null: any. */
bool cache_header_check(const struct cache_header *h, uint64_t size, const struct cache_key *key);
/* Fill in F for a header and a mapping. */
void cache_file_init(struct cache_file *f, struct cache_header *h, const void *start);
/* Hash of the segment's bytes, of which each piece of CACHE_CHUNK is hashed with the hash before as seed, and, to finish, of
 * its row in the table. */
uint64_t cache_segment_check(const struct cache_segment *s, const uint8_t *start);
uint64_t cache_segment_finish(const struct cache_segment *s, uint64_t check);

static inline const uint8_t *cache_segment_start(const struct cache_file *f, unsigned segment)
{
    return f->start + f->header->segment[segment].start;
}
static inline const struct cache_entry *cache_entries(const struct cache_file *f, unsigned segment)
{
    return (const void *)(cache_segment_start(f, segment) + f->header->segment[segment].entries);
}
static inline const uint8_t *cache_details(const struct cache_file *f, unsigned segment, const struct cache_entry *e)
{
    return cache_segment_start(f, segment) + f->header->segment[segment].details + e->details;
}

/* The parts of a block's details. */
struct cache_parts {
    const struct cache_exit *exit;
    const struct cache_range *range;
    const struct tb_flags_at *flags_at;
    const struct tb_place *places;
    const uint32_t *bias_at;
    const int8_t *pin; /* null: not a region */
    const uint8_t *deltas;
    uint32_t size; /* of all */
};
struct cache_parts cache_parts(const struct cache_entry *e, const uint8_t *details);
/* Where the counter of a CACHE_HEAD begins and ends, from the start of its code. */
uint32_t cache_counter_at(const struct cache_entry *e);
uint32_t cache_counter_end(const struct cache_entry *e); /* of any block: the end of all that is to be run */
/* The block's code and details are in the segment, and what is to be patched in its code. Looked at by tools only: who runs
 * code trusts what has the right hash. */
bool cache_entry_fits(const struct cache_file *f, unsigned segment, const struct cache_entry *e);

/* First place to look for a block in an index of 1 << BITS numbers. */
uint32_t cache_index_start(uint32_t offset, uint32_t mode, uint32_t bits);
/* A block's number in its segment, or -1. What it finds in a segment that was not checked may be wrong. */
int64_t cache_lookup(const struct cache_file *f, unsigned segment, uint32_t offset, uint32_t mode);
/* True if blocks of the segment may run: now, not for ever (cache_invalidate). */
bool cache_segment_usable(struct cache_unit *u, unsigned segment);
/* True if all blocks of the file are made from what the guest's file holds. */
bool cache_is_up_to_date(struct cache_unit *u);
/* True if each page that a block was made from still has the contents. */
bool cache_pages_match(struct cache_unit *u, unsigned segment, const struct cache_entry *e);
/* True if each exit of the block leads to its stub or to the block for its target. */
bool cache_exits_right(const struct cache_file *f, unsigned segment, const struct cache_entry *e);
/* The entry of a block that may run now, or null. */
const struct cache_entry *cache_usable_entry(struct cache_unit *u, guest_addr pc, uint32_t mode, unsigned *segment);
/* The block from the file, or null. */
struct tb *cache_make_block(struct cache_unit *u, guest_addr pc, uint32_t mode);
/* Direct jumps into blocks made from what lies in [start, end) of the guest's file lead to their stubs again. */
void cache_unlink(struct cache_unit *u, guest_addr start, guest_addr end);
/* No struct tb is used any more: nothing leads to blocks that are not in the file. */
void cache_unlink_all(struct cache_unit *u);

/* -- cache_marks.c -- */

/* Read what may be the mark for the unit's file, before that is opened; then see whether it is of the open file's state. */
void cache_marks_read(const struct cache_unit *u);
void cache_marks_compare(struct cache_unit *u, int fd);
/* At the end of a process: give the unit's file a mark if it has none and is whole. */
void cache_marks_set(struct cache_unit *u);

/* -- cache_heat.c -- */

/* What is known so far of the loop head at an offset of the guest's file. */
uint32_t cache_heat_at(const struct cache_unit *u, uint32_t offset, uint32_t mode);
/* Was cache_keep_heat told anything since the last writing? Write it; or in the child of a fork forget it: the parent writes it. */
bool cache_heat_is_new(void);
void cache_heat_write(void);
void cache_heat_after_fork(void);

/* -- cache_dir.c -- */

/* Name of a unit's file, or with "tmp" as END of the one it is written to. */
enum { CACHE_FILE_NAME = 40 };
void cache_file_name(char name[CACHE_FILE_NAME], const struct cache_key *key, const char *end);
bool cache_is_file_name(const char *name); /* it may be that of a unit's file */
/* Names of the other files there. */
#define CACHE_MARKS "marks"
#define CACHE_HEAT "heat"
/* Open a file of the folder if nobody else can have written it, for reading or also for WRITING. Returns a descriptor or
 * -1; *size. Only one file is open at a time: cache_close(CACHE_FD_FILE). */
int cache_open(const char *name, bool writing, uint64_t *size);
/* The guest's limit allows files of SIZE bytes: a larger one would bring SIGXFSZ. */
bool cache_within_limit(uint64_t size);
/* Make a new file for writing, which must not exist. Returns a descriptor, to be closed like the other's, or -1. */
int cache_create(const char *name);
/* Open a table beside the cache files, of SIZE bytes, for writing, or make it. Returns a descriptor or -1, like these two. */
int cache_open_table(const char *name, uint64_t size);
void cache_close(enum cache_fd which);
/* True if the folder is there, or could be made now, and is ours to write. */
bool cache_dir_writable(void);
bool cache_dir_can_write(void); /* it could be; makes nothing */
/* Take the right to change the open file; false: another process has it. Closing gives it back. */
bool cache_lock(void);
/* The open file stays so, CACHE_FD_LOCK for its lock until the guest runs again or CACHE_FD_MARKS for good: another may be opened. */
void cache_keep(enum cache_fd as);
/* Remove the files that were not used for longest until the folder holds at most LIMIT bytes; temporary files that nobody
 * is writing as well. */
void cache_prune(uint64_t limit);
/* Use this folder instead of the default one. False: it is not there and cannot be made. */
bool cache_dir_set(const char *path);
const char *cache_dir_path(void); /* empty: there is none */
/* Open the folder if it exists already. False: it is not to be trusted, or there is no place for one. */
bool cache_dir_init(void);
/* The translator's build, as hexadecimal digits; false: it does not know. */
bool cache_build_id(char *text, size_t size);

#define CACHE_FOLDER_SIZE ((uint64_t)1 << 30) /* kept at most */

/* Open any file for reading if nobody else can have written it. cache_close(CACHE_FD_BAKED). */
int cache_open_path(const char *path, uint64_t *size);

/* -- cache_baked.c -- */
#define CACHE_BAKED_PATH "/usr/lib/anyarch/baked"
bool cache_baked_exists(void);
/* Find a unit's file in the baked one. Returns the descriptor of that, which stays open, or -1; where in it. */
int cache_baked_find(const struct cache_key *key, uint64_t *offset, uint64_t *size);
struct cache_baked_part {
    const struct cache_header *header; /* of a whole file in memory */
};
/* Make a baked file of N checked ones with different keys. Sorts PART. */
bool cache_bake(int fd, struct cache_baked_part *part, uint32_t n);

/* -- cache_write.c -- */
/* Write out new blocks; at most N in all, with old ones that are written again. */
void cache_write_unit(struct cache_unit *u, uint32_t n);
/* What goes into a file for a block, but for places there: the entry, and its details to AT. */
struct cache_entry cache_entry_of(const struct cache_unit *u, const struct tb *tb);
void cache_put_details(const struct tb *tb, uint8_t *at);

/* -- cache_verify.c -- */
/* Compare a new translation with the block of the file, if that has it: counts in hits, a difference in n_different, too. The
 * first byte that differs is logged. */
void cache_compare(struct cache_unit *u, const struct tb *tb);
/* How many blocks of a file are equal to what is made anew. Not compared: OTHER, of a segment that cannot be used here, since
 * the guest's file has other contents; NOT_KEPT, whose translation here would not be kept. */
struct cache_verdict {
    uint32_t equal, different, other, not_kept;
};
/* With "verify", for THREAD, which runs nothing: make blocks of the unit's file anew, in the order of the file, and add up how
 * they compare. Only those whose mode has the bits MODE under MASK. Damaged segments and blocks are left out. */
void cache_verify_unit(struct cache_unit *u, struct thread *thread, uint32_t mask, uint32_t mode, struct cache_verdict *v);
