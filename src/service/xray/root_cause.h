/* root_cause.h — why a trace failed or took so long: private to the folder. */
#pragma once

#include "service/xray/xray.h"

/* Fills FaultRootCauses, ErrorRootCauses and ResponseTimeRootCauses of a summary. */
void xray_add_root_causes(struct call *call, const struct xray_tree *tree,
                          struct xray_trace_summary *out);
