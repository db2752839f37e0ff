#include "nn/plan.h"

#include <string.h>

#define NOWHERE UINT32_MAX // the offset of a root that has no place yet; it overlaps nothing

static int32_t find(const sc_plan_t *plan, int32_t tensor) {
    for (int32_t i = 0; i < plan->count; i++) {
        if (plan->block[i].tensor == tensor) {
            return i;
        }
    }
    return -1;
}

int32_t sc_plan_offset(const sc_plan_t *plan, int32_t tensor) {
    int32_t i = find(plan, tensor);
    if (i < 0) {
        return -1;
    }
    const sc_plan_block_t *b = &plan->block[i], *root = &plan->block[b->root];
    return (int32_t)(plan->bytes - root->offset - root->size + (b == root ? 0 : b->offset));
}

int sc_plan_in_place(const sc_plan_t *plan, const sc_op_t *op, int32_t i, int32_t at) {
    return sc_plan_offset(plan, op->inputs[i]) == sc_plan_offset(plan, op->output) + at;
}

static uint32_t elements(sc_tflite_t *view, int32_t tensor) {
    sc_tflite_tensor_t t;
    return sc_tflite_tensor(view, tensor, &t) == SC_OK ? t.elements : 0;
}

static int add(sc_plan_t *plan, int32_t tensor, uint32_t size, int32_t first, int32_t last) {
    if (plan->count == plan->room) {
        return 0;
    }
    int32_t i = plan->count++;
    plan->block[i] = (sc_plan_block_t){size, 0, 0, (int16_t)tensor, (int16_t)first, (int16_t)last, (int16_t)i};
    return 1;
}

static int is_constant(sc_tflite_t *view, int32_t tensor) {
    sc_tflite_tensor_t t;
    return sc_tflite_tensor(view, tensor, &t) == SC_OK && t.data != NULL;
}

// One block for each computed tensor and scratch buffer, with its lifetime.
static int collect(sc_plan_t *plan, sc_tflite_t *view, sc_fault_t *fault) {
    sc_op_t op;
    int32_t end = (int32_t)view->operators.count;
    for (uint32_t i = 0; i < view->inputs.count; i++) {
        int32_t tensor = sc_tflite_index(view, view->inputs, i);
        if (find(plan, tensor) < 0 && !add(plan, tensor, elements(view, tensor), 0, end)) {
            return sc_error_set(fault, SC_E_MEMORY, -1, -1, tensor);
        }
    }
    for (int32_t k = 0; k < end; k++) {
        if (!sc_checks_op(view, (uint32_t)k, &op, fault)) {
            return 0;
        }
        plan->macs += op.macs;
        for (int32_t i = 0; i < op.input_count; i++) {
            int32_t at = find(plan, op.inputs[i]);
            if (at >= 0) {
                plan->block[at].last = plan->block[at].last < k ? (int16_t)k : plan->block[at].last;
            } else if (!is_constant(view, op.inputs[i])) {
                return sc_error_set(fault, SC_E_ORDER, op.index, op.builtin, op.inputs[i]);
            }
        }
        for (uint32_t i = 0; i < 2 && op.state[i].bytes; i++) {
            if (find(plan, op.state[i].tensor) >= 0) {
                return sc_error_set(fault, SC_E_ORDER, op.index, op.builtin, op.state[i].tensor);
            }
            if (!add(plan, op.state[i].tensor, op.state[i].bytes, 0, end)) {
                return sc_error_set(fault, SC_E_MEMORY, op.index, op.builtin, op.state[i].tensor);
            }
        }
        for (uint32_t i = 0; i < op.outputs.count; i++) {
            int32_t tensor = sc_tflite_index(view, op.outputs, i);
            if (find(plan, tensor) >= 0) {
                return sc_error_set(fault, SC_E_ORDER, op.index, op.builtin, tensor);
            }
            if (!add(plan, tensor, elements(view, tensor), k, k)) {
                return sc_error_set(fault, SC_E_MEMORY, op.index, op.builtin, tensor);
            }
            plan->block[plan->count - 1].behind = op.behind;
        }
        if (op.scratch && !add(plan, -1 - k, op.scratch, k, k)) {
            return sc_error_set(fault, SC_E_MEMORY, op.index, op.builtin, op.output);
        }
    }
    for (uint32_t i = 0; i < view->outputs.count; i++) {
        int32_t tensor = sc_tflite_index(view, view->outputs, i), at = find(plan, tensor);
        if (at < 0) {
            return sc_error_set(fault, SC_E_ORDER, -1, -1, tensor);
        }
        plan->block[at].last = (int16_t)end;
    }
    return 1;
}

// Lays block i, the root of a group, into another group at an offset.
static void attach(sc_plan_t *plan, int32_t i, int32_t to, uint32_t offset) {
    for (int32_t j = 0; j < plan->count; j++) {
        if (plan->block[j].root == i) {
            plan->block[j].root = plan->block[to].root;
            plan->block[j].offset += plan->block[to].offset + offset;
        }
    }
}

static int in_vector(sc_tflite_t *view, sc_tflite_vector_t vector, int32_t tensor) {
    for (uint32_t i = 0; i < vector.count; i++) {
        if (sc_tflite_index(view, vector, i) == tensor) {
            return 1;
        }
    }
    return 0;
}

static int group_has_input(const sc_plan_t *plan, sc_tflite_t *view, int32_t root) {
    for (int32_t j = 0; j < plan->count; j++) {
        if (plan->block[j].root == root && plan->block[j].tensor >= 0
            && in_vector(view, view->inputs, plan->block[j].tensor)) {
            return 1;
        }
    }
    return 0;
}

static int overlap(const sc_plan_block_t *a, const sc_plan_block_t *b) {
    return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

// Whether operator op may overwrite its input, block i: nothing in these bytes is read later, and the operator itself
// does not read them in another order through another input.
static int may_overwrite(const sc_plan_t *plan, int32_t i, const sc_op_t *op) {
    const sc_plan_block_t *b = &plan->block[i];
    for (int32_t j = 0; j < plan->count; j++) {
        const sc_plan_block_t *other = &plan->block[j];
        if (other->root != b->root || !overlap(other, b)) {
            continue;
        }
        if (other->last > op->index) {
            return 0;
        }
        for (int32_t n = 0; n < op->input_count; n++) {
            if (other->tensor == op->inputs[n] && (other->offset != b->offset || other->size != b->size)) {
                return 0;
            }
        }
    }
    return 1;
}

// The inputs of a concatenation are computed in place if each is one contiguous piece and not placed yet.
static void place_in_concatenation(sc_plan_t *plan, sc_tflite_t *view, const sc_op_t *op, int32_t out) {
    uint32_t offset = 0;
    for (int32_t i = 0; i < op->input_count; i++) {
        int32_t at = find(plan, op->inputs[i]), root = at < 0 ? -1 : plan->block[at].root;
        if (at >= 0 && root != plan->block[out].root && plan->block[at].size == plan->block[root].size
            && offset % SC_PLAN_ALIGN == 0 && !group_has_input(plan, view, root)) {
            attach(plan, root, out, offset);
        }
        offset += (uint32_t)op->pieces[i];
    }
}

// The outputs of a split lie in its input, unless they would be outputs of the graph inside one of its inputs.
static void place_in_whole(sc_plan_t *plan, sc_tflite_t *view, const sc_op_t *op) {
    int32_t at = find(plan, op->inputs[0]);
    uint32_t offset = 0;
    for (uint32_t i = 0; at >= 0 && i < op->outputs.count; i++) {
        int32_t tensor = sc_tflite_index(view, op->outputs, i), part = find(plan, tensor);
        if (!in_vector(view, view->outputs, tensor) || !group_has_input(plan, view, plan->block[at].root)) {
            attach(plan, part, at, offset);
        }
        offset += plan->block[part].size;
    }
}

static int share(sc_plan_t *plan, sc_tflite_t *view, sc_fault_t *fault) {
    sc_op_t op;
    for (uint32_t k = 0; k < view->operators.count; k++) {
        if (!sc_checks_op(view, k, &op, fault)) {
            return 0;
        }
        int32_t out = find(plan, op.output);
        if (op.layout == SC_LAYOUT_PIECES) {
            place_in_concatenation(plan, view, &op, out);
            continue;
        }
        if (op.layout == SC_LAYOUT_PARTS) {
            place_in_whole(plan, view, &op);
            continue;
        }
        for (int32_t i = 0; i < op.input_count && plan->block[out].root == out; i++) {
            int32_t at = find(plan, op.inputs[i]);
            if (at < 0 || plan->block[at].size != plan->block[out].size) {
                continue;
            }
            int output = in_vector(view, view->outputs, op.output);
            if (op.layout == SC_LAYOUT_ALIAS ? !output || !group_has_input(plan, view, plan->block[at].root)
                                             : op.layout == SC_LAYOUT_IN_PLACE && may_overwrite(plan, at, &op)) {
                attach(plan, out, at, 0);
            }
        }
    }
    return 1;
}

// Whether block a comes before block b in one of the orders of placing.
static int comes_first(const sc_plan_block_t *a, const sc_plan_block_t *b, int32_t order) {
    if (order == 1 && a->last - a->first != b->last - b->first) {
        return a->last - a->first > b->last - b->first;
    }
    if (order == 2 && a->first != b->first) {
        return a->first < b->first;
    }
    return a->size > b->size;
}

// Puts every root as near to the arena's end as it overlaps nothing placed before it: its offset becomes that of its own
// end from there. So a result comes to lie before its input. Returns the bytes used.
static uint32_t place(sc_plan_t *plan, int32_t order) {
    uint32_t bytes = 0;
    for (int32_t i = 0; i < plan->count; i++) {
        sc_plan_block_t *b = &plan->block[i];
        if (b->root == i) {
            b->size = (b->size + SC_PLAN_ALIGN - 1) & ~(uint32_t)(SC_PLAN_ALIGN - 1);
            b->offset = NOWHERE;
        }
    }
    for (;;) {
        int32_t next = -1;
        for (int32_t i = 0; i < plan->count; i++) {
            if (plan->block[i].root == i && plan->block[i].offset == NOWHERE
                && (next < 0 || comes_first(&plan->block[i], &plan->block[next], order))) {
                next = i;
            }
        }
        if (next < 0) {
            return bytes;
        }
        sc_plan_block_t *b = &plan->block[next];
        uint32_t from = 0, end = b->size;
        // It only moves on, past what it overlaps, until it overlaps none of them in a round.
        const sc_plan_block_t *other = plan->block;
        for (int32_t i = 0, left = plan->count; left > 0; left--, i++, other++) {
            if (i == plan->count) {
                i = 0;
                other = plan->block;
            }
            if (other->offset < end && other->root == i && from < other->offset + other->size
                && other->first <= b->last && b->first <= other->last) {
                // What is read last by the operator that writes b is its input.
                uint32_t behind = other->last == b->first && other->tensor >= 0 ? b->behind : 0;
                if (from < other->offset + other->size - behind) {
                    from = other->offset + other->size - behind;
                    end = from + b->size;
                    left = plan->count;
                }
            }
        }
        b->offset = from;
        bytes = bytes > b->offset + b->size ? bytes : b->offset + b->size;
    }
}

size_t sc_plan_scratch(sc_tflite_t *view) {
    // Each tensor and each operator's scratch has one block at most.
    const uint32_t most = view->tensors.count + view->operators.count;
    uint32_t count = view->inputs.count;
    sc_op_t op;
    for (uint32_t k = 0; most > SC_PLAN_FEW_BLOCKS && k < view->operators.count; k++) {
        if (!sc_checks_op(view, k, &op, NULL)) {
            return 0;
        }
        count += op.outputs.count + (op.scratch != 0) + (op.state[0].bytes != 0) + (op.state[1].bytes != 0);
    }
    count = count < most ? count : most;
    return count > SC_PLAN_FEW_BLOCKS ? count * sizeof(sc_plan_block_t) : 0;
}

int sc_plan_make(sc_plan_t *plan, sc_tflite_t *view, const sc_scratch_t *scratch, sc_fault_t *fault) {
    memset(plan, 0, sizeof(*plan));
    plan->block = plan->few;
    plan->room = SC_PLAN_FEW_BLOCKS;
    if (scratch && scratch->memory && scratch->size / sizeof(sc_plan_block_t) > SC_PLAN_FEW_BLOCKS) {
        plan->block = scratch->memory;
        plan->room = (int32_t)(scratch->size / sizeof(sc_plan_block_t));
    }
    if (!collect(plan, view, fault) || !share(plan, view, fault)) {
        return 0;
    }
    // A group lives as long as its members, whose own lifetimes are no longer needed.
    for (int32_t i = 0; i < plan->count; i++) {
        sc_plan_block_t *b = &plan->block[i], *root = &plan->block[b->root];
        root->first = b->first < root->first ? b->first : root->first;
        root->last = b->last > root->last ? b->last : root->last;
    }
    uint64_t all = 0;
    for (int32_t i = 0; i < plan->count; i++) {
        all += plan->block[i].size + SC_PLAN_ALIGN;
    }
    if (all > INT32_MAX) {
        return sc_error_fail(fault, SC_E_LIMIT);
    }
    // The last one tried need not be placed again.
    int32_t best = 0;
    for (int32_t order = 2; order >= 0; order--) {
        uint32_t bytes = place(plan, order);
        if (order == 2 || bytes <= plan->bytes) {
            plan->bytes = bytes;
            best = order;
        }
    }
    if (best != 0) {
        place(plan, best);
    }
    return 1;
}
