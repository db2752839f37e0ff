// The names by which compilers call the arithmetic of a chip that has none of its own (libgcc's, "The GCC low-level
// runtime library"; on Arm those of its run-time ABI, IHI 0043). Bits for a float: where it is passed in integer
// registers the two are the same.
#include "integers.h"
#include "soft_float.h"

#define FLOAT32(name, function) \
    uint32_t name(uint32_t x, uint32_t y); \
    uint32_t name(uint32_t x, uint32_t y) { return function(x, y); }
#define CONVERT(name, function, to_t, from_t) \
    to_t name(from_t x); \
    to_t name(from_t x) { return function(x); }
// answer: from the order c of the two.
#define COMPARE32(name, answer) \
    int name(uint32_t x, uint32_t y); \
    int name(uint32_t x, uint32_t y) { int c = soft_float_compare32(x, y); return answer; }
#define INTEGER(name, result, type_t, second_t) INTEGER_OF(name, result, type_t, type_t, second_t)
#define INTEGER_OF(name, result, result_t, first_t, second_t) \
    result_t name(first_t a, second_t b); \
    result_t name(first_t a, second_t b) { return result; }

#if defined(__ARM_EABI__)

FLOAT32(__aeabi_fsub, soft_float_subtract32)
FLOAT32(__aeabi_fmul, soft_float_multiply32)
FLOAT32(__aeabi_fdiv, soft_float_divide32)
CONVERT(__aeabi_f2iz, soft_float_32_to_integer, int32_t, uint32_t)
COMPARE32(__aeabi_fcmpeq, c == 0)
COMPARE32(__aeabi_fcmplt, c == -1)
COMPARE32(__aeabi_fcmple, c == -1 || c == 0)
COMPARE32(__aeabi_fcmpge, c == 0 || c == 1)
COMPARE32(__aeabi_fcmpgt, c == 1)

#else

FLOAT32(__subsf3, soft_float_subtract32)
FLOAT32(__mulsf3, soft_float_multiply32)
FLOAT32(__divsf3, soft_float_divide32)
CONVERT(__fixsfsi, soft_float_32_to_integer, int32_t, uint32_t)
// The sign of the result answers the question of the name; for what cannot be compared the answer is no.
COMPARE32(__eqsf2, c)
COMPARE32(__nesf2, c)
COMPARE32(__ltsf2, c)
COMPARE32(__lesf2, c)
COMPARE32(__gtsf2, c == SOFT_FLOAT_UNORDERED ? -1 : c)
COMPARE32(__gesf2, c == SOFT_FLOAT_UNORDERED ? -1 : c)

INTEGER(__udivdi3, integers_divide64(a, b), uint64_t, uint64_t)
INTEGER(__divdi3, integers_divide_signed64(a, b), int64_t, int64_t)

#if defined(__XTENSA__)
INTEGER(__udivsi3, integers_divide32(a, b), uint32_t, uint32_t)
INTEGER(__divsi3, integers_divide_signed32(a, b), int32_t, int32_t)
INTEGER(__umodsi3, a - b * integers_divide32(a, b), uint32_t, uint32_t)
INTEGER(__modsi3, a - b * integers_divide_signed32(a, b), int32_t, int32_t)
INTEGER_OF(__umulsidi3, integers_multiply32_to_64(a, b), uint64_t, uint32_t, uint32_t)
INTEGER(__muldi3, integers_multiply64(a, b), uint64_t, uint64_t)
INTEGER(__ashldi3, integers_shift_left64(a, b), uint64_t, int)
INTEGER(__lshrdi3, integers_shift_right64(a, b), uint64_t, int)
#endif

#endif
