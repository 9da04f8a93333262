/* mfa.c — virtual MFA devices: created for the account, enabled for a user by two codes in a row.
 *
 * The codes are checked (totp.c) against the call's clock and the drift that the device was seen to
 * have; a code is accepted once. Hardware devices and passkeys do not exist here: their serial
 * numbers are unknown.
 *
 * Docs: IAM API reference, CreateVirtualMFADevice, EnableMFADevice, ResyncMFADevice; IAM user
 * guide, "AWS Multi-factor authentication in IAM".
 * OBSERVED: 2026-02, the texts of errors, as other test suites recorded them.
 */
#include "base/arena.h"
#include "service/iam/iam_account.h"

enum {
    MAX_DEVICES = 8,     /* AWS: "up to eight MFA devices of any combination" per user */
    ENABLE_WINDOW = 2,   /* steps before and behind the clock that the first code may be */
    RESYNC_WINDOW = 120, /* the same for a device whose clock went wrong: an hour */
};

static enum status find_device(struct call *call, struct str serial, struct iam_mfa_row *out_device)
{
    int rc = iam_store_find_mfa(call->db, call->arena, call->scope.account, serial, out_device);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find an MFA device");
    if (rc == 0)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "MFA Device with serial number " STR_FMT " does not exist.",
                         STR_ARG(serial));
    return STATUS_DONE;
}

/* The device when it is the user's; other users' devices are as good as none. */
static enum status find_device_of(struct call *call, struct str user_name, struct str serial,
                                  struct iam_entity **out_user, struct iam_mfa_row *out_device)
{
    enum status status = iam_user_or_caller(call, user_name, out_user);
    if (status == STATUS_DONE)
        status = find_device(call, serial, out_device);
    if (status != STATUS_DONE)
        return status;
    if (!str_eq(str_or(out_device->user_id, STR("")), (*out_user)->id))
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "MFA Device with serial number " STR_FMT " does not exist.",
                         STR_ARG(serial));
    return STATUS_DONE;
}

static enum status put_device(struct call *call, const struct iam_mfa_row *device)
{
    int rc = iam_store_put_mfa(call->db, device);
    return rc < 0 ? call_fail_internal(call, rc, "iam: write an MFA device") : STATUS_DONE;
}

/* --- life of a device --- */

/* AWS: QRCodePNG encodes "otpauth://totp/$virtualMFADeviceName@$AccountName?secret=$Base32String",
 * where the account's name is its alias, if it has one, else its id. OBSERVED: the issuer. */
static struct str picture(struct call *call, const struct iam_mfa_row *device)
{
    struct str alias = call->scope.account;
    int rc = iam_store_find_alias(call->db, call->arena, call->scope.account, &alias);
    if (rc < 0)
        return (struct str){0}; /* the store's error dooms the transaction by itself */
    struct str text = str_format(call->arena,
                                 "otpauth://totp/Amazon%%20Web%%20Services:" STR_FMT "@" STR_FMT
                                 "?secret=" STR_FMT "&issuer=Amazon%%20Web%%20Services",
                                 STR_ARG(device->name), STR_ARG(alias), STR_ARG(device->seed));
    return iam_qr_png(call->arena, text);
}

enum status iam_create_virtual_mfa_device(struct call *call,
                                          const struct iam_create_virtual_mfa_device_in *in,
                                          struct iam_create_virtual_mfa_device_out *out)
{
    struct str path = str_or(in->path, STR("/"));
    struct iam_mfa_row device = {
        .serial = call_arn(call, "iam", true, "mfa" STR_FMT STR_FMT, STR_ARG(path),
                           STR_ARG(in->virtual_mfa_device_name)),
        .account = call->scope.account,
        .name = in->virtual_mfa_device_name,
        .seed = iam_totp_seed(call->arena),
        .tags = STR("{}"),
        .created_at_ms = call->now_ms,
    };
    struct iam_mfa_row taken = {0};
    int rc = iam_store_find_mfa(call->db, call->arena, call->scope.account, device.serial, &taken);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find an MFA device");
    if (rc == 1)
        return call_fail(call, &IAM_ENTITY_ALREADY_EXISTS_EXCEPTION, "MFA device already exists.");
    enum status status = iam_merge_tags(call, &device.tags, &in->tags);
    if (status == STATUS_DONE)
        status = put_device(call, &device);
    if (status != STATUS_DONE)
        return status;
    out->virtual_mfa_device = arena_alloc(call->arena, sizeof(*out->virtual_mfa_device));
    out->virtual_mfa_device->serial_number = device.serial;
    out->virtual_mfa_device->base32_string_seed = device.seed;
    out->virtual_mfa_device->qr_code_png = picture(call, &device);
    iam_tags_to_answer(call, device.tags, &out->virtual_mfa_device->tags);
    return STATUS_DONE;
}

/* AWS: "You must deactivate a user's virtual MFA device before you can delete it." */
enum status iam_delete_virtual_mfa_device(struct call *call,
                                          const struct iam_delete_virtual_mfa_device_in *in,
                                          struct iam_delete_virtual_mfa_device_out *out)
{
    (void)out;
    struct iam_mfa_row device = {0};
    enum status status = find_device(call, in->serial_number, &device);
    if (status != STATUS_DONE)
        return status;
    if (device.user_id.ptr)
        return call_fail(call, &IAM_DELETE_CONFLICT_EXCEPTION,
                         "MFA VirtualDevice must be deactivated first.");
    int rc = iam_store_delete_mfa(call->db, call->scope.account, device.serial);
    return rc < 0 ? call_fail_internal(call, rc, "iam: delete an MFA device") : STATUS_DONE;
}

/* --- codes --- */

/* Whether the code is that of the step. 1, 0 or -errno. */
static int is_code_of(struct call *call, const struct iam_mfa_row *device, int64_t step,
                      struct str code)
{
    char expected[7];
    int rc = iam_totp_code(call->arena, device->seed, step, expected);
    return rc < 0 ? rc : str_eq_secret(str_from_cstr(expected), code);
}

/* Takes two codes of consecutive steps within the window, newer than any taken before, and notes
 * the device's drift. */
static enum status accept_codes(struct call *call, struct iam_mfa_row *device, struct str first,
                                struct str second, int64_t window)
{
    int64_t now = call->now_ms / IAM_TOTP_STEP_MS + device->drift_steps;
    for (int64_t step = now - window - 1; step <= now + window; step++) {
        int rc = is_code_of(call, device, step, first);
        if (rc == 1)
            rc = is_code_of(call, device, step + 1, second);
        if (rc < 0)
            return call_fail_internal(call, rc, "iam: compute a code");
        if (rc == 1 && step > device->last_step) {
            device->last_step = step + 1;
            device->drift_steps += step < now - 1 ? step - now + 1 : step > now ? step - now : 0;
            return STATUS_DONE;
        }
    }
    return call_fail(call, &IAM_INVALID_AUTHENTICATION_CODE_EXCEPTION,
                     "Authentication code for device is not valid.");
}

static int count_devices(struct call *call, const struct iam_entity *user, size_t *out_count)
{
    struct vec devices;
    vec_init(&devices, call->arena, sizeof(struct iam_mfa_row));
    int rc = iam_store_list_mfa(call->db, call->arena, call->scope.account, user->id,
                                IAM_EVERYTHING, &devices);
    *out_count = devices.count;
    return rc;
}

static enum status check_device_quota(struct call *call, const struct iam_entity *user)
{
    size_t count = 0;
    int rc = count_devices(call, user, &count);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list MFA devices");
    if (count >= MAX_DEVICES)
        return call_fail(call, &IAM_LIMIT_EXCEEDED_EXCEPTION,
                         "Cannot exceed quota for MFADevicesPerUser: %d", MAX_DEVICES);
    return STATUS_DONE;
}

enum status iam_check_no_mfa(struct call *call, const struct iam_entity *user)
{
    size_t count = 0;
    int rc = count_devices(call, user, &count);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list MFA devices");
    if (count > 0)
        return call_fail(call, &IAM_DELETE_CONFLICT_EXCEPTION,
                         "Cannot delete entity, must delete MFA device first.");
    return STATUS_DONE;
}

enum status iam_enable_mfa_device(struct call *call, const struct iam_enable_mfa_device_in *in,
                                  struct iam_enable_mfa_device_out *out)
{
    (void)out;
    struct iam_entity *user = NULL;
    struct iam_mfa_row device = {0};
    enum status status = iam_get_entity(call, IAM_KIND_USER, in->user_name, &user);
    if (status == STATUS_DONE)
        status = find_device(call, in->serial_number, &device);
    if (status != STATUS_DONE)
        return status;
    if (device.user_id.ptr)
        return call_fail(call, &IAM_ENTITY_ALREADY_EXISTS_EXCEPTION,
                         "MFA Device is already in use.");
    status = check_device_quota(call, user);
    if (status == STATUS_DONE)
        status = accept_codes(call, &device, in->authentication_code1, in->authentication_code2,
                              ENABLE_WINDOW);
    if (status != STATUS_DONE)
        return status;
    device.user_id = user->id;
    device.enabled_at_ms = call->now_ms / 1000 * 1000;
    return put_device(call, &device);
}

enum status iam_resync_mfa_device(struct call *call, const struct iam_resync_mfa_device_in *in,
                                  struct iam_resync_mfa_device_out *out)
{
    (void)out;
    struct iam_entity *user = NULL;
    struct iam_mfa_row device = {0};
    enum status status = find_device_of(call, in->user_name, in->serial_number, &user, &device);
    if (status == STATUS_DONE)
        status = accept_codes(call, &device, in->authentication_code1, in->authentication_code2,
                              RESYNC_WINDOW);
    return status == STATUS_DONE ? put_device(call, &device) : status;
}

enum status iam_deactivate_mfa_device(struct call *call,
                                      const struct iam_deactivate_mfa_device_in *in,
                                      struct iam_deactivate_mfa_device_out *out)
{
    (void)out;
    struct iam_entity *user = NULL;
    struct iam_mfa_row device = {0};
    enum status status = find_device_of(call, in->user_name, in->serial_number, &user, &device);
    if (status != STATUS_DONE)
        return status;
    device.user_id = (struct str){0};
    device.enabled_at_ms = 0;
    return put_device(call, &device);
}

/* --- lists --- */

/* AWS: without a name, devices of the user whose credentials sign the request; the root's
 * devices are not in IAM here, so it has none. */
enum status iam_list_mfa_devices(struct call *call, const struct iam_list_mfa_devices_in *in,
                                 struct iam_list_mfa_devices_out *out)
{
    struct iam_range range = {0};
    struct iam_entity *user = NULL;
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_mfa_row));
    enum status status = iam_page_begin(call, in->marker, in->max_items, &range);
    out->mfa_devices.is_set = true;
    out->is_truncated = opt_bool(false);
    if (status == STATUS_DONE && !in->user_name.ptr && call->principal->kind == PRINCIPAL_ROOT)
        return STATUS_DONE;
    if (status == STATUS_DONE)
        status = iam_user_or_caller(call, in->user_name, &user);
    if (status != STATUS_DONE)
        return status;
    int rc =
        iam_store_list_mfa(call->db, call->arena, call->scope.account, user->id, range, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list MFA devices");
    size_t count = iam_page_count(range, found.count, &out->is_truncated);
    out->mfa_devices.items =
        arena_alloc_array(call->arena, count + 1, sizeof(*out->mfa_devices.items));
    for (size_t i = 0; i < count; i++) {
        const struct iam_mfa_row *device = vec_at(&found, i);
        out->mfa_devices.items[out->mfa_devices.count++] = (struct iam_mfa_device){
            .user_name = user->name,
            .serial_number = device->serial,
            .enable_date = opt_i64(device->enabled_at_ms),
        };
    }
    if (out->is_truncated.value)
        out->marker = iam_page_marker(call, out->mfa_devices.items[count - 1].serial_number);
    return STATUS_DONE;
}

enum status iam_get_mfa_device(struct call *call, const struct iam_get_mfa_device_in *in,
                               struct iam_get_mfa_device_out *out)
{
    struct iam_entity *user = NULL;
    struct iam_mfa_row device = {0};
    enum status status = STATUS_DONE;
    if (in->user_name.ptr)
        status = find_device_of(call, in->user_name, in->serial_number, &user, &device);
    else
        status = find_device(call, in->serial_number, &device);
    if (status != STATUS_DONE)
        return status;
    out->serial_number = device.serial;
    if (!device.user_id.ptr)
        return STATUS_DONE;
    int rc = iam_store_find_by_id(call->db, call->arena, device.user_id, &user);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find the user of an MFA device");
    if (rc == 1) {
        out->user_name = user->name;
        out->enable_date = opt_i64(device.enabled_at_ms);
    }
    return STATUS_DONE;
}

/* AWS: seeds and QR codes are given once, at creation. */
static enum status device_to_answer(struct call *call, const struct iam_mfa_row *device,
                                    struct iam_virtual_mfa_device *out)
{
    out->serial_number = device->serial;
    if (!device->user_id.ptr)
        return STATUS_DONE;
    struct iam_entity *user = NULL;
    int rc = iam_store_find_by_id(call->db, call->arena, device->user_id, &user);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find the user of an MFA device");
    if (rc == 0)
        return STATUS_DONE;
    out->enable_date = opt_i64(device->enabled_at_ms);
    out->user = arena_alloc(call->arena, sizeof(*out->user));
    iam_user_to_answer(call, user, IAM_IN_LIST, out->user);
    return STATUS_DONE;
}

static bool has_status(const struct iam_mfa_row *device, struct str wanted)
{
    if (str_eq_cstr(wanted, "Assigned"))
        return device->user_id.ptr != NULL;
    return !str_eq_cstr(wanted, "Unassigned") || device->user_id.ptr == NULL;
}

/* AWS: without AssignmentStatus, assigned and unassigned devices. */
enum status iam_list_virtual_mfa_devices(struct call *call,
                                         const struct iam_list_virtual_mfa_devices_in *in,
                                         struct iam_list_virtual_mfa_devices_out *out)
{
    const struct str none = {0};
    struct iam_range range = {0};
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_mfa_row));
    enum status status = iam_page_begin(call, in->marker, in->max_items, &range);
    if (status != STATUS_DONE)
        return status;
    const struct iam_range rest = {.after = range.after, .limit = IAM_ALL};
    int rc = iam_store_list_mfa(call->db, call->arena, call->scope.account, none, rest, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list MFA devices");
    size_t matching = 0;
    for (size_t i = 0; i < found.count; i++) {
        if (has_status(vec_at(&found, i), in->assignment_status))
            *(struct iam_mfa_row *)vec_at(&found, matching++) =
                *(const struct iam_mfa_row *)vec_at(&found, i);
    }
    size_t count = iam_page_count(range, matching, &out->is_truncated);
    out->virtual_mfa_devices.is_set = true;
    out->virtual_mfa_devices.items =
        arena_alloc_array(call->arena, count + 1, sizeof(*out->virtual_mfa_devices.items));
    for (size_t i = 0; i < count && status == STATUS_DONE; i++)
        status =
            device_to_answer(call, vec_at(&found, i),
                             &out->virtual_mfa_devices.items[out->virtual_mfa_devices.count++]);
    if (status == STATUS_DONE && out->is_truncated.value)
        out->marker =
            iam_page_marker(call, out->virtual_mfa_devices.items[count - 1].serial_number);
    return status;
}

/* --- tags --- */

enum status iam_tag_mfa_device(struct call *call, const struct iam_tag_mfa_device_in *in,
                               struct iam_tag_mfa_device_out *out)
{
    (void)out;
    struct iam_mfa_row device = {0};
    enum status status = find_device(call, in->serial_number, &device);
    if (status == STATUS_DONE)
        status = iam_merge_tags(call, &device.tags, &in->tags);
    return status == STATUS_DONE ? put_device(call, &device) : status;
}

enum status iam_untag_mfa_device(struct call *call, const struct iam_untag_mfa_device_in *in,
                                 struct iam_untag_mfa_device_out *out)
{
    (void)out;
    struct iam_mfa_row device = {0};
    enum status status = find_device(call, in->serial_number, &device);
    if (status == STATUS_DONE)
        status = iam_drop_tags(call, &device.tags, &in->tag_keys);
    return status == STATUS_DONE ? put_device(call, &device) : status;
}

enum status iam_list_mfa_device_tags(struct call *call,
                                     const struct iam_list_mfa_device_tags_in *in,
                                     struct iam_list_mfa_device_tags_out *out)
{
    struct iam_mfa_row device = {0};
    enum status status = find_device(call, in->serial_number, &device);
    return status == STATUS_DONE ? iam_list_tags(call, device.tags, in->marker, in->max_items,
                                                 &out->tags, &out->is_truncated, &out->marker)
                                 : status;
}
