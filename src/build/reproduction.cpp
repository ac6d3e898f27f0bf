#include "build/reproduction.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "build/assemble.h"

namespace imgforge::build {
namespace {

struct Layer {
  oci::Descriptor blob;
  std::optional<oci::Digest> diff_id;
  std::string id, kind, title;
};

std::string annotation(const oci::Descriptor& layer, const char* name) {
  const auto found = layer.annotations.find(name);
  return found == layer.annotations.end() ? std::string() : found->second;
}

std::vector<Layer> layers_of(const oci::Manifest& manifest, const oci::ImageConfig* config) {
  std::vector<Layer> out;
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    const oci::Descriptor& blob = manifest.layers[i];
    Layer layer{blob, std::nullopt, annotation(blob, kLayerId), annotation(blob, kLayerKind),
                annotation(blob, kLayerTitle)};
    if (layer.id.empty()) layer.id = fmt::format("#{}", i + 1);
    if (config != nullptr && i < config->diff_ids.size()) layer.diff_id = config->diff_ids[i];
    out.push_back(std::move(layer));
  }
  return out;
}

const Layer* find(const std::vector<Layer>& layers, const std::string& id) {
  const auto found =
      std::find_if(layers.begin(), layers.end(), [&](const Layer& one) { return one.id == id; });
  return found == layers.end() ? nullptr : &*found;
}

using Values = std::map<std::string, std::string>;

Values values_of(const ImageDocuments& image) {
  const oci::RuntimeConfig& config = image.config.config;
  Values out;
  for (const std::string& variable : config.env) {
    const std::size_t equals = variable.find('=');
    out["environment variable " + variable.substr(0, equals)] =
        equals == std::string::npos ? "" : variable.substr(equals + 1);
  }
  out["order of environment variables"] = base::join(config.env, " ");
  out["entrypoint"] = base::join(config.entrypoint, " ");
  out["cmd"] = base::join(config.cmd, " ");
  out["ports"] = base::join(config.exposed_ports, " ");
  out["volumes"] = base::join(config.volumes, " ");
  out["user"] = config.user;
  out["working directory"] = config.working_dir;
  out["stop signal"] = config.stop_signal;
  out["platform"] = image.config.platform.to_string();
  out["time of creation"] = base::format_time(image.config.created);
  for (const auto& [name, value] : config.labels) out["label " + name] = value;
  for (const auto& [name, value] : image.manifest.annotations) out["annotation " + name] = value;
  for (std::size_t i = 0; i < image.config.history.size(); ++i) {
    out[fmt::format("history of layer {}", i + 1)] = image.config.history[i].created_by;
  }
  return out;
}

std::vector<std::string> config_differences(const ImageDocuments& left,
                                            const ImageDocuments& right) {
  Values before = values_of(left), after = values_of(right);
  std::vector<std::string> out;
  const auto shown = [](const Values& values, const std::string& name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string("(not there)") : found->second;
  };
  for (const auto& [name, value] : after) before.try_emplace(name, "(not there)");
  for (const auto& [name, value] : before) {
    const std::string now = shown(after, name);
    if (value == now) continue;
    // The order is worth a word where the variables themselves are the same.
    if (name.starts_with("order of") && !out.empty()) continue;
    out.push_back(fmt::format("{}: '{}', rebuilt '{}'", name, value, now));
  }
  return out;
}

bool has(const std::vector<std::string>& names, const std::string& id) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    // A definition of several layers: "wheels.2".
    return id == name || id.starts_with(name + ".");
  });
}

std::string named(const LayerDifference& layer) {
  return fmt::format("layer {} ({})", layer.id, layer.layer_kind.empty() ? "?" : layer.layer_kind);
}

std::string first_sentence(const Divergence& divergence) {
  if (!divergence.differing.empty()) {
    const LayerDifference& layer = divergence.differing.front();
    switch (layer.kind) {
      case LayerDifference::Kind::missing:
        return named(layer) + " is only in the original";
      case LayerDifference::Kind::extra:
        return named(layer) + " is only in the rebuilt image";
      case LayerDifference::Kind::encoding:
        return named(layer) + " has the same files in other compressed bytes";
      case LayerDifference::Kind::content:
        break;
    }
    if (!layer.files.empty()) return named(layer) + ": " + sentence(layer.files.front());
    return named(layer) + " has the same entries in another order or form";
  }
  if (!divergence.config.empty()) return divergence.config.front();
  if (divergence.order) return "the layers stand in another order";
  return "the documents have the same meaning and other bytes";
}

std::string versions(const BuildCircumstances& known) {
  if (known.built_by.empty() || known.built_by == known.rebuilt_by) return "";
  return fmt::format(" (imgforge {} built it, this is {})", known.built_by, known.rebuilt_by);
}

Cause of_layer(const LayerDifference& layer, const BuildCircumstances& known) {
  const bool other_encoder = !known.lock_encoder.empty() && known.lock_encoder != known.our_encoder;
  if (layer.kind == LayerDifference::Kind::encoding) {
    if (other_encoder) {
      return {
          "",
          fmt::format("another encoder: {} then, {} now", known.lock_encoder, known.our_encoder),
          "the files are the same; for the same bytes use the imgforge that built the image"};
    }
    return {"",
            "another encoder or compression level than the image was built with" + versions(known),
            "the files are the same; for the same bytes use the imgforge that built the image"};
  }
  if (layer.layer_kind == "probe") {
    return {"", "the probe of another imgforge" + versions(known),
            "use the imgforge that built the image, or an image with kept inputs"};
  }
  if (has(known.folder_layers, layer.id)) {
    return {
        "", "the layer is a folder of the project as it is now, which no lock pins",
        "give the project as it was: --source DIR; 'from: {git: ., commit: …}' in the spec pins "
        "it for the next time"};
  }
  if (has(known.executed_layers, layer.id)) {
    const bool time = !layer.files.empty() && layer.files.front().what.starts_with("time ");
    const bool bytecode = !layer.files.empty() && layer.files.front().path.ends_with(".pyc");
    std::string likely = "the layer runs programs, and what they write is not the same each time";
    if (time) likely = "the layer runs programs that leave the time of the clock in a file";
    if (bytecode) likely = "the layer runs programs that write Python bytecode with time stamps";
    return {"", std::move(likely),
            "'imgforge build SPEC --check' builds executed layers twice and names what changes"};
  }
  if (layer.kind != LayerDifference::Kind::content) {
    return {"", "another imgforge makes other layers of the same spec" + versions(known),
            "use the imgforge that built the image"};
  }
  if (layer.layer_kind == "promise") {
    return {"", "what the image says of itself is written otherwise" + versions(known),
            "use the imgforge that built the image"};
  }
  const std::string common =
      "a layer of this kind depends on its locked inputs and on imgforge alone";
  if (!versions(known).empty()) {
    return {"", common + ": another imgforge" + versions(known),
            "use the imgforge that built the image"};
  }
  return {"",
          common +
              ", and both are the same: the image was not built from these documents, or "
              "imgforge has an error",
          "please report it, with the spec and the lock"};
}

}  // namespace

std::vector<oci::Descriptor> differing_layers(const oci::Manifest& original,
                                              const oci::Manifest& rebuilt) {
  const auto theirs = layers_of(original, nullptr);
  const auto ours = layers_of(rebuilt, nullptr);
  std::vector<oci::Descriptor> out;
  for (const Layer& layer : theirs) {
    const Layer* twin = find(ours, layer.id);
    if (twin != nullptr && twin->blob.digest != layer.blob.digest) out.push_back(layer.blob);
  }
  return out;
}

Result<Divergence> compare_images(const ImageDocuments& original, const ImageDocuments& rebuilt,
                                  const store::Store& store, std::size_t listed) {
  const auto theirs = layers_of(original.manifest, &original.config);
  const auto ours = layers_of(rebuilt.manifest, &rebuilt.config);
  using Kind = LayerDifference::Kind;
  Divergence divergence{.layers = theirs.size()};
  for (const Layer& layer : theirs) {
    const Layer* twin = find(ours, layer.id);
    if (twin != nullptr && twin->blob.digest == layer.blob.digest) continue;
    LayerDifference difference{.kind = Kind::missing,
                               .id = layer.id,
                               .layer_kind = layer.kind,
                               .title = layer.title,
                               .original = layer.blob.digest.to_string()};
    if (twin != nullptr) {
      difference.rebuilt = twin->blob.digest.to_string();
      const bool same_files = layer.diff_id && layer.diff_id == twin->diff_id;
      difference.kind = same_files ? Kind::encoding : Kind::content;
      if (!same_files) {
        TRY(base::with_context(compare_layers(store, layer.blob, twin->blob,
                                              [&](const EntryDifference& one) {
                                                if (difference.files.size() < listed)
                                                  difference.files.push_back(one);
                                                ++difference.file_count;
                                                return true;
                                              }),
                               "comparing layer " + layer.id));
      }
    }
    divergence.differing.push_back(std::move(difference));
  }
  for (const Layer& layer : ours) {
    if (find(theirs, layer.id) != nullptr) continue;
    divergence.differing.push_back({.kind = Kind::extra,
                                    .id = layer.id,
                                    .layer_kind = layer.kind,
                                    .title = layer.title,
                                    .original = {},
                                    .rebuilt = layer.blob.digest.to_string()});
  }
  divergence.order = theirs.size() == ours.size() &&
                     !std::equal(theirs.begin(), theirs.end(), ours.begin(),
                                 [](const Layer& a, const Layer& b) { return a.id == b.id; });
  divergence.config = config_differences(original, rebuilt);
  return divergence;
}

Cause explain(const Divergence& divergence, const BuildCircumstances& known) {
  Cause cause;
  if (known.other_documents) {
    cause.likely =
        known.other_layers.empty()
            ? "this is another spec or lock than the image was built from"
            : fmt::format(
                  "this is another spec or lock than the image was built from: it differs in {} {}",
                  known.other_layers.size() == 1 ? "layer" : "layers",
                  base::join(known.other_layers, ", "));
    cause.remedy =
        "leave --spec out to build from the documents beside the image, or take spec and "
        "lock of the commit that it was built from";
  } else if (!divergence.differing.empty()) {
    cause = of_layer(divergence.differing.front(), known);
  } else {
    cause.likely = "the layers are the same and the image's documents are not" +
                   (versions(known).empty() ? ": they were written by another imgforge or changed"
                                            : ": another imgforge" + versions(known));
    cause.remedy = "use the imgforge that built the image";
  }
  cause.first = first_sentence(divergence);
  return cause;
}

std::string sentence(const EntryDifference& difference) {
  switch (difference.kind) {
    case EntryDifference::Kind::added:
      return difference.path + " is only in the rebuilt image";
    case EntryDifference::Kind::removed:
      return difference.path + " is only in the original";
    case EntryDifference::Kind::changed:
      break;
  }
  return fmt::format("{} differs in its {}", difference.path, difference.what);
}

std::vector<std::string> layers_that_differ(const spec::Lock& left, const spec::Lock& right) {
  std::vector<std::string> out;
  const auto find_in = [](const spec::Lock& lock, const std::string& id) {
    return std::find_if(lock.layers.begin(), lock.layers.end(),
                        [&](const spec::LockedLayer& layer) { return layer.id == id; });
  };
  for (const spec::LockedLayer& layer : left.layers) {
    const auto twin = find_in(right, layer.id);
    if (twin == right.layers.end() || !(*twin == layer)) out.push_back(layer.id);
  }
  for (const spec::LockedLayer& layer : right.layers) {
    if (find_in(left, layer.id) == left.layers.end()) out.push_back(layer.id);
  }
  return out;
}

}  // namespace imgforge::build
