/* layouts.h - kernel structures of the guest that differ from the host's.
 *
 * A 64-bit little-endian guest with the kernel's generic structures (abi->generic_layouts) differs
 * from x86-64 in these alone; everything else goes straight to the kernel. */
#pragma once
#include <sys/epoll.h>
#include <sys/stat.h>
#include "core/guest.h"

/* Write a stat structure at ADDR. Returns 0, -EFAULT, or -ENOSYS for a guest whose layout is not
 * known. */
long layout_write_stat(const struct abi *abi, guest_addr addr, const struct stat *st);

/* Read one epoll_event at ADDR. Returns 0 or -EFAULT. */
long layout_read_epoll_event(const struct abi *abi, guest_addr addr, struct epoll_event *event);
/* The host has written N of its events, which are smaller, to the guest's array at ADDR: make them
 * the guest's. Returns 0 or -EFAULT. */
long layout_widen_epoll_events(const struct abi *abi, guest_addr addr, unsigned n);

/* semid64_ds as the x86-64 kernel has it. */
struct host_semid_ds {
    uint8_t perm[48]; /* struct ipc64_perm, alike everywhere */
    uint64_t otime, unused1, ctime, unused2, nsems, unused3, unused4;
};
long layout_write_semid_ds(const struct abi *abi, guest_addr addr, const struct host_semid_ds *ds);
