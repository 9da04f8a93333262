/* yaml_types.h — what the plain scalars of YAML 1.1 mean. Private to yaml.c and yaml_types.c. */
#pragma once

#include "syntax/yaml.h"

/* The type that YAML 1.1 gives an untagged scalar without quotes. */
enum yaml_type yaml_resolve(struct str text);
