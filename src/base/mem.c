/* mem.c — malloc with one policy: abort when there is no memory. */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void *mem_new(size_t size)
{
    void *ptr = calloc(1, size ? size : 1);
    CHECK(ptr != NULL);
    return ptr;
}

void *mem_new_array(size_t count, size_t size)
{
    size_t total = 0;
    CHECK(!__builtin_mul_overflow(count, size, &total));
    return mem_new(total);
}

void *mem_resize(void *old, size_t size)
{
    void *ptr = realloc(old, size ? size : 1);
    CHECK(ptr != NULL);
    return ptr;
}

char *mem_copy(const void *ptr, size_t len)
{
    size_t size = 0;
    CHECK(!__builtin_add_overflow(len, (size_t)1, &size));
    char *copy = mem_new(size);
    if (len > 0)
        memcpy(copy, ptr, len);
    return copy;
}

void mem_free(void *ptr)
{
    free(ptr);
}

void mem_autoclose(void *slot)
{
    void *ptr = NULL;
    memcpy(&ptr, slot, sizeof(ptr));
    free(ptr);
}
