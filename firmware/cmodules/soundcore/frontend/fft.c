// Decimation in time: a radix-2 stage where needed, radix-4 stages, then the split of the half-size complex
// transform into the spectrum of the real input.
//
// No overflow. Let S = sum |x[n]| <= 2^29 + 2^10. Apart from rounding, every number inside is the real or imaginary
// part of a sum of some of the z[n] = x[2n] + i x[2n + 1], each turned by an angle, so at most sum |z[n]| <= S. A rotation
// errs by at most 2 plus 2^-23 of its magnitude, so by 2^7; a radix-4 stage adds three of these to four times the error
// before it: less than 2^16 after five stages. The split works on 2 Z and 2 X, at most 2^30 + 2^18, and halves them.
#include "frontend/fft.h"

#include "frontend/fft_butterflies.h"
#include "frontend/fixed.h"
#include "hot.h"

const int32_t sc_fft_sine[257] = {
    0, 51472, 102941, 154407, 205867, 257319, 308761, 360192, 411609, 463011, 514396, 565761,
    617104, 668425, 719720, 770988, 822227, 873436, 924611, 975751, 1026855, 1077920, 1128945, 1179927,
    1230864, 1281756, 1332599, 1383392, 1434132, 1484819, 1535450, 1586023, 1636536, 1686988, 1737376, 1787699,
    1837954, 1888141, 1938256, 1988298, 2038265, 2088156, 2137968, 2187700, 2237349, 2286914, 2336392, 2385783,
    2435084, 2484294, 2533410, 2582430, 2631353, 2680177, 2728901, 2777521, 2826037, 2874446, 2922748, 2970939,
    3019018, 3066984, 3114834, 3162567, 3210181, 3257674, 3305045, 3352291, 3399411, 3446402, 3493264, 3539995,
    3586592, 3633054, 3679380, 3725567, 3771613, 3817518, 3863279, 3908894, 3954362, 3999682, 4044851, 4089867,
    4134730, 4179437, 4223986, 4268377, 4312606, 4356674, 4400577, 4444315, 4487885, 4531287, 4574518, 4617576,
    4660461, 4703170, 4745702, 4788056, 4830229, 4872221, 4914029, 4955652, 4997088, 5038336, 5079395, 5120262,
    5160937, 5201417, 5241701, 5281788, 5321677, 5361364, 5400850, 5440133, 5479211, 5518082, 5556746, 5595201,
    5633445, 5671477, 5709295, 5746898, 5784285, 5821455, 5858405, 5895134, 5931642, 5967926, 6003985, 6039819,
    6075425, 6110802, 6145949, 6180865, 6215549, 6249998, 6284212, 6318189, 6351928, 6385428, 6418688, 6451706,
    6484482, 6517013, 6549299, 6581338, 6613129, 6644672, 6675964, 6707005, 6737793, 6768328, 6798608, 6828632,
    6858399, 6887907, 6917156, 6946145, 6974873, 7003337, 7031538, 7059475, 7087145, 7114549, 7141685, 7168552,
    7195149, 7221475, 7247530, 7273311, 7298819, 7324052, 7349009, 7373689, 7398092, 7422216, 7446061, 7469625,
    7492909, 7515910, 7538628, 7561062, 7583212, 7605076, 7626654, 7647945, 7668947, 7689661, 7710086, 7730220,
    7750063, 7769615, 7788874, 7807839, 7826511, 7844888, 7862970, 7880755, 7898244, 7915436, 7932329, 7948924,
    7965220, 7981215, 7996911, 8012305, 8027397, 8042188, 8056675, 8070859, 8084740, 8098316, 8111587, 8124552,
    8137212, 8149565, 8161612, 8173351, 8184783, 8195906, 8206721, 8217227, 8227423, 8237310, 8246887, 8256153,
    8265108, 8273752, 8282085, 8290105, 8297814, 8305210, 8312294, 8319064, 8325522, 8331666, 8337496, 8343012,
    8348215, 8353102, 8357676, 8361935, 8365879, 8369508, 8372822, 8375820, 8378504, 8380871, 8382924, 8384660,
    8386082, 8387187, 8387976, 8388450, 8388608,
};

static SC_HOT void radix2(sc_fft_complex_t *z, uint32_t n) {
    for (sc_fft_complex_t *end = z + n; z < end; z += 2) {
        sc_fft_complex_t a = z[0];
        sc_fft_complex_t b = z[1];
        z[0].re = a.re + b.re;
        z[0].im = a.im + b.im;
        z[1].re = a.re - b.re;
        z[1].im = a.im - b.im;
    }
}

#if SC_FFT_ASSEMBLER
static void radix4(sc_fft_complex_t *z, uint32_t n, uint32_t length, uint32_t step) {
    if (length == 1) {
        sc_fft_first_radix4(z, z + n);
        return;
    }
    sc_fft_radix4(z, length * sizeof(*z), n * sizeof(*z), sc_fft_sine, step << 22);
}

static void split(sc_fft_complex_t *z, uint32_t n, uint32_t step) {
    sc_fft_split(z + 1, z + n - 1, sc_fft_sine, step * sizeof(sc_fft_sine[0]));
}
#else
// A Q23 factor as Q15 and the rest, -128..127.
typedef struct {
    int32_t q15;
    int32_t rest;
} factor_t;

typedef struct {
    factor_t c; // cos
    factor_t s; // sin
} turn_t;

static inline factor_t factor(int32_t q23) {
    factor_t f;
    f.q15 = (q23 + 128) >> 8;
    f.rest = q23 - f.q15 * 256;
    return f;
}

// Angle 2 pi i / 1024, 0 <= i < 768.
static inline turn_t turn(uint32_t i) {
    int32_t s = sc_fft_sine[i & 255];
    int32_t c = sc_fft_sine[256 - (i & 255)];
    if (i & 256) { // a quarter turn more
        int32_t quarter = c;
        c = -s;
        s = quarter;
    }
    if (i & 512) { // half a turn more
        c = -c;
        s = -s;
    }
    turn_t t = {factor(c), factor(s)};
    return t;
}

// z * e^(-i angle)
static inline sc_fft_complex_t rotate(sc_fft_complex_t z, turn_t t) {
    sc_fft_complex_t r;
    int32_t re = z.re >> 15;
    int32_t im = z.im >> 15;
    r.re = sc_fixed_dot_q15(z.re, t.c.q15, z.im, t.s.q15) + ((re * t.c.rest + im * t.s.rest + 128) >> 8);
    r.im = sc_fixed_dot_q15(z.im, t.c.q15, z.re, -t.s.q15) + ((im * t.c.rest - re * t.s.rest + 128) >> 8);
    return r;
}

// Four transforms of length L become one of 4 L. With the bits reversed the one of samples 4n + 2 lies second.
static inline void butterfly(sc_fft_complex_t *z, uint32_t length, sc_fft_complex_t b, sc_fft_complex_t c,
    sc_fft_complex_t d) {
    sc_fft_complex_t a = z[0];
    sc_fft_complex_t ac = {a.re + c.re, a.im + c.im};
    sc_fft_complex_t bd = {b.re + d.re, b.im + d.im};
    z[0].re = ac.re + bd.re;
    z[0].im = ac.im + bd.im;
    z[2 * length].re = ac.re - bd.re;
    z[2 * length].im = ac.im - bd.im;
    ac.re = a.re - c.re;
    ac.im = a.im - c.im;
    bd.re = b.re - d.re;
    bd.im = b.im - d.im;
    z[length].re = ac.re + bd.im;
    z[length].im = ac.im - bd.re;
    z[3 * length].re = ac.re - bd.im;
    z[3 * length].im = ac.im + bd.re;
}

// step: the first angle other than 0, 2 pi at 1024.
static SC_HOT void radix4(sc_fft_complex_t *z, uint32_t n, uint32_t length, uint32_t step) {
    sc_fft_complex_t *end = z + n;
    for (sc_fft_complex_t *p = z; p < end; p += 4 * length) {
        butterfly(p, length, p[2 * length], p[length], p[3 * length]);
    }
    for (uint32_t k = 1; k < length; k++) {
        turn_t t1 = turn(k * step);
        turn_t t2 = turn(2 * k * step);
        turn_t t3 = turn(3 * k * step);
        for (sc_fft_complex_t *p = z + k; p < end; p += 4 * length) {
            butterfly(p, length, rotate(p[2 * length], t1), rotate(p[length], t2), rotate(p[3 * length], t3));
        }
    }
}

// X[k] = (E + F) / 2 and conj X[n - k] = (E - F) / 2 with E = Z[k] + conj Z[n - k],
// F = -i e^(-i pi k / n) (Z[k] - conj Z[n - k]), where n complex points hold 2n real samples.
static SC_HOT void split(sc_fft_complex_t *z, uint32_t n, uint32_t step) {
    for (uint32_t k = 1; k < n / 2; k++) {
        sc_fft_complex_t *p = z + k;
        sc_fft_complex_t *q = z + (n - k);
        turn_t t = turn(k * step);
        sc_fft_complex_t e = {p->re + q->re, p->im - q->im};
        sc_fft_complex_t o = {p->im + q->im, q->re - p->re}; // -i (Z[k] - conj Z[n - k])
        sc_fft_complex_t f = rotate(o, t);
        p->re = (e.re + f.re + 1) >> 1;
        p->im = (e.im + f.im + 1) >> 1;
        q->re = (e.re - f.re + 1) >> 1;
        q->im = (f.im - e.im + 1) >> 1;
    }
}
#endif

SC_HOT void sc_fft_real(sc_fft_complex_t *z, uint32_t points, uint32_t length) {
    uint32_t n = points / 2;
    uint32_t step = 512 / 4; // of an angle that comes after transforms of `length`, 2 pi at 1024
    if (length == 1) {
        step = 512;
        if (n != 256) {
            radix2(z, n);
            length = 2;
            step = 256;
        }
    }
    for (; length < n; length *= 4, step /= 4) {
        radix4(z, n, length, step / 2);
    }
    sc_fft_complex_t first = z[0];
    z[0].re = first.re + first.im;
    z[0].im = 0;
    z[n].re = first.re - first.im;
    z[n].im = 0;
    z[n / 2].im = -z[n / 2].im; // where k is n - k
    split(z, n, step);
}
