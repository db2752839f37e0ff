#include "tensorflow/lite/micro/api.h"
