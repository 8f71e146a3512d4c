/* guest_qarma.h - the cipher behind pointer authentication. */
#pragma once
#include "core/types.h"

/* QARMA5: ComputePAC of the Arm ARM for the architected algorithm. HIGH and LOW are the halves of the key. */
uint64_t a64_qarma5(uint64_t data, uint64_t modifier, uint64_t high, uint64_t low);
