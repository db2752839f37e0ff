#include "error.h"

#include <string.h>
#include "nn/tflite_schema.h"

// Texts one behind the other: tables of their addresses would take a quarter as much again, and in a native module each
// address is filled in at run time.
static const char error_names[] =
#define SC_X(id, name, text) name "\0"
    SC_ERRORS(SC_X)
#undef SC_X
;

static const char error_texts[] =
#define SC_X(id, name, text) text "\0"
    SC_ERRORS(SC_X)
#undef SC_X
;

static const uint8_t op_codes[] = {
#define SC_X(name, code) code,
    SC_BUILTIN_OPERATORS(SC_X)
#undef SC_X
};

static const char op_names[] =
#define SC_X(name, code) #name "\0"
    SC_BUILTIN_OPERATORS(SC_X)
#undef SC_X
;

typedef struct {
    char *out;
    size_t room;
    size_t length;
} text_t;

static const char *nth_text(const char *texts, size_t n) {
    while (n-- > 0) {
        texts += strlen(texts) + 1;
    }
    return texts;
}

static void put_text(text_t *t, const char *s) {
    for (; *s; s++) {
        if (t->length + 1 < t->room) {
            t->out[t->length++] = *s;
        }
    }
}

static void put_number(text_t *t, int32_t value) {
    char digits[12];
    size_t at = sizeof(digits) - 1;
    uint32_t left = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (value < 0) {
        digits[--at] = '-';
    }
    put_text(t, digits + at);
}

int sc_error_set(sc_fault_t *fault, sc_err_t code, int32_t op, int32_t builtin, int32_t tensor) {
    if (fault) {
        *fault = (sc_fault_t){code, op, builtin, tensor};
    }
    return 0;
}

const char *sc_error_op_name(int32_t builtin) {
    for (size_t i = 0; i < sizeof(op_codes); i++) {
        if (op_codes[i] == builtin) {
            return nth_text(op_names, i);
        }
    }
    return NULL;
}

const char *sc_error_name(sc_err_t code) {
    return (unsigned)code < SC_ERROR_COUNT ? nth_text(error_names, code) : "unknown";
}

size_t sc_error_text(const sc_fault_t *fault, char *out, size_t room) {
    text_t t = {out, room, 0};
    if (room == 0) {
        return 0;
    }
    if (fault->op >= 0) {
        put_text(&t, "operator ");
        put_number(&t, fault->op);
        if (fault->builtin >= 0) {
            const char *name = sc_error_op_name(fault->builtin);
            put_text(&t, " (");
            if (name) {
                put_text(&t, name);
            } else {
                put_text(&t, "builtin ");
                put_number(&t, fault->builtin);
            }
            put_text(&t, ")");
        }
        put_text(&t, fault->tensor >= 0 ? ", " : ": ");
    }
    if (fault->tensor >= 0) {
        put_text(&t, "tensor ");
        put_number(&t, fault->tensor);
        put_text(&t, ": ");
    }
    put_text(&t, (unsigned)fault->code < SC_ERROR_COUNT ? nth_text(error_texts, fault->code) : "unknown error");
    out[t.length] = 0;
    return t.length;
}
