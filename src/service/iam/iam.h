/* iam.h — private to the folder: handlers, and what they share.
 *
 * Does not include iam_public.h: see iam_store.h.
 */
#pragma once

#include "auth/policy.h"
#include "engine/cfn/resource.h"
#include "iam/iam_api.h"
#include "service/iam/iam_store.h"
#include "wire/call.h"
#include "wire/service.h"

extern const struct iam_handlers iam_handlers;
extern const struct service iam_service;
extern const struct resource_type iam_resource_types[];

enum {
    IAM_RESOURCE_TYPE_COUNT = 16,
    IAM_MAX_ATTACHED = 10,     /* AWS quota: managed policies per user, group and role */
    IAM_MAX_VERSIONS = 5,      /* versions of a managed policy */
    IAM_MAX_KEYS = 2,          /* access keys per user */
    IAM_MAX_GROUPS = 10,       /* groups per user */
    IAM_MAX_TAGS = 50,         /* tags per resource */
    IAM_MAX_TRUST_SIZE = 2048, /* characters without white space */
    IAM_MAX_MANAGED_SIZE = 6144,
};

/* --- entity.c: what users, groups, roles, profiles and policies have in common --- */

/* Finds an entity of the call's account, or fails the call with NoSuchEntity in the words of its
 * kind. */
enum status iam_get_entity(struct call *call, enum iam_kind kind, struct str name,
                           struct iam_entity **out_entity);
/* Fails with EntityAlreadyExists when the name is taken, and with LimitExceeded when the account is
 * full; else fills *out (id, account, kind, name, path, times, tags). An absent path is "/". */
enum status iam_new_entity(struct call *call, enum iam_kind kind, struct str name, struct str path,
                           const struct iam_tag_list_type *tags, struct iam_entity *out);
/* Writes the entity's row, new or changed; tells the identity layer when `changes_rights`. */
enum status iam_insert_entity(struct call *call, const struct iam_entity *entity);
enum status iam_update_entity(struct call *call, const struct iam_entity *entity,
                              bool changes_rights);
enum status iam_delete_entity(struct call *call, const struct iam_entity *entity);
/* After a write that may change who may do what. */
void iam_rights_changed(struct call *call);
/* Gives an entity another name, path or both; fails when the new name is taken. */
enum status iam_rename_entity(struct call *call, struct iam_entity *entity, struct str new_name,
                              struct str new_path);
/* The calling user, for operations whose UserName was left out. Fails unless the caller is a user.
 */
enum status iam_user_or_caller(struct call *call, struct str name, struct iam_entity **out_user);
/* URL-encoded as IAM answers policy documents (RFC 3986). */
struct str iam_encoded(struct call *call, struct str document);
/* DeleteConflict when the entity has attached or inline policies. */
enum status iam_check_unused(struct call *call, const struct iam_entity *entity);

/* --- page.c: Marker and MaxItems --- */

/* Reads the two; the range asks for one item more than the page holds. */
enum status iam_page_begin(struct call *call, struct str marker, struct opt_i32 max_items,
                           struct iam_range *out_range);
/* How many of the `count` items belong to the page. Sets the answer's IsTruncated. */
size_t iam_page_count(struct iam_range range, size_t count, struct opt_bool *out_is_truncated);
/* The marker behind an item with this sort key. */
struct str iam_page_marker(struct call *call, struct str key);
/* For entities: cuts the list to the page and sets both members of the answer. */
size_t iam_page_entities(struct call *call, struct iam_range range, const struct vec *entities,
                         struct opt_bool *out_is_truncated, struct str *out_marker);

/* --- tag.c --- */

/* Tags of a request as stored; fails on doubled keys. */
enum status iam_tags_from_request(struct call *call, const struct iam_tag_list_type *tags,
                                  struct str *out_text);
void iam_tags_to_answer(struct call *call, struct str text, struct iam_tag_list_type *out_tags);
enum status iam_put_tags(struct call *call, struct iam_entity *entity,
                         const struct iam_tag_list_type *tags);
enum status iam_remove_tags(struct call *call, struct iam_entity *entity,
                            const struct iam_tag_key_list_type *keys);
enum status iam_list_tags(struct call *call, struct str text, struct str marker,
                          struct opt_i32 max_items, struct iam_tag_list_type *out_tags,
                          struct opt_bool *out_is_truncated, struct str *out_marker);

/* --- document.c: policy documents of a request --- */

/* Checks a document; fails with MalformedPolicyDocument. */
enum status iam_check_document(struct call *call, struct str document, enum policy_kind kind);
/* Checks a trust policy, its size and that its principals exist; gives the text to store. */
enum status iam_check_trust(struct call *call, struct str document, struct str *out_stored);
/* Characters that count: all but white space. */
size_t iam_document_size(struct str document);

/* --- inline.c and attach.c: the same for users, groups and roles --- */
enum status iam_put_inline(struct call *call, enum iam_kind kind, struct str name,
                           struct str policy_name, struct str document);
enum status iam_get_inline(struct call *call, enum iam_kind kind, struct str name,
                           struct str policy_name, struct str *out_name, struct str *out_document);
enum status iam_delete_inline(struct call *call, enum iam_kind kind, struct str name,
                              struct str policy_name);
enum status iam_list_inline(struct call *call, enum iam_kind kind, struct str name,
                            struct str marker, struct opt_i32 max_items,
                            struct iam_policy_name_list_type *out_names,
                            struct opt_bool *out_is_truncated, struct str *out_marker);
enum status iam_attach(struct call *call, enum iam_kind kind, struct str name,
                       struct str policy_arn);
enum status iam_detach(struct call *call, enum iam_kind kind, struct str name,
                       struct str policy_arn);
struct iam_list_attached {
    struct str name;
    struct str path_prefix;
    struct str marker;
    struct opt_i32 max_items;
};
enum status iam_list_attached_of(struct call *call, enum iam_kind kind,
                                 const struct iam_list_attached *asked,
                                 struct iam_attached_policies_list_type *out_policies,
                                 struct opt_bool *out_is_truncated, struct str *out_marker);
/* Finds a managed policy that may be attached, or fails the call. */
enum status iam_get_attachable(struct call *call, struct str arn, struct iam_managed *out_managed);
/* Fails the call unless the policy may be a boundary. */
enum status iam_check_boundary(struct call *call, struct str arn);
/* Puts (or, with an absent arn, removes) the permissions boundary. */
enum status iam_set_boundary(struct call *call, enum iam_kind kind, struct str name,
                             struct str policy_arn);
struct iam_attached_permissions_boundary *iam_boundary_to_answer(struct call *call,
                                                                 const struct iam_entity *entity);

/* --- answers of each noun --- */
enum iam_detail {
    IAM_IN_LIST, /* AWS leaves tags, boundary and last use out of lists */
    IAM_IN_FULL,
};
enum status iam_role_to_answer(struct call *call, const struct iam_entity *role,
                               enum iam_detail detail, struct iam_role *out);
void iam_user_to_answer(struct call *call, const struct iam_entity *user, enum iam_detail detail,
                        struct iam_user *out);
void iam_group_to_answer(struct call *call, const struct iam_entity *group, struct iam_group *out);
enum status iam_profile_to_answer(struct call *call, const struct iam_entity *profile,
                                  enum iam_detail detail, struct iam_instance_profile *out);
enum status iam_policy_to_answer(struct call *call, const struct iam_managed *managed,
                                 enum iam_detail detail, struct iam_policy *out);

/* --- login.c: the account's default rules for passwords --- */
enum status iam_check_password(struct call *call, struct str password);

/* --- credential.c --- */

/* Finds a credential of the user, or fails with NoSuchEntity. */
enum status iam_get_credential(struct call *call, enum iam_credential_kind kind,
                               const struct iam_entity *user, struct str id,
                               struct iam_credential *out);
/* Keeps a new one, unless the user has as many as the quota allows. */
enum status iam_new_credential(struct call *call, const struct iam_credential *credential);
enum status iam_set_credential_status(struct call *call, enum iam_credential_kind kind,
                                      struct str user_name, struct str id, struct str new_status);
enum status iam_remove_credential(struct call *call, enum iam_credential_kind kind,
                                  struct str user_name, struct str id);
/* Initialises *out_credentials with struct iam_credential. */
enum status iam_list_credentials_of(struct call *call, enum iam_credential_kind kind,
                                    const struct iam_entity *user, struct iam_range range,
                                    struct vec *out_credentials);
/* The bytes between "-----BEGIN label-----" and its end (ssh_key.c). */
bool iam_read_pem(struct arena *arena, struct str text, const char *label, struct str *out_bytes);

/* --- authorize.c --- */
enum status iam_authorize(struct call *call, const void *in, struct authorization *out);

/* role.c */
iam_create_role_fn iam_create_role;
iam_get_role_fn iam_get_role;
iam_update_role_fn iam_update_role;
iam_update_role_description_fn iam_update_role_description;
iam_update_assume_role_policy_fn iam_update_assume_role_policy;
iam_delete_role_fn iam_delete_role;
iam_list_roles_fn iam_list_roles;
iam_tag_role_fn iam_tag_role;
iam_untag_role_fn iam_untag_role;
iam_list_role_tags_fn iam_list_role_tags;
iam_put_role_policy_fn iam_put_role_policy;
iam_get_role_policy_fn iam_get_role_policy;
iam_delete_role_policy_fn iam_delete_role_policy;
iam_list_role_policies_fn iam_list_role_policies;
iam_attach_role_policy_fn iam_attach_role_policy;
iam_detach_role_policy_fn iam_detach_role_policy;
iam_list_attached_role_policies_fn iam_list_attached_role_policies;
iam_put_role_permissions_boundary_fn iam_put_role_permissions_boundary;
iam_delete_role_permissions_boundary_fn iam_delete_role_permissions_boundary;
/* policy.c */
iam_create_policy_fn iam_create_policy;
iam_get_policy_fn iam_get_policy;
iam_delete_policy_fn iam_delete_policy;
iam_list_policies_fn iam_list_policies;
iam_create_policy_version_fn iam_create_policy_version;
iam_get_policy_version_fn iam_get_policy_version;
iam_list_policy_versions_fn iam_list_policy_versions;
iam_delete_policy_version_fn iam_delete_policy_version;
iam_set_default_policy_version_fn iam_set_default_policy_version;
iam_tag_policy_fn iam_tag_policy;
iam_untag_policy_fn iam_untag_policy;
iam_list_policy_tags_fn iam_list_policy_tags;
iam_list_entities_for_policy_fn iam_list_entities_for_policy;
/* user.c */
iam_create_user_fn iam_create_user;
iam_get_user_fn iam_get_user;
iam_update_user_fn iam_update_user;
iam_delete_user_fn iam_delete_user;
iam_list_users_fn iam_list_users;
iam_tag_user_fn iam_tag_user;
iam_untag_user_fn iam_untag_user;
iam_list_user_tags_fn iam_list_user_tags;
iam_put_user_policy_fn iam_put_user_policy;
iam_get_user_policy_fn iam_get_user_policy;
iam_delete_user_policy_fn iam_delete_user_policy;
iam_list_user_policies_fn iam_list_user_policies;
iam_attach_user_policy_fn iam_attach_user_policy;
iam_detach_user_policy_fn iam_detach_user_policy;
iam_list_attached_user_policies_fn iam_list_attached_user_policies;
iam_put_user_permissions_boundary_fn iam_put_user_permissions_boundary;
iam_delete_user_permissions_boundary_fn iam_delete_user_permissions_boundary;
/* group.c */
iam_create_group_fn iam_create_group;
iam_get_group_fn iam_get_group;
iam_update_group_fn iam_update_group;
iam_delete_group_fn iam_delete_group;
iam_list_groups_fn iam_list_groups;
iam_list_groups_for_user_fn iam_list_groups_for_user;
iam_add_user_to_group_fn iam_add_user_to_group;
iam_remove_user_from_group_fn iam_remove_user_from_group;
iam_put_group_policy_fn iam_put_group_policy;
iam_get_group_policy_fn iam_get_group_policy;
iam_delete_group_policy_fn iam_delete_group_policy;
iam_list_group_policies_fn iam_list_group_policies;
iam_attach_group_policy_fn iam_attach_group_policy;
iam_detach_group_policy_fn iam_detach_group_policy;
iam_list_attached_group_policies_fn iam_list_attached_group_policies;
/* key.c */
iam_create_access_key_fn iam_create_access_key;
iam_list_access_keys_fn iam_list_access_keys;
iam_update_access_key_fn iam_update_access_key;
iam_delete_access_key_fn iam_delete_access_key;
iam_get_access_key_last_used_fn iam_get_access_key_last_used;
/* login.c */
iam_create_login_profile_fn iam_create_login_profile;
iam_get_login_profile_fn iam_get_login_profile;
iam_update_login_profile_fn iam_update_login_profile;
iam_delete_login_profile_fn iam_delete_login_profile;
iam_change_password_fn iam_change_password;
/* ssh_key.c */
iam_upload_ssh_public_key_fn iam_upload_ssh_public_key;
iam_get_ssh_public_key_fn iam_get_ssh_public_key;
iam_list_ssh_public_keys_fn iam_list_ssh_public_keys;
iam_update_ssh_public_key_fn iam_update_ssh_public_key;
iam_delete_ssh_public_key_fn iam_delete_ssh_public_key;
/* certificate.c */
iam_upload_signing_certificate_fn iam_upload_signing_certificate;
iam_list_signing_certificates_fn iam_list_signing_certificates;
iam_update_signing_certificate_fn iam_update_signing_certificate;
iam_delete_signing_certificate_fn iam_delete_signing_certificate;
/* service_credential.c */
iam_create_service_specific_credential_fn iam_create_service_specific_credential;
iam_list_service_specific_credentials_fn iam_list_service_specific_credentials;
iam_update_service_specific_credential_fn iam_update_service_specific_credential;
iam_reset_service_specific_credential_fn iam_reset_service_specific_credential;
iam_delete_service_specific_credential_fn iam_delete_service_specific_credential;
/* profile.c */
iam_create_instance_profile_fn iam_create_instance_profile;
iam_get_instance_profile_fn iam_get_instance_profile;
iam_delete_instance_profile_fn iam_delete_instance_profile;
iam_list_instance_profiles_fn iam_list_instance_profiles;
iam_list_instance_profiles_for_role_fn iam_list_instance_profiles_for_role;
iam_add_role_to_instance_profile_fn iam_add_role_to_instance_profile;
iam_remove_role_from_instance_profile_fn iam_remove_role_from_instance_profile;
iam_tag_instance_profile_fn iam_tag_instance_profile;
iam_untag_instance_profile_fn iam_untag_instance_profile;
iam_list_instance_profile_tags_fn iam_list_instance_profile_tags;
