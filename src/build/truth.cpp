#include "build/truth.h"

#include <fmt/format.h>

#include <array>

#include "base/file.h"
#include "base/text.h"
#include "build/environment.h"
#include "gpu/compatibility.h"
#include "gpu/promise.h"
#include "layer/determinism.h"

namespace imgforge::build {
namespace {

std::string version_of(const layer::Facts& facts, const char* name) {
  const layer::Component* component = facts.find(name);
  return component != nullptr ? component->version : "";
}

// "2.6" holds for "2.6.0" and "2.6.1", not for "2.60".
bool holds(std::string_view word, std::string_view truth) {
  truth = truth.substr(0, truth.find('+'));
  return truth == word || (truth.starts_with(word) && truth[word.size()] == '.');
}

Error contradiction(const spec::ImageSpec& spec, std::string_view name, std::string_view word,
                    const std::string& truth) {
  return Error(Errc::mismatch,
               fmt::format("{} says {} {}, but {}", spec.file, name, word,
                           truth.empty() ? fmt::format("the image has no {}", name)
                                         : fmt::format("the image has {} {}", name, truth)))
      .at({.file = spec.file})
      .hint("correct `components` (or the file's name), or what the layers ask for");
}

// A library that torch's wheels bring, where they put it, and the names that its loader uses.
struct WheelLibrary {
  const char* component;
  const char* folder;
  const char* soname;  // "{}" is the major version
};

constexpr std::array<WheelLibrary, 2> kWheelLibraries = {{
    {"cudnn", "nvidia/cudnn/lib", "libcudnn.so.{}"},
    {"nccl", "nvidia/nccl/lib", "libnccl.so.{}"},
}};

void promise_libraries(const layer::Facts& facts, gpu::Promise& promise) {
  if (!facts.python || facts.find("torch") == nullptr) return;
  for (const WheelLibrary& library : kWheelLibraries) {
    const std::string version = version_of(facts, library.component);
    if (version.empty()) continue;
    const std::string major = version.substr(0, version.find('.'));
    const std::string soname = fmt::format(fmt::runtime(library.soname), major);
    promise.libraries.push_back(
        {soname, fmt::format("{}/{}/{}", facts.python->site_packages(), library.folder, soname),
         version});
  }
}

void promise_gpu(const layer::Facts& facts, const spec::ImageSpec& spec, gpu::Promise& promise) {
  const auto& table = gpu::Compatibility::builtin();
  const std::string cuda = version_of(facts, "cuda");
  std::string_view floor = base::trim(spec.driver);
  if (floor.starts_with(">=")) floor = base::trim(floor.substr(2));
  promise.driver_min = floor;
  if (const gpu::CudaToolkit* toolkit = table.find_cuda(cuda)) {
    if (promise.driver_min.empty()) promise.driver_min = toolkit->minor_driver;
    promise.cuda_driver_min = cuda.substr(0, cuda.find('.')) + ".0";
  }
  const gpu::TorchRelease* torch = table.find_torch(version_of(facts, "torch"));
  if (torch == nullptr) return;
  if (const gpu::TorchVariant* variant = torch->find(cuda)) {
    promise.sm = variant->sm;
    promise.ptx = variant->ptx;
  }
}

// What is promised is what the image's configuration has, where the spec overrides it too.
void promise_determinism(const layer::Facts& facts, const spec::ImageSpec& spec,
                         gpu::Promise& promise) {
  if (!spec.seed) return;
  gpu::Promise::Determinism determinism;
  if (facts.python) determinism.module = layer::kDeterminismModule;
  for (const std::string& entry : environment_of(spec, facts)) {
    const std::size_t equals = entry.find('=');
    const std::string name = entry.substr(0, equals);
    if (name == "PYTHONHASHSEED" || name == "CUBLAS_WORKSPACE_CONFIG") {
      determinism.environment[name] = entry.substr(equals + 1);
    }
  }
  promise.determinism = std::move(determinism);
}

}  // namespace

Result<release::BuildTag> tag_of(const layer::Facts& facts, const spec::ImageSpec& spec) {
  release::TagParts parts;
  parts.pytorch = version_of(facts, "torch");
  parts.cuda = version_of(facts, "cuda");
  if (!facts.os_id.empty()) parts.os = facts.os_id + facts.os_version;
  parts.build = spec.build;
  return release::BuildTag::make(std::move(parts));
}

Result<> check_words(const layer::Facts& facts, const spec::ImageSpec& spec) {
  for (const auto& [name, word] : spec.components) {
    if (name == "os") {
      const std::string truth = facts.os_id + facts.os_version;
      if (truth != word) return fail(contradiction(spec, name, word, truth));
      continue;
    }
    const std::string truth = version_of(facts, name == "pytorch" ? "torch" : name.c_str());
    if (!holds(word, truth)) return fail(contradiction(spec, name, word, truth));
  }
  // "specs/pytorch2.6-cuda12.4-debian12.yaml" promises the same things by its name.
  std::string stem = base::base_name(spec.file);
  stem = stem.substr(0, stem.rfind('.'));
  const auto named = release::BuildTag::parse(stem + "-" + spec.build);
  if (!named) return {};
  const release::TagParts found = TRY(tag_of(facts, spec)).parts();
  const release::TagParts& said = named->parts();
  const auto agree = [&](const char* name, const std::string& word,
                         const std::string& truth) -> Result<> {
    if (word.empty() || word == truth) return {};
    return fail(contradiction(spec, name, word, truth));
  };
  TRY(agree("torch", said.pytorch, found.pytorch));
  TRY(agree("cuda", said.cuda, found.cuda));
  TRY(agree("os", said.os, found.os));
  return {};
}

std::string promise_of(const layer::Facts& facts, const spec::ImageSpec& spec,
                       const release::BuildTag& tag) {
  gpu::Promise promise;
  promise.image = spec.image;
  promise.tag = tag.to_string();
  promise.build = spec.build;
  promise.platform = spec.platform.to_string();
  promise.created = base::format_time(spec.epoch);
  for (const layer::Component& component : facts.components) {
    promise.components.push_back({component.name, component.version, component.detail});
  }
  promise_gpu(facts, spec, promise);
  if (facts.python) {
    promise.python_prefix = facts.python->prefix;
    promise.site_packages = facts.python->site_packages();
  }
  promise_libraries(facts, promise);
  promise_determinism(facts, spec, promise);
  promise.reproduce = fmt::format("imgforge build specs/{}", base::base_name(spec.file));
  return gpu::to_json(promise);
}

}  // namespace imgforge::build
