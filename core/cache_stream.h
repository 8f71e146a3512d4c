/* cache_stream.h - the bytes of a segment of a cache file, written in their order.
 *
 * Memory that was not touched before costs more than the rest of the work, so they go out piece by piece. */
#pragma once
#include "core/cache_format.h"
#include "core/types.h"

/* CACHE_STREAM_SIZE: of the buffer, the first CACHE_STREAM_OFTEN of which are written by any stream. */
enum { CACHE_STREAM_MOST = 256 << 10, CACHE_STREAM_OFTEN = CACHE_CHUNK, CACHE_STREAM_SIZE = CACHE_CHUNK + CACHE_STREAM_MOST };

struct cache_stream {
    int fd;
    bool failed;
    uint32_t n;                 /* bytes in the buffer */
    uint64_t start, at, check;  /* of the segment in the file; where the buffer goes; the check of what is before it */
    uint8_t *buffer;
};

/* Write N bytes to OFFSET of a file. */
bool cache_write_at(int fd, const void *p, size_t n, uint64_t offset);

/* A segment begins at START of FD. BUFFER has CACHE_STREAM_SIZE bytes. */
void cache_stream_begin(struct cache_stream *out, int fd, uint64_t start, uint8_t *buffer);
/* Room for the next SIZE bytes, at most CACHE_STREAM_MOST. */
uint8_t *cache_stream_next(struct cache_stream *out, uint32_t size);
void cache_stream_put(struct cache_stream *out, const void *p, size_t size);
/* Zeroes up to an offset in the segment. */
void cache_stream_fill_to(struct cache_stream *out, uint32_t offset);
/* Write the rest. out->failed and out->check are those of the whole then. */
void cache_stream_end(struct cache_stream *out);
