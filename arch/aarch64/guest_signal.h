/* guest_signal.h - signal frames and register sets of 64-bit Arm Linux; members of struct abi. */
#pragma once
#include "core/guest.h"

/* See struct abi in core/guest.h. */
int a64_signal_setup(struct thread *t, const struct signal_delivery *d);
int a64_signal_return(struct thread *t, uint64_t *mask, uint64_t stack[3]);
size_t a64_register_set(const struct thread *t, unsigned index, uint32_t *type, uint8_t *buf);
