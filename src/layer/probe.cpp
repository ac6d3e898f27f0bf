#include "layer/probe.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "layer/layer_fields.h"
#include "layer/tree_entries.h"

namespace imgforge::layer {

namespace {

// 1 first version.
constexpr int kRevision = 1;

constexpr const char* kProgram = "opt/imgforge/bin/imgforge";
constexpr const char* kOnPath = "usr/local/bin/imgforge";

Result<sources::Input> parse_part(const std::string& text) {
  const auto json = TRY(base::parse_json(text, "the lock's part of the probe layer"));
  base::JsonReader reader(json, "probe");
  const auto kind = reader.text("kind");
  const auto input = reader.object("input");
  TRY(reader.finish());
  if (!input || kind != "probe") {
    return fail(Errc::invalid, "the lock's part of the probe layer has no input");
  }
  return sources::input_from_json(*input);
}

class ProbeRecipe final : public WrittenRecipe {
 public:
  explicit ProbeRecipe(sources::Input input) : input_(std::move(input)) {}

  std::string key_material() const override {
    return base::canonical_json(
        {{"kind", "probe"}, {"revision", kRevision}, {"sha256", input_.digest.hex()}});
  }
  std::string title() const override { return "probe"; }
  std::vector<sources::Input> inputs() const override { return {input_}; }
  std::uint64_t estimated_bytes() const override { return input_.size; }

 protected:
  Result<> write(const BuildContext& context, archive::LayerWriter& out) const override {
    TreeEntries entries(context.epoch);
    TRY(entries.add(
        {.path = kProgram, .mode = 0755, .size = input_.size},
        [&]() -> Result<std::unique_ptr<base::Source>> {
          return std::make_unique<base::File>(TRY(context.store.open_input(input_.digest)));
        },
        "the probe"));
    TRY(entries.add_link(kOnPath, fmt::format("/{}", kProgram), "the probe"));
    return entries.emit(out, &context.task, context.stop);
  }

 private:
  sources::Input input_;
};

class ProbeDefinition final : public Definition {
 public:
  Result<std::string> resolve(const ResolveContext& context) const override {
    if (context.probe_file.empty()) {
      return fail(Error(Errc::not_found, "the probe program of this installation is not known")
                      .hint("build it (target imgforge_probe), or install imgforge with it"));
    }
    auto file = TRY(with_context(base::File::open_read(context.probe_file), "reading the probe"));
    base::HashingSink hash;
    TRY(base::copy(file, hash));
    const std::uint64_t size = hash.size();
    const auto digest = TRY(oci::Digest::from_sha256_hex(hash.finish_hex()));
    TRY(context.store.adopt_input(context.probe_file, digest, size));
    const sources::Input input{"imgforge-probe",
                               digest,
                               size,
                               {.kind = sources::Origin::Kind::builtin, .path = "imgforge-probe"}};
    return base::canonical_json({{"kind", "probe"}, {"input", sources::to_json(input)}});
  }

  Result<> contribute(const std::string& part, Facts&) const override {
    TRY(parse_part(part));
    return {};
  }

  Result<std::vector<std::unique_ptr<Recipe>>> recipes(const std::string& part,
                                                       const PlanContext&) const override {
    std::vector<std::unique_ptr<Recipe>> made;
    made.push_back(std::make_unique<ProbeRecipe>(TRY(parse_part(part))));
    return made;
  }
};

}  // namespace

Result<std::unique_ptr<Definition>> decode_probe(const document::Node& entry) {
  LayerFields fields(entry);
  TRY(fields.finish());
  return std::make_unique<ProbeDefinition>();
}

}  // namespace imgforge::layer
