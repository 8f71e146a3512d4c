/* cache_stream.c - the bytes of a segment of a cache file, written in their order. */
#include "core/cache_stream.h"

#include <string.h>
#include <unistd.h>

#include "core/hash.h"

bool cache_write_at(int fd, const void *p, size_t n, uint64_t offset)
{
    while (n) {
        ssize_t done = pwrite(fd, p, n, (off_t)offset);
        if (done <= 0)
            return false;
        p = (const char *)p + done;
        n -= (size_t)done;
        offset += (uint64_t)done;
    }
    return true;
}

void cache_stream_begin(struct cache_stream *out, int fd, uint64_t start, uint8_t *buffer)
{
    *out = (struct cache_stream){.fd = fd, .start = start, .at = start, .buffer = buffer};
}

static void write_out(struct cache_stream *out, uint32_t n)
{
    out->check = hash_bytes(out->buffer, n, out->check);
    out->failed = out->failed || !cache_write_at(out->fd, out->buffer, n, out->at);
    out->at += n;
    out->n -= n;
    memmove(out->buffer, out->buffer + n, out->n);
}

uint8_t *cache_stream_next(struct cache_stream *out, uint32_t size)
{
    while (out->n >= CACHE_CHUNK)
        write_out(out, CACHE_CHUNK);
    uint8_t *p = out->buffer + out->n;
    out->n += size;
    return p;
}

void cache_stream_put(struct cache_stream *out, const void *p, size_t size)
{
    for (size_t n; size; size -= n, p = (const char *)p + n) {
        n = size < CACHE_STREAM_MOST ? size : CACHE_STREAM_MOST;
        memcpy(cache_stream_next(out, (uint32_t)n), p, n);
    }
}

void cache_stream_fill_to(struct cache_stream *out, uint32_t offset)
{
    uint32_t size = offset - (uint32_t)(out->at - out->start) - out->n;
    memset(cache_stream_next(out, size), 0, size);
}

void cache_stream_end(struct cache_stream *out)
{
    while (out->n)
        write_out(out, out->n < CACHE_CHUNK ? out->n : CACHE_CHUNK);
}
