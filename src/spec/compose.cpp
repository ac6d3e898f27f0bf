#include "spec/compose.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "document/fields.h"
#include "spec/runtime_settings.h"

namespace imgforge::spec {

using document::Fields;
using document::Node;

namespace {

// An overlay mount takes at most 127 lower folders (kernel limit), so an image with more layers
// runs nowhere; this also bounds definitions that multiply each other.
constexpr std::size_t kMaximumLayers = 127;
constexpr std::size_t kMaximumNesting = 16;

std::string quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool is_id(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '/';
  };
  return !text.empty() && text.size() <= 64 && text.front() != '-' && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), allowed);
}

/// The map with `key` set to `value`.
Node with_key(const Node& map, std::string key, const Node& value) {
  std::vector<std::pair<Node, Node>> entries;
  for (const auto& entry : map.entries()) {
    if (entry.first.text() != key) entries.push_back(entry);
  }
  entries.emplace_back(Node::scalar(std::move(key), value.where()), value);
  return Node::map(std::move(entries), map.where());
}

/// Where an entry stands: what names its layers, and what it lays over them.
struct Surroundings {
  std::string display;         // file, for origins
  std::string name;            // the definition's name, or the id its use gave; empty in a spec
  bool named_by_user = false;  // `name` is such an id
  std::optional<Node> title;   // of the nearest `use` that gives one
  std::optional<Node> compression;

  bool is_spec() const { return name.empty(); }
};

/// Who gets an id first when several layers would have it.
enum class Claim { written, given_to_use, derived };

class Composer {
 public:
  explicit Composer(DefinitionFinder& definitions) : definitions_(definitions) {}

  Result<> add(const Node& entry, const Surroundings& around) {
    const bool has_use = entry.find("use").has_value();
    const bool has_kind = entry.find("kind").has_value();
    if (has_use == has_kind) {
      return fail(entry
                      .error(has_use ? "a layer has either \"use\" or \"kind\", not both"
                                     : "a layer needs \"use\" (a definition) or \"kind\"")
                      .hint(suggestion(entry)));
    }
    if (const auto id = entry.find("id")) TRY(check_id(*id, around));
    return has_use ? add_use(entry, around) : add_kind(entry, around);
  }

  Composition finish() {
    name_layers();
    return std::move(out_);
  }

 private:
  static std::string suggestion(const Node& entry) {
    constexpr std::string_view kNames[] = {"use", "kind"};
    for (const auto& [key, value] : entry.entries()) {
      if (const auto near = base::nearest(key.text(), kNames); near && key.text() != *near) {
        return "did you mean " + quote(*near) + " where it says " + quote(key.text()) + "?";
      }
    }
    return {};
  }

  Result<> add_use(const Node& entry, const Surroundings& around) {
    Fields fields(entry, "the layer");
    const Node name = fields.node("use");
    fields.optional_node("with");
    const std::string id = fields.text_or("id", "");
    Surroundings inside;
    inside.title = fields.has("title") ? fields.optional_node("title") : around.title;
    inside.compression =
        fields.has("compression") ? fields.optional_node("compression") : around.compression;
    fields.text_or("title", "");
    fields.text_or("compression", "");
    TRY(fields.finish());

    const LayerDefinition& definition = *TRY(definitions_.find(name));
    TRY(enter(name));
    const Bindings bindings = TRY(bind(definition.parameters, entry, definition.name));
    inside.display = definition.display;
    inside.name = id.empty() ? definition.name : id;
    inside.named_by_user = !id.empty();
    if (id.empty() && around.named_by_user) {
      inside.name = around.name;
      inside.named_by_user = true;
    }
    TRY(in_use(add_definition(definition, bindings, inside), entry, around));
    chain_.pop_back();
    return {};
  }

  Result<> add_definition(const LayerDefinition& definition, const Bindings& bindings,
                          const Surroundings& inside) {
    for (const Node& layer : definition.layers) {
      TRY(add(TRY(substitute(layer, bindings)), inside));
    }
    if (!definition.config) return {};
    const Node config = TRY(substitute(*definition.config, bindings));
    return apply_config(config, "config of " + definition.name, out_.config);
  }

  /// An error in a definition says which use in the spec led there.
  static Result<> in_use(Result<> result, const Node& entry, const Surroundings& around) {
    if (result || !around.is_spec()) return result;
    return with_context(std::move(result), "the layer at " + around.display + ":" +
                                               std::to_string(entry.where().line));
  }

  Result<> add_kind(const Node& entry, const Surroundings& around) {
    if (out_.layers.size() == kMaximumLayers) {
      return fail(entry.error("the image has more than 127 layers")
                      .hint("no container runtime can mount more; put some together"));
    }
    LayerUse use;
    use.entry = entry;
    if (around.title) use.entry = with_key(use.entry, "title", *around.title);
    if (around.compression) use.entry = with_key(use.entry, "compression", *around.compression);
    const auto text = [&](std::string_view key) {
      const auto value = use.entry.find(key);
      return value && value->is_scalar() ? value->text() : std::string();
    };
    use.kind = text("kind");
    use.title = text("title");
    use.compression = text("compression");
    use.origin = around.display + ":" + std::to_string(entry.where().line);
    use.id = text("id");
    const bool own_id = !use.id.empty();
    Claim claim = Claim::derived;
    if (own_id && around.is_spec()) {
      claim = Claim::written;
    } else if (own_id && around.named_by_user) {
      use.id = around.name + "-" + use.id;
    } else if (!own_id) {
      use.id = around.is_spec() ? use.kind : around.name;
      if (around.named_by_user) claim = Claim::given_to_use;
    }
    claims_.push_back(claim);
    out_.layers.push_back(std::move(use));
    return {};
  }

  Result<> enter(const Node& name) {
    const auto again = std::find(chain_.begin(), chain_.end(), name.text());
    if (again != chain_.end()) {
      std::vector<std::string> circle(again, chain_.end());
      circle.push_back(name.text());
      return fail(name.error("layer definitions use each other in a circle: " +
                             base::join(circle, " -> ")));
    }
    if (chain_.size() == kMaximumNesting) {
      return fail(
          name.error("layer definitions are nested deeper than 16: " + base::join(chain_, " -> ")));
    }
    chain_.push_back(name.text());
    return {};
  }

  Result<> check_id(const Node& id, const Surroundings& around) {
    if (!id.is_scalar() || !is_id(id.text())) {
      return fail(id.error("this cannot be the id of a layer")
                      .hint("letters, digits, '.', '_', '-' and '/', at most 64"));
    }
    if (!around.is_spec()) return {};
    const auto [first, is_new] = written_ids_.emplace(id.text(), id.where().line);
    if (is_new) return {};
    return fail(id.error("the id " + quote(id.text()) + " stands twice in this image")
                    .hint("the other one is in line " + std::to_string(first->second)));
  }

  /// Numbers the ids that would repeat; who wrote an id keeps it as written.
  void name_layers() {
    std::set<std::string> taken;
    for (const Claim claim : {Claim::written, Claim::given_to_use, Claim::derived}) {
      for (std::size_t i = 0; i < out_.layers.size(); ++i) {
        if (claims_[i] != claim) continue;
        const std::string wanted = out_.layers[i].id;
        std::string id = wanted;
        for (int number = 2; !taken.insert(id).second; ++number) {
          id = wanted + "-" + std::to_string(number);
        }
        out_.layers[i].id = id;
      }
    }
  }

  DefinitionFinder& definitions_;
  Composition out_;
  std::vector<Claim> claims_;               // of out_.layers
  std::map<std::string, int> written_ids_;  // in the spec -> line
  std::vector<std::string> chain_;          // of definitions now being read, outermost first
};

}  // namespace

Result<Composition> compose(const std::vector<Node>& entries, const std::string& display,
                            DefinitionFinder& definitions) {
  Composer composer(definitions);
  for (const Node& entry : entries) {
    TRY(composer.add(entry, {.display = display}));
  }
  return composer.finish();
}

}  // namespace imgforge::spec
