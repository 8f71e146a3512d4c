/* ioctl.h - names of ioctl requests. */
#pragma once
#include <stdint.h>

/* Name of REQUEST (generic numbering, as x86-64 and arm64 have it), or null. */
const char *ioctl_name(uint32_t request);
