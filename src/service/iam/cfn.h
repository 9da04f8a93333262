/* cfn.h — private to cfn.c, cfn_holder.c and cfn_policy.c: CloudFormation's way into IAM. */
#pragma once

#include "engine/cfn/resource.h"
#include "service/iam/iam.h"

#define CFN_PROPERTY(property_name, property_type, behavior)                                       \
    {                                                                                              \
        .name = STR_INIT(property_name), .type = property_type, .update = behavior                 \
    }
#define CFN_REQUIRED(property_name, property_type, behavior)                                       \
    {                                                                                              \
        .name = STR_INIT(property_name), .type = property_type, .update = behavior,                \
        .is_required = true                                                                        \
    }

/* Calls an operation of IAM; *out (may be NULL) gets its answer. With `may_be_missing`,
 * NoSuchEntity counts as done. */
enum resource_result cfn_iam_run(struct resource_call *rc, int operation, const void *in,
                                 const void **out, bool may_be_missing);

/* The same for users, groups and roles. */
enum resource_result cfn_put_inline(struct resource_call *rc, enum iam_kind kind, struct str holder,
                                    struct str name, struct str document);
enum resource_result cfn_delete_inline(struct resource_call *rc, enum iam_kind kind,
                                       struct str holder, struct str name);
enum resource_result cfn_attach(struct resource_call *rc, enum iam_kind kind, struct str holder,
                                struct str arn);
enum resource_result cfn_detach(struct resource_call *rc, enum iam_kind kind, struct str holder,
                                struct str arn);

/* Properties Policies and ManagedPolicyArns: makes what the properties say, takes away what the old
 * ones (may be NULL) said besides. */
enum resource_result cfn_apply_policies(struct resource_call *rc, enum iam_kind kind,
                                        struct str holder, const struct json *old_properties,
                                        const struct json *properties);
/* Takes every policy off, whoever put it there: before the holder is deleted. */
enum resource_result cfn_strip_policies(struct resource_call *rc, enum iam_kind kind,
                                        struct str holder);
/* The name that the template gives, or a generated one. */
struct str cfn_name(struct resource_call *rc, const char *property, size_t max_len);
/* Whether a list property of `properties` (may be NULL) holds the text. */
bool iam_list_has(const struct json *properties, const char *name, struct str text);
struct iam_tag_list_type cfn_tags(struct resource_call *rc);

/* Rows of the table in cfn.c whose functions are in cfn_policy.c. */
resource_fn cfn_create_policy, cfn_update_policy, cfn_remove_policy;
resource_fn cfn_create_managed, cfn_update_managed, cfn_remove_managed;
resource_fn cfn_create_profile, cfn_update_profile, cfn_remove_profile;
resource_fn cfn_create_key, cfn_update_key, cfn_remove_key;
resource_fn cfn_create_addition, cfn_update_addition, cfn_remove_addition;
resource_fn cfn_create_single, cfn_update_single, cfn_remove_single;
enum resource_result cfn_managed_attribute(struct resource_call *rc, struct str name,
                                           struct json **out_value);
enum resource_result cfn_profile_attribute(struct resource_call *rc, struct str name,
                                           struct json **out_value);
enum resource_result cfn_key_attribute(struct resource_call *rc, struct str name,
                                       struct json **out_value);
enum resource_result cfn_policy_attribute(struct resource_call *rc, struct str name,
                                          struct json **out_value);
