/* cache_format.h - the layout of a cache file.
 *
 *   page 0            struct cache_header, with a table of the segments
 *   page 1 ...        segments, each from the start of a page
 *
 * A segment is what one process added; it is never changed afterwards. Each of its tables starts at a multiple of 8:
 *
 *   code              of the blocks, in the order of the entries
 *   entries           struct cache_entry[n_blocks]
 *   pages             struct cache_page_hash[n_pages], by page: those of the guest's file that the blocks depend on
 *   index             uint32_t[1 << index_bits]: entry number + 1 by guest address, open addressing; 0: free
 *   details           of the blocks: exits, ranges, flags, places of variables, uses of the load address, instruction lengths
 *
 * The file is mapped as a whole, privately, and never parsed. An exit to a block of the same segment or of an earlier one
 * jumps there directly, any other to its own stub: so a segment is usable if it and all that it leads to are what was
 * written, and made from the pages that the guest has now. Both are checked as a whole before the first block of it runs.
 *
 * There is one block for a guest address and mode. For the head of a hot loop it is the region, which so runs from the first
 * jump on. A region that was found later takes its head's place when the file is written as a whole again.
 *
 * In front of the mapping is a private word with the load address of the guest's file, which code reaches by a displacement
 * that does not depend on where the file is mapped. */
#pragma once
#include "core/types.h"

enum { CACHE_VERSION = 4, CACHE_PAGE = 4096, CACHE_NAME_SIZE = 64, CACHE_MAX_SEGMENTS = 24, CACHE_CHUNK = 16 << 10 };
#define CACHE_MAGIC "anyarch\n"

struct cache_key {
    uint64_t word[2];
};

struct cache_segment {
    uint64_t check;                         /* cache_segment_check */
    uint32_t start, size;                   /* in the file; SIZE without the fill of its last page */
    uint32_t entries, pages, index, details; /* offsets in the segment */
    uint32_t code_size, n_blocks, n_regions, n_pages, index_bits, details_size;
    uint32_t leads_to;                      /* set of the segments that its exits jump to, its own left out */
    uint32_t unused;
};

struct cache_header {
    char magic[8];
    uint32_t version, header_size;
    struct cache_key key;
    uint32_t file_size, n_segments; /* what is behind FILE_SIZE is not finished */
    char name[CACHE_NAME_SIZE];     /* of the guest's file, for people */
    char build[48];                 /* of the translator, for people */
    struct cache_segment segment[CACHE_MAX_SEGMENTS];
    uint64_t check;                 /* hash of all before it */
};

enum cache_kind {
    CACHE_PLAIN,
    CACHE_HEAD,  /* a loop head that may become hot: behind its code is its counter (promote.h), to which jumps back to it lead */
    CACHE_COLD,  /* a loop head that was hot and of which no region can be made: jumps to it are not counted */
    CACHE_REGION /* code of a region (region.h) */
};

struct cache_entry {
    uint32_t offset, mode; /* guest address as an offset in the guest's file */
    uint32_t code, size;   /* offset in the segment */
    uint32_t details;      /* offset in the table of details */
    uint16_t n_exits, n_insns, n_ranges, n_flags_at, n_places, n_bias, n_delta_bytes;
    uint8_t residue;       /* address of the code modulo 64 when it was generated */
    uint8_t kind;          /* enum cache_kind */
};

struct cache_page_hash {
    uint64_t hash;
    uint32_t page, unused;
};

/* Details of a block: exits, ranges, struct tb_flags_at, struct tb_place, uses of the load address, of a region its homes
 * (int8_t[IR_MAX_VARS]), deltas; then zeros up to a multiple of 4. */
struct cache_exit {
    int32_t target; /* minus the block's guest address */
    uint32_t stub, site;
};
struct cache_range {
    int32_t start; /* minus the block's guest address */
    uint32_t size;
};
