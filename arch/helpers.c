/* helpers.c - the table of C functions that translated code may call. */
#include "core/helper.h"

/* clang-format off */
const struct helper_info helper_info[N_HELPERS] = {
#define HELPER(name, props) [HELPER_##name] = {#name, helper_##name, props},
#include "core/helpers.def"
#undef HELPER
};
/* clang-format on */
