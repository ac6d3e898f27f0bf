// Format of .imgforge.yaml: 1 first version.
#include "env/contract.h"

#include <fmt/format.h>

#include "document/fields.h"

namespace imgforge::env {
namespace {

using document::Fields;
using document::Node;

Result<oci::RegistryReference> read_repository(const Node& node) {
  if (!node.is_scalar()) return fail(node.error("\"repository\" must be a text"));
  const auto parsed = oci::Reference::parse(node.text());
  const oci::RegistryReference* image = parsed ? parsed->registry() : nullptr;
  if (image != nullptr && image->host.empty()) image = nullptr;
  if (image == nullptr) {
    return fail(node.error(fmt::format("'{}' is no repository in a registry", node.text()))
                    .hint("write HOST/PATH, such as harbor.example/ml/pytorch-cuda"));
  }
  if (image->tag || image->digest) {
    return fail(node.error("the repository stands here without tag and digest")
                    .hint("`imgforge env pin TAG` writes both under `pin`"));
  }
  return *image;
}

/// Wraps the error of a value's own grammar.
template <class T>
Result<T> placed(Result<T> result, const Fields& fields, const char* key) {
  if (result) return result;
  return fail(Error(Errc::invalid, result.error().message())
                  .at(fields.where(key))
                  .hint(result.error().hint()));
}

Result<Pin> read_pin(const Node& node) {
  Fields fields(node, "the pin");
  const std::string tag = fields.text("tag");
  const std::string digest = fields.text("digest");
  const std::string build = fields.text_or("build", "");
  const auto promise = fields.optional_text("promise");
  auto components = fields.text_map_or_empty("components");
  TRY(fields.finish());
  Pin pin{.tag = TRY(placed(oci::Tag::parse(tag), fields, "tag")),
          .digest = TRY(placed(oci::Digest::parse(digest), fields, "digest")),
          .build = build,
          .promise = {},
          .components = std::move(components)};
  if (promise) pin.promise = TRY(placed(oci::Digest::parse(*promise), fields, "promise"));
  if (!build.empty()) TRY(placed(oci::Tag::parse(build), fields, "build"));
  return pin;
}

Result<release::BranchMap> read_branches(const Node& node) {
  if (!node.is_map()) return fail(node.error("\"branches\" must be a map: git branch: channel"));
  std::vector<release::BranchMap::Entry> entries;
  for (const auto& [branch, channel] : node.entries()) {
    if (!channel.is_scalar()) {
      return fail(channel.error("the channel of branch " + branch.text() + " must be a text"));
    }
    entries.push_back({branch.text(), channel.text(), channel.where()});
  }
  return release::BranchMap::make(entries);
}

Result<Outside> read_hooks(const Node& node) {
  Fields fields(node, "hooks");
  const std::string outside = fields.choice_or("outside", {"refuse", "warn", "allow"}, "refuse");
  TRY(fields.finish());
  return outside == "allow" ? Outside::allow : outside == "warn" ? Outside::warn : Outside::refuse;
}

}  // namespace

Result<Contract> Contract::parse(std::string_view text, const std::string& file) {
  const Node root = TRY(document::parse_yaml(text, file));
  Fields fields(root, "the contract");
  if (fields.text("imgforge") != "1" && fields.has("imgforge")) {
    fields.reject("imgforge", "this imgforge reads format 1 only",
                  "write imgforge: 1, or use a newer imgforge");
  }
  const Node repository = fields.node("repository");
  const auto pin = fields.optional_node("pin");
  const auto branches = fields.optional_node("branches");
  const auto hooks = fields.optional_node("hooks");
  Contract contract;
  contract.trust_policy = fields.text_or("trust_policy", "");
  TRY(fields.finish());
  contract.repository = TRY(read_repository(repository));
  if (pin && !pin->is_null()) contract.pin = TRY(read_pin(*pin));
  if (branches) contract.branches = TRY(read_branches(*branches));
  if (hooks) contract.outside = TRY(read_hooks(*hooks));
  return contract;
}

std::string Contract::name() const {
  return repository.repository.substr(repository.repository.rfind('/') + 1);
}

std::optional<Annotation> Contract::annotation() const {
  if (!pin) return std::nullopt;
  return Annotation::of_tag(name(), pin->tag);
}

std::string image_name(const Contract& contract, const Pin& pin) {
  return contract.repository_name() + "@" + pin.digest.to_string();
}

}  // namespace imgforge::env
