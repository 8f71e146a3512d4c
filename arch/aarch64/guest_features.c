/* guest_features.c - what the guest's CPU claims to be.
 *
 * One row per feature says where each observer sees it: AT_HWCAP, AT_HWCAP2, /proc/cpuinfo and the
 * identification registers, which Linux lets EL0 read (HWCAP_CPUID). Only what the front end
 * implements has a row. */
#include "arch/aarch64/guest_features.h"

#include <stdio.h>
#include <string.h>

#include "arch/aarch64/guest_sysreg.h"

enum {
    MAX = 1,
    A53 = 2,
    A72 = 4,
    N1 = 8,
    ALL = MAX | A53 | A72 | N1
}; /* models that have a feature */

enum id_reg { PFR0, ISAR0, ISAR1, ISAR2, N_ID_REGS };

struct feature {
    const char *name; /* as in /proc/cpuinfo */
    uint8_t hwcap;    /* 0: AT_HWCAP, 1: AT_HWCAP2 */
    uint8_t bit;
    uint8_t reg, shift, value; /* identification field; the largest value of those present counts */
    uint8_t models;
};

/* clang-format off */
static const struct feature features[] = { /* in the order of the HWCAP bits */
    {"fp",       0,  0, PFR0,  16, 0, ALL},
    {"asimd",    0,  1, PFR0,  20, 0, ALL},
    {"aes",      0,  3, ISAR0,  4, 1, ALL},
    {"pmull",    0,  4, ISAR0,  4, 2, ALL},
    {"sha1",     0,  5, ISAR0,  8, 1, ALL},
    {"sha2",     0,  6, ISAR0, 12, 1, ALL},
    {"crc32",    0,  7, ISAR0, 16, 1, ALL},
    {"atomics",  0,  8, ISAR0, 20, 2, MAX | N1},
    {"fphp",     0,  9, PFR0,  16, 1, MAX | N1},
    {"asimdhp",  0, 10, PFR0,  20, 1, MAX | N1},
    {"cpuid",    0, 11, PFR0,   0, 1, ALL},
    {"asimdrdm", 0, 12, ISAR0, 28, 1, MAX | N1},
    {"jscvt",    0, 13, ISAR1, 12, 1, MAX},
    {"fcma",     0, 14, ISAR1, 16, 1, MAX},
    {"lrcpc",    0, 15, ISAR1, 20, 1, MAX | N1},
    {"dcpop",    0, 16, ISAR1,  0, 1, MAX | N1},
    {"sha3",     0, 17, ISAR0, 32, 1, MAX},
    {"sm3",      0, 18, ISAR0, 36, 1, MAX},
    {"sm4",      0, 19, ISAR0, 40, 1, MAX},
    {"asimddp",  0, 20, ISAR0, 44, 1, MAX | N1},
    {"sha512",   0, 21, ISAR0, 12, 2, MAX},
    {"asimdfhm", 0, 23, ISAR0, 48, 1, MAX},
    {"ilrcpc",   0, 26, ISAR1, 20, 2, MAX},
    {"flagm",    0, 27, ISAR0, 52, 1, MAX},
    {"sb",       0, 29, ISAR1, 36, 1, MAX},
    {"dcpodp",   1,  0, ISAR1,  0, 2, MAX},
    {"flagm2",   1,  7, ISAR0, 52, 2, MAX},
    {"frint",    1,  8, ISAR1, 32, 1, MAX},
    {"i8mm",     1, 13, ISAR1, 52, 1, MAX},
    {"bf16",     1, 14, ISAR1, 44, 1, MAX},
    {"cssc",     1, 34, ISAR2, 52, 1, MAX},
};

static const struct model {
    const char *name;
    uint8_t bit;
    uint32_t midr;
} models[] = {
    {"max",         MAX, 0x000f0510},
    {"cortex-a53",  A53, 0x410fd034},
    {"cortex-a72",  A72, 0x410fd083},
    {"neoverse-n1", N1,  0x414fd0c1},
};

/* Of CPU models elsewhere: accepted, and without effect because no model here has the feature. */
static const char *const absent_features[] = {"sve", "sme", "pauth", "pauth-impdef", "mte", "lpa2", "pmu"};
/* clang-format on */

static const struct model *current = &models[0];
static uint64_t switched_off; /* bit i: row i of features */

static bool has(unsigned i)
{
    return (features[i].models & current->bit) && !(switched_off >> i & 1);
}

static bool is_name(const char *text, size_t len, const char *name)
{
    return strlen(name) == len && !memcmp(text, name, len);
}

/* "feature=on" or "feature=off". */
static bool set_feature(const char *text, size_t len)
{
    const char *equals = memchr(text, '=', len);
    if (!equals)
        return false;
    size_t name_len = (size_t)(equals - text), value_len = len - name_len - 1;
    bool on = is_name(equals + 1, value_len, "on");
    if (!on && !is_name(equals + 1, value_len, "off"))
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(features); i++) {
        if (is_name(text, name_len, features[i].name)) {
            switched_off =
                on ? switched_off & ~((uint64_t)1 << i) : switched_off | (uint64_t)1 << i;
            return true;
        }
    }
    for (unsigned i = 0; i < ARRAY_SIZE(absent_features); i++)
        if (is_name(text, name_len, absent_features[i]))
            return true;
    return false;
}

bool a64_set_cpu(const char *text, const char **bad)
{
    current = &models[0];
    switched_off = 0;
    if (!text)
        return true;
    size_t len = strcspn(text, ",");
    bool found = false;
    for (unsigned i = 0; i < ARRAY_SIZE(models) && !found; i++) {
        if (is_name(text, len, models[i].name)) {
            current = &models[i];
            found = true;
        }
    }
    *bad = text;
    while (found && text[len] == ',') {
        *bad = text += len + 1;
        len = strcspn(text, ",");
        found = set_feature(text, len);
    }
    return found;
}

void a64_list_cpus(void (*out)(const char *line))
{
    for (unsigned i = 0; i < ARRAY_SIZE(models); i++)
        out(models[i].name);
}

uint64_t a64_hwcap(const struct guest *g, unsigned which)
{
    (void)g;
    uint64_t bits = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(features); i++)
        if (has(i) && features[i].hwcap == which)
            bits |= (uint64_t)1 << features[i].bit;
    return bits;
}

size_t a64_cpuinfo(const struct guest *g, unsigned cpu_index, char *buf, size_t size)
{
    (void)g;
    char names[512];
    size_t n = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(features); i++)
        if (has(i))
            n += (size_t)snprintf(names + n, sizeof names - n, " %s", features[i].name);
    uint32_t midr = current->midr;
    int len = snprintf(
        buf, size,
        "processor\t: %u\nBogoMIPS\t: 100.00\nFeatures\t:%s\nCPU implementer\t: 0x%02x\n"
        "CPU architecture: 8\nCPU variant\t: 0x%x\nCPU part\t: 0x%03x\nCPU revision\t: %u\n\n",
        cpu_index, names, midr >> 24, midr >> 20 & 0xf, midr >> 4 & 0xfff, midr & 0xf);
    return (size_t)len < size ? (size_t)len : size - 1;
}

/* Identification registers as Linux shows them to EL0: BASE holds the fixed values of hidden
 * fields. */
static uint64_t id_value(enum id_reg reg, uint64_t base)
{
    uint64_t value = base;
    for (unsigned i = 0; i < ARRAY_SIZE(features); i++) {
        const struct feature *f = &features[i];
        if (has(i) && f->reg == reg && (value >> f->shift & 0xf) < f->value)
            value = (value & ~((uint64_t)0xf << f->shift)) | (uint64_t)f->value << f->shift;
    }
    return value;
}

/* Linux emulates op0 = 3, op1 = 0, CRn = 0 with CRm = 0 or 2..7; registers without visible fields
 * read as zero. */
static bool id_register(unsigned reg, uint64_t *value)
{
    unsigned crm = reg >> 3 & 15;
    if ((reg & ~0x7fu) != A64_SYSREG(3, 0, 0, 0, 0) || crm == 1 || crm > 7)
        return false;
    /* clang-format off */
    switch (reg) {
    case A64_MIDR_EL1: *value = current->midr; return true;
    case A64_MPIDR_EL1: *value = (uint64_t)1 << 31; return true;
    case A64_REVIDR_EL1: *value = 0; return true;
    case A64_ID_AA64PFR0_EL1: *value = id_value(PFR0, 0x11); return true;    /* EL0 and EL1: AArch64 only */
    case A64_ID_AA64DFR0_EL1: *value = 6; return true;                       /* Armv8 debug */
    case A64_ID_AA64ISAR0_EL1: *value = id_value(ISAR0, 0); return true;
    case A64_ID_AA64ISAR1_EL1: *value = id_value(ISAR1, 0); return true;
    case A64_ID_AA64ISAR2_EL1: *value = id_value(ISAR2, 0); return true;
    case A64_ID_AA64MMFR0_EL1: *value = 0xff000000; return true;             /* no 4 KiB, 64 KiB granule to see */
    default: *value = 0; return crm != 0;
    }
    /* clang-format on */
}

bool a64_constant_sysreg(unsigned reg, uint64_t *value)
{
    switch (reg) {
    case A64_CTR_EL0:
        /* Lines of 16 words; IDC = 1: no DC CVAU needed; DIC = 0: IC IVAU is needed, translations
         * depend on it. */
        *value = (uint64_t)1 << 31 | 1 << 28 | 4 << 24 | 4 << 20 | 4 << 16 | 3 << 14 | 4;
        return true;
    case A64_DCZID_EL0:
        *value = 4; /* log2 of A64_ZVA_BYTES in words; DC ZVA permitted */
        return true;
    case A64_CNTFRQ_EL0:
        *value = A64_COUNTER_HZ;
        return true;
    case A64_TPIDRRO_EL0:
        *value = 0;
        return true;
    default:
        return id_register(reg, value);
    }
}
