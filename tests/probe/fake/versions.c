// cuDNN, NCCL and the runtime as far as their version goes; under each of their file names.
#include "fault.h"

size_t cudnnGetVersion(void) {
  fault("cudnnGetVersion");
  return (size_t)number("FAKE_CUDNN", 90100);
}
int ncclGetVersion(int* version) {
  *version = number("FAKE_NCCL", 22105);
  return 0;
}
int cudaRuntimeGetVersion(int* version) {
  *version = number("FAKE_CUDART", 12040);
  return 0;
}
