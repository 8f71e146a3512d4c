/* kernel_config.c - the configuration that the kernel shows in /proc/config.gz, where zlib was
 * there when we were built. */
#include "applets/kernel_config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef ANYARCH_ZLIB
#include <zlib.h>

enum { MAX_FILE = 1 << 20, MAX_TEXT = 4 << 20, GZIP = 16 };

/* The text, to be freed; null if it cannot be read. */
static char *read_config(void)
{
    z_stream z = {0};
    unsigned char *file = malloc(MAX_FILE), *text = malloc(MAX_TEXT + 1);
    int fd = open("/proc/config.gz", O_RDONLY | O_CLOEXEC), r = Z_DATA_ERROR;
    size_t size = 0;
    ssize_t n = 0;
    while (file && fd >= 0 && size < MAX_FILE && (n = read(fd, file + size, MAX_FILE - size)) > 0)
        size += (size_t)n;
    if (fd >= 0)
        close(fd);
    if (text && size && inflateInit2(&z, GZIP + MAX_WBITS) == Z_OK) {
        z.next_in = file;
        z.avail_in = (unsigned)size;
        z.next_out = text;
        z.avail_out = MAX_TEXT;
        r = inflate(&z, Z_FINISH);
        text[z.total_out] = 0;
        inflateEnd(&z);
    }
    free(file);
    if (r == Z_STREAM_END)
        return (char *)text;
    free(text);
    return NULL;
}

char kernel_config(const char *name)
{
    char *text = read_config(), value = 'n';
    if (!text)
        return 0;
    size_t n = strlen(name);
    for (const char *line = text; line && value == 'n'; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!strncmp(line, name, n) && line[n] == '=')
            value = line[n + 1];
    }
    free(text);
    return value;
}
#else
char kernel_config(const char *name)
{
    (void)name;
    return 0;
}
#endif
