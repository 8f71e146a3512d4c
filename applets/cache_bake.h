/* cache_bake.h - part of the cache applet. */
#pragma once

/* anyarch cache bake ROOTFS... -o FILE [-c COMMAND]...: ARGV without the first two words. Returns the exit status. */
int cache_bake_command(int argc, char **argv);
