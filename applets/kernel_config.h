/* kernel_config.h - the configuration that the kernel shows in /proc/config.gz. */
#pragma once

/* 'y', 'm' or 'n' (not set), or 0: the configuration cannot be read. */
char kernel_config(const char *name);
