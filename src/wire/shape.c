/* shape.c — finding operations in the tables that tools/modelc generates.
 *
 * The tables are constant and shared by all threads; so both functions are thread-safe.
 */
#include "wire/shape.h"

#include <string.h>

const struct operation *service_find_operation(const struct service_model *service, struct str name)
{
    size_t low = 0;
    size_t high = service->operation_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(name, service->operations[middle].name);
        if (order == 0)
            return &service->operations[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool operation_is_implemented(const struct operation *operation, const void *handlers)
{
    /* The handler pointers have different types, but POSIX gives all function pointers one
     * representation, and NULL is all zeros. */
    void (*handler)(void) = NULL;
    memcpy(&handler, (const char *)handlers + operation->handler_offset, sizeof(handler));
    return handler != NULL;
}
