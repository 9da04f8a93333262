/* cfn_account.c — CloudFormation types of what belongs to the account: identity providers,
 * service-linked roles, virtual MFA devices, server certificates. Their rows are in cfn.c.
 *
 * Docs: CloudFormation template reference, AWS::IAM::OIDCProvider, SAMLProvider, ServiceLinkedRole,
 * VirtualMFADevice, ServerCertificate: properties, update behaviours, return values.
 */
#include "base/arena.h"
#include "service/iam/cfn.h"
#include "syntax/json.h"

static const struct resource_property tag_members[] = {
    CFN_REQUIRED("Key", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    CFN_REQUIRED("Value", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};

#define TAGS                                                                                       \
    {                                                                                              \
        .name = STR_INIT("Tags"), .type = PROPERTY_LIST, .members = tag_members,                   \
        .member_count = ARRAY_LEN(tag_members)                                                     \
    }

/* An absent or empty property is left out of a request. */
static struct str optional(const struct json *properties, const char *name)
{
    struct str text = resource_string(properties, name);
    return text.len > 0 ? text : (struct str){0};
}

/* The texts of a list property. */
static struct str *texts_of(struct resource_call *rc, const struct json *properties,
                            const char *name, size_t *out_count)
{
    const struct json *list = json_find_cstr(properties, name);
    size_t count = 0;
    struct str *texts =
        arena_alloc_array(rc->call->arena, (list ? list->count : 0) + 1, sizeof(*texts));
    for (const struct json *item = list ? list->first : NULL; item; item = item->next)
        texts[count++] = item->text;
    *out_count = count;
    return texts;
}

static enum resource_result answer(struct resource_call *rc, struct str text,
                                   struct json **out_value)
{
    *out_value = json_new_string(rc->call->arena, text);
    return RESOURCE_DONE;
}

/* --- AWS::IAM::OIDCProvider: Ref is the ARN --- */

const struct resource_property cfn_oidc_properties[CFN_OIDC_PROPERTY_COUNT] = {
    CFN_PROPERTY("ClientIdList", PROPERTY_LIST, UPDATE_NO_INTERRUPTION),
    TAGS,
    CFN_PROPERTY("ThumbprintList", PROPERTY_LIST, UPDATE_NO_INTERRUPTION),
    CFN_PROPERTY("Url", PROPERTY_STRING, UPDATE_REPLACEMENT),
};

enum resource_result cfn_create_oidc(struct resource_call *rc)
{
    struct iam_create_open_id_connect_provider_in in = {
        .url = resource_string(rc->properties, "Url"),
        .tags = cfn_tags(rc),
    };
    in.client_id_list.items =
        texts_of(rc, rc->properties, "ClientIdList", &in.client_id_list.count);
    in.thumbprint_list.items =
        texts_of(rc, rc->properties, "ThumbprintList", &in.thumbprint_list.count);
    const void *made = NULL;
    enum resource_result result =
        cfn_iam_run(rc, IAM_OP_CREATE_OPEN_ID_CONNECT_PROVIDER, &in, &made, false);
    if (result == RESOURCE_DONE)
        rc->physical_id = ((const struct iam_create_open_id_connect_provider_out *)made)
                              ->open_id_connect_provider_arn;
    return result;
}

static enum resource_result update_clients(struct resource_call *rc)
{
    size_t count = 0;
    enum resource_result result = RESOURCE_DONE;
    const struct str *old = texts_of(rc, rc->old_properties, "ClientIdList", &count);
    for (size_t i = 0; i < count && result == RESOURCE_DONE; i++) {
        const struct iam_remove_client_id_from_open_id_connect_provider_in in = {
            .open_id_connect_provider_arn = rc->physical_id, .client_id = old[i]};
        if (!iam_list_has(rc->properties, "ClientIdList", old[i]))
            result = cfn_iam_run(rc, IAM_OP_REMOVE_CLIENT_ID_FROM_OPEN_ID_CONNECT_PROVIDER, &in,
                                 NULL, false);
    }
    const struct str *wanted = texts_of(rc, rc->properties, "ClientIdList", &count);
    for (size_t i = 0; i < count && result == RESOURCE_DONE; i++) {
        const struct iam_add_client_id_to_open_id_connect_provider_in in = {
            .open_id_connect_provider_arn = rc->physical_id, .client_id = wanted[i]};
        result =
            cfn_iam_run(rc, IAM_OP_ADD_CLIENT_ID_TO_OPEN_ID_CONNECT_PROVIDER, &in, NULL, false);
    }
    return result;
}

static enum resource_result get_oidc(struct resource_call *rc,
                                     const struct iam_get_open_id_connect_provider_out **out)
{
    const struct iam_get_open_id_connect_provider_in in = {.open_id_connect_provider_arn =
                                                               rc->physical_id};
    const void *found = NULL;
    enum resource_result result =
        cfn_iam_run(rc, IAM_OP_GET_OPEN_ID_CONNECT_PROVIDER, &in, &found, false);
    *out = found;
    return result;
}

enum resource_result cfn_update_oidc(struct resource_call *rc)
{
    const struct iam_get_open_id_connect_provider_out *found = NULL;
    enum resource_result result = get_oidc(rc, &found);
    if (result == RESOURCE_DONE && resource_changed(rc, "ThumbprintList")) {
        struct iam_update_open_id_connect_provider_thumbprint_in in = {
            .open_id_connect_provider_arn = rc->physical_id};
        in.thumbprint_list.items =
            texts_of(rc, rc->properties, "ThumbprintList", &in.thumbprint_list.count);
        result =
            cfn_iam_run(rc, IAM_OP_UPDATE_OPEN_ID_CONNECT_PROVIDER_THUMBPRINT, &in, NULL, false);
    }
    if (result == RESOURCE_DONE)
        result = update_clients(rc);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_tag_open_id_connect_provider_in tag = {
        .open_id_connect_provider_arn = rc->physical_id, .tags = cfn_tags(rc)};
    const struct iam_untag_open_id_connect_provider_in untag = {
        .open_id_connect_provider_arn = rc->physical_id,
        .tag_keys = cfn_surplus_keys(rc, &found->tags, &tag.tags)};
    if (untag.tag_keys.count > 0)
        result = cfn_iam_run(rc, IAM_OP_UNTAG_OPEN_ID_CONNECT_PROVIDER, &untag, NULL, false);
    if (result == RESOURCE_DONE && tag.tags.count > 0)
        result = cfn_iam_run(rc, IAM_OP_TAG_OPEN_ID_CONNECT_PROVIDER, &tag, NULL, false);
    return result;
}

enum resource_result cfn_remove_oidc(struct resource_call *rc)
{
    const struct iam_delete_open_id_connect_provider_in in = {.open_id_connect_provider_arn =
                                                                  rc->physical_id};
    return cfn_iam_run(rc, IAM_OP_DELETE_OPEN_ID_CONNECT_PROVIDER, &in, NULL, true);
}

enum resource_result cfn_oidc_attribute(struct resource_call *rc, struct str name,
                                        struct json **out_value)
{
    (void)name;
    const struct iam_get_open_id_connect_provider_out *found = NULL;
    enum resource_result result = get_oidc(rc, &found);
    return result == RESOURCE_DONE ? answer(rc, rc->physical_id, out_value) : result;
}

/* --- AWS::IAM::SAMLProvider: Ref is the ARN --- */

const struct resource_property cfn_saml_properties[CFN_SAML_PROPERTY_COUNT] = {
    {.name = STR_INIT("AddPrivateKey"), .type = PROPERTY_STRING, .is_write_only = true},
    CFN_PROPERTY("AssertionEncryptionMode", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    CFN_PROPERTY("Name", PROPERTY_STRING, UPDATE_REPLACEMENT),
    {.name = STR_INIT("RemovePrivateKey"), .type = PROPERTY_STRING, .is_write_only = true},
    CFN_PROPERTY("SamlMetadataDocument", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    TAGS,
};

enum resource_result cfn_create_saml(struct resource_call *rc)
{
    const struct iam_create_saml_provider_in in = {
        .name = cfn_name(rc, "Name", 128),
        .saml_metadata_document = resource_string(rc->properties, "SamlMetadataDocument"),
        .assertion_encryption_mode = optional(rc->properties, "AssertionEncryptionMode"),
        .add_private_key = optional(rc->properties, "AddPrivateKey"),
        .tags = cfn_tags(rc),
    };
    const void *made = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_CREATE_SAML_PROVIDER, &in, &made, false);
    if (result == RESOURCE_DONE)
        rc->physical_id = ((const struct iam_create_saml_provider_out *)made)->saml_provider_arn;
    return result;
}

static enum resource_result get_saml(struct resource_call *rc,
                                     const struct iam_get_saml_provider_out **out)
{
    const struct iam_get_saml_provider_in in = {.saml_provider_arn = rc->physical_id};
    const void *found = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_SAML_PROVIDER, &in, &found, false);
    *out = found;
    return result;
}

/* The text of a property when it changed, else absent. */
static struct str changed_text(struct resource_call *rc, const char *name)
{
    return resource_changed(rc, name) ? optional(rc->properties, name) : (struct str){0};
}

enum resource_result cfn_update_saml(struct resource_call *rc)
{
    const struct iam_get_saml_provider_out *found = NULL;
    enum resource_result result = get_saml(rc, &found);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_update_saml_provider_in in = {
        .saml_provider_arn = rc->physical_id,
        .saml_metadata_document = changed_text(rc, "SamlMetadataDocument"),
        .assertion_encryption_mode = changed_text(rc, "AssertionEncryptionMode"),
        .add_private_key = changed_text(rc, "AddPrivateKey"),
        .remove_private_key = changed_text(rc, "RemovePrivateKey"),
    };
    const struct iam_tag_saml_provider_in tag = {.saml_provider_arn = rc->physical_id,
                                                 .tags = cfn_tags(rc)};
    const struct iam_untag_saml_provider_in untag = {
        .saml_provider_arn = rc->physical_id,
        .tag_keys = cfn_surplus_keys(rc, &found->tags, &tag.tags)};
    result = cfn_iam_run(rc, IAM_OP_UPDATE_SAML_PROVIDER, &in, NULL, false);
    if (result == RESOURCE_DONE && untag.tag_keys.count > 0)
        result = cfn_iam_run(rc, IAM_OP_UNTAG_SAML_PROVIDER, &untag, NULL, false);
    if (result == RESOURCE_DONE && tag.tags.count > 0)
        result = cfn_iam_run(rc, IAM_OP_TAG_SAML_PROVIDER, &tag, NULL, false);
    return result;
}

enum resource_result cfn_remove_saml(struct resource_call *rc)
{
    const struct iam_delete_saml_provider_in in = {.saml_provider_arn = rc->physical_id};
    return cfn_iam_run(rc, IAM_OP_DELETE_SAML_PROVIDER, &in, NULL, true);
}

enum resource_result cfn_saml_attribute(struct resource_call *rc, struct str name,
                                        struct json **out_value)
{
    const struct iam_get_saml_provider_out *found = NULL;
    enum resource_result result = get_saml(rc, &found);
    if (result != RESOURCE_DONE)
        return result;
    return answer(rc, str_eq_cstr(name, "Arn") ? rc->physical_id : found->saml_provider_uuid,
                  out_value);
}

/* --- AWS::IAM::ServiceLinkedRole: Ref is the name --- */

const struct resource_property cfn_linked_properties[CFN_LINKED_PROPERTY_COUNT] = {
    CFN_PROPERTY("AWSServiceName", PROPERTY_STRING, UPDATE_REPLACEMENT),
    CFN_PROPERTY("CustomSuffix", PROPERTY_STRING, UPDATE_REPLACEMENT),
    CFN_PROPERTY("Description", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};

enum resource_result cfn_create_linked(struct resource_call *rc)
{
    const struct iam_create_service_linked_role_in in = {
        .aws_service_name = resource_string(rc->properties, "AWSServiceName"),
        .custom_suffix = optional(rc->properties, "CustomSuffix"),
        .description = optional(rc->properties, "Description"),
    };
    const void *made = NULL;
    enum resource_result result =
        cfn_iam_run(rc, IAM_OP_CREATE_SERVICE_LINKED_ROLE, &in, &made, false);
    if (result == RESOURCE_DONE)
        rc->physical_id =
            ((const struct iam_create_service_linked_role_out *)made)->role->role_name;
    return result;
}

enum resource_result cfn_update_linked(struct resource_call *rc)
{
    const struct iam_update_role_in in = {
        .role_name = rc->physical_id,
        .description = str_or(resource_string(rc->properties, "Description"), STR("")),
    };
    return cfn_iam_run(rc, IAM_OP_UPDATE_ROLE, &in, NULL, false);
}

enum resource_result cfn_remove_linked(struct resource_call *rc)
{
    const struct iam_delete_service_linked_role_in in = {.role_name = rc->physical_id};
    return cfn_iam_run(rc, IAM_OP_DELETE_SERVICE_LINKED_ROLE, &in, NULL, true);
}

enum resource_result cfn_linked_attribute(struct resource_call *rc, struct str name,
                                          struct json **out_value)
{
    (void)name;
    const struct iam_get_role_in in = {.role_name = rc->physical_id};
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_ROLE, &in, NULL, false);
    return result == RESOURCE_DONE ? answer(rc, rc->physical_id, out_value) : result;
}

/* --- AWS::IAM::VirtualMFADevice: Ref is the serial number --- */

/* AWS: Users names who the device is meant for; only two codes of the device enable it for them, so
 * the property alone changes nothing. */
const struct resource_property cfn_mfa_properties[CFN_MFA_PROPERTY_COUNT] = {
    CFN_PROPERTY("Path", PROPERTY_STRING, UPDATE_REPLACEMENT),
    TAGS,
    /* Whose it is shows once two codes of the device were given. */
    {.name = STR_INIT("Users"), .type = PROPERTY_LIST, .is_required = true, .is_write_only = true},
    CFN_PROPERTY("VirtualMfaDeviceName", PROPERTY_STRING, UPDATE_REPLACEMENT),
};

enum resource_result cfn_create_mfa(struct resource_call *rc)
{
    const struct iam_create_virtual_mfa_device_in in = {
        .virtual_mfa_device_name = cfn_name(rc, "VirtualMfaDeviceName", 226),
        .path = optional(rc->properties, "Path"),
        .tags = cfn_tags(rc),
    };
    const void *made = NULL;
    enum resource_result result =
        cfn_iam_run(rc, IAM_OP_CREATE_VIRTUAL_MFA_DEVICE, &in, &made, false);
    if (result == RESOURCE_DONE)
        rc->physical_id = ((const struct iam_create_virtual_mfa_device_out *)made)
                              ->virtual_mfa_device->serial_number;
    return result;
}

static enum resource_result list_mfa_tags(struct resource_call *rc,
                                          const struct iam_list_mfa_device_tags_out **out)
{
    const struct iam_list_mfa_device_tags_in in = {.serial_number = rc->physical_id};
    const void *found = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_LIST_MFA_DEVICE_TAGS, &in, &found, false);
    *out = found;
    return result;
}

enum resource_result cfn_update_mfa(struct resource_call *rc)
{
    const struct iam_list_mfa_device_tags_out *found = NULL;
    enum resource_result result = list_mfa_tags(rc, &found);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_tag_mfa_device_in tag = {.serial_number = rc->physical_id,
                                              .tags = cfn_tags(rc)};
    const struct iam_untag_mfa_device_in untag = {
        .serial_number = rc->physical_id,
        .tag_keys = cfn_surplus_keys(rc, &found->tags, &tag.tags)};
    if (untag.tag_keys.count > 0)
        result = cfn_iam_run(rc, IAM_OP_UNTAG_MFA_DEVICE, &untag, NULL, false);
    if (result == RESOURCE_DONE && tag.tags.count > 0)
        result = cfn_iam_run(rc, IAM_OP_TAG_MFA_DEVICE, &tag, NULL, false);
    return result;
}

/* A device that somebody enabled meanwhile is taken from its user first. */
enum resource_result cfn_remove_mfa(struct resource_call *rc)
{
    const struct iam_get_mfa_device_in get = {.serial_number = rc->physical_id};
    const void *found = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_MFA_DEVICE, &get, &found, true);
    const struct iam_get_mfa_device_out *device = found;
    if (result == RESOURCE_DONE && device->user_name.ptr) {
        const struct iam_deactivate_mfa_device_in in = {.user_name = device->user_name,
                                                        .serial_number = rc->physical_id};
        result = cfn_iam_run(rc, IAM_OP_DEACTIVATE_MFA_DEVICE, &in, NULL, true);
    }
    const struct iam_delete_virtual_mfa_device_in in = {.serial_number = rc->physical_id};
    return result == RESOURCE_DONE
               ? cfn_iam_run(rc, IAM_OP_DELETE_VIRTUAL_MFA_DEVICE, &in, NULL, true)
               : result;
}

enum resource_result cfn_mfa_attribute(struct resource_call *rc, struct str name,
                                       struct json **out_value)
{
    (void)name;
    const struct iam_list_mfa_device_tags_out *found = NULL;
    enum resource_result result = list_mfa_tags(rc, &found);
    return result == RESOURCE_DONE ? answer(rc, rc->physical_id, out_value) : result;
}

/* --- AWS::IAM::ServerCertificate: Ref is the name --- */

const struct resource_property cfn_certificate_properties[CFN_CERTIFICATE_PROPERTY_COUNT] = {
    CFN_PROPERTY("CertificateBody", PROPERTY_STRING, UPDATE_REPLACEMENT),
    CFN_PROPERTY("CertificateChain", PROPERTY_STRING, UPDATE_REPLACEMENT),
    CFN_PROPERTY("Path", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    {.name = STR_INIT("PrivateKey"),
     .type = PROPERTY_STRING,
     .update = UPDATE_REPLACEMENT,
     .is_write_only = true},
    CFN_PROPERTY("ServerCertificateName", PROPERTY_STRING, UPDATE_REPLACEMENT),
    TAGS,
};

enum resource_result cfn_create_certificate(struct resource_call *rc)
{
    const struct iam_upload_server_certificate_in in = {
        .server_certificate_name = cfn_name(rc, "ServerCertificateName", 128),
        .certificate_body = resource_string(rc->properties, "CertificateBody"),
        .certificate_chain = optional(rc->properties, "CertificateChain"),
        .private_key = resource_string(rc->properties, "PrivateKey"),
        .path = optional(rc->properties, "Path"),
        .tags = cfn_tags(rc),
    };
    enum resource_result result =
        cfn_iam_run(rc, IAM_OP_UPLOAD_SERVER_CERTIFICATE, &in, NULL, false);
    if (result == RESOURCE_DONE)
        rc->physical_id = in.server_certificate_name;
    return result;
}

static enum resource_result get_certificate(struct resource_call *rc,
                                            const struct iam_server_certificate **out)
{
    const struct iam_get_server_certificate_in in = {.server_certificate_name = rc->physical_id};
    const void *found = NULL;
    enum resource_result result =
        cfn_iam_run(rc, IAM_OP_GET_SERVER_CERTIFICATE, &in, &found, false);
    *out = result == RESOURCE_DONE
               ? ((const struct iam_get_server_certificate_out *)found)->server_certificate
               : NULL;
    return result;
}

enum resource_result cfn_update_certificate(struct resource_call *rc)
{
    const struct iam_server_certificate *found = NULL;
    enum resource_result result = get_certificate(rc, &found);
    if (result != RESOURCE_DONE)
        return result;
    if (resource_changed(rc, "Path")) {
        const struct iam_update_server_certificate_in in = {
            .server_certificate_name = rc->physical_id,
            .new_path = str_or(optional(rc->properties, "Path"), STR("/")),
        };
        result = cfn_iam_run(rc, IAM_OP_UPDATE_SERVER_CERTIFICATE, &in, NULL, false);
    }
    const struct iam_tag_server_certificate_in tag = {.server_certificate_name = rc->physical_id,
                                                      .tags = cfn_tags(rc)};
    const struct iam_untag_server_certificate_in untag = {
        .server_certificate_name = rc->physical_id,
        .tag_keys = cfn_surplus_keys(rc, &found->tags, &tag.tags)};
    if (result == RESOURCE_DONE && untag.tag_keys.count > 0)
        result = cfn_iam_run(rc, IAM_OP_UNTAG_SERVER_CERTIFICATE, &untag, NULL, false);
    if (result == RESOURCE_DONE && tag.tags.count > 0)
        result = cfn_iam_run(rc, IAM_OP_TAG_SERVER_CERTIFICATE, &tag, NULL, false);
    return result;
}

enum resource_result cfn_remove_certificate(struct resource_call *rc)
{
    const struct iam_delete_server_certificate_in in = {.server_certificate_name = rc->physical_id};
    return cfn_iam_run(rc, IAM_OP_DELETE_SERVER_CERTIFICATE, &in, NULL, true);
}

enum resource_result cfn_certificate_attribute(struct resource_call *rc, struct str name,
                                               struct json **out_value)
{
    (void)name;
    const struct iam_server_certificate *found = NULL;
    enum resource_result result = get_certificate(rc, &found);
    return result == RESOURCE_DONE ? answer(rc, found->server_certificate_metadata->arn, out_value)
                                   : result;
}
