/* probe.h - tiny programs for each guest, to see whether such programs start here. */
#pragma once
#include "core/guest.h"

enum probe_result {
    PROBE_RUNS,
    PROBE_FAILS,  /* does not start, or ends otherwise than it should */
    PROBE_UNKNOWN /* no program for this guest, or no place to put it */
};

/* Let the kernel start the built-in program of G: natively, or through binfmt_misc. TEXT (96 bytes)
 * says how it went. */
enum probe_result probe_kernel(const struct guest *g, char *text);
/* Start it under this binary directly. */
enum probe_result probe_direct(const struct guest *g, char *text);
