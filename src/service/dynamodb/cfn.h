/* cfn.h — private to cfn.c, cfn_input.c and cfn_converge.c: tables for CloudFormation. */
#pragma once

#include "engine/cfn/resource.h"
#include "service/dynamodb/dynamodb.h"

/* --- cfn_input.c: properties of a template as inputs of operations --- */

/* What CreateTable takes of AWS::DynamoDB::Table's properties. Tags are not among it. */
void ddb_cfn_input(struct resource_call *rc, const struct json *properties,
                   struct dynamodb_create_table_in *in);
/* AWS::DynamoDB::GlobalTable's properties, as those of its copy in a region. */
struct json *ddb_cfn_local_properties(struct resource_call *rc, const struct json *properties,
                                      struct str region);
/* The entry of Replicas for a region, or NULL. */
const struct json *ddb_cfn_replica(const struct json *properties, struct str region);
void ddb_cfn_tags(struct resource_call *rc, const struct json *tags, struct dynamodb_tag_list *out);

/* --- cfn_converge.c --- */

/* Calls an operation in a region. *out_code may be NULL. */
enum resource_result ddb_cfn_invoke(struct resource_call *rc, struct str region,
                                    enum dynamodb_op op, const void *in, void *out,
                                    struct str *out_code);
enum resource_result ddb_cfn_describe(struct resource_call *rc, struct str region,
                                      struct dynamodb_table_description **out_table,
                                      struct str *out_code);
/* Does the next thing that makes the table in `region` what `properties` (of a table) say:
 * RESOURCE_DONE when nothing is left, RESOURCE_IN_PROGRESS when there may be more. `tags`: array of
 * {Key, Value}. */
enum resource_result ddb_cfn_converge(struct resource_call *rc, struct str region,
                                      const struct json *properties,
                                      const struct json *old_properties, const struct json *tags);
/* Run again soon. */
enum resource_result ddb_cfn_again(struct resource_call *rc);
