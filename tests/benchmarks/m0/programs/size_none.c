// What every program holds before it holds anything of soundcore.
#include "device.h"

int main(void) {
    return 0;
}
