/* cfn.h — private to the files cfn*.c: CloudFormation's way into IAM. */
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

/* Keys of `have` that `wanted` lacks. */
struct iam_tag_key_list_type cfn_surplus_keys(struct resource_call *rc,
                                              const struct iam_tag_list_type *have,
                                              const struct iam_tag_list_type *wanted);

/* Rows of the table in cfn.c whose properties and functions are in cfn_account.c. */
enum {
    CFN_OIDC_PROPERTY_COUNT = 4,
    CFN_SAML_PROPERTY_COUNT = 6,
    CFN_LINKED_PROPERTY_COUNT = 3,
    CFN_MFA_PROPERTY_COUNT = 4,
    CFN_CERTIFICATE_PROPERTY_COUNT = 6,
};
extern const struct resource_property cfn_oidc_properties[CFN_OIDC_PROPERTY_COUNT];
extern const struct resource_property cfn_saml_properties[CFN_SAML_PROPERTY_COUNT];
extern const struct resource_property cfn_linked_properties[CFN_LINKED_PROPERTY_COUNT];
extern const struct resource_property cfn_mfa_properties[CFN_MFA_PROPERTY_COUNT];
extern const struct resource_property cfn_certificate_properties[CFN_CERTIFICATE_PROPERTY_COUNT];
resource_fn cfn_create_oidc, cfn_update_oidc, cfn_remove_oidc;
resource_fn cfn_create_saml, cfn_update_saml, cfn_remove_saml;
resource_fn cfn_create_linked, cfn_update_linked, cfn_remove_linked;
resource_fn cfn_create_mfa, cfn_update_mfa, cfn_remove_mfa;
resource_fn cfn_create_certificate, cfn_update_certificate, cfn_remove_certificate;
enum resource_result cfn_oidc_attribute(struct resource_call *rc, struct str name,
                                        struct json **out_value);
enum resource_result cfn_saml_attribute(struct resource_call *rc, struct str name,
                                        struct json **out_value);
enum resource_result cfn_linked_attribute(struct resource_call *rc, struct str name,
                                          struct json **out_value);
enum resource_result cfn_mfa_attribute(struct resource_call *rc, struct str name,
                                       struct json **out_value);
enum resource_result cfn_certificate_attribute(struct resource_call *rc, struct str name,
                                               struct json **out_value);

/* Rows of the table in cfn.c whose live properties are read in cfn_read.c. */
typedef enum resource_result cfn_read_fn(struct resource_call *rc, struct json **out_properties);
cfn_read_fn cfn_read_role, cfn_read_user, cfn_read_group, cfn_read_policy, cfn_read_single;
cfn_read_fn cfn_read_managed, cfn_read_profile, cfn_read_key, cfn_read_addition, cfn_read_oidc;
cfn_read_fn cfn_read_saml, cfn_read_linked, cfn_read_mfa, cfn_read_certificate;
