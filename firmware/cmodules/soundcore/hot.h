// SC_HOT marks the functions in whose loops nearly all time goes. A build that defines it puts them where code runs
// fastest: on the RP2040 into RAM, as code in flash waits whenever it is not in the cache, which weights pass through too.
#ifndef SC_HOT_H
#define SC_HOT_H

#ifndef SC_HOT
#define SC_HOT
#endif

#endif
