/* guests.c - the guests applet: which architectures are known, and how binfmt_misc recognises their
 * programs. */
#include <stdio.h>
#include <string.h>

#include "applets/applet.h"
#include "applets/register.h"
#include "arch/guests.h"
#include "core/log.h"

static void print_bytes(const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        printf("\\x%02x", bytes[i]);
}

/* docs/support.md */
static void print_markdown(void)
{
    printf("# What can be translated\n\n"
           "Written by `anyarch guests --markdown`. The first column is ARCH in "
           "`qemu-ARCH-static`; container tools\n"
           "use the name in the last.\n\n"
           "| ARCH | `uname -m` | word | byte order | state | containers "
           "|\n|---|---|---|---|---|---|\n");
    for (unsigned i = 0; i < n_guests; i++)
        printf("| %s | %s | %u-bit | %s | %s | %s |\n", guests[i].name, guests[i].uname,
               guests[i].bits, guests[i].big_endian ? "big" : "little",
               guests[i].isa ? "**translated**" : "known, not translated yet",
               binfmt_platform(&guests[i]));
}

int applet_guests(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--markdown")) {
        print_markdown();
        return 0;
    }
    if (argc > 1)
        die("%s: guests has the option --markdown only", argv[1]);
    for (unsigned i = 0; i < n_guests; i++) {
        uint8_t magic[40], mask[40];
        unsigned n = guest_binfmt_magic(&guests[i], magic, mask);
        printf("%-13s %-11s %2u-bit %-6s %-14s ", guests[i].name, guests[i].uname, guests[i].bits,
               guests[i].big_endian ? "big" : "little", guests[i].isa ? "translated" : "not yet");
        print_bytes(magic, n);
        putchar(' ');
        print_bytes(mask, n);
        putchar('\n');
    }
    return 0;
}
