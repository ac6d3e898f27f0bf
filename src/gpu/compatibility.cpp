#include "gpu/compatibility.h"

#include <algorithm>
#include <cstdlib>

#include "base/json.h"
#include "gpu/compatibility_data.h"

namespace imgforge::gpu {

namespace {

using base::JsonReader;

Result<CudaToolkit> read_cuda(JsonReader row) {
  CudaToolkit one;
  one.version = row.text("version");
  one.native_driver = row.text("native_driver");
  one.minor_driver = row.text("minor_driver");
  one.ptx = row.text("ptx");
  one.updates = row.text_map_or_empty("updates");
  one.sm = row.texts_or_empty("sm");
  TRY(row.finish());
  return one;
}

Result<TorchVariant> read_variant(JsonReader row) {
  TorchVariant one;
  one.cuda = row.text("cuda");
  one.cudnn = row.text("cudnn");
  one.nccl = row.text("nccl");
  one.sm = row.texts("sm");
  one.ptx = row.texts("ptx");
  one.glibc = row.text("glibc");
  one.is_default = row.flag_or("default", false);
  one.experimental = row.flag_or("experimental", false);
  TRY(row.finish());
  return one;
}

Result<TorchRelease> read_torch(JsonReader row) {
  TorchRelease one;
  one.version = row.text("version");
  one.last_patch = row.text("last_patch");
  one.python = row.texts("python");
  one.python_experimental = row.texts_or_empty("python_experimental");
  for (JsonReader& variant : row.objects("variants")) {
    one.variants.push_back(TRY(read_variant(std::move(variant))));
  }
  TRY(row.finish());
  return one;
}

Result<OperatingSystem> read_os(JsonReader row) {
  OperatingSystem one;
  one.id = row.text("id");
  one.version = row.text("version");
  one.glibc = row.text("glibc");
  one.python = row.text("python");
  one.end_of_life = row.text("end_of_life");
  one.source = row.text("source");
  TRY(row.finish());
  return one;
}

}  // namespace

const TorchVariant* TorchRelease::find(std::string_view cuda) const {
  const Version wanted(cuda);
  for (const TorchVariant& one : variants) {
    if (!wanted.empty() && wanted.begins_with(Version(one.cuda))) return &one;
  }
  return nullptr;
}

const Compatibility& Compatibility::builtin() {
  static const Compatibility data = [] {
    auto loaded = load(kCompatibilityJson, "the built-in compatibility data");
    if (!loaded) std::abort();  // compiled in, and read by a test before anybody else sees it
    return *std::move(loaded);
  }();
  return data;
}

Result<Compatibility> Compatibility::load(std::string_view json, const std::string& name) {
  const auto tree = TRY(base::parse_json(json, name));
  JsonReader root(tree, name);
  const auto format = root.number("compatibility");
  if (format > kCompatibilityFormat) {
    return fail(Error(Errc::unsupported, name + " has a format that this imgforge does not know")
                    .hint("use a newer imgforge"));
  }
  Compatibility data;
  data.date_ = root.text("date");
  data.sources_ = root.text_map_or_empty("sources");
  for (JsonReader& row : root.objects("cuda")) {
    data.cuda_.push_back(TRY(read_cuda(std::move(row))));
  }
  for (JsonReader& row : root.objects("ptx")) {
    (void)row.text("cuda");
    const auto branch = static_cast<int>(row.number("driver_branch"));
    data.ptx_.emplace_back(row.text("isa"), branch);
    TRY(row.finish());
  }
  for (JsonReader& row : root.objects("torch")) {
    data.torch_.push_back(TRY(read_torch(std::move(row))));
  }
  for (JsonReader& row : root.objects("os")) data.os_.push_back(TRY(read_os(std::move(row))));
  for (JsonReader& row : root.objects("python")) {
    const auto version = row.text("version");
    data.python_[version] = row.text("end_of_life");
    TRY(row.finish());
  }
  TRY(root.finish());
  std::sort(data.torch_.begin(), data.torch_.end(),
            [](const auto& a, const auto& b) { return Version(a.version) < Version(b.version); });
  return data;
}

const CudaToolkit* Compatibility::find_cuda(std::string_view version) const {
  const Version wanted(version);
  for (const CudaToolkit& one : cuda_) {
    if (!wanted.empty() && wanted.begins_with(Version(one.version))) return &one;
  }
  return nullptr;
}

const TorchRelease* Compatibility::find_torch(std::string_view version) const {
  const Version wanted(version);
  for (const TorchRelease& one : torch_) {
    if (!wanted.empty() && wanted.begins_with(Version(one.version))) return &one;
  }
  return nullptr;
}

const OperatingSystem* Compatibility::find_os(std::string_view id, std::string_view version) const {
  const Version wanted(version);
  for (const OperatingSystem& one : os_) {
    if (one.id == id && !wanted.empty() && wanted.begins_with(Version(one.version))) return &one;
  }
  return nullptr;
}

std::optional<std::string> Compatibility::python_end_of_life(std::string_view version) const {
  const auto found = python_.find(Version(version).minor_text());
  if (found == python_.end()) return std::nullopt;
  return found->second;
}

const TorchRelease* Compatibility::newest_torch_with(std::string_view cuda) const {
  const TorchRelease* newest = nullptr;
  for (const TorchRelease& one : torch_) {
    if (one.find(cuda) != nullptr) newest = &one;  // sorted by version
  }
  return newest;
}

DriverSupport Compatibility::driver_support(std::string_view driver, std::string_view cuda) const {
  const CudaToolkit* toolkit = find_cuda(cuda);
  const Version have(driver);
  if (toolkit == nullptr || have.empty()) return DriverSupport::unknown;
  const auto update = toolkit->updates.find(std::string(cuda));
  const std::string& native =
      update == toolkit->updates.end() ? toolkit->native_driver : update->second;
  if (have >= Version(native)) return DriverSupport::full;
  return have >= Version(toolkit->minor_driver) ? DriverSupport::minor : DriverSupport::too_old;
}

std::optional<int> Compatibility::driver_branch_for_ptx(std::string_view isa) const {
  for (const auto& [version, branch] : ptx_) {
    if (Version(version) == Version(isa)) return branch;
  }
  return std::nullopt;
}

std::string Compatibility::source(const std::string& key) const {
  const auto found = sources_.find(key);
  return found == sources_.end() ? key : found->second;
}

bool can_run(std::string_view gpu, const std::vector<std::string>& sm,
             const std::vector<std::string>& ptx) {
  // "89" -> 8.9, "120" -> 12.0: the last digit is the minor number.
  const auto number = [](std::string_view text) { return std::atoi(std::string(text).c_str()); };
  const auto is_specific = [](std::string_view text) {
    return !text.empty() && (text.back() < '0' || text.back() > '9');
  };
  const int have = number(gpu);
  for (const std::string& one : sm) {
    if (is_specific(one) ? number(one) == have
                         : number(one) / 10 == have / 10 && number(one) <= have) {
      return true;
    }
  }
  return std::any_of(ptx.begin(), ptx.end(), [&](const std::string& one) {
    return is_specific(one) ? number(one) == have : number(one) <= have;
  });
}

}  // namespace imgforge::gpu
