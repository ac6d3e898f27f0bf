#include "show_torch.h"

#include <string.h>

#include "text.h"

static void emit_check(struct emitter* e, const struct torch_check* check, enum torch_item item) {
  static const char* const states[] = {"not-run", "passed", "wrong", "error"};
  emit_open(e, 0, '{');
  emit_text(e, "name", torch_item_name(item));
  emit_text(e, "state", states[check->state]);
  if (check->state > TORCH_PASSED && check->gpu >= 0) {
    emit_integer(e, "gpu", check->gpu);
  } else {
    emit_null(e, "gpu");
  }
  emit_known(e, "detail", check->detail);
  emit_close(e);
}

void emit_torch(struct emitter* e, const struct report* report) {
  const struct torch* torch = &report->torch;
  if (report->stages[STAGE_TORCH].state == STAGE_SKIPPED) {
    emit_null(e, "torch");
    return;
  }
  emit_open(e, "torch", '{');
  emit_known(e, "interpreter", torch->interpreter);
  emit_bool(e, "finished", torch->finished);
  emit_integer(e, "status", torch->status);
  emit_known(e, "last_words", torch->last_words);
  emit_known(e, "python", torch->python);
  emit_known(e, "version", torch->version);
  emit_known(e, "cuda", torch->cuda);
  emit_known(e, "file", torch->file);
  emit_known(e, "cudnn", torch->cudnn);
  emit_known(e, "nccl", torch->nccl);
  emit_known(e, "architectures", torch->architectures);
  if (torch->asked_available) {
    emit_bool(e, "available", torch->available);
  } else {
    emit_null(e, "available");
  }
  emit_known(e, "unavailable_because", torch->unavailable_because);
  emit_integer(e, "gpu_count", torch->gpu_count);
  emit_open(e, "checks", '[');
  for (int i = 0; i < TORCH_ITEM_COUNT; i++) emit_check(e, &torch->checks[i], (enum torch_item)i);
  emit_close(e);
  emit_close(e);
}

static bool kept(const struct determinism* determinism, int i) {
  const struct variable* found = &determinism->variables[i].found;
  return found->set && strcmp(found->value, determinism->variables[i].promised) == 0;
}

bool determinism_active(const struct determinism* determinism) {
  bool active = determinism->promised;
  for (int i = 0; i < determinism->variable_count; i++) active = active && kept(determinism, i);
  return active;
}

void emit_determinism(struct emitter* e, const struct determinism* determinism) {
  if (!determinism->promised) {
    emit_null(e, "determinism");
    return;
  }
  emit_open(e, "determinism", '{');
  emit_bool(e, "active", determinism_active(determinism));
  emit_known(e, "module", determinism->module);
  emit_bool(e, "module_there", determinism->module_there);
  emit_open(e, "environment", '[');
  for (int i = 0; i < determinism->variable_count; i++) {
    emit_open(e, 0, '{');
    emit_text(e, "name", determinism->variables[i].name);
    emit_text(e, "promised", determinism->variables[i].promised);
    const struct variable* found = &determinism->variables[i].found;
    emit_text(e, "found", found->set ? found->value : 0);
    emit_close(e);
  }
  emit_close(e);
  emit_close(e);
}

void emit_wait(struct emitter* e, const struct wait* wait) {
  if (wait->limit <= 0) {
    emit_null(e, "wait");
    return;
  }
  emit_open(e, "wait", '{');
  emit_decimal(e, "limit_s", wait->limit);
  emit_decimal(e, "waited_s", wait->seconds);
  emit_integer(e, "looks", wait->looks);
  emit_known(e, "missing", wait->missing);
  emit_close(e);
}
