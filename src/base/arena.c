/* arena.c — a chain of chunks and a bump pointer.
 *
 * Chunks double up to a limit; an allocation larger than a chunk gets a chunk of its own. Reset
 * frees all chunks but the first, so an idle connection costs FIRST_CHUNK bytes.
 */
#include "base/arena.h"

#include <string.h>

#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#endif

enum {
    FIRST_CHUNK = 8 * 1024 - 64, /* holds a typical small request */
    LARGEST_CHUNK = 1024 * 1024, /* beyond this, doubling only wastes memory */
    OBJECT_ALIGNMENT = 16,
};

struct chunk {
    struct chunk *next; /* older */
    size_t size;        /* of data */
    size_t used;
    _Alignas(OBJECT_ALIGNMENT) char data[];
};

struct arena {
    struct chunk *current;
    size_t total_bytes; /* handed out since the last reset */
};

static void poison(void *ptr, size_t size)
{
#ifdef ARENA_ASAN
    ASAN_POISON_MEMORY_REGION(ptr, size);
#else
    (void)ptr;
    (void)size;
#endif
}

static void unpoison(void *ptr, size_t size)
{
#ifdef ARENA_ASAN
    ASAN_UNPOISON_MEMORY_REGION(ptr, size);
#else
    (void)ptr;
    (void)size;
#endif
}

static struct chunk *chunk_new(struct chunk *next, size_t size)
{
    size_t total = 0;
    CHECK(!__builtin_add_overflow(sizeof(struct chunk), size, &total));
    struct chunk *chunk = mem_new(total);
    chunk->next = next;
    chunk->size = size;
    poison(chunk->data, size);
    return chunk;
}

static void chunk_free(struct chunk *chunk)
{
    unpoison(chunk->data, chunk->size);
    mem_free(chunk);
}

struct arena *arena_new(void)
{
    struct arena *arena = mem_new(sizeof(*arena));
    arena->current = chunk_new(NULL, FIRST_CHUNK);
    return arena;
}

static void free_chunks_but_first(struct arena *arena)
{
    while (arena->current->next) {
        struct chunk *next = arena->current->next;
        chunk_free(arena->current);
        arena->current = next;
    }
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    free_chunks_but_first(arena);
    chunk_free(arena->current);
    mem_free(arena);
}

void arena_autoclose(struct arena **slot)
{
    arena_free(*slot);
}

void arena_reset(struct arena *arena)
{
    free_chunks_but_first(arena);
    arena->current->used = 0;
    arena->total_bytes = 0;
    poison(arena->current->data, arena->current->size);
}

static void *bump(struct arena *arena, size_t size, size_t alignment)
{
    struct chunk *chunk = arena->current;
    size_t start = (chunk->used + alignment - 1) & ~(alignment - 1);
    if (start > chunk->size || size > chunk->size - start) {
        size_t wanted = chunk->size < LARGEST_CHUNK ? chunk->size * 2 : LARGEST_CHUNK;
        if (wanted < size)
            wanted = size;
        chunk = chunk_new(chunk, wanted);
        arena->current = chunk;
        start = 0;
    }
    chunk->used = start + size;
    arena->total_bytes += size;
    unpoison(chunk->data + start, size);
    return chunk->data + start;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *ptr = bump(arena, size ? size : 1, OBJECT_ALIGNMENT);
    memset(ptr, 0, size);
    return ptr;
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
    size_t total = 0;
    CHECK(!__builtin_mul_overflow(count, size, &total));
    return arena_alloc(arena, total);
}

char *arena_alloc_text(struct arena *arena, size_t size)
{
    return bump(arena, size ? size : 1, 1);
}

size_t arena_used(const struct arena *arena)
{
    return arena->total_bytes;
}
