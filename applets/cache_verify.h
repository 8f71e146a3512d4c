/* cache_verify.h - part of the cache applet. */
#pragma once

/* anyarch cache verify [ROOTFS|FILE...]: PATHS, ended by null, none: "/". The folder is open. Returns the exit status. */
int cache_verify_command(char **paths);
