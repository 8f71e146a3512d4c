/* fd.h - descriptors of the translator itself. */
#pragma once
#include "core/types.h"

/* Open PATH, close-on-exec. Not the C library's open, which makes two calls of that. */
int fd_open(const char *path, int flags);

/* Move FD, which is closed, to a number where programs do not look, close-on-exec. Returns the new
 * number; FD itself if there is no room. */
int fd_move_high(int fd);

/* The least number that it has returned: below are none of the translator's but the standard ones. */
extern int fd_lowest_own;
