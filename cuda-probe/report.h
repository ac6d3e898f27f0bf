// What the stages found out: plain facts, no judgement (verdict.c judges) and no pointers.
//
// The report lies in memory shared between the probe and the children that run the stages. A child
// fills its part; whatever it had written when it crashed or hung is still there for the parent.
// Everything is zero before; "not known" is therefore 0, "" or false, except where it says
// otherwise.
#ifndef IMGFORGE_PROBE_REPORT_H
#define IMGFORGE_PROBE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

enum { MAX_GPUS = 64, MAX_LIBRARIES = 64, MAX_COMPONENTS = 64, MAX_REQUIREMENTS = 16 };
enum { PATH_SIZE = 512, WORD_SIZE = 96, LINE_SIZE = 256 };

enum stage {
  STAGE_SURVEY,     // the container from outside: device nodes, /proc, environment
  STAGE_NVML,       // the management library
  STAGE_DRIVER,     // the driver API: cuInit, devices
  STAGE_COMPUTE,    // every device computes
  STAGE_NODES,      // only after a failure: opens the devices' nodes
  STAGE_LIBRARIES,  // what the promise names, on disk and loaded
  STAGE_TORCH,      // only where asked for: the image's Python imports torch and computes with it
  STAGE_COUNT
};

enum stage_state { STAGE_SKIPPED, STAGE_RUNNING, STAGE_DONE, STAGE_CRASHED, STAGE_TIMED_OUT };

struct stage_result {
  enum stage_state state;
  int signal;            // STAGE_CRASHED: what ended it; 0 if it ended by itself, early
  bool unkillable;       // STAGE_TIMED_OUT: still there after SIGKILL, so blocked in the kernel
  char step[WORD_SIZE];  // what it was doing last
  double seconds;
};

struct variable {
  bool set;
  char value[LINE_SIZE];
};

struct node {
  char name[32];  // below /dev
  int error;      // errno of open or access, 0 if it is usable
  bool opened;    // open was tried, not only access
};

struct survey {
  struct node control, uvm;    // nvidiactl, nvidia-uvm
  struct node gpus[MAX_GPUS];  // nvidia0, nvidia1, ...
  int gpu_count;
  bool dxg;                       // /dev/dxg: Windows Subsystem for Linux
  bool host_driver;               // /proc/driver/nvidia is there: the kernel has the driver loaded
  char kernel_driver[WORD_SIZE];  // its version
  int kernel_gpus;                // entries of /proc/driver/nvidia/gpus
  uint64_t shm_bytes;             // size of /dev/shm
  bool shm;                       // it is mounted
  char libc[32];
  struct variable visible_devices, capabilities, cuda_visible_devices, library_path;
  struct variable disable_require;
};

struct nvml_gpu {
  int error;  // nvmlReturn_t of getting the device's handle
  char name[WORD_SIZE], uuid[WORD_SIZE], brand[32];
  int major, minor;
  uint64_t memory_total, memory_used;
  bool mig_known, mig;
  bool compute_mode_known;
  int compute_mode;
  bool ecc_known, ecc;
  bool ecc_errors_known;
  uint64_t ecc_errors;  // uncorrected, since the driver was loaded
  bool rows_known, rows_pending, rows_failed;
  unsigned rows_corrected, rows_uncorrected;
  bool temperature_known;
  unsigned temperature;
  unsigned pcie_generation, pcie_width, pcie_max_generation, pcie_max_width;
};

struct nvml {
  bool loaded, initialised;
  char load_error[LINE_SIZE], path[PATH_SIZE];
  int error;  // nvmlReturn_t of nvmlInit_v2, or of the first call that failed after it
  char driver[WORD_SIZE];
  int cuda;  // as cuDriverGetVersion
  int gpu_count;
  struct nvml_gpu gpus[MAX_GPUS];
};

enum check_state { CHECK_NOT_RUN, CHECK_PASSED, CHECK_FAILED };

struct compute {
  enum check_state load, memory, matmul, transfer;
  enum check_state tensor;  // not run before compute capability 7.0
  char call[WORD_SIZE];     // the driver call that failed
  int error;                // its CUresult
  char jit_log[LINE_SIZE];
  uint64_t memory_bytes;  // checked
  uint64_t memory_free;
  uint64_t wrong_words, first_wrong, wrong_bits;
  bool checker_blind;  // the device did not see a fault that was put there
  uint64_t wrong_products, wrong_tensor_products;
  double host_to_device, device_to_host, device_to_device;  // GB/s, 1e9
  double load_seconds, seconds;
};

struct gpu {
  char name[WORD_SIZE], uuid[WORD_SIZE], pci[32];
  int major, minor, multiprocessors;
  uint64_t memory;
  struct compute compute;
};

struct driver {
  bool loaded;
  char load_error[LINE_SIZE], path[PATH_SIZE];
  char missing_symbol[WORD_SIZE];
  bool init_called, initialised;
  char call[WORD_SIZE];  // the call that failed
  int error;             // its CUresult
  int version;           // cuDriverGetVersion: 12040 is 12.4
  int gpu_count;         // as the driver says; gpus[] holds at most MAX_GPUS
  struct gpu gpus[MAX_GPUS];
};

enum library_state {
  LIBRARY_UNCHECKED,
  LIBRARY_OK,
  LIBRARY_MISSING,
  LIBRARY_MISMATCH,
  LIBRARY_UNLOADABLE,
  LIBRARY_SHADOWED  // another file of that name comes first in LD_LIBRARY_PATH
};

struct library {
  enum library_state state;
  char name[WORD_SIZE], path[PATH_SIZE];
  char promised[WORD_SIZE], found[WORD_SIZE];
  char detail[LINE_SIZE];  // loader's message, or the shadowing file
};

struct component {
  enum library_state state;
  char name[WORD_SIZE], promised[WORD_SIZE], found[WORD_SIZE];
  char promised_cuda[32], found_cuda[32];  // torch: what it was built for; "none" for a CPU build
  char source[PATH_SIZE];                  // where `found` was read
};

enum torch_state { TORCH_NOT_RUN, TORCH_PASSED, TORCH_WRONG, TORCH_ERROR };

// In the order in which torch_check.py runs them.
enum torch_item {
  TORCH_DETERMINISM,  // the promised helper module can be imported
  TORCH_IMPORT,
  TORCH_MATMUL_CPU,
  TORCH_LINEAR_CPU,
  TORCH_DEVICES,  // count, name and compute capability of every GPU
  TORCH_MATMUL,
  TORCH_LINEAR,
  TORCH_CONVOLUTION,
  TORCH_ALL_REDUCE,
  TORCH_ITEM_COUNT
};

struct torch_check {
  enum torch_state state;  // the worst of all GPUs
  int gpu;                 // the GPU of that state; -1: not about one GPU
  char detail[LINE_SIZE];
};

struct torch_gpu {
  char name[WORD_SIZE];
  int major, minor;
};

struct torch {
  char interpreter[PATH_SIZE];  // the image's Python; "" if there is none
  int exec_error;               // errno of starting it
  bool finished;                // it said everything it had to say
  int status;                   // its exit status, where it ended early without a signal
  char last_words[LINE_SIZE];   // the last line on its standard error
  char python[WORD_SIZE], version[WORD_SIZE], cuda[32], file[PATH_SIZE];
  char cudnn[32], nccl[32], architectures[LINE_SIZE];
  bool elsewhere;  // torch was not imported from the promised site-packages
  bool asked_available, available;
  char unavailable_because[LINE_SIZE];
  struct torch_check checks[TORCH_ITEM_COUNT];
  int gpu_count;
  struct torch_gpu gpus[MAX_GPUS];
};

// --wait: how long it was waited for a GPU, and what was missing last.
struct wait {
  double limit, seconds;  // limit 0: nobody asked to wait
  int looks;
  char missing[LINE_SIZE];  // "" once there was nothing to wait for
};

// What the promise says of determinism, and whether it is kept.
struct determinism {
  bool promised;
  char module[WORD_SIZE], module_path[PATH_SIZE];
  bool module_there;
  int variable_count;
  struct {
    char name[64], promised[WORD_SIZE];
    struct variable found;
  } variables[8];
};

struct requirement {
  char name[64], value[4096];
  int result;  // enum require_result: the worst over the GPUs
};

struct report {
  struct stage_result stages[STAGE_COUNT];
  int requirement_count;
  struct requirement requirements[MAX_REQUIREMENTS];
  bool requirements_disabled;  // NVIDIA_DISABLE_REQUIRE
  struct survey survey;
  struct nvml nvml;
  struct driver driver;
  int library_count, component_count;
  struct library libraries[MAX_LIBRARIES];
  struct component components[MAX_COMPONENTS];
  struct determinism determinism;
  struct torch torch;
  struct wait wait;
};

const char* stage_name(enum stage stage);
const char* torch_item_name(enum torch_item item);

#endif
