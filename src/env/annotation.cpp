#include "env/annotation.h"

#include <fmt/format.h>

#include "base/text.h"
#include "env/printable.h"

namespace imgforge::env {
namespace {

/// Makes an image's name of an annotation, so that the grammar of names stands in one place.
constexpr std::string_view kAnyHost = "any.example/";
constexpr std::size_t kShown = 100;

Error wrong(std::string_view text, std::string_view why) {
  return Error(Errc::invalid,
               fmt::format("'{}' names no environment: {}", printable(text.substr(0, kShown)), why))
      .hint(
          "write [env: NAME:TAG], such as [env: pytorch-cuda:v2.6-lts]; NAME is the last part of "
          "the repository in .imgforge.yaml");
}

}  // namespace

Result<Annotation> Annotation::parse(std::string_view text) {
  text = base::trim(text);
  if (text.empty()) return fail(wrong(text, "it is empty"));
  if (text.find('/') != std::string_view::npos) {
    return fail(wrong(text, "the host and the path stand in .imgforge.yaml, and not here"));
  }
  const auto parsed = oci::Reference::parse(std::string(kAnyHost) + std::string(text));
  const oci::RegistryReference* image = parsed ? parsed->registry() : nullptr;
  if (image == nullptr) return fail(wrong(text, "it is not NAME:TAG"));
  if (!image->tag && !image->digest) return fail(wrong(text, "it has no tag"));
  Annotation made;
  made.name_ = image->repository;
  made.tag_ = image->tag;
  made.digest_ = image->digest;
  return made;
}

Annotation Annotation::of_tag(std::string name, oci::Tag tag) {
  Annotation made;
  made.name_ = std::move(name);
  made.tag_ = std::move(tag);
  return made;
}

std::string Annotation::to_string() const {
  std::string text = name_;
  if (tag_) text += ":" + tag_->to_string();
  if (digest_) text += "@" + digest_->to_string();
  return text;
}

}  // namespace imgforge::env
