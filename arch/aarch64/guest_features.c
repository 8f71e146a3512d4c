/* guest_features.c - what the guest's CPU claims to be.
 *
 * One row of guest_features.def per feature says where each observer sees it: AT_HWCAP, AT_HWCAP2,
 * /proc/cpuinfo and the identification registers, which Linux lets EL0 read (HWCAP_CPUID). The same
 * rows decide which instructions are defined (a64_has). */
#include "arch/aarch64/guest_features.h"

#include <stdio.h>
#include <string.h>

#include "arch/aarch64/guest_sysreg.h"

enum {
    MAX = 1,
    A53 = 2,
    A72 = 4,
    N1 = 8,
    V1 = 16,
    ALL = MAX | A53 | A72 | N1 | V1
}; /* models that have a feature */

enum { NO_HWCAP = 2 };

enum id_reg { PFR0, PFR1, ISAR0, ISAR1, ISAR2, MMFR1, MMFR2 };

/* clang-format off */
static const struct feature {
    const char *name;
    uint8_t hwcap, bit;
    uint8_t reg, shift, value;
    uint8_t models;
    uint8_t needs;
} features[A64_N_FEATURES] = {
#define FEATURE(name, hwcap, bit, reg, shift, value, models, needs) \
    {#name, hwcap, bit, reg, shift, value, models, A64_FEATURE_##needs},
#include "arch/aarch64/guest_features.def"
#undef FEATURE
};

static const struct model {
    const char *name;
    uint8_t bit;
    uint32_t midr;
} models[] = {
    {"max",         MAX, 0x414fd0c1}, /* as neoverse-n1: glibc and the JVM then copy with vector registers, which is twice as fast */
    {"cortex-a53",  A53, 0x410fd034},
    {"cortex-a72",  A72, 0x410fd083},
    {"neoverse-n1", N1,  0x414fd0c1},
    {"neoverse-v1", V1,  0x411fd401},
    {"neoverse-v1-without-SVE", V1, 0x411fd401},
};

/* Features of CPU models elsewhere that no model here has. */
static const char *const absent_features[] = {"sve", "sme", "pauth-impdef", "mte", "lpa2", "pmu"};

/* Names for several features at once. */
static const struct group {
    const char *name;
    uint64_t features;
} groups[] = {
    {"pauth", (uint64_t)1 << A64_FEATURE_paca | (uint64_t)1 << A64_FEATURE_pacg},
};

static const struct model *current = &models[0];
uint64_t a64_features =
#define FEATURE(name, hwcap, bit, reg, shift, value, models, needs) \
    ((models) & MAX ? (uint64_t)1 << A64_FEATURE_##name : 0) |
#include "arch/aarch64/guest_features.def"
#undef FEATURE
    0;
/* clang-format on */

#define FEATURE(name, ...)                                                                         \
    bool a64_has_##name(const struct translator *t)                                                \
    {                                                                                              \
        (void)t;                                                                                   \
        return a64_has(A64_FEATURE_##name);                                                        \
    }
#include "arch/aarch64/guest_features.def"
#undef FEATURE

static bool is_name(const char *text, size_t len, const char *name)
{
    return strlen(name) == len && !memcmp(text, name, len);
}

/* The features that NAME stands for; 0: none. fp and asimd are part of every CPU that runs Linux. */
static uint64_t features_named(const char *name, size_t len)
{
    for (unsigned i = 0; i < A64_N_FEATURES; i++)
        if (is_name(name, len, features[i].name) && i != A64_FEATURE_fp && i != A64_FEATURE_asimd)
            return (uint64_t)1 << i;
    for (unsigned i = 0; i < ARRAY_SIZE(groups); i++)
        if (is_name(name, len, groups[i].name))
            return groups[i].features;
    return 0;
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
    uint64_t named = features_named(text, name_len);
    a64_features = on ? a64_features | named : a64_features & ~named;
    if (named)
        return true;
    for (unsigned i = 0; i < ARRAY_SIZE(absent_features) && !on; i++)
        if (is_name(text, name_len, absent_features[i]))
            return true;
    return false;
}

/* What needs an absent feature is absent too. Needs form chains of at most two links. */
static void drop_unsupported(void)
{
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < A64_N_FEATURES; i++)
            if (!(a64_features >> features[i].needs & 1))
                a64_features &= ~((uint64_t)1 << i);
}

bool a64_set_cpu(const char *text, const char **bad)
{
    size_t len = text ? strcspn(text, ",") : 0;
    current = text ? NULL : &models[0];
    for (unsigned i = 0; i < ARRAY_SIZE(models) && !current; i++)
        if (is_name(text, len, models[i].name))
            current = &models[i];
    bool found = current != NULL;
    if (!found)
        current = &models[0];
    a64_features = 0;
    for (unsigned i = 0; i < A64_N_FEATURES; i++)
        if (features[i].models & current->bit)
            a64_features |= (uint64_t)1 << i;
    *bad = text;
    while (found && text && text[len] == ',') {
        *bad = text += len + 1;
        len = strcspn(text, ",");
        found = set_feature(text, len);
    }
    drop_unsupported();
    return found;
}

void a64_identify(void *dst, size_t size)
{
    snprintf(dst, size, "%s %llx", current->name, (unsigned long long)a64_features);
}

void a64_list_cpus(void (*out)(const char *line))
{
    char line[128];
    size_t n = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(models); i++)
        out(models[i].name);
    out("Features, for -cpu MODEL,FEATURE=on|off ((off): not part of max):");
    for (unsigned i = 0; i < A64_N_FEATURES; i++) {
        if (i == A64_FEATURE_fp || i == A64_FEATURE_asimd)
            continue;
        n += (size_t)snprintf(line + n, sizeof line - n, " %s%s", features[i].name,
                              features[i].models & MAX ? "" : "(off)");
        if (n > 80 || i + 1 == A64_N_FEATURES) {
            out(line);
            n = 0;
        }
    }
    out("pauth is paca and pacg: exact (QARMA5), but each signed return address costs two calls.");
}

uint64_t a64_hwcap(const struct guest *g, unsigned which)
{
    (void)g;
    uint64_t bits = 0;
    for (unsigned i = 0; i < A64_N_FEATURES; i++)
        if (a64_has(i) && features[i].hwcap == which)
            bits |= (uint64_t)1 << features[i].bit;
    return bits;
}

size_t a64_cpuinfo(const struct guest *g, unsigned cpu_index, char *buf, size_t size)
{
    (void)g;
    char names[512];
    size_t n = 0;
    for (unsigned i = 0; i < A64_N_FEATURES; i++)
        if (a64_has(i) && features[i].hwcap != NO_HWCAP)
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
    for (unsigned i = 0; i < A64_N_FEATURES; i++) {
        const struct feature *f = &features[i];
        if (a64_has(i) && f->reg == reg && (value >> f->shift & 0xf) < f->value)
            value = (value & ~((uint64_t)0xf << f->shift)) | (uint64_t)f->value << f->shift;
    }
    return value;
}

/* Linux emulates op0 = 3, op1 = 0, CRn = 0 with CRm = 0 or 2..7; registers without visible fields
 * read as zero. */
static bool id_register(unsigned reg, uint64_t *value)
{
    unsigned crm = reg >> 3 & 15;
    if (!a64_has(A64_FEATURE_cpuid) || (reg & ~0x7fu) != A64_SYSREG(3, 0, 0, 0, 0) || crm == 1 || crm > 7)
        return false;
    /* clang-format off */
    switch (reg) {
    case A64_MIDR_EL1: *value = current->midr; return true;
    case A64_MPIDR_EL1: *value = (uint64_t)1 << 31; return true;
    case A64_REVIDR_EL1: *value = 0; return true;
    case A64_ID_AA64PFR0_EL1: *value = id_value(PFR0, 0x11); return true;    /* EL0 and EL1: AArch64 only */
    case A64_ID_AA64PFR1_EL1: *value = id_value(PFR1, 0); return true;
    case A64_ID_AA64DFR0_EL1: *value = 6; return true;                       /* Armv8 debug */
    case A64_ID_AA64ISAR0_EL1: *value = id_value(ISAR0, 0); return true;
    case A64_ID_AA64ISAR1_EL1: *value = id_value(ISAR1, 0); return true;
    case A64_ID_AA64ISAR2_EL1: *value = id_value(ISAR2, 0); return true;
    case A64_ID_AA64MMFR0_EL1: *value = 0xff000000; return true;             /* no 4 KiB, 64 KiB granule to see */
    case A64_ID_AA64MMFR2_EL1: *value = id_value(MMFR2, 0); return true;
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
