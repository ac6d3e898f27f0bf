// A libcuda.so.1 that is not NVIDIA's: it starts and then has nothing that is needed.
int cuInit(unsigned flags) { return flags == 0 ? 0 : 1; }
int cuDriverGetVersion(int* version) {
  *version = 8000;
  return 0;
}
