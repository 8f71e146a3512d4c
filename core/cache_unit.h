/* cache_unit.h - shared by the cache's own files: the folder, mapped files, and how they are written. */
#pragma once
#include "core/cache.h"
#include "core/cache_format.h"

struct cache_page {
    uint64_t hash; /* of the memory, if known */
    enum { PAGE_UNKNOWN, PAGE_KNOWN } state;
    bool changed; /* may have been, by the guest: what is made from it now is not for others */
};

/* A mapped cache file, checked as far as its header goes. */
struct cache_file {
    const struct cache_header *header; /* start of the mapping; null: there is none */
    const struct cache_entry *entries;
    const uint64_t *pages;
    const uint32_t *index;
    const uint8_t *details;
};

struct cache_unit {
    guest_addr base; /* address of the first byte of the guest's file */
    bool fixed;      /* the address is part of the key */
    bool read_only;  /* no private writable mapping of it is allowed */
    bool damaged;    /* the cache file is to be replaced */
    uint64_t dev, inode;
    struct cache_key key;
    char name[CACHE_NAME_SIZE];
    uint32_t n_pages;
    struct cache_page *page;
    struct cache_file file;
    struct tb **blocks;   /* by entry; BLOCK_CHECKED: none now, but its check held once, before anything was patched */
    struct tb *new_blocks; /* not in the file, linked by unit_next */
    uint32_t n_new;
    uint32_t hits, misses, written;
};

#define BLOCK_CHECKED ((struct tb *)1)

extern struct cache_unit cache_units[];
extern unsigned n_cache_units;

/* Word N of the private data in front of a mapped file. */
static inline uint64_t *cache_slot(const struct cache_file *f, uint32_t n)
{
    return (uint64_t *)(uintptr_t)f->header - 1 - n;
}

/* Bytes of details of a block. */
uint32_t cache_details_size(const struct cache_entry *e);
/* True if all parts of an entry lie inside the file; its check holds if they are what was written. */
bool cache_entry_fits(const struct cache_file *f, const struct cache_entry *e);
uint64_t cache_entry_check(const struct cache_entry *e, const uint8_t *code, const uint8_t *details);
/* First place to look for a block in an index of 1 << BITS numbers. */
uint32_t cache_index_start(uint32_t offset, uint32_t mode, uint32_t bits);
/* Number of the entry, or -1. */
int64_t cache_lookup(const struct cache_file *f, uint32_t offset, uint32_t mode);
/* The header at P, of a file of SIZE bytes, is whole and fits; KEY null: any. Fills in *f. */
bool cache_file_check(struct cache_file *f, const void *p, uint64_t size, const struct cache_key *key);
/* Hash the page in memory unless it is known. False: it is not code of this unit. */
bool cache_page_known(struct cache_unit *u, uint32_t page);

/* -- cache_dir.c -- */

/* Name of a unit's file, or with "tmp" as END of the one it is written to. */
enum { CACHE_FILE_NAME = 40 };
void cache_file_name(char name[CACHE_FILE_NAME], const struct cache_key *key, const char *end);
/* Open a file of the folder for reading if nobody else can have written it. Returns a descriptor or -1; *size. Only one
 * file is open at a time: cache_close(CACHE_FD_FILE). */
int cache_open(const char *name, uint64_t *size);
/* Make a new file for writing, which must not exist. Returns a descriptor, to be closed like the other's, or -1. */
int cache_create(const char *name);
void cache_close(enum cache_fd which);
/* True if the folder is there, or could be made, and is ours to write. */
bool cache_dir_writable(void);
/* Take the right to replace the file of KEY; false: another process has it. cache_close(CACHE_FD_LOCK) gives it back. */
bool cache_lock(const struct cache_key *key);
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

/* -- cache_write.c -- */
void cache_write_unit(struct cache_unit *u);
