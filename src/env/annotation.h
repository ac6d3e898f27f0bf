// What a commit message says of the environment that the commit was made in:
//
//   mark       = "[env:" [ " " ] annotation "]"
//   annotation = name ( ":" tag [ "@" digest ] | "@" digest )
//   name       = the last part of the repository ("pytorch-cuda"), as in an image's name
//   tag, digest: as in an image's name (oci/reference.h)
//
// Example: [env: pytorch-cuda:v2.6-lts]. parse(to_string()) is the identity. Where a mark may stand
// in a message: message.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/reference.h"

namespace imgforge::env {

class Annotation {
 public:
  /// What stands between "[env:" and "]", blanks around it aside. Errc::invalid says what is wrong.
  static Result<Annotation> parse(std::string_view text);
  static Annotation of_tag(std::string name, oci::Tag tag);

  const std::string& name() const { return name_; }
  /// At least one of the two is there.
  const std::optional<oci::Tag>& tag() const { return tag_; }
  const std::optional<oci::Digest>& digest() const { return digest_; }

  std::string to_string() const;
  /// "[env: NAME:TAG]".
  std::string mark() const { return "[env: " + to_string() + "]"; }
  auto operator<=>(const Annotation&) const = default;

 private:
  Annotation() = default;
  std::string name_;
  std::optional<oci::Tag> tag_;
  std::optional<oci::Digest> digest_;
};

}  // namespace imgforge::env
