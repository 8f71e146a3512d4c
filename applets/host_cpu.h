/* host_cpu.h - features of the CPU that this program runs on, for messages. */
#pragma once
#include "core/types.h"

/* True if the x86 CPU has FEATURE ("sse4.2", "avx2", ...) and the kernel keeps its registers; an unknown name is false. Not the
 * compiler's __builtin_cpu_supports: that asks the CPU at every start of the program, at microseconds a question where a
 * hypervisor answers. */
bool host_cpu_has(const char *feature);
