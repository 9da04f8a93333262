/* claim.h — host names of S3. Private to the folder. */
#pragma once

#include "service/s3/s3.h"
#include "wire/protocol.h"

struct s3_host {
    struct str bucket; /* empty: the path names it */
    struct str region; /* empty: not told */
    bool is_website;
};
/* `host` in lower case, without port. False: not S3's. */
bool s3_read_host(struct str host, const struct wire_request *request, struct s3_host *out);

/* The service's `claim` hook. */
bool s3_claim(struct arena *arena, struct str host, const struct wire_request *request,
              struct service_claim *out);
