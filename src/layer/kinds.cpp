#include <fmt/format.h>

#include "base/text.h"
#include "layer/apt.h"
#include "layer/archive_kind.h"
#include "layer/bootstrap.h"
#include "layer/deb.h"
#include "layer/definition.h"
#include "layer/files.h"
#include "layer/image.h"
#include "layer/probe.h"
#include "layer/python.h"
#include "layer/redist.h"
#include "layer/run.h"
#include "layer/wheels.h"

namespace imgforge::layer {

namespace {

constexpr Kind kKinds[] = {
    {"image", false, "the layers of a base image, byte for byte", decode_image},
    {"bootstrap", true, "a Debian or Ubuntu root from signed apt archives", decode_bootstrap},
    {"apt", true, "more Debian packages, installed offline", decode_apt},
    {"deb", false, "Debian packages without maintainer scripts, unpacked", decode_deb},
    {"redist", false, "NVIDIA's redistributable archives: CUDA, cuDNN, NCCL", decode_redist},
    {"archive", false, "any tar or zip, by sha256", decode_archive},
    {"python", false, "an environment over the distribution's Python, or a standalone Python",
     decode_python},
    {"wheels", false, "Python wheels, installed without pip and without a container",
     decode_wheels},
    {"files", false, "files of the project: a folder or a git commit", decode_files},
    {"run", true, "a command in a sandbox without network", decode_run},
    {"probe", false, "the probe that checks the image on the GPU where it runs", decode_probe},
};

std::string all_names() {
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) names.emplace_back(kind.name);
  return base::join(names, ", ");
}

}  // namespace

std::span<const Kind> kinds() { return kKinds; }

Result<std::unique_ptr<Definition>> decode(const document::Node& entry) {
  if (!entry.is_map()) return fail(entry.error("a layer must be a map of keys"));
  const auto name = entry.find("kind");
  if (!name) {
    return fail(entry.error("the layer lacks the key \"kind\"")
                    .hint(fmt::format("the kinds are {}", all_names())));
  }
  if (!name->is_scalar()) return fail(name->error("\"kind\" must be a single value"));
  std::vector<std::string_view> names;
  for (const Kind& kind : kKinds) {
    if (kind.name == name->text()) return kind.decode(entry);
    names.push_back(kind.name);
  }
  const auto near = base::nearest(name->text(), names);
  return fail(name->error(fmt::format("there is no layer kind \"{}\"", name->text()))
                  .hint(near ? fmt::format("did you mean \"{}\"?", *near)
                             : fmt::format("the kinds are {}", all_names())));
}

}  // namespace imgforge::layer
