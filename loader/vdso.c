/* vdso.c - the guest's vDSO: a small shared object in memory, so that the C library can read clocks
 * without a system call.
 *
 * One page, the same for every process, holds what C libraries and Go look at: the ELF header, a
 * loadable and a dynamic segment, symbols with one version, and the guest's functions. It has no
 * section headers, for nobody loads it from a file. */
#include "loader/vdso.h"

#include <elf.h>
#include <string.h>
#include <sys/mman.h>

#include "core/log.h"
#include "core/memory.h"
#include "syscalls/task.h"

enum { PAGE = 4096, CODE_ALIGN = 16, N_DYNAMIC = 10 };
enum { VERSION_OF_FILE = 1, VERSION_OF_SYMBOLS = 2, N_VERSIONS = 2 };

static const char soname[] = "linux-vdso.so.1";

struct headers {
    Elf64_Ehdr file;
    Elf64_Phdr load, dynamic;
};

/* There are two: the file's own name, and the version that the symbols have. */
struct version {
    Elf64_Verdef definition;
    Elf64_Verdaux name;
};

struct builder {
    uint8_t *page;
    size_t size, at; /* of the page; bytes used */
};

/* Returns the offset of the N bytes, which is their address relative to the load address too. */
static size_t reserve(struct builder *b, size_t n, size_t align)
{
    size_t at = ALIGN_UP(b->at, align);
    if (at + n > b->size)
        bug("the vDSO does not fit into %zu bytes", b->size);
    b->at = at + n;
    return at;
}

static size_t append(struct builder *b, const void *bytes, size_t n, size_t align)
{
    size_t at = reserve(b, n, align);
    memcpy(b->page + at, bytes, n);
    return at;
}

/* System V ABI, "Hash Table". */
static uint32_t elf_hash(const char *name)
{
    uint32_t h = 0;
    for (; *name; name++) {
        h = (h << 4) + (uint8_t)*name;
        h ^= h >> 24 & 0xf0;
    }
    return h & 0x0fffffff;
}

/* One bucket will do: its chain is all symbols in turn. */
static size_t put_hash(struct builder *b, unsigned n_symbols)
{
    uint32_t head[] = {1, n_symbols, 1}; /* buckets, chain entries, bucket 0 */
    size_t at = append(b, head, sizeof head, 8);
    for (uint32_t i = 0; i < n_symbols; i++) {
        uint32_t next = i && i + 1 < n_symbols ? i + 1 : STN_UNDEF;
        append(b, &next, sizeof next, 1);
    }
    return at;
}

/* A symbol for each function at ADDRESS; symbol 0 stays empty. NAMES: offsets in the strings. */
static size_t put_symbols(struct builder *b, const struct vdso *vdso, const size_t *names,
                          const guest_addr *address)
{
    Elf64_Sym symbol = {0};
    size_t at = append(b, &symbol, sizeof symbol, 8);
    for (unsigned i = 0; i < vdso->n_functions; i++) {
        symbol = (Elf64_Sym){
            .st_name = (Elf64_Word)names[i],
            .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
            .st_shndx = 1, /* any section: defined, and relative to the load address */
            .st_value = address[i],
            .st_size = vdso->functions[i].size,
        };
        append(b, &symbol, sizeof symbol, 8);
    }
    return at;
}

static size_t put_versions_of_symbols(struct builder *b, unsigned n_symbols)
{
    Elf64_Half version = VER_NDX_LOCAL;
    size_t at = append(b, &version, sizeof version, 8);
    version = VERSION_OF_SYMBOLS;
    for (unsigned i = 1; i < n_symbols; i++)
        append(b, &version, sizeof version, 1);
    return at;
}

/* FILE and SYMBOLS: names of the two versions, offsets in the strings. */
static size_t put_versions(struct builder *b, const struct vdso *vdso, size_t file, size_t symbols)
{
    struct version v[N_VERSIONS] = {
        {{.vd_flags = VER_FLG_BASE, .vd_ndx = VERSION_OF_FILE, .vd_hash = elf_hash(soname)},
         {.vda_name = (Elf64_Word)file}},
        {{.vd_ndx = VERSION_OF_SYMBOLS, .vd_hash = elf_hash(vdso->version)},
         {.vda_name = (Elf64_Word)symbols}},
    };
    for (unsigned i = 0; i < N_VERSIONS; i++) {
        v[i].definition.vd_version = VER_DEF_CURRENT;
        v[i].definition.vd_cnt = 1;
        v[i].definition.vd_aux = offsetof(struct version, name);
        v[i].definition.vd_next = i + 1 < N_VERSIONS ? sizeof v[i] : 0;
    }
    return append(b, v, sizeof v, 8);
}

/* Everything that the dynamic segment leads to. Returns its address. */
static size_t put_dynamic(struct builder *b, const struct vdso *vdso, const guest_addr *address)
{
    size_t names[VDSO_MAX_FUNCTIONS];
    unsigned n_symbols = vdso->n_functions + 1;
    size_t strings = append(b, "", 1, 1);
    size_t file = append(b, soname, sizeof soname, 1) - strings;
    size_t version = append(b, vdso->version, strlen(vdso->version) + 1, 1) - strings;
    for (unsigned i = 0; i < vdso->n_functions; i++) {
        const char *name = vdso->functions[i].name;
        names[i] = append(b, name, strlen(name) + 1, 1) - strings;
    }
    size_t strings_size = b->at - strings;
    size_t hash = put_hash(b, n_symbols);
    size_t symbols = put_symbols(b, vdso, names, address);
    size_t symbol_versions = put_versions_of_symbols(b, n_symbols);
    size_t versions = put_versions(b, vdso, file, version);
    const Elf64_Dyn dynamic[N_DYNAMIC] = {
        {DT_SONAME, {file}},
        {DT_HASH, {hash}},
        {DT_STRTAB, {strings}},
        {DT_SYMTAB, {symbols}},
        {DT_STRSZ, {strings_size}},
        {DT_SYMENT, {sizeof(Elf64_Sym)}},
        {DT_VERSYM, {symbol_versions}},
        {DT_VERDEF, {versions}},
        {DT_VERDEFNUM, {N_VERSIONS}},
        {DT_NULL, {0}},
    };
    return append(b, dynamic, sizeof dynamic, 8);
}

static void put_headers(struct builder *b, unsigned machine, size_t dynamic)
{
    const struct headers h = {
        .file = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                             EV_CURRENT},
                 .e_type = ET_DYN,
                 .e_machine = (Elf64_Half)machine,
                 .e_version = EV_CURRENT,
                 .e_phoff = offsetof(struct headers, load),
                 .e_ehsize = sizeof(Elf64_Ehdr),
                 .e_phentsize = sizeof(Elf64_Phdr),
                 .e_phnum = 2},
        .load = {.p_type = PT_LOAD,
                 .p_flags = PF_R | PF_X,
                 .p_filesz = b->at,
                 .p_memsz = b->at,
                 .p_align = PAGE},
        .dynamic = {.p_type = PT_DYNAMIC,
                    .p_flags = PF_R,
                    .p_offset = dynamic,
                    .p_vaddr = dynamic,
                    .p_paddr = dynamic,
                    .p_filesz = N_DYNAMIC * sizeof(Elf64_Dyn),
                    .p_memsz = N_DYNAMIC * sizeof(Elf64_Dyn),
                    .p_align = 8},
    };
    memcpy(b->page, &h, sizeof h);
}

size_t vdso_build(const struct vdso *vdso, unsigned machine, void *page, size_t size,
                  guest_addr address[VDSO_MAX_FUNCTIONS])
{
    struct builder b = {.page = page, .size = size};
    if (vdso->n_functions > VDSO_MAX_FUNCTIONS)
        bug("%u functions in a vDSO", vdso->n_functions);
    memset(page, 0, size);
    reserve(&b, sizeof(struct headers), 1);
    for (unsigned i = 0; i < vdso->n_functions; i++) {
        const struct vdso_function *f = &vdso->functions[i];
        address[i] = append(&b, f->code, f->size, CODE_ALIGN);
    }
    put_headers(&b, machine, put_dynamic(&b, vdso, address));
    return b.at;
}

guest_addr vdso_map(const struct guest *guest)
{
    const struct vdso *vdso = guest->abi->vdso;
    guest_addr address[VDSO_MAX_FUNCTIONS];
    if (!vdso)
        return 0;
    if (guest->bits != 64 || guest->big_endian)
        bug("a vDSO for %s", guest->name);
    /* NORESERVE makes it of another kind than the guest's mappings that will lie beside it: the kernel would join them with it,
     * and part them again. */
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (page == MAP_FAILED)
        die("out of memory");
    vdso_build(vdso, guest->elf_machine, page, PAGE, address);
    mprotect(page, PAGE, PROT_READ);
    guest_addr at = (uintptr_t)page;
    memory_map_add(&(struct region){.start = at,
                                    .end = at + PAGE,
                                    .prot = PROT_READ | PROT_EXEC,
                                    .flags = MAP_PRIVATE | MAP_ANONYMOUS,
                                    .name = MEMORY_VDSO_NAME});
    process.sigreturn_code = at + address[vdso->sigreturn];
    return at;
}
