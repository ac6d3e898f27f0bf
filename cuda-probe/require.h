// NVIDIA_REQUIRE_*: what an image says it needs of the host. Only the container toolkit's legacy
// hook checks it; with CDI, its default since 1.18, nobody does, so the probe does.
//
//   requirement := term (" " term)*        one of them
//   term        := factor ("," factor)*    all of them
//   factor      := property op value       op: = != < <= > >=
//   property    := cuda | driver | arch | brand; another one does not count
#ifndef IMGFORGE_PROBE_REQUIRE_H
#define IMGFORGE_PROBE_REQUIRE_H

enum require_result { REQUIRE_MET, REQUIRE_UNMET, REQUIRE_UNKNOWN, REQUIRE_INVALID };

// What is known of the host and of one GPU; "" where it is not.
struct require_facts {
  const char* cuda;    // the newest CUDA that the driver supports, "12.4"
  const char* driver;  // "550.54.15"
  const char* arch;    // "9.0"
  const char* brand;   // "tesla"
};

enum require_result require_evaluate(const char* requirement, const struct require_facts* facts);

// Whether a variable of that name holds a requirement for this kind of machine.
int require_is_variable(const char* name);

#endif
