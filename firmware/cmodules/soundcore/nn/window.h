// Windows that convolutions and pooling slide over an image.
#ifndef SC_WINDOW_H
#define SC_WINDOW_H

#include "nn/checks.h"

typedef struct {
    uint16_t in_h, in_w, out_h, out_w;
    uint16_t k_h, k_w, stride_h, stride_w, dilation_h, dilation_w;
    uint16_t pad_h, pad_w; // before the first row and column
} sc_window_t;

// One side of a window.
typedef struct {
    int32_t size, stride, dilation;
} sc_window_side_t;

// Fills in a window over the operator's input; its output must have the size that follows. 0 and a fault if refused.
int sc_window_check(sc_checks_t *c, sc_window_side_t h, sc_window_side_t w, int32_t padding, sc_window_t *window);

#endif
