/* cache_format.h - the layout of a cache file.
 *
 *   page 0            struct cache_header
 *   page 1 ...        code of the blocks, in the order of the entries
 *   entries           struct cache_entry[n_blocks]
 *   pages             uint64_t[n_pages]: hash of each 4 KiB page of the guest's file that blocks depend on; 0: none does
 *   index             uint32_t[1 << index_bits]: entry number + 1 by guest address, open addressing; 0: free
 *   details           of the blocks: exits, ranges, flags, places of variables, instruction lengths
 *
 * The file is mapped as a whole, privately, and never parsed. Each table starts at a multiple of 8. An entry's check covers
 * what is used of the block, so no part of a damaged file is ever used. A block has the place in a cache line for which it
 * was generated, so that its exits can be patched while other threads run it.
 *
 * Private words ("slots") lie in front of the mapping, numbered downwards: word 0 is the load address of the guest's file,
 * then each block has one for its struct tb and one for the target of each exit. Code reaches them by displacements that
 * do not depend on where the file is mapped. */
#pragma once
#include "core/types.h"

enum { CACHE_VERSION = 1, CACHE_PAGE = 4096, CACHE_NAME_SIZE = 64 };
#define CACHE_MAGIC "anyarch\n"

struct cache_key {
    uint64_t word[2];
};

struct cache_header {
    char magic[8];
    uint32_t version, header_size;
    struct cache_key key;
    uint64_t file_size;
    uint32_t n_blocks, n_slots, n_pages, index_bits;
    uint32_t code_end, entries, pages, index, details; /* offsets in the file */
    uint32_t details_size;
    char name[CACHE_NAME_SIZE]; /* of the guest's file, for people */
    char build[48];             /* of the translator, for people */
    uint64_t check;             /* hash of all before it */
};

struct cache_entry {
    uint64_t check;        /* hash of all after it but DETAILS, of the code and of the details */
    uint32_t details;      /* offset in the table of details */
    uint32_t offset, mode; /* guest address as an offset in the guest's file */
    uint32_t code, size;   /* offset in this file */
    uint32_t slot;         /* the block's first */
    uint32_t n_delta_bytes;
    uint16_t n_exits, n_insns, n_ranges, n_flags_at, n_places, unused;
    uint32_t n_host_insns;
    uint32_t residue;      /* address of the code modulo 64 when it was generated */
};

/* Details of a block: exits, ranges, struct tb_flags_at, struct tb_place, deltas; then zeros up to a multiple of 4. */
struct cache_exit {
    int32_t target; /* minus the block's guest address */
    uint32_t stub, site;
};
struct cache_range {
    int32_t start; /* minus the block's guest address */
    uint32_t size;
};
