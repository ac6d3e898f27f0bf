#include "registry/repository.h"

#include "oci/image.h"
#include "registry/blob_stream.h"
#include "registry/patience.h"

namespace imgforge::registry {
namespace {

// Harbor's answer about an image that is there and may not be read: unsigned where it must be
// signed, vulnerable beyond the limit. Whoever pushes it or signs it must not stumble over that.
bool is_withheld(const Error& error) { return fact(error, "status") == "412"; }

bool has_subject(const content::Document& document) {
  const auto manifest = oci::parse_manifest(document.bytes);
  return manifest && manifest->subject;
}

}  // namespace

oci::RegistryReference Repository::reference(const std::string& name) const {
  oci::RegistryReference reference{.host = client_.host(), .repository = repository_};
  if (auto digest = oci::Digest::parse(name)) {
    reference.digest = *std::move(digest);
  } else if (auto tag = oci::Tag::parse(name)) {
    reference.tag = *std::move(tag);
  }
  return reference;
}

Result<content::Document> Repository::resolve(const std::string& name, std::stop_token stop) {
  auto wanted = reference(name);
  if (!name.empty() && !wanted.tag && !wanted.digest) {
    return fail(Errc::invalid, "'" + name + "' is neither a tag nor a digest");
  }
  return client_.get_manifest(wanted, std::move(stop));
}

Result<content::Document> Repository::document(const oci::Descriptor& wanted,
                                               std::stop_token stop) {
  return client_.get_manifest(reference(wanted.digest.to_string()), std::move(stop));
}

Result<std::unique_ptr<base::RandomAccess>> Repository::open_blob(const oci::Descriptor& blob,
                                                                  std::stop_token stop) {
  return std::unique_ptr<base::RandomAccess>(
      std::make_unique<BlobStream>(client_, repository_, blob, std::move(stop)));
}

Result<> Repository::read_blob(const oci::Descriptor& blob, base::Sink& sink,
                               base::ProgressTask& task, std::stop_token stop) {
  return client_.get_blob(repository_, blob, sink, task, std::move(stop));
}

Result<std::vector<oci::Descriptor>> Repository::referrers(const oci::Digest& subject,
                                                           std::stop_token stop) {
  return client_.referrers(repository_, subject, std::move(stop));
}

Result<std::optional<oci::Descriptor>> Repository::find(const std::string& tag,
                                                        std::stop_token stop) {
  auto wanted = reference("");
  wanted.tag = TRY(oci::Tag::parse(tag));
  auto found = client_.head_manifest(wanted, Right::push, std::move(stop));
  if (!found && is_withheld(found.error())) return std::nullopt;  // where it points is not said
  return found;
}

Result<bool> Repository::has_blob(const oci::Descriptor& blob, std::stop_token stop) {
  return client_.has_blob(repository_, blob, std::move(stop));
}

Result<bool> Repository::has_document(const oci::Descriptor& document, std::stop_token stop) {
  auto found =
      client_.head_manifest(reference(document.digest.to_string()), Right::push, std::move(stop));
  if (!found && is_withheld(found.error())) return true;
  return TRY(std::move(found)).has_value();
}

Result<content::Taken> Repository::take_blob(const oci::Descriptor& blob, content::Origin& origin,
                                             const content::Ways& ways, base::ProgressTask& task,
                                             std::stop_token stop) {
  if (!ways.again && TRY(client_.has_blob(repository_, blob, stop))) return content::Taken::there;
  UploadOptions options{.chunk_size = options_.chunk_size, .journal = options_.journal};
  if (!ways.again) {
    const auto place = origin.place();
    if (place && place->registry == client_.host()) options.mount_from.push_back(place->repository);
    options.mount_from.insert(options.mount_from.end(), ways.mount_from.begin(),
                              ways.mount_from.end());
  }
  const auto how = TRY(client_.put_blob(
      repository_, blob, [&] { return origin.open_blob(blob, stop); }, options, task, stop));
  return how == Client::Upload::mounted ? content::Taken::mounted : content::Taken::sent;
}

Result<> Repository::put_document(const content::Document& document, std::stop_token stop) {
  if (has_subject(document)) return client_.put_referrer(repository_, document, std::move(stop));
  TRY(client_.put_manifest(repository_, document, std::nullopt, std::move(stop)));
  return {};
}

Result<> Repository::tag(const content::Document& document, const std::string& name,
                         std::stop_token stop) {
  const oci::Tag tag = TRY(oci::Tag::parse(name));
  if (has_subject(document)) TRY(client_.put_referrer(repository_, document, stop));
  TRY(client_.put_manifest(repository_, document, tag, stop));
  return {};
}

}  // namespace imgforge::registry
