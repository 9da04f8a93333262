/* protocol_compare.h — whether two bodies mean the same: JSON, XML, CBOR.
 *
 * Each function returns an absent str when they do, else what differs and where, in the arena.
 */
#pragma once

#include "base/str.h"

struct arena;
struct json;

/* Numbers by value, objects regardless of order. */
struct str compare_json(struct arena *arena, const struct json *wanted, const struct json *actual);

/* Two JSON texts. The shape name in "__type" counts without its namespace, which a service is free
 * to add. */
struct str compare_json_text(struct arena *arena, struct str wanted, struct str actual);

/* Two documents. Elements of one name keep their order; white space around text does not count.
 * Request ids are only compared in name, and may be there when none is wanted. */
struct str compare_xml_text(struct arena *arena, struct str wanted, struct str actual);

/* Two items. Numbers by value, whatever their encoding; maps regardless of order. "__type" as in
 * JSON. */
struct str compare_cbor(struct arena *arena, struct str wanted, struct str actual);
