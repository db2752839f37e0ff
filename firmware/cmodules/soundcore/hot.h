// SC_HOT marks the functions whose loops take nearly all of the time. A build that defines it puts them where code runs
// fastest: on the RP2040 in RAM, since code in flash waits for the cache, which the weights pass through too.
#ifndef SC_HOT_H
#define SC_HOT_H

#ifndef SC_HOT
#define SC_HOT
#endif

// SC_COLD marks what runs while a model is made only: compiled for size, whatever the rest of the file is compiled for.
#if defined(__GNUC__)
#define SC_COLD __attribute__((cold))
#else
#define SC_COLD
#endif

#endif
