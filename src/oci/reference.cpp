#include "oci/reference.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace imgforge::oci {
namespace {

// Limits of distribution-spec v1.1.1 ("Pulling manifests"): most registries and clients refuse
// host and repository above 255 characters together.
constexpr std::size_t kMaximumName = 255;
constexpr std::size_t kMaximumTag = 128;

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alphanumeric(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }

tl::unexpected<Error> wrong(std::string_view text, const std::string& why) {
  return fail(Error(Errc::invalid, "\"" + std::string(text) + "\" is not an image name: " + why)
                  .hint("write host/project/repo:tag, host/project/repo@sha256:..., oci:DIR:tag or "
                        "oci-archive:FILE"));
}

/// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool is_path_component(std::string_view text) {
  std::size_t at = 0;
  for (;;) {
    const std::size_t word = at;
    while (at < text.size() && is_lower_or_digit(text[at])) ++at;
    if (at == word) return false;
    if (at == text.size()) return true;
    const std::size_t separator = at;
    while (at < text.size() && text[at] == text[separator]) ++at;
    const std::size_t length = at - separator;
    const char c = text[separator];
    if (!(c == '-' || (c == '_' && length <= 2) || (c == '.' && length == 1))) return false;
  }
}

bool is_port(std::string_view text) {
  const auto port = base::parse_uint(text);
  return port && *port >= 1 && *port <= 65535 && text.size() <= 5;
}

/// DNS labels with dots between them.
bool is_host_name(std::string_view text) {
  if (text.empty()) return false;
  const auto labels = base::split(text, '.');
  return std::all_of(labels.begin(), labels.end(), [](std::string_view label) {
    return !label.empty() && is_alphanumeric(label.front()) && is_alphanumeric(label.back()) &&
           std::all_of(label.begin(), label.end(),
                       [](char c) { return is_alphanumeric(c) || c == '-'; });
  });
}

/// A host name or an IPv6 address in brackets, with or without a port.
bool is_host(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || end == 1) return false;
    const std::string_view address = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    return address.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos &&
           address.find(':') != std::string_view::npos &&
           (rest.empty() || (rest.starts_with(':') && is_port(rest.substr(1))));
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return is_host_name(text);
  return is_host_name(text.substr(0, colon)) && is_port(text.substr(colon + 1));
}

/// docker's rule for what stands before the first slash.
bool looks_like_host(std::string_view text) {
  return text.find_first_of(".:") != std::string_view::npos || text == "localhost";
}

Result<RegistryReference> parse_registry(std::string_view text) {
  RegistryReference reference;
  std::string_view rest = text;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    reference.digest = TRY(base::with_context(Digest::parse(rest.substr(at + 1)),
                                              "reading the image name " + std::string(text)));
    rest = rest.substr(0, at);
  }
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos || !looks_like_host(rest.substr(0, slash))) {
    return wrong(text, "it names no registry");
  }
  reference.host = rest.substr(0, slash);
  if (!is_host(reference.host)) return wrong(text, "\"" + reference.host + "\" is not a host");
  rest = rest.substr(slash + 1);
  if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
    reference.tag = TRY(base::with_context(Tag::parse(rest.substr(colon + 1)),
                                           "reading the image name " + std::string(text)));
    rest = rest.substr(0, colon);
  }
  reference.repository = rest;
  const auto components = base::split(rest, '/');
  if (!std::all_of(components.begin(), components.end(), is_path_component)) {
    return wrong(text, "\"" + reference.repository +
                           "\" is not a repository; it has lower-case letters, digits, and "
                           "single '.', '_', '-' between them");
  }
  if (reference.host.size() + 1 + reference.repository.size() > kMaximumName) {
    return wrong(text, "host and repository are longer than 255 characters");
  }
  return reference;
}

/// "PATH[:NAME]" as skopeo reads it: the first colon ends the path.
std::pair<std::string_view, std::optional<std::string_view>> split_path(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {text, std::nullopt};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

Result<LayoutReference> parse_layout(std::string_view text, std::string_view rest) {
  const auto [directory, name] = split_path(rest);
  if (directory.empty()) return wrong(text, "it names no folder");
  if (directory.ends_with("@sha256")) {
    return wrong(text, "an image in a folder is chosen by its tag, not by its digest");
  }
  LayoutReference reference;
  reference.directory = directory;
  if (name) {
    reference.tag =
        TRY(base::with_context(Tag::parse(*name), "reading the image name " + std::string(text)));
  }
  return reference;
}

bool is_plain(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

Result<ArchiveReference> parse_archive(std::string_view text, std::string_view rest,
                                       ArchiveReference::Format format) {
  const auto [file, name] = split_path(rest);
  if (file.empty()) return wrong(text, "it names no file");
  if (name && (name->empty() || !is_plain(*name))) {
    return wrong(text, "what follows the file is not a name");
  }
  return ArchiveReference{format, std::string(file), std::string(name.value_or(""))};
}

std::string show(const RegistryReference& reference) {
  std::string text = reference.host + "/" + reference.repository;
  if (reference.tag) text += ":" + reference.tag->to_string();
  if (reference.digest) text += "@" + reference.digest->to_string();
  return text;
}

std::string show(const LayoutReference& reference) {
  return "oci:" + reference.directory + (reference.tag ? ":" + reference.tag->to_string() : "");
}

std::string show(const ArchiveReference& reference) {
  const bool oci = reference.format == ArchiveReference::Format::oci;
  return (oci ? "oci-archive:" : "docker-archive:") + reference.file +
         (reference.name.empty() ? "" : ":" + reference.name);
}

}  // namespace

Result<Tag> Tag::parse(std::string_view text) {
  const auto may_follow = [](char c) {
    return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
  };
  if (text.empty() || text.size() > kMaximumTag || text.front() == '.' || text.front() == '-' ||
      !std::all_of(text.begin(), text.end(), may_follow)) {
    return fail(Error(Errc::invalid, "\"" + std::string(text.substr(0, 200)) + "\" is not a tag")
                    .hint("a tag has at most 128 letters, digits, '_', '.' and '-', and begins "
                          "with a letter, a digit or '_'"));
  }
  return Tag(std::string(text));
}

Result<Reference> Reference::parse(std::string_view text) {
  const auto after = [&](std::string_view prefix) { return text.substr(prefix.size()); };
  Reference reference;
  if (text.starts_with("oci:")) {
    reference.where_ = TRY(parse_layout(text, after("oci:")));
  } else if (text.starts_with("oci-archive:")) {
    reference.where_ =
        TRY(parse_archive(text, after("oci-archive:"), ArchiveReference::Format::oci));
  } else if (text.starts_with("docker-archive:")) {
    reference.where_ =
        TRY(parse_archive(text, after("docker-archive:"), ArchiveReference::Format::docker));
  } else if (text.find("://") != std::string_view::npos) {
    return fail(Error(Errc::invalid, "\"" + std::string(text) + "\" is not an image name")
                    .hint("leave " + std::string(text.substr(0, text.find("://") + 3)) + " away"));
  } else {
    reference.where_ = TRY(parse_registry(text));
  }
  return reference;
}

std::string Reference::to_string() const {
  return std::visit([](const auto& where) { return show(where); }, where_);
}

}  // namespace imgforge::oci
