/* runtime.c — look-ups in the table of services. */
#include "wire/runtime.h"

const struct service *runtime_service(const struct runtime *runtime,
                                      const struct service_model *model)
{
    for (size_t i = 0; i < runtime->service_count; i++) {
        if (runtime->services[i]->model == model)
            return runtime->services[i];
    }
    CHECK(false);
    return NULL;
}
