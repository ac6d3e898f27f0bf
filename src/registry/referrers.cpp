#include <fmt/format.h>

#include <algorithm>

#include "oci/graph.h"
#include "oci/image.h"
#include "registry/client.h"
#include "registry/paging.h"
#include "registry/patience.h"
#include "registry/referrers_index.h"

namespace imgforge::registry {
namespace {

constexpr std::size_t kLargestList = 4 << 20;
/// Twenty pipelines that sign the same image at once still get through.
constexpr int kListAttempts = 12;

// How long to wait for others who look and write as long as we did: with jitter, so that two do not
// go on in step.
std::chrono::steady_clock::duration settling(std::chrono::steady_clock::duration ours) {
  constexpr std::chrono::steady_clock::duration least = std::chrono::milliseconds(20),
                                                most = std::chrono::seconds(3);
  return std::clamp(ours * static_cast<int>(200 + 200 * http::random_jitter()) / 100, least, most);
}

}  // namespace

Result<std::vector<oci::Descriptor>> Client::referrers(const std::string& repository,
                                                       const oci::Digest& subject,
                                                       std::stop_token stop) {
  if (auto found = TRY(referrers_by_interface(repository, subject, stop))) return *std::move(found);
  auto listed = TRY(referrers_by_tag(repository, subject, stop));
  // cosign 3 writes the empty type into these lists: each manifest is asked itself.
  std::vector<oci::Descriptor> out;
  for (const oci::Descriptor& entry : listed) {
    if (!oci::is_manifest(entry.media_type)) {
      out.push_back(entry);
      continue;
    }
    auto manifest = get_manifest(
        {.host = options_.host, .repository = repository, .digest = entry.digest}, stop);
    // Lists outlive what they name: nobody takes an entry out when a manifest is deleted.
    if (!manifest && manifest.error().code() == Errc::not_found) continue;
    const auto described = TRY(describe_referrer(TRY(std::move(manifest))));
    out.push_back(described);
  }
  return out;
}

Result<std::vector<oci::Descriptor>> Client::listed_referrers(const std::string& repository,
                                                              const oci::Digest& subject,
                                                              std::stop_token stop) {
  if (auto found = TRY(referrers_by_interface(repository, subject, stop))) return *std::move(found);
  return referrers_by_tag(repository, subject, stop);
}

Result<std::optional<std::vector<oci::Descriptor>>> Client::referrers_by_interface(
    const std::string& repository, const oci::Digest& subject, std::stop_token stop) {
  if (no_referrers_) return std::nullopt;
  const std::string what =
      fmt::format("list of what refers to {} of {}", subject.to_string(), repository);
  std::vector<oci::Descriptor> all;
  Pages pages(url(fmt::format("{}/referrers/{}", repository, subject.to_string())), what);
  while (const auto page = pages.current()) {
    std::string body;
    const http::Response response = TRY(ask(
        {.request = {.url = *page, .headers = {{"Accept", oci::media_type::kIndex}}},
         .access = {repository, Scopes::pull(repository)},
         .what = what,
         .body = &body,
         .limit = kLargestList,
         .fine = [](const http::Response& answer,
                    int) { return answer.ok() || answer.status == 404 || answer.status == 405; }},
        stop));
    if (!response.ok()) {
      // 404 is "no such interface", and of some servers "no such repository".
      const auto said = parse_error_body(response.error_body);
      const bool of_repository = !said.empty() && said.front().code == "NAME_UNKNOWN";
      if (!of_repository) no_referrers_ = true;
      return std::nullopt;
    }
    auto index = oci::parse_index(body);
    // Something that answers 200 to everything.
    if (!index) {
      return fail(Errc::protocol, fmt::format("{} answers with something that is no index to the "
                                              "question for the {}",
                                              options_.host, what));
    }
    for (oci::Descriptor& entry : index->manifests) all.push_back(std::move(entry));
    TRY(pages.turn(response));
  }
  return all;
}

Result<std::vector<oci::Descriptor>> Client::referrers_by_tag(const std::string& repository,
                                                              const oci::Digest& subject,
                                                              std::stop_token stop) {
  const auto tag = TRY(oci::Tag::parse(referrers_tag(subject)));
  const auto index =
      get_manifest({.host = options_.host, .repository = repository, .tag = tag}, stop);
  if (!index && index.error().code() == Errc::not_found) return std::vector<oci::Descriptor>();
  if (!index) return fail(index.error());
  return TRY(oci::parse_index(index->bytes)).manifests;
}

Result<> Client::put_referrer(const std::string& repository, const RawManifest& manifest,
                              std::stop_token stop) {
  const auto parsed = TRY(oci::parse_manifest(manifest.bytes));
  if (!parsed.subject) {
    return fail(Errc::internal, "a manifest without a subject was to be listed with one");
  }
  if (TRY(put_manifest(repository, manifest, std::nullopt, stop))) return {};
  return list_by_tag(repository, parsed.subject->digest, TRY(describe_referrer(manifest)), stop);
}

// Read, change, look whether it is still the same, write, look whether we stand in it: a registry
// has no way to do that in one step. Somebody who looked just before we wrote writes over us just
// after: so the last look waits until they must be through, which takes them about as long as us.
Result<> Client::list_by_tag(const std::string& repository, const oci::Digest& subject,
                             const oci::Descriptor& referrer, std::stop_token stop) {
  using Clock = std::chrono::steady_clock;
  const auto tag = TRY(oci::Tag::parse(referrers_tag(subject)));
  const oci::RegistryReference there{.host = options_.host, .repository = repository, .tag = tag};
  const std::lock_guard lock(list_mutex_);  // our own threads do not race
  Clock::duration pause{0};
  for (int attempt = 0; attempt < kListAttempts; ++attempt) {
    const auto span = std::chrono::duration_cast<std::chrono::milliseconds>(pause);
    if (!http::sleep_for(span, stop)) return fail(Errc::cancelled, "interrupted");
    auto before = get_manifest(there, stop);
    if (!before && before.error().code() != Errc::not_found) return fail(before.error());
    const auto changed =
        TRY(index_with_referrer(before ? std::optional(before->bytes) : std::nullopt, referrer));
    if (!changed) return {};  // it stood there before us, or still does
    const RawManifest list{{.media_type = oci::media_type::kIndex,
                            .digest = oci::Digest::of(*changed),
                            .size = changed->size()},
                           *changed};
    const auto started = Clock::now();
    const auto now = TRY(head_manifest(there, Right::push, stop));
    const bool same = now ? before && now->digest == before->descriptor.digest : !before;
    if (same) TRY(put_manifest(repository, list, tag, stop));
    pause = settling(Clock::now() - started);
  }
  return fail(Error(Errc::unavailable,
                    fmt::format("others wrote the list of referrers {}/{}:{} at the same time, {} "
                                "times",
                                options_.host, repository, tag.to_string(), kListAttempts))
                  .hint("try again: what was pushed stays, only its entry in the list is missing"));
}

}  // namespace imgforge::registry
