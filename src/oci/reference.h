// Names of images: "host[:port]/path/to/repo[:tag][@sha256:...]", "oci:DIR[:tag]",
// "oci-archive:FILE[:tag]", "docker-archive:FILE[:name:tag]". Source: distribution-spec v1.1.1,
// "Pulling manifests" (name and tag grammar); the transports are those of skopeo
// (containers-transports(5)).
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "oci/digest.h"

namespace imgforge::oci {

/// [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}
class Tag {
 public:
  static Result<Tag> parse(std::string_view text);
  const std::string& to_string() const { return text_; }
  auto operator<=>(const Tag&) const = default;

 private:
  explicit Tag(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

struct RegistryReference {
  std::string host;  // with port where given; the part before the first slash if it has '.', ':' or
                     // is localhost
  std::string repository;  // lower case path
  std::optional<Tag> tag;
  std::optional<Digest> digest;
  bool operator==(const RegistryReference&) const = default;
};
struct LayoutReference {
  std::string directory;
  std::optional<Tag> tag;
  bool operator==(const LayoutReference&) const = default;
};
struct ArchiveReference {
  enum class Format { oci, docker };
  Format format = Format::oci;
  std::string file;
  std::string name;  // tag (oci) or name:tag (docker); may be empty
  bool operator==(const ArchiveReference&) const = default;
};

class Reference {
 public:
  static Result<Reference> parse(std::string_view text);
  std::string to_string() const;

  const RegistryReference* registry() const { return std::get_if<RegistryReference>(&where_); }
  const LayoutReference* layout() const { return std::get_if<LayoutReference>(&where_); }
  const ArchiveReference* archive() const { return std::get_if<ArchiveReference>(&where_); }
  bool operator==(const Reference&) const = default;

 private:
  std::variant<RegistryReference, LayoutReference, ArchiveReference> where_;
};

}  // namespace imgforge::oci
