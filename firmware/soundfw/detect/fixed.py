"""Integer arithmetic for scores.

Every target gets the same bits, whether its Python has 64-bit floats, 32-bit floats or none. All values at run
time stay below 2**30 in magnitude: those are the small integers of a 32-bit MicroPython, so nothing here
allocates once the tables are made. Q12 means "in units of 1/4096".
"""

from array import array

from ..platform import const

ONE = const(32768)  # 1.0 in Q15
_Q = const(60)  # of the numbers that tables are made from
_STEP_BITS = const(7)  # the exponential's table has 32 steps per unit: 4096 / 32 = 1 << 7
_RANGE = const(12)  # exp(-12) rounds to 0 in Q15 for every use made of it


def from_scale(scale):
    """Convert a tensor's quantization scale (a float that holds a float32 exactly) to Q20, rounded.

    The product with a power of two and the truncation are exact in 32-bit and 64-bit floats alike. Where floats have 30
    bits, as in CircuitPython, soundcore gives the truncated product, an int, in place of the scale.
    """
    if isinstance(scale, int):
        return (scale + 1) >> 1
    return (int(scale * 2097152) + 1) >> 1


def exp_exact(x):
    """Return exp(-x) in Q60 for x >= 0 in Q20. It uses big integers: for tables only."""
    y = x << (_Q - 20)
    halvings = 0
    while y >> (_Q - 2):
        y >>= 1
        halvings += 1
        if halvings > 40:
            return 0
    term = total = 1 << _Q
    for k in range(1, 20):
        term = ((term * y) >> _Q) // k
        total += -term if k & 1 else term
    for _ in range(halvings):
        total = (total * total) >> _Q
    return total


def powers(base, count):
    """Return base**0 … base**(count - 1) in Q15 as array('H'); base in Q60, at most 1."""
    table = array("H", bytes(2 * count))
    value = 1 << _Q
    for i in range(count):
        table[i] = (value + (1 << (_Q - 16))) >> (_Q - 15)
        value = (value * base) >> _Q
    return table


_EXP = powers(exp_exact(1 << 15), (_RANGE << 5) + 2)


def exp_neg(x):
    """Return exp(-x) in Q15 for x >= 0 in Q12: linear between 32 table entries per unit, error below 6e-5."""
    i = x >> _STEP_BITS
    if i >= _RANGE << 5:
        return 0
    a = _EXP[i]
    return a - (((a - _EXP[i + 1]) * (x & 127) + 64) >> _STEP_BITS)


def mul(x, factor):
    """Return x * factor, factor in Q15 and 0 … 1, rounded half up; |x| < 2**28. Exact, in two halves below 2**30."""
    return ((x >> 14) * factor + (((x & 16383) * factor + 16384) >> 14)) >> 1


def sigmoid(z):
    """Return 1000 / (1 + exp(-z)) rounded half up, z in Q12."""
    e = exp_neg(z if z >= 0 else -z)
    total = ONE + e
    return ((ONE if z >= 0 else e) * 2000 + total) // (2 * total)


def softmax(z, out):
    """Write the softmax of z (Q12) to out, in 1/1000, each value rounded half up; both are lists of one length."""
    top = max(z)
    total = 0
    for i in range(len(z)):
        e = exp_neg(top - z[i])
        out[i] = e
        total += e
    for i in range(len(z)):
        out[i] = (out[i] * 2000 + total) // (2 * total)


def log2(x):
    """Return log2 of an integer x > 0 in Q16, truncated, error below 2**-14."""
    whole = 0
    while x >> (whole + 1):
        whole += 1
    # The mantissa in Q14, 1 <= m < 2; squaring it moves the next bit of the logarithm in front of the point.
    m = x << (14 - whole) if whole < 14 else x >> (whole - 14)
    result = whole
    for _ in range(16):
        m = (m * m) >> 14
        result <<= 1
        if m >> 15:
            m >>= 1
            result |= 1
    return result
