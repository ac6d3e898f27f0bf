#include "cli/ends.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/image_view.h"
#include "registry/repository.h"
#include "store/ends.h"

namespace imgforge::cli {
namespace {

bool names_a_place(const std::string& text) {
  return text.starts_with("oci:") || text.starts_with("oci-archive:") ||
         text.starts_with("docker-archive:");
}

/// "64M", "512K", "1G" or bytes.
Result<std::uint64_t> size_option(const App& app) {
  const auto text = app.args().value("chunk-size");
  if (!text) return 0;
  std::string_view digits = *text;
  std::uint64_t unit = 1;
  if (!digits.empty()) {
    switch (digits.back()) {
      case 'K':
        unit = std::uint64_t{1} << 10;
        break;
      case 'M':
        unit = std::uint64_t{1} << 20;
        break;
      case 'G':
        unit = std::uint64_t{1} << 30;
        break;
      default:
        break;
    }
    if (unit != 1) digits.remove_suffix(1);
  }
  const auto number = base::parse_uint(digits);
  if (!number || *number == 0 || *number > (std::uint64_t{1} << 20) * (unit == 1 ? 1 << 20 : 1)) {
    return fail(Errc::usage, fmt::format("--chunk-size takes a size like 64M, not '{}'", *text));
  }
  return *number * unit;
}

std::string name_of(const oci::RegistryReference& image) {
  if (image.digest) return image.digest->to_string();
  return image.tag ? image.tag->to_string() : "latest";
}

}  // namespace

Result<OriginEnd> open_origin(App& app, const std::string& text) {
  const auto from_registry = [&](const oci::RegistryReference& image) -> Result<OriginEnd> {
    return OriginEnd{.origin = std::make_unique<registry::Repository>(
                         *TRY(app.images().client(image.host)), image.repository),
                     .reference = name_of(image),
                     .tag = image.tag ? image.tag->to_string() : ""};
  };
  if (names_a_place(text)) {
    const auto reference = TRY(oci::Reference::parse(text));
    if (const auto* layout = reference.layout()) {
      const std::string tag = layout->tag ? layout->tag->to_string() : "";
      return OriginEnd{.origin = std::make_unique<store::LayoutOrigin>(layout->directory),
                       .reference = tag,
                       .tag = tag};
    }
    const auto& archive = *reference.archive();
    const auto tag = oci::Tag::parse(archive.name.substr(archive.name.rfind(':') + 1));
    return OriginEnd{
        .origin = TRY(store::open_archive(*TRY(app.store()), archive, app.progress(), app.stop())),
        .reference = archive.name,
        .tag = tag ? tag->to_string() : ""};
  }
  // A name with a host is a registry's; everything else is an image of the store.
  if (const auto reference = oci::Reference::parse(text); reference && reference->registry()) {
    return from_registry(*reference->registry());
  }
  const ImageView view = TRY(open_image(app, text));
  const std::size_t colon = view.name.rfind(':');
  return OriginEnd{.origin = std::make_unique<store::StoreEnd>(*TRY(app.store())),
                   .reference = view.descriptor.digest.to_string(),
                   .tag = colon == std::string::npos ? "" : view.name.substr(colon + 1)};
}

Result<TargetEnd> open_target(App& app, const std::string& text) {
  const auto reference = TRY(oci::Reference::parse(text));
  TargetEnd end;
  if (const auto* image = reference.registry()) {
    if (image->digest) {
      return fail(Error(Errc::usage, "a copy goes to a tag, and " + text + " names a digest")
                      .hint("leave the digest out: the copy keeps it"));
    }
    store::Store& store = *TRY(app.store());
    end.journal = std::make_unique<registry::UploadJournal>(store.directory() + "/uploads");
    end.target = std::make_unique<registry::Repository>(
        *TRY(app.images().client(image->host)), image->repository,
        registry::Repository::Options{.chunk_size = TRY(size_option(app)),
                                      .journal = end.journal.get()});
    end.tag = image->tag ? image->tag->to_string() : "";
    return end;
  }
  if (const auto* layout = reference.layout()) {
    end.layout = std::make_unique<store::Store>(
        TRY(store::Store::open(TRY(base::absolute_path(layout->directory)))));
    end.target = std::make_unique<store::StoreEnd>(*end.layout);
    end.tag = layout->tag ? layout->tag->to_string() : "";
    return end;
  }
  return fail(Error(Errc::usage, "cannot copy to " + text)
                  .hint("copy to HOST/REPOSITORY:TAG or oci:DIR:TAG; 'imgforge pull -o' writes "
                        "archives"));
}

std::string moved_text(const content::CopyReport& report, const std::string& target) {
  const content::Moved& moved = report.moved;
  std::string text = fmt::format("{}\n{}\n", target, report.image.digest.to_string());
  if (report.document_there && report.written.empty()) return text + "nothing to send\n";
  text += fmt::format("{} blobs sent ({}), {} mounted, {} there already", moved.sent.blobs,
                      base::human_bytes(moved.sent.bytes), moved.mounted.blobs, moved.there.blobs);
  if (!report.referrers.empty()) {
    text += fmt::format("; {} referrers along", report.referrers.size());
  }
  return text + "\n";
}

base::Json counted_json(const content::Counted& part) {
  return {{"blobs", part.blobs}, {"bytes", part.bytes}};
}

base::Json moved_json(const content::CopyReport& report, const std::string& target) {
  base::Json referrers = base::Json::array();
  for (const auto& one : report.referrers) referrers.push_back(one.digest.to_string());
  return {{"target", target},
          {"digest", report.image.digest.to_string()},
          {"sent", counted_json(report.moved.sent)},
          {"mounted", counted_json(report.moved.mounted)},
          {"there", counted_json(report.moved.there)},
          {"image_there", report.document_there},
          {"tags_written", report.written},
          {"referrers", referrers}};
}

}  // namespace imgforge::cli
