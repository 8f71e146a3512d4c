/* guests.c - the guests applet: which architectures are known, and how binfmt_misc recognises their
 * programs. */
#include <stdio.h>

#include "applets/applet.h"
#include "arch/guests.h"

static void print_bytes(const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        printf("\\x%02x", bytes[i]);
}

int applet_guests(int argc, char **argv)
{
    (void)argc, (void)argv;
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
