// Decimation in time: a radix-2 stage where needed, radix-4 stages, then the split of the half-size complex
// transform into the spectrum of the real input.
//
// No overflow. Let S = sum |x[n]| <= 2^29 + 2^10. Every number inside is, but for rounding, the real or imaginary part
// of a sum of some of the z[n] = x[2n] + i x[2n + 1], each turned by an angle, so at most sum |z[n]| <= S. A rotation
// errs by at most 2 plus 2^-23 of its magnitude, so by 2^7; a radix-4 stage adds three of these to four times the error
// before it: less than 2^16 after five stages. The split works on 2 Z and 2 X, at most 2^30 + 2^18, and halves them.
#include "fft.h"

#include "fixed.h"

const uint16_t snd_fft_sine[257] = {
    0, 201, 402, 603, 804, 1005, 1206, 1407, 1608, 1809, 2009, 2210, 2411, 2611, 2811, 3012,
    3212, 3412, 3612, 3812, 4011, 4211, 4410, 4609, 4808, 5007, 5205, 5404, 5602, 5800, 5998, 6195,
    6393, 6590, 6787, 6983, 7180, 7376, 7571, 7767, 7962, 8157, 8351, 8546, 8740, 8933, 9127, 9319,
    9512, 9704, 9896, 10088, 10279, 10469, 10660, 10850, 11039, 11228, 11417, 11605, 11793, 11980, 12167, 12354,
    12540, 12725, 12910, 13095, 13279, 13463, 13646, 13828, 14010, 14192, 14373, 14553, 14733, 14912, 15091, 15269,
    15447, 15624, 15800, 15976, 16151, 16326, 16500, 16673, 16846, 17018, 17190, 17361, 17531, 17700, 17869, 18037,
    18205, 18372, 18538, 18703, 18868, 19032, 19195, 19358, 19520, 19681, 19841, 20001, 20160, 20318, 20475, 20632,
    20788, 20943, 21097, 21251, 21403, 21555, 21706, 21856, 22006, 22154, 22302, 22449, 22595, 22740, 22884, 23028,
    23170, 23312, 23453, 23593, 23732, 23870, 24008, 24144, 24279, 24414, 24548, 24680, 24812, 24943, 25073, 25202,
    25330, 25457, 25583, 25708, 25833, 25956, 26078, 26199, 26320, 26439, 26557, 26674, 26791, 26906, 27020, 27133,
    27246, 27357, 27467, 27576, 27684, 27791, 27897, 28002, 28106, 28209, 28311, 28411, 28511, 28610, 28707, 28803,
    28899, 28993, 29086, 29178, 29269, 29359, 29448, 29535, 29622, 29707, 29792, 29875, 29957, 30038, 30118, 30196,
    30274, 30350, 30425, 30499, 30572, 30644, 30715, 30784, 30853, 30920, 30986, 31050, 31114, 31177, 31238, 31298,
    31357, 31415, 31471, 31527, 31581, 31634, 31686, 31737, 31786, 31834, 31881, 31927, 31972, 32015, 32058, 32099,
    32138, 32177, 32214, 32251, 32286, 32319, 32352, 32383, 32413, 32442, 32470, 32496, 32522, 32546, 32568, 32590,
    32610, 32629, 32647, 32664, 32679, 32693, 32706, 32718, 32729, 32738, 32746, 32753, 32758, 32762, 32766, 32767,
    32768,
};

const int8_t snd_fft_sine_rest[257] = {
    0, 16, 29, 39, 43, 39, 25, 0, -39, -93, 92, 1, -112, 9, 104, -84, -45, -36, -61, -121,
    39, -96, -15, 23, 16, -36, 119, -32, 20, 19, -38, 103, -72, -52, -96, 51, -126, -115, 80, -54,
    -7, -36, 112, -76, -91, 66, -120, 119, 12, 70, 34, -98, -71, 113, -59, -79, 53, 78, -4, 59,
    10, 104, 82, -57, -59, 74, 85, -29, -13, -126, -112, 27, 32, -98, -108, -1, -35, 46, -17, 30,
    -70, -62, 51, 11, 74, -19, -14, 89, 30, 66, -63, -101, -51, 87, 54, 104, -19, -62, -26, 88,
    21, 29, 109, 4, -32, 0, 99, 6, -23, 9, 101, -4, -51, -44, 18, -123, 43, 2, 10, 65,
    -91, 53, -17, -46, -35, 15, 101, -34, 122, 54, 17, 11, 33, 82, -99, 1, 125, 14, -76, 109,
    56, 20, 0, -6, 2, 21, 51, 90, -119, -64, -4, 61, -127, -56, 16, 88, -97, -29, 36, 97,
    -103, -55, -14, 19, 41, 53, 53, 40, 13, -29, -86, 95, 3, -108, 17, 121, -52, 8, 45, 57,
    45, 6, -60, 102, -20, 84, -98, -55, -45, -67, -122, 44, -81, 15, 74, 95, 79, 24, -70, 51,
    -124, -84, -87, 124, 36, -97, -17, 17, 5, -52, 99, -53, 4, 12, -29, -120, -4, 61, 76, 39,
    -49, 66, -127, -117, 95, -2, 103, -103, -108, 88, -27, 57, 86, 58, -26, 88, -110, -110, 88, -28,
    55, 78, 44, -49, 55, 100, 86, 12, -120, -57, -52, -108, 34, 115, -120, 98, 0,
};

// cos and sin as Q15, and what is missing to Q23.
typedef struct {
    int32_t c, c_rest;
    int32_t s, s_rest;
} turn_t;

// Angle 2 pi i / 1024, 0 <= i < 768.
static inline turn_t turn(uint32_t i) {
    uint32_t c = i <= 256 ? 256 - i : i <= 512 ? i - 256 : 768 - i;
    uint32_t s = i <= 256 ? i : i <= 512 ? 512 - i : i - 512;
    turn_t t = {snd_fft_sine[c], snd_fft_sine_rest[c], snd_fft_sine[s], snd_fft_sine_rest[s]};
    if (i > 256) {
        t.c = -t.c;
        t.c_rest = -t.c_rest;
    }
    if (i > 512) {
        t.s = -t.s;
        t.s_rest = -t.s_rest;
    }
    return t;
}

// z * e^(-i angle)
static inline snd_fft_complex_t rotate(snd_fft_complex_t z, turn_t t) {
    snd_fft_complex_t r;
    int32_t re = z.re >> 15;
    int32_t im = z.im >> 15;
    r.re = snd_fixed_dot_q15(z.re, t.c, z.im, t.s) + ((re * t.c_rest + im * t.s_rest + 128) >> 8);
    r.im = snd_fixed_dot_q15(z.im, t.c, z.re, -t.s) + ((im * t.c_rest - re * t.s_rest + 128) >> 8);
    return r;
}

// Four transforms of length L become one of 4 L. With the bits reversed the one of samples 4n + 2 lies second.
static inline void butterfly(snd_fft_complex_t *z, uint32_t length, snd_fft_complex_t b, snd_fft_complex_t c, snd_fft_complex_t d) {
    snd_fft_complex_t a = z[0];
    snd_fft_complex_t ac = {a.re + c.re, a.im + c.im};
    snd_fft_complex_t bd = {b.re + d.re, b.im + d.im};
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

static void radix2(snd_fft_complex_t *z, uint32_t n) {
    for (snd_fft_complex_t *end = z + n; z < end; z += 2) {
        snd_fft_complex_t a = z[0];
        snd_fft_complex_t b = z[1];
        z[0].re = a.re + b.re;
        z[0].im = a.im + b.im;
        z[1].re = a.re - b.re;
        z[1].im = a.im - b.im;
    }
}

static void radix4(snd_fft_complex_t *z, uint32_t n, uint32_t length) {
    snd_fft_complex_t *end = z + n;
    for (snd_fft_complex_t *p = z; p < end; p += 4 * length) {
        butterfly(p, length, p[2 * length], p[length], p[3 * length]);
    }
    uint32_t step = 256 / length;
    for (uint32_t k = 1; k < length; k++) {
        turn_t t1 = turn(k * step);
        turn_t t2 = turn(2 * k * step);
        turn_t t3 = turn(3 * k * step);
        for (snd_fft_complex_t *p = z + k; p < end; p += 4 * length) {
            butterfly(p, length, rotate(p[2 * length], t1), rotate(p[length], t2), rotate(p[3 * length], t3));
        }
    }
}

// X[k] = (E + F) / 2 and conj X[n - k] = (E - F) / 2 with E = Z[k] + conj Z[n - k],
// F = -i e^(-i pi k / n) (Z[k] - conj Z[n - k]), where n complex points hold 2n real samples.
static void split(snd_fft_complex_t *z, uint32_t n) {
    uint32_t step = 512 / n;
    snd_fft_complex_t first = z[0];
    z[0].re = first.re + first.im;
    z[0].im = 0;
    z[n].re = first.re - first.im;
    z[n].im = 0;
    for (uint32_t k = 1; k <= n / 2; k++) {
        snd_fft_complex_t *p = z + k;
        snd_fft_complex_t *q = z + (n - k);
        turn_t t = turn(k * step);
        snd_fft_complex_t e = {p->re + q->re, p->im - q->im};
        snd_fft_complex_t o = {p->im + q->im, q->re - p->re}; // -i (Z[k] - conj Z[n - k])
        snd_fft_complex_t f = rotate(o, t);
        // At k = n / 2 both are the same bin: the second one written is right, being conj Z[k].
        p->re = (e.re + f.re + 1) >> 1;
        p->im = (e.im + f.im + 1) >> 1;
        q->re = (e.re - f.re + 1) >> 1;
        q->im = (f.im - e.im + 1) >> 1;
    }
}

void snd_fft_real(snd_fft_complex_t *z, uint32_t points) {
    uint32_t n = points / 2;
    uint32_t length = 1;
    if (n == 128 || n == 512) {
        radix2(z, n);
        length = 2;
    }
    for (; length < n; length *= 4) {
        radix4(z, n, length);
    }
    split(z, n);
}
