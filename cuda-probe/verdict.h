// From the facts to what they mean: pure functions of the report and the promise.
//
// Each rule adds a finding: what is wrong, who has to act, what to do. Rules run from causes to
// consequences, so the first error is the verdict; the other findings stay visible below it.
#ifndef IMGFORGE_PROBE_VERDICT_H
#define IMGFORGE_PROBE_VERDICT_H

#include "promise.h"
#include "report.h"

// The program's exit codes.
enum exit_code {
  EXIT_OK = 0,
  EXIT_CHECK_FAILED = 1,
  EXIT_USAGE = 2,
  EXIT_NO_GPU = 3,
  EXIT_HOST = 4,
  EXIT_IMAGE = 5,
  EXIT_HARDWARE = 6,
  EXIT_TIMEOUT = 7
};

enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_ERROR };
enum owner { OWNER_NOBODY, OWNER_RUN, OWNER_HOST, OWNER_IMAGE, OWNER_HARDWARE };

enum { MAX_FINDINGS = 96, TEXT_SIZE = 640 };

struct finding {
  enum severity severity;
  enum exit_code exit_code;  // of an error
  enum owner owner;
  const char* cause;  // one word of docs/probe.md's list
  int gpu;            // -1: not about one GPU
  char sentence[TEXT_SIZE], advice[TEXT_SIZE];
};

struct verdict {
  int count;
  struct finding findings[MAX_FINDINGS];
  int deciding;  // index of the finding that is the verdict; -1: all is well
  enum exit_code exit_code;
  bool no_gpu;  // there is none, whether that is allowed or not
};

void verdict_decide(const struct report* report, const struct promise* promise, bool allow_no_gpu,
                    struct verdict* verdict);

// The sentence for a probe that found nothing wrong.
const char* verdict_all_well(const struct report* report, const struct verdict* verdict);

const char* severity_word(enum severity severity);
const char* owner_word(enum owner owner);

// For the rules (judge_*.c): a finding without advice, and its advice.
struct finding* verdict_add(struct verdict* verdict, enum exit_code code, enum owner owner,
                            const char* cause, const char* format, ...)
    __attribute__((format(printf, 5, 6)));
struct finding* verdict_note(struct verdict* verdict, enum severity severity, enum owner owner,
                             const char* cause, const char* format, ...)
    __attribute__((format(printf, 5, 6)));
void finding_advise(struct finding* finding, const char* format, ...)
    __attribute__((format(printf, 2, 3)));

// The rules, in the order in which they are asked.
void judge_stages(const struct report* report, struct verdict* verdict);
void judge_driver(const struct report* report, struct verdict* verdict);
// Where the driver's stage was left out: what NVML and the nodes say.
void judge_management(const struct report* report, struct verdict* verdict);
// A GPU that NVML calls lost; what the device nodes' errors explain. True if that was the reason.
bool judge_lost(const struct report* report, struct verdict* verdict);
bool judge_nodes(const struct report* report, struct verdict* verdict);
void judge_gpus(const struct report* report, const struct promise* promise,
                struct verdict* verdict);
void judge_host(const struct report* report, const struct promise* promise,
                struct verdict* verdict);
void judge_image(const struct report* report, const struct promise* promise,
                 struct verdict* verdict);
void judge_determinism(const struct report* report, struct verdict* verdict);
void judge_torch(const struct report* report, const struct promise* promise,
                 struct verdict* verdict);

// Whether code for `entry` of an architecture list ("86", "90a"; PTX: "90") runs on a GPU.
bool architecture_fits(const char* entry, bool ptx, int major, int minor);

// Whether a finding with this cause is there already.
bool verdict_has(const struct verdict* verdict, const char* cause);

#endif
