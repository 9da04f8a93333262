/* pg_api.c — dlopen once, and never dlclose: libpq's own libraries do not survive being unloaded.
 */
#include "store/pg_api.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
#define PG_ENTRY(function) {#function, offsetof(struct pg_api, function)},
    PG_FUNCTIONS(PG_ENTRY)
#undef PG_ENTRY
};

static struct pg_api api;
static char load_error[256]; /* "" : loaded */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(load_error, sizeof(load_error), "cannot load libpq: %s", dlerror());
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        void *function = dlsym(library, functions[i].name);
        if (!function) {
            snprintf(load_error, sizeof(load_error), "libpq lacks %s", functions[i].name);
            return;
        }
        memcpy((char *)&api + functions[i].offset, &function, sizeof(function));
    }
    if (!api.PQisthreadsafe())
        snprintf(load_error, sizeof(load_error), "this libpq was built without threads");
}

int pg_api_load(const char **out_message)
{
    pthread_once(&once, load);
    if (load_error[0] == '\0')
        return 0;
    *out_message = load_error;
    return -EIO;
}

const struct pg_api *pg_api(void)
{
    return &api;
}
