// The simulated chip as its programs see it: the simulator's device, and the parts of the file that --data names.
#ifndef DEVICE_H
#define DEVICE_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const uint8_t *data; // 16-byte aligned
    size_t bytes;
} part_t;

// Part i of the file: its words are a count, then offset and bytes of each part.
part_t device_part(uint32_t i);
void device_write(const void *data, size_t bytes);

// Ends the run; the simulator's exit code is main's result.
int main(void);

#endif
