// The ends of a copy as the command line names them: a registry, a layout, an archive, or an image
// of the store.
#pragma once

#include <memory>
#include <string>

#include "base/json.h"
#include "cli/app.h"
#include "content/copy.h"
#include "oci/reference.h"
#include "registry/upload_journal.h"

namespace imgforge::cli {

/// Where an image comes from, and its name there (a tag or a digest).
struct OriginEnd {
  std::unique_ptr<content::Origin> origin;
  std::string reference;
  std::string tag;  // a tag that fits it elsewhere; may be empty
};
/// `text` is a reference with a registry or a transport, else an image of the store as
/// open_image() takes it.
Result<OriginEnd> open_origin(App& app, const std::string& text);

/// Where an image goes.
struct TargetEnd {
  std::unique_ptr<registry::UploadJournal> journal;
  std::unique_ptr<store::Store> layout;  // of a layout that is written
  std::unique_ptr<content::Target> target;
  std::string tag;  // empty where the reference has none
};
/// A registry or an OCI layout; Errc::usage for anything else. `chunk_size` as --chunk-size says.
Result<TargetEnd> open_target(App& app, const std::string& text);

/// Options of every command that talks to registries, as rows of its table.
#define IMGFORGE_REGISTRY_OPTIONS                                                       \
  {"plain-http", 0, "", "without TLS (default only for registries on this machine)"}, { \
    "tls-skip-verify", 0, "", "take any certificate of the registry"                    \
  }
#define IMGFORGE_UPLOAD_OPTIONS \
  { "chunk-size", 0, "SIZE", "send blobs in pieces of this size, as 64M (default: whole)" }

/// One line for people, and the same for --json.
std::string moved_text(const content::CopyReport& report, const std::string& target);
base::Json moved_json(const content::CopyReport& report, const std::string& target);
/// {"blobs", "bytes"}
base::Json counted_json(const content::Counted& part);

}  // namespace imgforge::cli
