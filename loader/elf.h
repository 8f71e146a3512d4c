/* elf.h - read and check ELF program files, and map them for the guest. */
#pragma once
#include "core/guest.h"
#include "core/types.h"

enum { ELF_MAX_SEGMENTS = 128, ELF_MAX_INTERP = 4096 };

struct elf_segment {
    uint64_t offset, vaddr, filesz, memsz;
    int prot; /* PROT_* */
};

/* What a program file says, checked so far that mapping it needs no more checks but those of the
 * kernel's mmap. */
struct elf_image {
    bool is_dyn, big_endian, exec_stack;
    uint8_t bits;
    uint16_t machine;
    uint8_t head[40]; /* the beginning of the file */
    uint64_t entry, phoff,
        phdr_vaddr; /* phdr_vaddr: where the program headers are once mapped, 0 = nowhere */
    uint16_t phentsize, phnum;
    uint64_t low, high, align; /* page-aligned range of all segments; largest alignment wanted */
    unsigned n_segments;
    uint32_t features; /* of its property note: GNU_PROPERTY_AARCH64_FEATURE_1_AND */
    bool has_interp;
    char error[160]; /* what is wrong, when parsing failed */
    struct elf_segment segment[ELF_MAX_SEGMENTS]; /* of these, n_segments are there */
    char interp[ELF_MAX_INTERP];                  /* if has_interp */
};

/* Parse a whole file in memory. Returns 0, or the -errno that the kernel's execve gives and the
 * reason in out->error: -ENOEXEC not an ELF program or damaged, -EINVAL segments that cannot be
 * mapped. Never reads outside the file. */
int elf_parse(const uint8_t *file, size_t size, struct elf_image *out);
/* The same for an open file; also -EIO and other errors of reading. */
int elf_read(int fd, struct elf_image *out);

/* "64-bit little-endian" and so on, for messages. NAME: of the machine, or null. */
void elf_describe(const struct elf_image *image, const char *name, char *text, size_t size);

struct elf_mapping {
    guest_addr bias;       /* to add to addresses in the file */
    guest_addr start, end; /* page-aligned */
    guest_addr entry, phdr;
    guest_addr code_start, code_end, data_start, data_end; /* as /proc/PID/stat shows them */
};

/* Map the segments of FD and record them. A position-independent image goes where HINT says, or
 * near. Returns 0, -ENOMEM or another -errno of mmap, -EEXIST if fixed addresses are in use, with
 * the reason in image->error. */
int elf_map(struct elf_image *image, int fd, const char *path, guest_addr hint,
            struct elf_mapping *out);
