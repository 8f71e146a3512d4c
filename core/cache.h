/* cache.h - translations kept on disk, one file for each file of the guest that holds code.
 *
 * Only code from private, executable and not writable mappings of files takes part. Before a block is used, the pages that
 * it and what it jumps to depend on are hashed and compared with the hashes of their making, unless an earlier process has done
 * so and neither file has changed since (cache_marks.c): what is out of date is not found, whatever its file is called. Code is
 * mapped from the file and needs no relocation; it jumps from block to block within the file, and pages become private copies
 * only when exits on them are linked to blocks elsewhere. A process writes what it has translated when it ends, calls execve or
 * unmaps the code, or every few seconds. All functions that take a unit are called with tb_lock held. */
#pragma once
#include "core/guest.h"
#include "core/tb.h"

struct cache_unit; /* one mapped file of the guest */

/* An option's or a variable's word: "off", "on" (the default folder), "verify" or "verify:FOLDER" (translate anew and
 * compare), or a folder.
 * False: there is no such folder, and it cannot be made. */
bool cache_set(const char *value);
/* Open the folder and settle what is part of every key. After engine_init. Nothing happens with the interpreter, with log
 * items that show blocks, or where there is no folder. */
void cache_init(const struct guest *guest);
/* Descriptors of the cache, of which the guest sees nothing: the folder, while one is used a file and the lock, the file
 * that came with an image, and the marks. */
enum cache_fd { CACHE_FD_FOLDER, CACHE_FD_FILE, CACHE_FD_LOCK, CACHE_FD_BAKED, CACHE_FD_MARKS, CACHE_N_FDS };
int cache_fd(enum cache_fd which); /* or -1 */
bool cache_fd_is(int fd);          /* FD is one of them */

/* The unit that code at PC belongs to; null: it is not cached. */
struct cache_unit *cache_unit_at(guest_addr pc);
/* The block from the cache, not yet published, or null. */
struct tb *cache_find(struct cache_unit *unit, guest_addr pc, uint32_t mode);
/* Some cache file has a block for PC. */
bool cache_has(guest_addr pc, uint32_t mode);
/* Code at ADDR is about to be read for a translation in this unit. */
void cache_note_page(struct cache_unit *unit, guest_addr addr);
bool cache_verifies(void); /* the setting is "verify" */
/* A block was translated: it is written out in time. With "verify": it is compared with the cached one, and a difference is
 * logged and makes the process fail at its end. */
void cache_add(struct cache_unit *unit, struct tb *tb);
/* The region takes the place of its head, in the file as well. False: that cannot be. */
bool cache_add_region(struct cache_unit *unit, struct tb *region, const struct tb *head);
/* With "verify": place the code to come as that of the cached block. True: which is a region. */
bool cache_place(struct cache_unit *unit, guest_addr pc, uint32_t mode);

/* Is this code mapped from the cache? Without locks. */
bool cache_contains(const void *host_pc);
/* For a fault there: *TB becomes what is needed of the block, without exits and ranges. Returns it, or null. Without locks. */
const struct tb *cache_tb_from_host(const void *host_pc, struct tb *tb);
/* The block that starts at CODE. MADE: not yet published. It is dead if it may not be entered any more. */
struct tb *cache_owner(const void *code, bool *made);
/* Contents of [start, start+size) may have changed. True: blocks made from them may be running, known by no struct tb. */
bool cache_invalidate(guest_addr start, uint64_t size);
void cache_flush(void);      /* every block is gone */
void cache_after_fork(void); /* in the child: what the parent has translated is the parent's to save */

/* How often jumps to a loop head were counted by earlier processes. */
uint32_t cache_heat(const struct tb *tb);
/* Keep the number for the next, from the next saving on; CACHE_HEAT_VAIN: of this one no region can be made;
 * CACHE_HEAT_UNKEPT: its region cannot be kept. */
enum { CACHE_HEAT_VAIN = UINT16_MAX, CACHE_HEAT_UNKEPT = CACHE_HEAT_VAIN - 1 };
void cache_keep_heat(const struct tb *tb, uint32_t count);

/* Write out new blocks, where it is worth it. AT_END: of the process or at execve; also writes the "cache" log item.
 * Takes tb_lock. */
void cache_save(bool at_end);
/* The same for code in [start, end), which is about to be unmapped. */
void cache_save_range(guest_addr start, guest_addr end);
