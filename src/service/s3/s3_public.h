/* s3_public.h — what the program, the engines and other services need of S3. */
#pragma once

#include "engine/workflow/workflow.h"
#include "wire/service.h"

struct store;

extern const struct service s3_service;

/* Removes bodies that no row names: what a crash left behind. Called once at start, before workers
 * are. Returns 0 or -errno. */
MUST_CHECK int s3_sweep_bodies(struct store *store);
