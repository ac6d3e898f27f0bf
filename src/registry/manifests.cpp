#include <fmt/format.h>

#include "base/text.h"
#include "http/url.h"
#include "oci/graph.h"
#include "registry/client.h"
#include "registry/limited_sink.h"
#include "registry/manifest_type.h"
#include "registry/patience.h"

namespace imgforge::registry {
namespace {

// What registries agree on (distribution-spec v1.1.1, "Pushing Manifests").
constexpr std::size_t kLargestManifest = 4 << 20;
constexpr std::chrono::seconds kDocumentTimeout{60};

// Without all of these, distribution 2.8 answers 404 for what it has.
const std::string& accepted() {
  static const std::string types =
      base::join({oci::media_type::kIndex, oci::media_type::kManifest,
                  oci::media_type::kDockerManifestList, oci::media_type::kDockerManifest},
                 ", ");
  return types;
}

std::string name_of(const oci::RegistryReference& reference) {
  return reference.digest ? reference.digest->to_string()
         : reference.tag  ? reference.tag->to_string()
                          : "latest";
}

std::string what_of(const oci::RegistryReference& reference) {
  return fmt::format("{} {} of {}", reference.digest ? "manifest" : "tag", name_of(reference),
                     reference.repository);
}

Error wrong_host(const std::string& ours, const oci::RegistryReference& reference) {
  return Error(Errc::internal,
               fmt::format("a client of {} was asked for an image of {}", ours, reference.host));
}

}  // namespace

Result<RawManifest> Client::get_manifest(const oci::RegistryReference& reference,
                                         std::stop_token stop) {
  if (reference.host != options_.host) return fail(wrong_host(options_.host, reference));
  Patience patience(options_.retry, options_.patience);
  for (;;) {
    auto manifest = try_manifest(reference, stop);
    if (manifest) return manifest;
    const auto delay = patience.after(manifest.error());
    if (!delay) return fail(given_up(std::move(manifest.error())));
    TRY(wait(manifest.error(), *delay, stop));
  }
}

Result<RawManifest> Client::try_manifest(const oci::RegistryReference& reference,
                                         std::stop_token stop) {
  const std::string what = what_of(reference);
  std::string bytes;
  LimitedSink sink(bytes, kLargestManifest, what);
  const http::Request request{.url = url(reference.repository + "/manifests/" + name_of(reference)),
                              .headers = {{"Accept", accepted()}},
                              .sink = &sink,
                              .total_timeout = kDocumentTimeout};
  const http::Response response =
      TRY(send(request, Access{reference.repository, Scopes::pull(reference.repository)}, stop));
  if (!response.ok()) {
    return fail(refusal(request, response, reference.repository, what, Doing::read));
  }
  if (is_web_page(response)) {
    return fail(Error(Errc::protocol, fmt::format("{} answers with a web page instead of {}",
                                                  http::redacted(response.url), what))
                    .hint("is that host a registry, and does a proxy or a login page stand before "
                          "it?"));
  }
  const oci::Digest digest = oci::Digest::of(bytes);
  std::optional<oci::Digest> promised = reference.digest;
  if (const auto field = response.headers.get("Docker-Content-Digest"); field && !promised) {
    if (auto parsed = oci::Digest::parse(*field)) promised = std::move(*parsed);
  }
  if (promised && *promised != digest) {
    return fail(
        Error(Errc::mismatch, fmt::format("{} names {} and serves a document whose digest is {}",
                                          options_.host, promised->to_string(), digest.to_string()))
            .with("url", request.url)
            .hint("the registry, or a proxy before it, serves damaged content"));
  }
  std::string type =
      TRY(manifest_type(bytes, response.headers.get("Content-Type").value_or(""), what));
  return RawManifest{{.media_type = std::move(type), .digest = digest, .size = bytes.size()},
                     std::move(bytes)};
}

Result<std::optional<oci::Descriptor>> Client::head_manifest(
    const oci::RegistryReference& reference, Right right, std::stop_token stop) {
  if (reference.host != options_.host) return fail(wrong_host(options_.host, reference));
  const std::string& repository = reference.repository;
  const http::Request request{.method = "HEAD",
                              .url = url(repository + "/manifests/" + name_of(reference)),
                              .headers = {{"Accept", accepted()}}};
  const Scopes scopes = right == Right::push ? Scopes::push(repository) : Scopes::pull(repository);
  const http::Response response =
      TRY(ask({.request = request,
               .access = {repository, scopes},
               .what = what_of(reference),
               .fine = [](const http::Response& answer,
                          int) { return answer.ok() || answer.status == 404; }},
              stop));
  if (response.status == 404) return std::nullopt;
  const auto type = response.headers.get("Content-Type");
  const auto size = response.headers.number("Content-Length");
  auto digest =
      reference.digest
          ? Result<oci::Digest>(*reference.digest)
          : oci::Digest::parse(response.headers.get("Docker-Content-Digest").value_or(""));
  const bool known = type && (oci::is_manifest(*type) || oci::is_index(*type));
  if (known && size && digest) {
    return oci::Descriptor{.media_type = *type, .digest = *std::move(digest), .size = *size};
  }
  auto manifest = get_manifest(reference, stop);
  if (!manifest && manifest.error().code() == Errc::not_found) return std::nullopt;
  return TRY(std::move(manifest)).descriptor;
}

Result<bool> Client::put_manifest(const std::string& repository, const RawManifest& manifest,
                                  const std::optional<oci::Tag>& tag, std::stop_token stop) {
  const std::string digest = manifest.descriptor.digest.to_string();
  const std::string what = tag ? fmt::format("tag {} of {}", tag->to_string(), repository)
                               : fmt::format("manifest {} of {}", digest, repository);
  if (manifest.bytes.size() > kLargestManifest) {
    return fail(Error(Errc::invalid, fmt::format("{} would have {}: registries take {}", what,
                                                 base::human_bytes(manifest.bytes.size()),
                                                 base::human_bytes(kLargestManifest)))
                    .hint("fewer layers, or shorter annotations"));
  }
  const base::TextAccess data(manifest.bytes);
  const http::Request request{
      .method = "PUT",
      .url = url(repository + "/manifests/" + (tag ? tag->to_string() : digest)),
      .headers = {{"Content-Type", manifest.descriptor.media_type}},
      .body = http::Body{.data = &data, .size = manifest.bytes.size()}};
  auto answer = ask({.request = request,
                     .access = {repository, Scopes::push(repository)},
                     .what = what,
                     .doing = Doing::write},
                    stop);
  if (!answer && tag && fact(answer.error(), "status") == "412") {
    // Harbor refuses the same digest too where a rule makes the tag immutable.
    oci::RegistryReference there{.host = options_.host, .repository = repository, .tag = tag};
    const auto found = head_manifest(there, Right::push, stop);
    if (found && *found && (*found)->digest == manifest.descriptor.digest) return false;
  }
  const http::Response response = TRY(std::move(answer));
  const auto named = response.headers.get("Docker-Content-Digest");
  if (named && *named != digest) {
    return fail(Error(Errc::mismatch, fmt::format("{} was given {} and says that it is {}",
                                                  options_.host, digest, *named))
                    .with("url", request.url)
                    .hint("the registry, or a proxy before it, changes content"));
  }
  return response.headers.get("OCI-Subject").has_value();
}

Result<> Client::remove(const std::string& repository, const std::string& name,
                        const std::string& what, std::stop_token stop) {
  // After a lost answer the second request finds nothing.
  TRY(ask({.request = {.method = "DELETE", .url = url(repository + "/manifests/" + name)},
           .access = {repository, Scopes::removal(repository)},
           .what = what,
           .doing = Doing::remove,
           .fine =
               [](const http::Response& response, int attempt) {
                 return response.ok() || (attempt > 1 && response.status == 404);
               }},
          stop));
  return {};
}

Result<> Client::delete_manifest(const std::string& repository, const oci::Digest& digest,
                                 std::stop_token stop) {
  return remove(repository, digest.to_string(),
                fmt::format("manifest {} of {}", digest.to_string(), repository), stop);
}

Result<> Client::delete_tag(const std::string& repository, const oci::Tag& tag,
                            std::stop_token stop) {
  return remove(repository, tag.to_string(),
                fmt::format("tag {} of {}", tag.to_string(), repository), stop);
}

}  // namespace imgforge::registry
