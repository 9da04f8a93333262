/* services.c — what this program is made of. One row per service; the order is that of the README's
 * table.
 */
#include "service/services.h"

#include "service/sts/sts_public.h"

const struct service *const services[] = {
    &sts_service,
};
const size_t service_count = ARRAY_LEN(services);

const struct workflow_kind *const workflow_kinds[] = {NULL};
const size_t workflow_kind_count = 0;
