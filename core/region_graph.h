/* region_graph.h - the blocks of a region as a graph: what region.c has done with it. */
#pragma once
#include "core/region.h"

/* Leads to another block, or out of the region. */
bool region_is_exit(const struct ir_op *op);
/* Fill in block[].to. */
void region_find_edges(struct hot_region *r);
/* Drop the blocks that do not lead back to the head and put the others in order. Returns false if nothing does. ALONE: as
 * region_form has it. */
bool region_keep_loops(struct hot_region *r, bool alone);
/* Find how deep blocks are in loops, drop polls that no loop needs, and choose the order of the code. */
void region_arrange(struct hot_region *r);
