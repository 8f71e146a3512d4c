/* cache_verify.h - part of the cache applet. */
#pragma once

/* anyarch cache verify [OPTION...] [ROOTFS|FILE...]: WORDS, those behind "verify", ended by null. The folder is open. Returns the
 * exit status. */
int cache_verify_command(char **words);
